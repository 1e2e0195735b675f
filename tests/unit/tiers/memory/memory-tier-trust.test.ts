/** `trustUntil`, by which a lost link takes L1 out of use, and `has`, which looks without touching. */
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../../lib/base/clock.js';
import { BUDGET, CoarseClock } from '../../../../lib/base/coarse-clock.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';
import { ABSENT } from '../../../../lib/tiers/memory/memory-entry.js';
import { MemoryTier } from '../../../../lib/tiers/memory/memory-tier.js';
import { buildTier } from './build-tier.js';
import { checkTier } from './check-snapshot.js';

describe.each(['s3fifo', 'lru'] as const)('trustUntil, with %s', (eviction) => {
  test('hands out until the moment, and nothing from then on', () => {
    const { tier, clock, put } = buildTier({ eviction });
    put('k', 1);
    tier.trustUntil(clock.nowMs() + 100);
    clock.advance(99.75);
    expect(tier.read('k')).toBe(1);
    expect(tier.readEntry('k')?.value).toBe(1);
    clock.advance(0.25);
    expect(tier.read('k')).toBeUndefined();
    expect(tier.readEntry('k')).toBeUndefined();
  });

  test.each(['read', 'readEntry'] as const)('what %s met when it was not trusted does not come back', (method) => {
    const { tier, clock, put } = buildTier({ eviction });
    put('k', 1);
    put('l', 2);
    tier.trustUntil(clock.nowMs());
    expect(tier[method]('k')).toBeUndefined();
    tier.trustUntil(Infinity);
    expect(tier.read('k')).toBeUndefined();
    // The other one had been held through the same time.
    expect(tier.read('l')).toBeUndefined();
    expect(tier.size).toBe(0);
    checkTier(tier, 100);
  });

  test('nothing is kept meanwhile, and the older copy under the key is gone', () => {
    const { tier, clock, put } = buildTier({ eviction });
    put('k', 'old');
    tier.trustUntil(clock.nowMs());
    expect(put('k', 'new')).toBe(false);
    expect(put('l', 1)).toBe(false);
    tier.trustUntil(Infinity);
    expect(tier.read('k')).toBeUndefined();
    expect(tier.read('l')).toBeUndefined();
    expect(put('k', 'newer')).toBe(true);
    expect(tier.read('k')).toBe('newer');
    checkTier(tier, 100);
  });

  test('a moment that is moved on in time changes nothing for anybody', () => {
    const { tier, clock, put } = buildTier({ eviction, ttlMs: 60_000 });
    put('k', 1);
    for (let i = 0; i < 20; i++) {
      tier.trustUntil(clock.nowMs() + 2000);
      clock.advance(200);
      expect(tier.read('k')).toBe(1);
    }
    expect(put('l', 2)).toBe(true);
  });

  test('a stale entry is not shown either', () => {
    const { tier, clock, put } = buildTier({ eviction, staleTtlMs: 10_000 });
    put('k', 1, 10);
    clock.advance(20);
    expect(tier.readEntry('k')?.stale).toBe(true);
    tier.trustUntil(clock.nowMs());
    expect(tier.readEntry('k')).toBeUndefined();
  });
});

test('trustUntil holds on the real clock in a long burst of reads: one reading of the clock serves so many', () => {
  const config = { maxCapacity: 100, ttlMs: 60_000, eviction: 's3fifo', isolation: 'shared' } as const;
  const tier = new MemoryTier({
    config,
    staleTtlMs: 0,
    trackFreshness: false,
    clock: new CoarseClock(systemClock),
  });
  const nowMs = systemClock.nowMs();
  tier.write('k', 1, nowMs, nowMs + 60_000, nowMs + 60_000);
  const endMs = systemClock.nowMs() + 20;
  tier.trustUntil(endMs);
  let [before, after, tries] = [0, 0, 0];
  while (tries < 10 * BUDGET) {
    const isOver = systemClock.nowMs() >= endMs;
    const isServed = tier.read('k') === 1;
    if (isOver) tries++;
    if (isOver && isServed) after++;
    if (!isOver && isServed) before++;
  }
  expect(before).toBeGreaterThan(BUDGET);
  expect(after).toBeLessThanOrEqual(BUDGET);
});

test('trustUntil holds in a burst that reads of another service have begun', () => {
  const source = new FakeClock();
  const clock = new CoarseClock(source, () => undefined);
  const config = { maxCapacity: 100, ttlMs: 60_000, eviction: 's3fifo', isolation: 'shared' } as const;
  const open = (): MemoryTier => new MemoryTier({ config, staleTtlMs: 0, trackFreshness: false, clock });
  const [busy, untrusted] = [open(), open()];
  const endMs = source.nowMs() + 60_000;
  for (const tier of [busy, untrusted]) tier.write('k', 1, source.nowMs(), endMs, endMs);
  untrusted.trustUntil(source.nowMs() + 100);
  source.advance(200);
  for (let i = 0; i < 100; i++) expect(busy.read('k')).toBe(1);
  expect(untrusted.read('k')).toBeUndefined();
});

describe.each(['s3fifo', 'lru'] as const)('has, with %s', (eviction) => {
  test('says whether anything is held, dead or alive, a value or an absence', () => {
    const { tier, clock, put } = buildTier({ eviction });
    expect(tier.has('k')).toBe(false);
    put('k', undefined);
    put('absent', ABSENT);
    expect([tier.has('k'), tier.has('absent'), tier.has('__proto__')]).toEqual([true, true, false]);
    clock.advance(5000);
    expect(tier.has('k')).toBe(true);
    tier.delete('k');
    expect(tier.has('k')).toBe(false);
    tier.clear();
    expect(tier.has('absent')).toBe(false);
  });

  test('is no use: it keeps nothing from going idle, removes nothing and reports nothing', () => {
    const { tier, clock, put, evicted } = buildTier({ eviction, ttiMs: 100 });
    put('k', 1);
    for (let i = 0; i < 4; i++) {
      clock.advance(30);
      expect(tier.has('k')).toBe(true);
    }
    expect(tier.size).toBe(1);
    expect(evicted).toEqual([]);
    expect(tier.read('k')).toBeUndefined();
  });

  test('does not decide what is evicted', () => {
    const { tier, put } = buildTier({ eviction: 'lru', maxCapacity: 2 });
    const quiet = buildTier({ eviction: 'lru', maxCapacity: 2 });
    for (const key of ['a', 'b']) {
      put(key, key);
      quiet.put(key, key);
    }
    for (let i = 0; i < 10; i++) tier.has('a');
    for (const key of ['c', 'd', 'e']) {
      put(key, key);
      quiet.put(key, key);
    }
    for (const key of ['a', 'b', 'c', 'd', 'e']) expect(tier.has(key)).toBe(quiet.tier.has(key));
  });
});
