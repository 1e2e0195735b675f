/** A service without Redis, on a clock that stands still: idling, sweeping, bounds, and the end of it all. */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import type { ServiceConfig } from '../../../lib/config/config-object.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { collectEvents } from '../../support/collect-events.js';

async function open(settings: Partial<ServiceConfig> = {}): Promise<{ client: CacheClient; clock: FakeClock }> {
  const clock = new FakeClock();
  const manager = await createManager({ services: { s: { cache_type: 'l1', ...settings } } }, { clock });
  return { client: manager.client('s'), clock };
}

describe('a service without Redis', () => {
  test('G2: keeps an entry for its TTL to the millisecond', async () => {
    const { client, clock } = await open({ ttl: 60 });
    await client.set('a', 1);
    await client.set('b', 1, '250ms');
    clock.advance(249);
    expect(await client.get('b')).toBe(1);
    clock.advance(1);
    expect(await client.get('b')).toBeUndefined();
    clock.advance(59_749);
    expect(await client.get('a')).toBe(1);
    clock.advance(1);
    expect(await client.get('a')).toBeUndefined();
  });

  test('G2: keeps an entry as long as a call asks for, also longer than its own TTL', async () => {
    const { client, clock } = await open({ ttl: 60 });
    await client.set('a', 1, '1h');
    await client.getOrLoad('b', () => 1, { ttl: '1h' });
    await client.set('c', 1);
    await client.expire('c', '1h');
    clock.advance(3_599_999);
    expect(await client.getMany(['a', 'b', 'c'])).toEqual(new Map(['a', 'b', 'c'].map((key) => [key, 1])));
    clock.advance(1);
    expect(await client.getMany(['a', 'b', 'c'])).toEqual(new Map());
  });

  test.each(['get', 'peek', 'lookup', 'getMany', 'has', 'getOrLoad', 'getOrLoadMany'] as const)(
    'a read by %s puts off the end by idling',
    async (name) => {
      const { client, clock } = await open({ ttl: 60, l1: { tti: 10 } });
      await client.set('a', 1);
      const read: Record<typeof name, () => unknown> = {
        get: () => client.get('a'),
        peek: () => client.peek('a'),
        lookup: () => client.lookup('a'),
        getMany: () => client.getMany(['a']),
        has: () => client.has('a'),
        getOrLoad: () => client.getOrLoad('a', () => 2),
        getOrLoadMany: () => client.getOrLoadMany(['a'], () => [2]),
      };
      for (let i = 0; i < 5; i++) {
        clock.advance(9000);
        await read[name]();
      }
      expect(client.peek('a')).toBe(1);
      clock.advance(10_000);
      expect(client.peek('a')).toBeUndefined();
    },
  );

  test('G14: lets go of what nobody reads any more, without being asked', async () => {
    const { client, clock } = await open({ ttl: 10 });
    for (let i = 0; i < 2000; i++) await client.set(`k${i}`, i);
    expect(client.metrics().l1Entries).toBe(2000);
    clock.advance(75_000);
    expect(client.metrics()).toMatchObject({ l1Entries: 0, evictions: 2000 });
  });

  test.each(['s3fifo', 'lru'] as const)(
    'G14: never holds more than max_capacity with %s, whichever call fills it',
    async (eviction) => {
      const { client } = await open({ l1: { max_capacity: 10, eviction } });
      for (let i = 0; i < 100; i++) {
        await client.set(`s${i}`, i);
        await client.getOrLoad(`l${i}`, () => i);
        await client.getOrLoad(`n${i}`, () => undefined);
        expect(client.metrics().l1Entries).toBeLessThanOrEqual(10);
      }
      await client.setMany(Array.from({ length: 50 }, (_, i) => [`m${i}`, i] as const));
      await client.getOrLoadMany(
        Array.from({ length: 50 }, (_, i) => `o${i}`),
        (keys) => keys.map(() => 1),
      );
      expect(client.metrics().l1Entries).toBe(10);
    },
  );

  test('G14: holds no more than max_bytes, and tells of what it could not keep', async () => {
    const { client } = await open({ l1: { max_bytes: 10_000 } });
    const events = collectEvents(client, 'evict');
    for (let i = 0; i < 50; i++) await client.set(`k${i}`, 'x'.repeat(500));
    expect(client.metrics().l1Bytes).toBeLessThanOrEqual(10_000);
    expect(client.metrics().l1Bytes).toBeGreaterThan(5000);
    expect(new Set(events.map(({ payload }) => payload.reason))).toEqual(new Set(['bytes']));
    expect(await client.set('large', 'x'.repeat(50_000))).toEqual({ l1: false, l2: 'none' });
    expect(await client.get('large')).toBeUndefined();
  });

  test('has one timer, and none when it is closed', async () => {
    const { client, clock } = await open({ load_timeout: 5 });
    await client.getOrLoad('k', () => 1);
    expect(clock.pendingTimers).toBe(1);
    const manager = await createManager({ services: { s: { cache_type: 'l1' } } }, { clock });
    expect(clock.pendingTimers).toBe(2);
    await manager.close();
    expect(clock.pendingTimers).toBe(1);
  });

  test('flush and clear are calls like others', async () => {
    const { client } = await open();
    await client.set('a', 1);
    await client.flush();
    await client.clear();
    expect(client.metrics().l1Entries).toBe(0);
  });

  test('jitter shortens lifetimes within its share', async () => {
    const { client } = await open({ ttl: 1000, ttl_jitter: 0.3 });
    const lives: number[] = [];
    for (let i = 0; i < 200; i++) {
      await client.set('k', i);
      lives.push((await client.lookup('k')).ttlMs ?? 0);
    }
    expect(Math.max(...lives)).toBeLessThanOrEqual(1_000_000);
    expect(Math.min(...lives)).toBeGreaterThanOrEqual(700_000);
    expect(Math.max(...lives) - Math.min(...lives)).toBeGreaterThan(200_000);
  });
});
