/**
 * First-in-first-out queues of slots in two typed arrays, with O(1) removal from the middle and no allocation per entry.
 * A queue is a ring through its anchor; slots 0 and 1 are the anchors of the two queues. Free slots are chained through
 * the same array, so they cost nothing extra. The arrays grow by doubling up to the capacity.
 */
import { FIRST_SLOT } from './policy-store.js';

/** One of the two queues, named by its anchor. */
export type Ring = 0 | 1;

/** Two queues over one set of slots. */
export class SlotRings {
  #older: Uint32Array;
  #newer: Uint32Array;
  readonly #maxLength: number;
  #free = 0;
  #limit = FIRST_SLOT;

  /** Room for `initialCapacity` slots at once, for `maxCapacity` at most. */
  constructor(initialCapacity: number, maxCapacity: number) {
    this.#maxLength = maxCapacity + FIRST_SLOT;
    const length = Math.min(initialCapacity + FIRST_SLOT, this.#maxLength);
    this.#older = new Uint32Array(length);
    this.#newer = new Uint32Array(length);
    this.#newer[1] = 1;
    this.#older[1] = 1;
  }

  /** All slots ever taken are below this. */
  get limit(): number {
    return this.#limit;
  }

  /** Cells the arrays have; parallel arrays of the same length are large enough. */
  get length(): number {
    return this.#newer.length;
  }

  /** Takes a free slot, a freed one first. It is in no queue. */
  take(): number {
    const freed = this.#free;
    if (freed !== 0) {
      this.#free = this.#newer[freed] ?? 0;
      return freed;
    }
    const slot = this.#limit++;
    if (slot >= this.#newer.length) this.#grow();
    return slot;
  }

  /** Gives back a slot that is in no queue. */
  release(slot: number): void {
    this.#newer[slot] = this.#free;
    this.#free = slot;
  }

  /** Makes `slot` the newest of `ring`. */
  append(ring: Ring, slot: number): void {
    const newest = this.#older[ring] ?? ring;
    this.#newer[newest] = slot;
    this.#older[slot] = newest;
    this.#newer[slot] = ring;
    this.#older[ring] = slot;
  }

  /** Takes `slot` out of its queue. */
  unlink(slot: number): void {
    const older = this.#older[slot] ?? 0;
    const newer = this.#newer[slot] ?? 0;
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }

  /** The oldest slot of `ring`; the ring itself when it is empty. */
  oldest(ring: Ring): number {
    return this.#newer[ring] ?? ring;
  }

  /** The slots of `ring`, oldest first. */
  list(ring: Ring): number[] {
    const slots: number[] = [];
    for (let slot = this.oldest(ring); slot !== ring; slot = this.#newer[slot] ?? ring) slots.push(slot);
    return slots;
  }

  /** The freed slots, the one to be used next first. */
  listFree(): number[] {
    const slots: number[] = [];
    for (let slot = this.#free; slot !== 0; slot = this.#newer[slot] ?? 0) slots.push(slot);
    return slots;
  }

  #grow(): void {
    const length = Math.min(this.#newer.length * 2, this.#maxLength);
    this.#newer = extend(this.#newer, length);
    this.#older = extend(this.#older, length);
  }
}

function extend(cells: Uint32Array, length: number): Uint32Array {
  const extended = new Uint32Array(length);
  extended.set(cells);
  return extended;
}
