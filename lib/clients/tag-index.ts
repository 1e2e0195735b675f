/**
 * Which keys in L1 were written with a tag, so that the tag's invalidation finds them and an L1 hit has nothing to check. A
 * key may be listed that is gone, or was written again without the tag: to drop it needlessly costs a miss and no more.
 *
 * Bounded (G14): what L1 does not hold any more is swept out, and where that is not enough the copies listed longest ago are
 * dropped from L1. Both go a step further with each key that is added, so that no single call has to look at all pairs; what a
 * tag drops that many keys have is removed in slices, and counts as gone at once.
 */
import type { BackgroundTasks } from '../base/background-tasks.js';
import { systemClock } from '../base/clock.js';
import { TimeSlices } from '../base/time-slices.js';
import { afterPolling } from '../base/turn.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';

/** Pairs of tag and key for each entry L1 may hold, and beyond that. */
const PAIRS_PER_ENTRY = 2;
const MORE_PAIRS = 1000;

/** From which share of the bound on what L1 does not hold is swept out, and from which one on copies are dropped. */
const SWEPT_SHARE = 0.5;
const DROPPED_SHARE = 0.875;

/** Pairs looked at for each one that is added: what is looked for is found well before the bound is reached. */
const LOOKS_PER_PAIR = 8;

/** Keys that are removed in one turn of the event loop in one piece; what is more is removed in slices. */
const AT_ONCE = 4096;
/** Keys that are removed before the time is looked at. */
const STEP = 256;

/** See the file's header. */
export class TagIndex {
  readonly #memory: MemoryTier;
  readonly #background: BackgroundTasks;
  readonly #maxPairs: number;
  readonly #keys = new Map<string, Set<string>>();
  #pairs = 0;
  /** Goes around all pairs, tag by tag, and looks at what L1 holds. */
  #sweeping: Iterator<Pair> | undefined;
  /** Goes around all pairs, those listed longest ago first, and drops what L1 holds. */
  #dropping: Iterator<Pair> | undefined;
  #isRemoving = false;
  /** Of {@link AT_ONCE}. */
  #leftInTurn = AT_ONCE;

  /** @param maxCapacity entries `memory` may hold */
  constructor(memory: MemoryTier, maxCapacity: number, background: BackgroundTasks) {
    this.#memory = memory;
    this.#background = background;
    this.#maxPairs = PAIRS_PER_ENTRY * maxCapacity + MORE_PAIRS;
  }

  /** Pairs of tag and key in the index. */
  get size(): number {
    return this.#pairs;
  }

  /** Notes what a key is about to be kept with: before L1 has it, so that at no moment a copy is not listed. */
  add(key: string, tags: readonly string[]): void {
    if (this.#pairs + tags.length > this.#maxPairs * SWEPT_SHARE) this.#makeRoom(tags.length);
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
    if (keys.size <= this.#leftInTurn) {
      if (this.#leftInTurn === AT_ONCE) {
        afterPolling(() => {
          this.#leftInTurn = AT_ONCE;
        });
      }
      this.#leftInTurn -= keys.size;
      for (const key of keys) this.#memory.delete(key);
      return;
    }
    this.#memory.doom(keys);
    if (!this.#isRemoving) this.#background.add(this.#remove(), () => undefined);
  }

  /** Forgets everything: L1 is empty. */
  clear(): void {
    this.#keys.clear();
    this.#pairs = 0;
    this.#sweeping = undefined;
    this.#dropping = undefined;
  }

  /** Removes in slices what counts as gone. */
  async #remove(): Promise<void> {
    this.#isRemoving = true;
    const slices = new TimeSlices(systemClock, 1);
    await slices.next();
    while (this.#memory.removeDoomed(STEP)) if (slices.isOver()) await slices.next();
    this.#isRemoving = false;
  }

  #makeRoom(wanted: number): void {
    if (this.#pairs + wanted > this.#maxPairs * DROPPED_SHARE) this.#dropOldest();
    for (let looks = wanted * LOOKS_PER_PAIR; looks > 0; looks--) this.#sweepNext();
    // Few keys had few tags each, and now come some with many.
    while (this.#pairs > 0 && this.#pairs + wanted > this.#maxPairs) {
      this.#dropOldest();
      for (let looks = LOOKS_PER_PAIR; looks > 0; looks--) this.#sweepNext();
    }
  }

  #sweepNext(): void {
    this.#sweeping ??= this.#walk();
    const next = this.#sweeping.next();
    if (next.done === true) this.#sweeping = undefined;
    else if (!this.#memory.has(next.value.key)) this.#unlist(next.value);
  }

  /** Drops the copy that was listed longest ago. */
  #dropOldest(): void {
    while (this.#pairs > 0) {
      this.#dropping ??= this.#walk();
      const next = this.#dropping.next();
      if (next.done === true) {
        this.#dropping = undefined;
        continue;
      }
      const { key } = next.value;
      const isHeld = this.#memory.has(key);
      this.#memory.delete(key);
      this.#unlist(next.value);
      if (isHeld) return;
    }
  }

  #unlist({ tag, keys, key }: Pair): void {
    // The set may be that of an invalidation meanwhile.
    if (this.#keys.get(tag) !== keys || !keys.delete(key)) return;
    this.#pairs--;
    if (keys.size === 0) this.#keys.delete(tag);
  }

  /** All pairs there are, also those that come while it goes on. */
  *#walk(): Generator<Pair> {
    for (const [tag, keys] of this.#keys) for (const key of keys) yield { tag, keys, key };
  }
}

/** A key that was written with a tag. */
interface Pair {
  readonly tag: string;
  /** All keys of the tag. */
  readonly keys: Set<string>;
  readonly key: string;
}
