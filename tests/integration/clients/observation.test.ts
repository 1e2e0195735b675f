/** What is counted and told of a scripted workload: each thing once, under the right name, and no values. */
import { describe, expect, test } from '@jest/globals';
import { NOTHING_OWED } from '../../../lib/observe/owed-writes.js';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { CACHE_EVENTS } from '../../../lib/observe/events.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { collectEvents } from '../../support/collect-events.js';
import { KINDS, Workbench, type Kind } from './workbench.js';

const bench = new Workbench();

/** One of everything, in an order that leaves no choice. */
async function runWorkload(client: CacheClient): Promise<void> {
  await client.get('a'); // a miss
  await client.set('a', 1);
  await client.get('a'); // a hit
  client.peek('a'); // a hit where there is L1
  await client.lookup('a'); // a hit
  await client.lookup('none'); // a miss
  await client.setMany([
    ['b', 2],
    ['c', 3],
  ]);
  await client.getMany(['a', 'b', 'none']); // two hits, a miss
  await client.getOrLoad('d', () => 4); // a miss, a load
  await client.getOrLoad('d', () => 5); // a hit
  await client.getOrLoad('e', () => Promise.reject(new Error('e'))).catch(() => undefined); // a miss, a failed load
  await client.getOrLoad('absent', () => undefined); // a miss, a load
  await client.get('absent'); // a hit: it is known that there is nothing
  await client.getOrLoadMany(['a', 'f', 'g'], (keys) => keys.map(() => 6)); // a hit, two misses, two loads
  await client.refresh('a', () => 7); // a load; it asks for nothing that is cached
  await client.has('a'); // counts nothing
  await client.delete('a');
  await client.delete('never');
  await client.deleteMany(['b', 'never']);
  await client.expire('c', 60);
  await client.clear();
}

describe.each(KINDS)('a service of type %s', (kind) => {
  const hits = { hitsOfFirstTier: kind === 'l2' ? 7 : 8, l1Hits: kind === 'l2' ? 0 : 8, l2Hits: kind === 'l2' ? 7 : 0 };

  test('counts a scripted workload exactly', async () => {
    const client = await bench.client(kind);
    await runWorkload(client);
    expect(client.metrics()).toEqual({
      service: 'things',
      enabled: true,
      l1Hits: hits.l1Hits,
      l2Hits: hits.l2Hits,
      staleHits: 0,
      misses: 8,
      loads: 6,
      loadErrors: 1,
      loadTimeouts: 0,
      loadsSpared: 0,
      writes: 8,
      writesFailed: 0,
      writesSuperseded: 0,
      writesLogged: 0,
      valuesGivenUp: 0,
      serviceInvalidations: 0,
      logDamage: 0,
      replayed: 0,
      replayedInvalidations: 0,
      replaySuperseded: 0,
      deletes: 4,
      promotions: 0,
      evictions: 0,
      undecodable: 0,
      l2Errors: 0,
      l2Timeouts: 0,
      invalidationsReceived: 0,
      invalidationsIgnored: 0,
      // That it listens from now on: what was written before it did not hear of.
      invalidationGaps: kind === 'l1' ? 0 : 1,
      invalidationLinkLosses: 0,
      hitRatio: hits.hitsOfFirstTier / (hits.hitsOfFirstTier + 8),
      l1Entries: 0,
      l1Bytes: 0,
      pendingWrites: 0,
      loggedKeys: 0,
      logBytes: 0,
      owed: NOTHING_OWED,
      loadsInFlight: 0,
    });
  });

  test('tells of a scripted workload, as often as it counts, and never a value', async () => {
    const client = await bench.client(kind);
    const events = collectEvents(client, ...CACHE_EVENTS);
    await runWorkload(client);
    const counts = Object.fromEntries(CACHE_EVENTS.map((name) => [name, events.filter(({ event }) => event === name).length]));
    const expected = { hit: hits.hitsOfFirstTier, miss: 8, load: 6, write: 8, delete: 4, evict: 0, promote: 0, invalidate: 1 };
    expect(counts).toEqual({ ...expected, degrade: 0, recover: 0, replay: 0, error: 0 });
    for (const { payload } of events) {
      expect(payload.service).toBe('things');
      expect(payload).not.toHaveProperty('value');
    }
  });

  test('tells what each event is about', async () => {
    const client = await bench.client(kind);
    const events = collectEvents(client, ...CACHE_EVENTS);
    const last = (): unknown => events.at(-1);
    const tier = kind === 'l2' ? 'l2' : 'l1';
    await client.set('a', 1);
    const l2 = kind === 'l1' ? 'none' : 'written';
    expect(last()).toEqual({ event: 'write', payload: { service: 'things', key: 'a', l1: kind !== 'l2', l2 } });
    await client.get('a');
    expect(last()).toEqual({ event: 'hit', payload: { service: 'things', key: 'a', tier, stale: false } });
    await client.get('b');
    expect(last()).toEqual({ event: 'miss', payload: { service: 'things', key: 'b' } });
    await client.delete('a');
    expect(last()).toEqual({ event: 'delete', payload: { service: 'things', key: 'a', existed: true } });
    await client.delete('a');
    expect(last()).toEqual({ event: 'delete', payload: { service: 'things', key: 'a', existed: false } });
    await client.clear();
    expect(last()).toEqual({ event: 'invalidate', payload: { service: 'things', reason: 'clear' } });
    const failure = new Error('the source is away');
    await client.getOrLoad('c', () => Promise.reject(failure)).catch(() => undefined);
    const load = events.find(({ event }) => event === 'load');
    expect(load?.payload).toMatchObject({ key: 'c', background: false, error: failure });
    expect((load?.payload as { durationMs: number }).durationMs).toBeGreaterThanOrEqual(0);
  });

  test('tells its manager too, and stops telling who no longer listens', async () => {
    const manager = await bench.manager({ one: { cache_type: kind }, two: { cache_type: kind } });
    const heard: string[] = [];
    const listener = ({ service }: { readonly service: string }): void => {
      heard.push(service);
    };
    manager.on('write', listener).on('write', () => heard.push('second listener'));
    manager.client('two').on('write', () => heard.push('of two'));
    await manager.client('one').set('a', 1);
    await manager.client('two').set('a', 1);
    expect(heard).toEqual(['one', 'second listener', 'of two', 'two', 'second listener']);
    manager.off('write', listener);
    await manager.client('one').set('a', 1);
    expect(heard.slice(5)).toEqual(['second listener']);
  });

  test('G10: is not disturbed by listeners that throw or reject', async () => {
    const client = await bench.client(kind);
    const heard: string[] = [];
    for (const name of CACHE_EVENTS) {
      client.on(name, () => {
        throw new Error('a bad listener');
      });
      client.on(name, () => Promise.reject(new Error('a bad listener')) as unknown as undefined);
      client.on(name, () => heard.push(name));
    }
    await runWorkload(client);
    expect(heard.length).toBeGreaterThan(20);
  });

  test('counts nothing with enable_metrics = false', async () => {
    const client = await bench.client(kind, {}, { global: { enable_metrics: false } });
    await runWorkload(client);
    const { enabled, service, owed, ...numbers } = client.metrics();
    expect({ enabled, service, owed }).toEqual({ enabled: false, service: 'things', owed: NOTHING_OWED });
    expect(Object.values(numbers)).toEqual(Object.values(numbers).map(() => 0));
  });

  test('counts what failed to be written', async () => {
    const client = await bench.client(kind);
    await expect(client.set('a', undefined)).rejects.toThrow(TypeError);
    await expect(client.set('', 1)).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
    await expect(client.set('a', 1, -1)).rejects.toThrow(TypeError);
    expect(client.metrics()).toMatchObject({ writes: 0, writesFailed: 0 });
  });
});

const KINDS_WITH_L1: readonly Kind[] = ['l1', 'two-level'];

test.each(KINDS_WITH_L1)('a service of type %s tells of evictions and why', async (kind) => {
  const clock = new FakeClock();
  const client = await bench.client(kind, { ttl: 10, l1: { max_capacity: 3 } }, { clock });
  const events = collectEvents(client, 'evict');
  for (let i = 0; i < 5; i++) await client.set(`k${i}`, i);
  expect(events.map(({ payload }) => payload.reason)).toEqual(['capacity', 'capacity']);
  expect(client.metrics()).toMatchObject({ evictions: 2, l1Entries: 3 });
  clock.advance(61_000);
  expect(events).toHaveLength(5);
  expect(events.slice(2).map(({ payload }) => payload.reason)).toEqual(['expired', 'expired', 'expired']);
  expect(client.metrics()).toMatchObject({ evictions: 5, l1Entries: 0 });
});

test('a two-level service tells of promotions, and of hits of the tier that answered', async () => {
  const writer = await bench.client('two-level', { ttl: 100, l1: { ttl: 50 } });
  await writer.set('k', 1);
  const client = await bench.client('two-level', { ttl: 100, l1: { ttl: 50 } });
  const events = collectEvents(client, 'promote', 'hit');
  await client.get('k');
  await client.get('k');
  expect(events).toEqual([
    { event: 'promote', payload: { service: 'things', key: 'k', ttlMs: expect.any(Number) } },
    { event: 'hit', payload: { service: 'things', key: 'k', tier: 'l2', stale: false } },
    { event: 'hit', payload: { service: 'things', key: 'k', tier: 'l1', stale: false } },
  ]);
  const { ttlMs } = events[0]?.payload as { readonly ttlMs: number };
  expect(ttlMs).toBeGreaterThan(49_000);
  expect(ttlMs).toBeLessThanOrEqual(50_000);
  expect(client.metrics()).toMatchObject({ l1Hits: 1, l2Hits: 1, promotions: 1 });
});

test('metrics of a manager are those of its services, apart', async () => {
  const manager = await bench.manager({ a: { cache_type: 'l1' }, b: { cache_type: 'two-level' } });
  await manager.client('a').set('k', 1);
  await manager.client('b').get('k');
  expect(manager.metrics()).toMatchObject({ a: { writes: 1, misses: 0, l1Entries: 1 }, b: { writes: 0, misses: 1 } });
  expect(manager.health()).toMatchObject({ status: 'healthy', services: { a: { status: 'healthy' }, b: { status: 'healthy' } } });
});
