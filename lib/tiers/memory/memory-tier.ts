/**
 * L1: what a process holds of a service. Synchronous, and bounded exactly: never more than `max_capacity` entries (G14),
 * never more than about `max_bytes`. An entry whose time has come is never handed out as fresh (G2); past its stale window
 * it is not handed out at all. Time to idle slides with every read and never reaches beyond the TTL.
 *
 * A fresh hit costs one `Map.get`, one byte, and one comparison of times; it allocates nothing. Dead entries go when a read
 * meets them, before a live one is evicted, and in `sweep`, which the owner calls from time to time.
 *
 * A clear replaces everything. Doomed keys count as gone at once, though their entries go one by one; every access asks meanwhile.
 *
 * Invariants: (1) the store's slots and the columns agree: a slot has a value exactly while it has a key; (2) `bytes` is the
 * sum of the weights; (3) nothing calls out before the change it tells of is complete.
 */
import { createPolicyStore } from './create-policy-store.js';
import { Departures } from './departures.js';
import { DoomedKeys } from './doomed-keys.js';
import { EntryColumns } from './entry-columns.js';
import { estimateEntrySize } from './estimate-size.js';
import { IsolatedValues } from './isolated-values.js';
import { FIRST_SLOT, NO_SLOT } from './policy-store.js';
import { GUARD_MS, type CoarseClock } from '../../base/coarse-clock.js';
import type { ColumnOptions } from './entry-columns.js';
import type { EvictReason, MemoryEntry, MemorySnapshot, MemoryTierOptions } from './memory-entry.js';
import type { PolicyStore } from './policy-store.js';

/** How much earlier than promised an entry read in a burst may go idle: this share of the time to idle, 10 ms at most. */
const IDLE_SLACK_SHARE = 0.01;
const IDLE_SLACK_MS = 10;
/** Slots looked at for a dead entry before a live one is evicted. */
const EVICTION_PROBE = 4;

/** The in-process tier of one service. */
export class MemoryTier extends IsolatedValues {
  readonly #store: PolicyStore;
  readonly #clock: CoarseClock;
  readonly #columnOptions: ColumnOptions;
  /** In a burst, what ends later than this is handed out as it lies there: its idle deadline was moved a moment ago. */
  readonly #restMs: number;
  readonly #maxCapacity: number;
  readonly #maxBytes: number;
  readonly #departures: Departures;
  readonly #doomed = new DoomedKeys();
  #columns: EntryColumns;
  #bytes = 0;
  #sweepCursor = FIRST_SLOT;
  #isClosed = false;
  #trustedUntilMs = Infinity;
  /** {@link #trustedUntilMs}, as long as a read need not look at anything but the entry. */
  #plainUntilMs = Infinity;

  constructor(options: MemoryTierOptions) {
    super(options.config.isolation);
    const { config } = options;
    this.#store = createPolicyStore(config);
    this.#clock = options.clock;
    const ttiMs = config.ttiMs ?? 0;
    const recentIdleMs = ttiMs - Math.min(ttiMs * IDLE_SLACK_SHARE, IDLE_SLACK_MS);
    this.#restMs = this.isCopying ? Infinity : Math.max(GUARD_MS, recentIdleMs);
    this.#maxCapacity = config.maxCapacity;
    this.#maxBytes = config.maxBytes ?? Infinity;
    this.#departures = new Departures(options.onEvict);
    this.#columnOptions = {
      ttiMs: config.ttiMs,
      staleTtlMs: options.staleTtlMs,
      hasFreshness: options.trackFreshness,
      hasWeights: config.maxBytes !== undefined,
    };
    this.#columns = new EntryColumns(this.#store.slotCapacity, this.#columnOptions);
  }

  /** Entries held, dead ones that nobody has met yet included. */
  get size(): number {
    return this.#store.size;
  }

  /** Approximate bytes held; 0 without `max_bytes`. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The fresh value of `key` as it may be handed out, or {@link ABSENT}; `undefined` when there is none, or it is expired,
   * idle or stale. Counts as a use.
   */
  read(key: string): unknown {
    const slot = this.#store.find(key);
    if (slot === NO_SLOT) return undefined;
    const columns = this.#columns;
    const clock = this.#clock;
    const deadlineMs = columns.deadlinesMs[slot] as number;
    if (clock.spend() && clock.lastMs < this.#plainUntilMs) {
      const aheadMs = deadlineMs - clock.lastMs;
      if (aheadMs > this.#restMs) return columns.values[slot];
      if (aheadMs > GUARD_MS) return this.#serve(slot, clock.lastMs);
    }
    return this.#readExactly(key, slot);
  }

  /** The entry of `key` with its times, also a stale one; `undefined` when there is none. Counts as a use. */
  readEntry(key: string): MemoryEntry | undefined {
    const slot = this.#store.find(key);
    if (slot === NO_SLOT || this.#removesDoomed(key)) return undefined;
    const columns = this.#columns;
    const deadlineMs = columns.deadlinesMs[slot] as number;
    const nowMs = this.#clock.spend() && deadlineMs > this.#clock.horizonMs ? this.#clock.lastMs : this.#clock.readMs();
    if (this.#dropsUntrusted(nowMs)) return undefined;
    const stale = deadlineMs <= nowMs;
    if (stale && columns.isDead(slot, nowMs)) return this.#bury(slot);
    if (!stale) columns.slide(slot, nowMs);
    return columns.entryOf(slot, this.handOut(columns.values[slot]), stale);
  }

  /**
   * Stores a prepared value, or {@link ABSENT}. Times in milliseconds since the epoch. False when it could not be kept: it is dead
   * already, larger than `max_bytes` alone, or the tier is closed or not trusted; what was there under the key is gone then, too.
   */
  write(key: string, value: unknown, createdAtMs: number, expiresAtMs: number, freshUntilMs: number): boolean {
    if (this.#isClosed) return false;
    this.#removesDoomed(key);
    // In a burst a little early: at worst a dead entry is stored, which no read hands out.
    const nowMs = this.#clock.spend() ? this.#clock.lastMs : this.#clock.readMs();
    const weight = this.#columnOptions.hasWeights ? estimateEntrySize(key, value, this.#maxBytes) : 0;
    const isLive = expiresAtMs + this.#columnOptions.staleTtlMs > nowMs;
    const canKeep = isLive && weight <= this.#maxBytes && nowMs < this.#trustedUntilMs;
    let slot = this.#store.find(key);
    if (slot !== NO_SLOT && (!canKeep || this.#bytes - this.#columns.weightOf(slot) + weight > this.#maxBytes)) {
      this.#remove(slot, false);
      slot = NO_SLOT;
    }
    if (canKeep) {
      if (slot === NO_SLOT) {
        this.#makeRoom(weight, nowMs);
        slot = this.#store.add(key);
        if (slot >= this.#columns.values.length) this.#columns.grow(this.#store.slotCapacity);
      }
      this.#columns.values[slot] = value;
      this.#columns.createdAtMs[slot] = createdAtMs;
      this.#columns.setTimes(slot, nowMs, expiresAtMs, freshUntilMs);
      this.#bytes += this.#columns.setWeight(slot, weight);
    }
    this.#departures.report();
    return canKeep;
  }

  /** Whether anything is held for `key`, dead or alive. Not a use. */
  has(key: string): boolean {
    return this.#store.peek(key) !== NO_SLOT && !this.#removesDoomed(key);
  }

  /** Removes `key`; whether a fresh value was there, {@link ABSENT} not counted. */
  delete(key: string): boolean {
    const slot = this.#store.peek(key);
    if (slot === NO_SLOT || this.#removesDoomed(key)) return false;
    const wasThere = this.#columns.isLive(slot, this.#clock.nowMs());
    this.#remove(slot, false);
    return wasThere;
  }

  /** Moves the end of a fresh entry's life; false when there is none, {@link ABSENT} not counted. A time that has passed ends it. */
  setExpiry(key: string, expiresAtMs: number, freshUntilMs: number): boolean {
    const slot = this.#store.peek(key);
    const nowMs = this.#clock.nowMs();
    if (slot === NO_SLOT || this.#removesDoomed(key) || !this.#columns.isLive(slot, nowMs)) return false;
    this.#columns.setTimes(slot, nowMs, expiresAtMs, freshUntilMs);
    if (this.#columns.isDead(slot, nowMs)) this.#remove(slot, false);
    return true;
  }

  /** Removes everything, and gives the memory back. */
  clear(): void {
    this.#store.clear();
    this.#columns = new EntryColumns(this.#store.slotCapacity, this.#columnOptions);
    this.#bytes = 0;
    this.#sweepCursor = FIRST_SLOT;
    this.#doomed.clear();
    this.#trustPlainly();
  }

  /** Makes keys count as gone at once; {@link removeDoomed} has to follow until it returns false. The set is the tier's then. */
  doom(keys: Set<string>): void {
    this.#doomed.add(keys);
    this.#trustPlainly();
  }

  /** Removes up to `count` doomed keys; returns whether there are any left. */
  removeDoomed(count: number): boolean {
    if (this.#doomed.isEmpty) return false;
    for (let i = 0; i < count; i++) {
      const key = this.#doomed.next();
      if (key === undefined) break;
      this.#removeKey(key);
    }
    this.#trustPlainly();
    return !this.#doomed.isEmpty;
  }

  /** Looks at up to `maxSlots` slots, goes on where the last call ended, and removes what is dead. Returns how many were. */
  sweep(maxSlots: number): number {
    const removed = this.#sweepSlots(maxSlots, this.#clock.nowMs());
    this.#departures.report();
    return removed;
  }

  /** From this moment on, in milliseconds since the epoch, nothing is handed out or kept, unless it is moved before. */
  trustUntil(endMs: number): void {
    this.#trustedUntilMs = endMs;
    this.#trustPlainly();
  }

  /** Removes everything for good: from now on nothing is kept. */
  close(): void {
    this.#isClosed = true;
    this.clear();
  }

  /** The tier's inside, in O(n). */
  inspect(): MemorySnapshot {
    const snapshot = this.#store.inspect();
    const weights = this.#columns.weightsOf(Object.values(snapshot.queues).flat());
    return { ...snapshot, slotLimit: this.#store.slotLimit, weights };
  }

  #readExactly(key: string, slot: number): unknown {
    const nowMs = this.#clock.readMs();
    if (this.#removesDoomed(key) || this.#dropsUntrusted(nowMs)) return undefined;
    if (!this.#columns.isFresh(slot, nowMs)) return this.#columns.isDead(slot, nowMs) ? this.#bury(slot) : undefined;
    return this.#serve(slot, nowMs);
  }

  /** Removes a key if it is doomed. */
  #removesDoomed(key: string): boolean {
    if (this.#doomed.isEmpty || !this.#doomed.take(key)) return false;
    this.#removeKey(key);
    return true;
  }

  #removeKey(key: string): void {
    const slot = this.#store.peek(key);
    if (slot !== NO_SLOT) this.#remove(slot, false);
  }

  #trustPlainly(): void {
    this.#plainUntilMs = this.#doomed.isEmpty ? this.#trustedUntilMs : -Infinity;
  }

  /** What can't be trusted now won't be later. */
  #dropsUntrusted(nowMs: number): boolean {
    if (nowMs < this.#trustedUntilMs) return false;
    this.clear();
    return true;
  }

  #serve(slot: number, nowMs: number): unknown {
    this.#columns.slide(slot, nowMs);
    return this.handOut(this.#columns.values[slot]);
  }

  #bury(slot: number): undefined {
    this.#depart(slot, 'expired');
    this.#departures.report();
  }

  #isFull(weight: number): boolean {
    return this.#store.size >= this.#maxCapacity || this.#bytes + weight > this.#maxBytes;
  }

  #makeRoom(weight: number, nowMs: number): void {
    while (this.#isFull(weight)) {
      if (this.removeDoomed(EVICTION_PROBE) || !this.#isFull(weight)) continue;
      if (this.#sweepSlots(EVICTION_PROBE, nowMs) > 0) continue;
      const slot = this.#store.victim();
      const reason = this.#store.size >= this.#maxCapacity ? 'capacity' : 'bytes';
      this.#depart(slot, this.#columns.isDead(slot, nowMs) ? 'expired' : reason);
    }
  }

  #sweepSlots(maxSlots: number, nowMs: number): number {
    let removed = 0;
    for (let left = Math.min(maxSlots, this.#store.slotLimit - FIRST_SLOT); left > 0; left--) {
      if (this.#sweepCursor >= this.#store.slotLimit) this.#sweepCursor = FIRST_SLOT;
      const slot = this.#sweepCursor++;
      if (!this.#columns.isDead(slot, nowMs)) continue;
      this.#depart(slot, 'expired');
      removed++;
    }
    return removed;
  }

  #depart(slot: number, reason: EvictReason): void {
    const key = this.#store.keyOf(slot);
    this.#remove(slot, reason !== 'expired');
    this.#departures.note(key, reason);
  }

  #remove(slot: number, isEvicted: boolean): void {
    this.#bytes += this.#columns.setWeight(slot, 0);
    this.#columns.erase(slot);
    this.#store.remove(slot, isEvicted);
  }
}
