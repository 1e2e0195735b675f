/**
 * S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction", SOSP 2023): a new key enters
 * a small queue, and the main queue only if it is used again before it reaches the small queue's end, or comes back soon
 * after it was evicted (its key is still among the ghosts). What is read once passes through the small tenth and never
 * disturbs the rest, so scans do no harm.
 *
 * Cost: a hit is one `Map.get` and at most one byte written; nothing is relinked. Choosing a victim is amortised O(1):
 * each step back into the main queue was paid for by a use. Ghosts and counters are per key and exact, with no sketch that
 * chosen keys could flood. An eviction leaves at most as many ghosts as there are entries.
 */
import { GhostKeys } from './ghost-keys.js';
import { NO_SLOT } from './policy-store.js';
import { SlotRings } from './slot-rings.js';
import type { PolicySnapshot, PolicyStore, PolicyStoreOptions } from './policy-store.js';
import type { Ring } from './slot-rings.js';

const SMALL: Ring = 0;
const MAIN: Ring = 1;
/** The small queue's share of the entries. */
const SMALL_SHARE = 0.1;
/** Uses counted per entry; more would only make the main queue slower to forget. */
const MAX_USES = 3;
const USES_MASK = 3;
const MAIN_FLAG = 4;

/** The default policy. */
export class S3FifoStore implements PolicyStore {
  #index = new Map<string, number>();
  #rings: SlotRings;
  #keys: (string | undefined)[];
  /** Per slot: the uses since it entered its queue, and {@link MAIN_FLAG}. */
  #marks: Uint8Array;
  #smallSize = 0;
  readonly #ghosts = new GhostKeys();
  readonly #options: PolicyStoreOptions;

  constructor(options: PolicyStoreOptions) {
    this.#options = options;
    this.#rings = new SlotRings(options.initialCapacity, options.maxCapacity);
    this.#keys = new Array<string | undefined>(this.#rings.length).fill(undefined);
    this.#marks = new Uint8Array(this.#rings.length);
  }

  get size(): number {
    return this.#index.size;
  }

  get slotLimit(): number {
    return this.#rings.limit;
  }

  get slotCapacity(): number {
    return this.#rings.length;
  }

  find(key: string): number {
    const slot = this.#index.get(key);
    if (slot === undefined) return NO_SLOT;
    const mark = this.#marks[slot] ?? 0;
    if ((mark & USES_MASK) < MAX_USES) this.#marks[slot] = mark + 1;
    return slot;
  }

  peek(key: string): number {
    return this.#index.get(key) ?? NO_SLOT;
  }

  add(key: string): number {
    const slot = this.#rings.take();
    if (slot >= this.#keys.length) this.#grow();
    this.#index.set(key, slot);
    this.#keys[slot] = key;
    if (this.#ghosts.take(key)) {
      this.#marks[slot] = MAIN_FLAG;
      this.#rings.append(MAIN, slot);
    } else {
      this.#marks[slot] = 0;
      this.#rings.append(SMALL, slot);
      this.#smallSize++;
    }
    return slot;
  }

  victim(): number {
    for (;;) {
      const isSmallTurn = this.#smallSize > 0 && this.#smallSize >= this.size * SMALL_SHARE;
      const slot = this.#rings.oldest(isSmallTurn ? SMALL : MAIN);
      const uses = (this.#marks[slot] ?? 0) & USES_MASK;
      if (uses === 0) return slot;
      this.#rings.unlink(slot);
      if (isSmallTurn) this.#smallSize--;
      this.#marks[slot] = isSmallTurn ? MAIN_FLAG : MAIN_FLAG + uses - 1;
      this.#rings.append(MAIN, slot);
    }
  }

  remove(slot: number, isEvicted: boolean): void {
    const key = this.#keys[slot];
    if (key === undefined) return;
    const isSmall = ((this.#marks[slot] ?? 0) & MAIN_FLAG) === 0;
    if (isSmall) this.#smallSize--;
    if (isSmall && isEvicted) this.#ghosts.add(key, this.size);
    this.#index.delete(key);
    this.#keys[slot] = undefined;
    this.#rings.unlink(slot);
    this.#rings.release(slot);
  }

  keyOf(slot: number): string | undefined {
    return this.#keys[slot];
  }

  clear(): void {
    this.#index = new Map();
    this.#rings = new SlotRings(this.#options.initialCapacity, this.#options.maxCapacity);
    this.#keys = new Array<string | undefined>(this.#rings.length).fill(undefined);
    this.#marks = new Uint8Array(this.#rings.length);
    this.#smallSize = 0;
    this.#ghosts.clear();
  }

  inspect(): PolicySnapshot {
    const list = (ring: Ring) => this.#rings.list(ring).map((slot) => ({ slot, key: this.#keys[slot] ?? '' }));
    return { queues: { small: list(SMALL), main: list(MAIN) }, freeSlots: this.#rings.listFree(), ghosts: this.#ghosts.list() };
  }

  #grow(): void {
    const keys = new Array<string | undefined>(this.#rings.length).fill(undefined);
    for (let slot = 0; slot < this.#keys.length; slot++) keys[slot] = this.#keys[slot];
    this.#keys = keys;
    const marks = new Uint8Array(keys.length);
    marks.set(this.#marks);
    this.#marks = marks;
  }
}
