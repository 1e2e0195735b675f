/**
 * How long things live (G2). One place turns configured lifetimes, jitter and the two time lines (the server's for L2, this
 * process's for L1) into the absolute times that entries carry. An L1 copy ends no later than the entry it came from, also
 * when the clocks are compared only to within half a round trip.
 */
import type { Clock } from '../base/clock.js';
import type { HybridClock } from '../base/hybrid-clock.js';
import type { Random } from '../base/random.js';
import type { ResolvedService } from '../config/resolved-config.js';
import type { EntryTimes } from '../tiers/redis/entry-codec.js';

/** Times of an L1 entry, in milliseconds on this process's clock. */
export interface MemoryTimes {
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** When a read should start a background reload (`refresh_ahead`); the expiry where that is off. */
  readonly refreshAtMs: number;
}

/** See the file's header. */
export class Lifetimes {
  readonly #service: ResolvedService;
  readonly #clock: Clock;
  readonly #hybrid: HybridClock | undefined;
  readonly #random: Random;

  /** @param hybrid the clock of the service's Redis; absent without L2 */
  constructor(service: ResolvedService, clock: Clock, hybrid: HybridClock | undefined, random: Random) {
    this.#service = service;
    this.#clock = clock;
    this.#hybrid = hybrid;
    this.#random = random;
  }

  /** The life of one write: what was asked for, or the service's TTL, shortened by its jitter. */
  lifeMs(askedMs: number | undefined): number {
    const ttlMs = askedMs ?? this.#service.ttlMs;
    const { ttlJitter } = this.#service;
    return ttlJitter === 0 ? ttlMs : ttlMs * (1 - ttlJitter * this.#random());
  }

  /** Times of an L2 entry written now. `staleMs` is how long it is kept past its TTL. */
  redisTimes(lifeMs: number, staleMs: number): EntryTimes {
    const nowMs = this.#hybrid === undefined ? this.#clock.nowMs() : this.#hybrid.provenMs();
    return { createdAtMs: nowMs, freshUntilMs: nowMs + lifeMs, expiresAtMs: nowMs + lifeMs + staleMs };
  }

  /** Times of an L1 entry written now with a life of `lifeMs`. */
  memoryTimes(lifeMs: number): MemoryTimes {
    const nowMs = this.#clock.nowMs();
    return this.#copyTimes(nowMs, nowMs, nowMs + lifeMs);
  }

  /** Times of an L1 copy of an L2 entry. */
  promotedTimes(entry: { readonly createdAtMs: number; readonly freshUntilMs: number }): MemoryTimes {
    const offsetMs = this.#hybrid?.offsetMs ?? 0;
    const uncertaintyMs = this.#hybrid?.uncertaintyMs ?? 0;
    const freshUntilMs = entry.freshUntilMs - offsetMs - uncertaintyMs;
    return this.#copyTimes(this.#clock.nowMs(), Math.min(entry.createdAtMs - offsetMs, freshUntilMs), freshUntilMs);
  }

  /** Whether an L2 entry is within its TTL. */
  isFresh(entry: { readonly freshUntilMs: number }): boolean {
    return entry.freshUntilMs > (this.#hybrid === undefined ? this.#clock.nowMs() : this.#hybrid.nowMs());
  }

  /** When an L2 entry ends for good, its stale window included, in milliseconds on this process's clock. */
  localEndMs(entry: { readonly expiresAtMs: number }): number {
    return entry.expiresAtMs - (this.#hybrid?.offsetMs ?? 0);
  }

  /** Milliseconds since an L2 entry was created, and until its TTL ends. */
  ageOf(entry: { readonly createdAtMs: number; readonly freshUntilMs: number }): {
    readonly ageMs: number;
    readonly ttlMs: number;
  } {
    const nowMs = this.#hybrid === undefined ? this.#clock.nowMs() : this.#hybrid.nowMs();
    return { ageMs: Math.max(0, nowMs - entry.createdAtMs), ttlMs: Math.max(0, entry.freshUntilMs - nowMs) };
  }

  /** Whether an L2 entry is in the last `refresh_ahead` share of its life. */
  isDueForRefresh(entry: { readonly createdAtMs: number; readonly freshUntilMs: number }): boolean {
    const { refreshAhead } = this.#service;
    if (refreshAhead === 0) return false;
    const { ttlMs } = this.ageOf(entry);
    return ttlMs <= (entry.freshUntilMs - entry.createdAtMs) * refreshAhead;
  }

  #copyTimes(nowMs: number, createdAtMs: number, freshUntilMs: number): MemoryTimes {
    // Without L2 the life of an entry is its life in L1: a call may ask for a longer one than the service's.
    const l1TtlMs = this.#service.cacheType === 'l1' ? Infinity : (this.#service.l1?.ttlMs ?? Infinity);
    const refreshAtMs = freshUntilMs - (freshUntilMs - createdAtMs) * this.#service.refreshAhead;
    return { createdAtMs, expiresAtMs: Math.min(freshUntilMs, nowMs + l1TtlMs), refreshAtMs };
  }
}
