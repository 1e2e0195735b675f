/** The memory tier as the benchmarks use it, from the built package (`npm run build` first). */
const dist = new URL(process.env.OXCACHE_DIST ?? '../../dist/', import.meta.url);
const { MemoryTier } = await import(new URL('tiers/memory/memory-tier.js', dist));
const { CoarseClock } = await import(new URL('base/coarse-clock.js', dist));
const { systemClock } = await import(new URL('base/clock.js', dist));

/** Long enough that nothing expires while a benchmark runs. */
const TTL_MS = 300_000;

/** Makes a tier, and a `write` with the usual times. */
export function createTier(config) {
  const tier = new MemoryTier({
    config: { ttlMs: TTL_MS, eviction: 's3fifo', isolation: 'shared', ...config },
    staleTtlMs: 0,
    trackFreshness: false,
    clock: new CoarseClock(systemClock),
  });
  const write = (key, value) => {
    const nowMs = systemClock.nowMs();
    return tier.write(key, value, nowMs, nowMs + TTL_MS, nowMs + TTL_MS);
  };
  return { tier, write };
}
