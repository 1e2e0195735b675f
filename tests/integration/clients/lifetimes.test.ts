/** G2: the lifetimes that were configured are the ones applied, in Redis (where its own clock counts) and in L1. */
import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { until } from '../../support/until.js';
import { KINDS_WITH_L2, Workbench, countingLoader, type ServiceSettings } from './workbench.js';

const bench = new Workbench();

/** Expects Redis to remove `key` in about `ms`: later than it should by no more than a round trip, never much earlier. */
async function expectPttl(key: string, ms: number): Promise<void> {
  const pttl = await bench.pttl(key);
  expect(pttl).toBeLessThanOrEqual(ms + 10);
  expect(pttl).toBeGreaterThan(ms - 2000);
}

describe.each(KINDS_WITH_L2)('G2: the life of an entry in Redis, of a service of type %s', (kind) => {
  test.each<[string, ServiceSettings, number]>([
    ['the TTL of the service', { ttl: 120 }, 120_000],
    ['l2.ttl where there is one', { ttl: 600, l2: { ttl: '10m' } }, 600_000],
    ['l2.ttl where it is longer than the TTL of the service', { ttl: 60, l2: { ttl: 3600 } }, 3_600_000],
    ['the strategy the service names', { ttl: 'short' }, 300_000],
    ['the TTL and the stale window', { ttl: 60, stale_ttl: 240 }, 300_000],
    ['the default TTL where the service has none', {}, 3_600_000],
  ])('is %s', async (_name, settings, expectedMs) => {
    const client = await bench.client(kind, settings);
    await client.set('set', 1);
    await client.setMany([['many', 1]]);
    await client.getOrLoad('loaded', () => 1);
    await client.refresh('refreshed', () => 1);
    for (const key of ['set', 'many', 'loaded', 'refreshed']) await expectPttl(key, expectedMs);
  });

  test('is global.default_ttl where that is set', async () => {
    const client = await bench.client(kind, {}, { global: { default_ttl: '2h' } });
    await client.set('k', 1);
    await expectPttl('k', 7_200_000);
  });

  test('is what the call says, longer or shorter than the TTL of the service', async () => {
    const client = await bench.client(kind, { ttl: 100 });
    for (const [ttl, ms] of [
      [5, 5000],
      ['1h', 3_600_000],
      ['30d', 30 * 86_400_000],
    ] as const) {
      await client.set('k', 1, ttl);
      await expectPttl('k', ms);
      await client.getOrLoad(`loaded ${ttl}`, () => 1, { ttl });
      await expectPttl(`loaded ${ttl}`, ms);
    }
  });

  test('is the null_ttl for a remembered absence, without a stale window', async () => {
    const client = await bench.client(kind, { ttl: 600, null_ttl: 20, stale_ttl: 600 });
    await client.getOrLoad('k', () => undefined);
    await expectPttl('k', 20_000);
  });

  test('is shortened by at most the share of ttl_jitter, differently for each write', async () => {
    const client = await bench.client(kind, { ttl: 1000, ttl_jitter: 0.4 });
    const keys = Array.from({ length: 200 }, (_, i) => `k${i}`);
    await client.setMany(keys.map((key) => [key, 1] as const));
    const lives = await Promise.all(keys.map((key) => bench.pttl(key)));
    expect(Math.max(...lives)).toBeLessThanOrEqual(1_000_010);
    expect(Math.min(...lives)).toBeGreaterThan(598_000);
    // Of 200 evenly spread writes, some are in each tenth of the range; all but a one in a thousand million times.
    const tenths = new Set(lives.map((life) => Math.min(9, Math.floor((life - 598_000) / 40_200))));
    expect(tenths.size).toBe(10);
  });

  test('with ttl_jitter, is the same in both tiers', async () => {
    const client = await bench.client(kind, { ttl: 1000, ttl_jitter: 0.5 });
    for (let i = 0; i < 10; i++) {
      await client.set(`k${i}`, 1);
      const { ttlMs = 0 } = await client.lookup(`k${i}`);
      expect(Math.abs(ttlMs - (await bench.pttl(`k${i}`)))).toBeLessThan(1000);
    }
  });

  test('ends there: Redis removes the entry by itself', async () => {
    const client = await bench.client(kind, { ttl: '150ms' });
    await client.set('k', 1);
    expect(await client.get('k')).toBe(1);
    await until(async () => (await bench.server.call('EXISTS', 'oxcache:things:k')) === 0);
    expect(await client.get('k')).toBeUndefined();
    expect(await client.has('k')).toBe(false);
  });

  test('is the same for a value that is written again', async () => {
    const client = await bench.client(kind, { ttl: 600 });
    await client.set('k', 1, 10);
    await client.set('k', 2);
    await expectPttl('k', 600_000);
  });
});

describe('G2: the life of an entry in L1', () => {
  test('is l1.ttl, and the entry is still in Redis then', async () => {
    const clock = new FakeClock();
    const client = await bench.client('two-level', { ttl: 600, l1: { ttl: 60 } }, { clock });
    await client.set('k', 1);
    clock.advance(59_999);
    expect(client.peek('k')).toBe(1);
    clock.advance(1);
    expect(client.peek('k')).toBeUndefined();
    expect(await client.get('k')).toBe(1);
    expect(client.peek('k')).toBe(1);
    expect(client.metrics()).toMatchObject({ l2Hits: 1, promotions: 1 });
  });

  test('is never longer than what a call asks for', async () => {
    const clock = new FakeClock();
    const client = await bench.client('two-level', { ttl: 600, l1: { ttl: 60 } }, { clock });
    await client.set('short', 1, 5);
    await client.set('long', 1, 6000);
    clock.advance(5000);
    expect(client.peek('short')).toBeUndefined();
    expect(await client.get('short')).toBeUndefined();
    clock.advance(55_000);
    expect(client.peek('long')).toBeUndefined();
    expect(await client.get('long')).toBe(1);
  });

  test('ends after l1.tti without a read, and reads do not carry it beyond l1.ttl', async () => {
    const clock = new FakeClock();
    const client = await bench.client('two-level', { ttl: 600, l1: { ttl: 60, tti: 20 } }, { clock });
    await client.set('idle', 1);
    await client.set('read', 1);
    for (let second = 0; second < 59; second++) {
      expect(client.peek('read')).toBe(1);
      clock.advance(1000);
      if (second === 19) expect(client.peek('idle')).toBeUndefined();
    }
    expect(client.peek('read')).toBe(1);
    clock.advance(1000);
    expect(client.peek('read')).toBeUndefined();
  });

  test('of a promoted copy is what the entry has left', async () => {
    const clock = new FakeClock();
    const writer = await bench.client('two-level', { ttl: 100 }, { clock });
    const reader = await bench.client('two-level', { ttl: 100 }, { clock });
    await writer.set('k', 'v');
    clock.advance(70_000);
    expect(await reader.get('k')).toBe('v');
    const found = await reader.lookup('k');
    expect(found.tier).toBe('l1');
    expect(found.ttlMs).toBeGreaterThan(29_000);
    expect(found.ttlMs).toBeLessThanOrEqual(30_100);
    expect(found.ageMs).toBeGreaterThan(69_000);
    clock.advance(30_100);
    expect(reader.peek('k')).toBeUndefined();
    expect(await reader.get('k')).toBeUndefined();
  });

  test('of a copy promoted near the end of its life is not revived', async () => {
    const writer = await bench.client('l2', { ttl: '300ms' });
    const reader = await bench.client('two-level', { ttl: '300ms' });
    const startedMs = performance.now();
    await writer.set('k', 'v');
    let lastSeenMs = 0;
    await until(async () => {
      const value = await reader.get('k');
      if (value !== undefined) lastSeenMs = performance.now() - startedMs;
      return value === undefined;
    });
    expect(lastSeenMs).toBeLessThan(400);
    expect(reader.peek('k')).toBeUndefined();
  });

  test('of a remembered absence is the null_ttl, also of one promoted from Redis', async () => {
    const clock = new FakeClock();
    const settings = { ttl: 600, null_ttl: 10 } as const;
    const first = await bench.client('two-level', settings, { clock });
    const second = await bench.client('two-level', settings, { clock });
    await first.getOrLoad('k', () => undefined);
    clock.advance(4000);
    expect(await second.lookup('k')).toMatchObject({ status: 'absent', tier: 'l2' });
    expect(await second.lookup('k')).toMatchObject({ status: 'absent', tier: 'l1' });
    clock.advance(6100);
    expect(await second.lookup('k')).toEqual({ status: 'miss' });
    const { load, calls } = countingLoader();
    expect(await second.getOrLoad('k', load)).toBe('k#1');
    expect(calls).toHaveLength(1);
  });

  test('does not grow when an entry goes through several promotions', async () => {
    const clock = new FakeClock();
    const settings = { ttl: 100, l1: { ttl: 30 } } as const;
    const client = await bench.client('two-level', settings, { clock });
    await client.set('k', 'v');
    for (let i = 0; i < 9; i++) {
      clock.advance(10_900);
      expect(await client.get('k')).toBe('v');
    }
    clock.advance(2000);
    expect(await client.get('k')).toBeUndefined();
  });
});
