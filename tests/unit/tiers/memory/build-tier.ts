/** A memory tier on a fake clock, with what a test is not about left at sensible values. */
import { CoarseClock } from '../../../../lib/base/coarse-clock.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';
import { MemoryTier } from '../../../../lib/tiers/memory/memory-tier.js';
import type { ResolvedL1 } from '../../../../lib/config/resolved-config.js';
import type { EvictReason } from '../../../../lib/tiers/memory/memory-entry.js';

export interface TierSetup extends Partial<ResolvedL1> {
  readonly staleTtlMs?: number;
  readonly trackFreshness?: boolean;
}

/** Makes a tier, its clock, and the list of what left it by itself. */
export function buildTier({ staleTtlMs = 0, trackFreshness = false, ...l1 }: TierSetup = {}) {
  const clock = new FakeClock(1_000_000);
  const evicted: { key: string; reason: EvictReason }[] = [];
  const config: ResolvedL1 = { maxCapacity: 100, ttlMs: 1000, eviction: 's3fifo', isolation: 'shared', ...l1 };
  const tier = new MemoryTier({
    config,
    staleTtlMs,
    trackFreshness,
    clock: new CoarseClock(clock),
    onEvict: (key, reason) => evicted.push({ key, reason }),
  });
  /** Writes as a client does: prepared, from now on, for `ttlMs`. */
  const put = (key: string, value: unknown, ttlMs = config.ttlMs): boolean => {
    const nowMs = clock.nowMs();
    return tier.write(key, tier.prepare(value), nowMs, nowMs + ttlMs, nowMs + ttlMs);
  };
  return { tier, clock, evicted, put };
}
