/**
 * Which keys in L1 were written with a tag, so that the tag's invalidation finds them and an L1 hit has nothing to check. A
 * key may be listed that is gone, or was written again without the tag: to drop it needlessly costs a miss and no more.
 *
 * Bounded (G14): what L1 does not hold any more is swept out, and where that is not enough the copies listed longest ago are
 * dropped from L1.
 */
import type { MemoryTier } from '../tiers/memory/memory-tier.js';

/** Pairs of tag and key for each entry L1 may hold, and beyond that. */
const PAIRS_PER_ENTRY = 2;
const MORE_PAIRS = 1000;

/** How much of the bound is in use at most after a sweep: what is done for all pairs must not be due for each one. */
const SWEPT_SHARE = 0.75;

/** The share of L1 that is dropped before looking again whether that was enough. */
const DROPPED_SHARE = 1 / 8;

/** See the file's header. */
export class TagIndex {
  readonly #memory: MemoryTier;
  readonly #maxPairs: number;
  readonly #keys = new Map<string, Set<string>>();
  #pairs = 0;

  /** @param maxCapacity entries `memory` may hold */
  constructor(memory: MemoryTier, maxCapacity: number) {
    this.#memory = memory;
    this.#maxPairs = PAIRS_PER_ENTRY * maxCapacity + MORE_PAIRS;
  }

  /** Pairs of tag and key in the index. */
  get size(): number {
    return this.#pairs;
  }

  /** Notes what a key is about to be kept with: before L1 has it, so that at no moment a copy is not listed. */
  add(key: string, tags: readonly string[]): void {
    if (this.#pairs + tags.length > this.#maxPairs) this.#makeRoom(tags.length);
    for (const tag of tags) {
      let keys = this.#keys.get(tag);
      if (keys === undefined) this.#keys.set(tag, (keys = new Set()));
      const before = keys.size;
      this.#pairs += keys.add(key).size - before;
    }
  }

  /** Drops every copy with a tag from L1. */
  drop(tag: string): void {
    const keys = this.#keys.get(tag);
    if (keys === undefined) return;
    this.#keys.delete(tag);
    this.#pairs -= keys.size;
    for (const key of keys) this.#memory.delete(key);
  }

  /** Forgets everything: L1 is empty. */
  clear(): void {
    this.#keys.clear();
    this.#pairs = 0;
  }

  #makeRoom(wanted: number): void {
    const room = this.#maxPairs * SWEPT_SHARE - wanted;
    this.#sweep();
    while (this.#pairs > Math.max(0, room)) {
      this.#dropOldest(Math.ceil(this.#memory.size * DROPPED_SHARE));
      this.#sweep();
    }
  }

  #sweep(): void {
    for (const [tag, keys] of this.#keys) {
      const before = keys.size;
      for (const key of keys) if (!this.#memory.has(key)) keys.delete(key);
      this.#pairs -= before - keys.size;
      if (keys.size === 0) this.#keys.delete(tag);
    }
  }

  #dropOldest(count: number): void {
    let left = count;
    for (const keys of this.#keys.values()) {
      for (const key of keys) {
        if (!this.#memory.has(key)) continue;
        this.#memory.delete(key);
        if (--left === 0) return;
      }
    }
  }
}
