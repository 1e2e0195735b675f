/**
 * The `lru` policy, on the quick-lru package. quick-lru keeps two generations: a read moves a key from the old one to the
 * young one, and when the young one is full it becomes the old one and the rest of the old one is dropped. Alone it may
 * hold nearly twice its size, drops up to a whole generation at once and counts its entries in O(n). Here it is given the
 * exact capacity, and the tier takes victims one at a time from the old generation before it is ever exceeded: then the old
 * generation is always empty when the young one is full, quick-lru never drops anything by itself, and the bound is exact.
 *
 * The order is LRU by approximation: a read moves a key to the young generation, which quick-lru keeps in the order of
 * entry; a read of a key that is young already only marks it, and a marked key gets one more round instead of giving way.
 */
import QuickLRU from 'quick-lru';
import { FIRST_SLOT, NO_SLOT } from './policy-store.js';
import type { PolicySnapshot, PolicyStore, PolicyStoreOptions } from './policy-store.js';

/** Bit of a mark: the generation (0 or 1) the key was last moved to. */
const GENERATION = 1;
/** Bit of a mark: used since it was moved there. */
const USED = 2;

/** Approximate LRU with an exact bound. */
export class QuickLruStore implements PolicyStore {
  readonly #maxCapacity: number;
  readonly #quick: QuickLRU<string, number>;
  #keys: (string | undefined)[] = [];
  #marks: Uint8Array;
  #freeSlots: number[] = [];
  #limit = FIRST_SLOT;
  #size = 0;
  #young = 0;
  #youngSize = 0;
  /** Goes on where the last victim was found; a new one each time would walk over what was removed before. */
  #cursor: Iterator<[string, number]> | undefined;
  #cursorSize = 0;

  constructor(options: PolicyStoreOptions) {
    this.#maxCapacity = options.maxCapacity;
    this.#quick = new QuickLRU({ maxSize: options.maxCapacity });
    this.#marks = new Uint8Array(Math.min(options.initialCapacity, options.maxCapacity) + FIRST_SLOT);
  }

  get size(): number {
    return this.#size;
  }

  get slotLimit(): number {
    return this.#limit;
  }

  get slotCapacity(): number {
    return this.#marks.length;
  }

  find(key: string): number {
    const slot = this.#quick.get(key);
    if (slot === undefined) return NO_SLOT;
    if (this.#isYoung(slot)) {
      this.#marks[slot] = this.#young | USED;
    } else {
      // quick-lru has just moved it.
      this.#marks[slot] = this.#young;
      this.#countYoung();
    }
    return slot;
  }

  peek(key: string): number {
    return this.#quick.peek(key) ?? NO_SLOT;
  }

  add(key: string): number {
    const slot = this.#freeSlots.pop() ?? this.#limit++;
    if (slot >= this.#marks.length) this.#grow();
    this.#keys[slot] = key;
    this.#size++;
    this.#enter(key, slot);
    return slot;
  }

  victim(): number {
    for (;;) {
      if (this.#cursor === undefined || this.#size * 2 < this.#cursorSize) {
        this.#cursor = this.#quick.entriesAscending();
        this.#cursorSize = this.#size;
      }
      const next = this.#cursor.next();
      if (next.done === true) {
        this.#cursor = undefined;
        continue;
      }
      const [key, slot] = next.value;
      if (((this.#marks[slot] ?? 0) & USED) === 0) return slot;
      this.#quick.delete(key);
      if (this.#isYoung(slot)) this.#youngSize--;
      this.#enter(key, slot);
    }
  }

  remove(slot: number): void {
    const key = this.#keys[slot];
    if (key === undefined) return;
    if (this.#isYoung(slot)) this.#youngSize--;
    this.#quick.delete(key);
    this.#keys[slot] = undefined;
    this.#freeSlots.push(slot);
    this.#size--;
  }

  keyOf(slot: number): string | undefined {
    return this.#keys[slot];
  }

  clear(): void {
    this.#quick.clear();
    this.#keys = [];
    this.#freeSlots = [];
    this.#limit = FIRST_SLOT;
    this.#size = 0;
    this.#youngSize = 0;
    this.#cursor = undefined;
  }

  inspect(): PolicySnapshot {
    const entries = [...this.#quick.entriesAscending()].map(([key, slot]) => ({ key, slot }));
    return { queues: { recency: entries }, freeSlots: [...this.#freeSlots], ghosts: [] };
  }

  #isYoung(slot: number): boolean {
    return ((this.#marks[slot] ?? 0) & GENERATION) === this.#young;
  }

  #enter(key: string, slot: number): void {
    this.#marks[slot] = this.#young;
    this.#quick.set(key, slot);
    this.#countYoung();
  }

  /** Follows quick-lru's change of generations: it happens with the entry that fills the young one. */
  #countYoung(): void {
    if (++this.#youngSize < this.#maxCapacity) return;
    this.#young ^= GENERATION;
    this.#youngSize = 0;
    this.#cursor = undefined;
  }

  #grow(): void {
    const marks = new Uint8Array(Math.min(this.#marks.length * 2, this.#maxCapacity + FIRST_SLOT));
    marks.set(this.#marks);
    this.#marks = marks;
  }
}
