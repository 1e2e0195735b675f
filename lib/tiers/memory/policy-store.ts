/**
 * The port between the memory tier and an eviction policy. A store is the index from key to slot and the order in which
 * entries give way; what an entry holds lives in the tier's columns, by slot. A store knows nothing of time, bytes or
 * values, and never evicts by itself: the tier asks for a victim and removes it, so every bound is exact.
 *
 * Invariants: (1) a slot belongs to at most one key and a key to at most one slot; (2) `size` is the number of keys;
 * (3) slots are small integers from {@link FIRST_SLOT} on, freed ones are used again before new ones; (4) what is removed
 * is not referenced any more, except by the bounded memory of evicted keys a policy may keep.
 */

/** What `find` and `peek` return for a key that is not there. */
export const NO_SLOT = 0;
/** The lowest slot; those below serve the stores as list anchors. */
export const FIRST_SLOT = 2;
/** What callers may assume of a store's capacity. */
export interface PolicyStoreOptions {
  /** The most keys it will ever hold; the tier never adds beyond it. */
  readonly maxCapacity: number;
  /** Keys to make room for at once. */
  readonly initialCapacity: number;
}

/** A store's inside at one moment, for checks and diagnostics. */
export interface PolicySnapshot {
  /** Every entry by queue, oldest first. */
  readonly queues: Readonly<Record<string, readonly { readonly key: string; readonly slot: number }[]>>;
  /** Freed slots that wait to be used again. */
  readonly freeSlots: readonly number[];
  /** Evicted keys that are remembered. */
  readonly ghosts: readonly string[];
}

/** An index with an eviction order. */
export interface PolicyStore {
  /** Keys held. */
  readonly size: number;
  /** All slots ever used are below this. */
  readonly slotLimit: number;
  /** The length parallel arrays need; grows with `add`, up to the capacity. */
  readonly slotCapacity: number;
  /** The slot of `key`, counted as a use of it; {@link NO_SLOT} when it is not there. */
  find(key: string): number;
  /** The slot of `key` without any effect; {@link NO_SLOT} when it is not there. */
  peek(key: string): number;
  /** Takes a slot for `key`, which must not be there; `size` must be below the capacity. */
  add(key: string): number;
  /** The slot that should give way next; the store must not be empty. Removes nothing. */
  victim(): number;
  /** Frees `slot`. `isEvicted`: for want of room, so that the policy may learn from it. */
  remove(slot: number, isEvicted: boolean): void;
  /** The key of a used slot; `undefined` for a free one. */
  keyOf(slot: number): string | undefined;
  /** Forgets everything. */
  clear(): void;
  /** The store's inside, in O(n). */
  inspect(): PolicySnapshot;
}
