/** The words of the memory tier: what it is made of, what it hands out, and why entries leave. */
import type { CoarseClock } from '../../base/coarse-clock.js';
import type { ResolvedL1 } from '../../config/resolved-config.js';
import type { PolicySnapshot } from './policy-store.js';

/** Stands for a remembered "the source has nothing" where a value would be. */
export const ABSENT: unique symbol = Symbol('oxcache.absent');

/** Why an entry left: no room by count, no room by bytes, or its time was up. */
export type EvictReason = 'capacity' | 'bytes' | 'expired';

/** What a {@link MemoryTier} is made of. */
export interface MemoryTierOptions {
  readonly config: ResolvedL1;
  /** How long past its TTL an entry is kept for `readEntry`; 0: not at all. */
  readonly staleTtlMs: number;
  /** Whether `freshUntilMs` is kept; without it every entry counts as fresh until it expires. */
  readonly trackFreshness: boolean;
  readonly clock: CoarseClock;
  /** Told of every entry that left by itself, after the fact. It may use the tier; it must not throw. */
  readonly onEvict?: (key: string, reason: EvictReason) => void;
}

/** An entry with its times, in milliseconds since the epoch. */
export interface MemoryEntry {
  /** The value as it may be handed out, or {@link ABSENT}. */
  readonly value: unknown;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** From then on a read should start a background reload. */
  readonly freshUntilMs: number;
  /** Past its TTL, within the stale window. */
  readonly stale: boolean;
}

/** The inside of a tier at one moment, for checks and diagnostics. */
export interface MemorySnapshot extends PolicySnapshot {
  readonly slotLimit: number;
  /** What each entry is charged, by key; empty without `max_bytes`. */
  readonly weights: ReadonlyMap<string, number>;
}
