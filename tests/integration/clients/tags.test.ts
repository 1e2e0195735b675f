/** What was written with a tag is gone in every process once the tag is invalidated, for every way to read; nothing else is. */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { collectEvents } from '../../support/collect-events.js';
import { until } from '../../support/until.js';
import { passTime } from '../outage/rig.js';
import { countingLoader, KINDS_WITH_L2, SERVICE, Workbench } from './workbench.js';

const bench = new Workbench();
/** Processes that are not told of anything: what they know they know from Redis. */
const DEAF = { sync: { enabled: false } } as const;
const MARKS = `oxcache::${SERVICE}:marks`;

/** What every way to read a key says of it; none of them loads or changes anything. */
async function readsOf(client: CacheClient, key: string): Promise<Readonly<Record<string, unknown>>> {
  const none = (): never => {
    throw new Error('It is not to be loaded');
  };
  return {
    get: await client.get(key),
    lookup: (await client.lookup(key)).status,
    has: await client.has(key),
    getMany: (await client.getMany([key])).get(key),
    getOrLoad: await client.getOrLoad(key, none, { disableLoad: true }),
    getOrLoadMany: (await client.getOrLoadMany([key], none, { disableLoad: true })).get(key),
    getL2Only: await client.getL2Only(key),
  };
}

const MISSING = {
  get: undefined,
  lookup: 'miss',
  has: false,
  getMany: undefined,
  getOrLoad: undefined,
  getOrLoadMany: undefined,
  getL2Only: undefined,
};
const found = (value: unknown): Readonly<Record<string, unknown>> => ({
  get: value,
  lookup: 'fresh',
  has: true,
  getMany: value,
  getOrLoad: value,
  getOrLoadMany: value,
  getL2Only: value,
});

describe.each(KINDS_WITH_L2)('a service of type %s', (kind) => {
  test('reads a tagged value like any other until one of its tags is invalidated, whoever wrote, invalidates and reads', async () => {
    const [writer, invalidator, reader] = [
      await bench.client(kind),
      await bench.client(kind, DEAF),
      await bench.client(kind, DEAF),
    ];
    await writer.set('k', 1, { tags: ['red', 'round'] });
    await writer.set('other', 1, { tags: ['blue'] });
    await writer.set('plain', 1);
    expect(await readsOf(reader, 'k')).toEqual(found(1));
    await invalidator.invalidateTags('round');
    const fresh = await bench.client(kind, DEAF);
    expect(await readsOf(fresh, 'k')).toEqual(MISSING);
    expect(await readsOf(fresh, 'other')).toEqual(found(1));
    expect(await readsOf(fresh, 'plain')).toEqual(found(1));
  });

  test('G5: what another process invalidated is gone once that has resolved and been heard of, also from L1', async () => {
    const [one, two] = [await bench.client(kind), await bench.client(kind)];
    for (let round = 0; round < 5; round++) {
      await one.set('k', round, { tags: ['red'] });
      await two.set('mine', round, { tags: ['red'] });
      expect(await two.get('k')).toBe(round);
      await one.invalidateTags('red');
      await expectGone(two, 'k');
      await expectGone(two, 'mine');
      expect(await readsOf(one, 'k')).toEqual(MISSING);
      expect(await readsOf(one, 'mine')).toEqual(MISSING);
    }
  });

  test('every way to write takes tags, also for a remembered absence', async () => {
    const client = await bench.client(kind, { null_ttl: 60 });
    const writes: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['set', () => client.set('set', 1, { tags: ['red'] })],
      ['setMany', () => client.setMany([['setMany', 1]], { tags: ['red'] })],
      ['setL2Only', () => client.setL2Only('setL2Only', 1, { tags: ['red'] })],
      ['getOrLoad', () => client.getOrLoad('getOrLoad', () => 1, { tags: ['red'] })],
      ['getOrLoadMany', () => client.getOrLoadMany(['getOrLoadMany'], () => [1], { tags: ['red'] })],
      ['refresh', () => client.refresh('refresh', () => 1, { tags: ['red'] })],
    ];
    for (const [, write] of writes) await write();
    await client.getOrLoad('absent', () => undefined, { tags: ['red'] });
    const reader = await bench.client(kind, DEAF);
    for (const [key] of writes) expect(await readsOf(reader, key)).toEqual(found(1));
    expect((await reader.lookup('absent')).status).toBe('absent');
    await client.invalidateTags('red');
    const late = await bench.client(kind, DEAF);
    for (const who of [client, late]) {
      for (const [key] of writes) expect(await readsOf(who, key)).toEqual(MISSING);
      expect((await who.lookup('absent')).status).toBe('miss');
    }
  });

  test('a tag can be used again at once, as often as one likes', async () => {
    const [one, two] = [await bench.client(kind), await bench.client(kind, DEAF)];
    for (let round = 0; round < 10; round++) {
      await one.set('k', round, { tags: ['red'] });
      expect(await readsOf(one, 'k')).toEqual(found(round));
      expect(await two.getL2Only('k')).toBe(round);
      await one.invalidateTags('red');
      expect(await readsOf(one, 'k')).toEqual(MISSING);
      expect(await two.getL2Only('k')).toBeUndefined();
    }
  });

  test('two invalidations and writes within one millisecond are told apart', async () => {
    const clock = new FakeClock(Date.now());
    const client = await bench.client(kind, {}, { clock });
    await client.set('a', 1, { tags: ['red'] });
    await client.invalidateTags('red');
    await client.set('b', 1, { tags: ['red'] });
    expect(await client.getL2Only('a')).toBeUndefined();
    expect(await client.getL2Only('b')).toBe(1);
    await Promise.all([client.invalidateTags('red'), client.set('c', 1, { tags: ['red'] }), client.invalidateTags('blue')]);
    expect(await readsOf(client, 'b')).toEqual(MISSING);
    expect(await readsOf(client, 'c')).toEqual(found(1));
    await Promise.all([client.invalidateTags('red'), client.invalidateTags('red'), client.set('d', 1, { tags: ['red'] })]);
    expect(await readsOf(client, 'c')).toEqual(MISSING);
    expect(await readsOf(client, 'd')).toEqual(found(1));
  });

  test('a value written anew has its new tags only', async () => {
    const [one, two] = [await bench.client(kind), await bench.client(kind, DEAF)];
    await one.set('k', 1, { tags: ['red'] });
    await one.set('k', 2, { tags: ['blue'] });
    await one.set('plain', 1, { tags: ['red'] });
    await one.set('plain', 2);
    await one.invalidateTags('red');
    expect(await readsOf(one, 'k')).toEqual(found(2));
    expect(await readsOf(one, 'plain')).toEqual(found(2));
    await one.invalidateTags('blue');
    expect(await readsOf(one, 'k')).toEqual(MISSING);
    expect(await two.get('plain')).toBe(2);
  });

  test('G1: the same tag of another service is another one', async () => {
    const services = { a: { cache_type: kind }, b: { cache_type: kind } } as const;
    const manager = await bench.manager(services);
    await manager.client('a').set('k', 1, { tags: ['red'] });
    await manager.client('b').set('k', 1, { tags: ['red'] });
    await manager.client('a').invalidateTags('red');
    const fresh = await bench.manager(services);
    for (const who of [manager, fresh]) {
      expect(await readsOf(who.client('a'), 'k')).toEqual(MISSING);
      expect(await readsOf(who.client('b'), 'k')).toEqual(found(1));
    }
  });

  test('expire keeps the tags, and finds nothing to prolong once one is invalidated', async () => {
    const [one, two] = [await bench.client(kind), await bench.client(kind, DEAF)];
    await one.set('k', 1, { ttl: 60, tags: ['red'] });
    expect(await one.expire('k', '1h')).toBe(true);
    expect(await bench.pttl('k')).toBeGreaterThan(3_000_000);
    expect(await readsOf(one, 'k')).toEqual(found(1));
    await two.invalidateTags('red');
    expect(await (await bench.client(kind, DEAF)).expire('k', '2h')).toBe(false);
    expect(await bench.pttl('k')).toBeLessThan(3_700_000);
    await one.invalidateTags('red');
    expect(await one.expire('k', '2h')).toBe(false);
    expect(await readsOf(one, 'k')).toEqual(MISSING);
  });

  test('a copy that expire renews has the tags that Redis has, whatever the copy had before', async () => {
    const [one, two] = [await bench.client(kind, DEAF), await bench.client(kind, DEAF)];
    await one.set('k', 'plain');
    await passTime();
    await two.set('k', 'tagged', { tags: ['red'] });
    expect(await one.expire('k', '1h')).toBe(true);
    expect(await one.get('k')).toBe('tagged');
    await one.invalidateTags('red');
    expect(await readsOf(one, 'k')).toEqual(MISSING);
  });

  test('a value past its TTL does not stand in for a failing source once its tag is invalidated', async () => {
    const client = await bench.client(kind, { stale_ttl: 60 });
    const failing = { allowStale: true };
    const fail = (): Promise<never> => Promise.reject(new Error('source'));
    await client.set('k', 1, { ttl: '20ms', tags: ['red'] });
    await passTime(30);
    expect(await client.getOrLoad('k', fail, failing)).toBe(1);
    expect((await client.lookup('k')).status).toBe('stale');
    await (await bench.client(kind, DEAF)).invalidateTags('red');
    const reader = await bench.client(kind, { ...DEAF, stale_ttl: 60 });
    await client.invalidateTags('red');
    for (const who of [client, reader]) {
      await expect(who.getOrLoad('k', fail, failing)).rejects.toThrow('source');
      expect((await who.lookup('k')).status).toBe('miss');
    }
  });

  test('L1 drops what turns out to be invalidated, also what is past its TTL', async () => {
    const [one, two] = [await bench.client(kind, { ...DEAF, stale_ttl: 60 }), await bench.client(kind, DEAF)];
    await one.set('k', 1, { ttl: '20ms', tags: ['red'] });
    await passTime(30);
    await one.set('l', 1, { ttl: '20ms', tags: ['blue'] });
    await passTime(30);
    await two.invalidateTags('red', 'blue');
    expect((await one.lookup('k')).status).toBe('miss');
    await expect(one.getOrLoad('l', () => Promise.reject(new Error('source')), { allowStale: true })).rejects.toThrow('source');
  });

  test('loads once what was invalidated, and then has it', async () => {
    const client = await bench.client(kind);
    const { load, calls } = countingLoader();
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < 3; i++) expect(await client.getOrLoad('k', load, { tags: ['red'] })).toBe(`k#${round}`);
      await client.invalidateTags('red');
    }
    expect(calls).toHaveLength(3);
  });

  test('G13: bytes that are no mark make tagged values misses, are reported, and end with the next invalidation', async () => {
    const client = await bench.client(kind, DEAF);
    const errors = collectEvents(client, 'error');
    await client.setL2Only('k', 1, { tags: ['red'] });
    await bench.server.call('HSET', MARKS, 'tred', 'who knows what this is, it is certainly no version');
    expect(await client.getL2Only('k')).toBeUndefined();
    expect(errors).toMatchObject([{ payload: { error: { code: 'CACHE_DECODE_FAILED' } } }]);
    await client.invalidateTags('red');
    await client.setL2Only('k', 2, { tags: ['red'] });
    expect(await client.getL2Only('k')).toBe(2);
  });

  test('clear leaves nothing that a tag could bring back, and marks that still count', async () => {
    const client = await bench.client(kind);
    await client.set('k', 1, { tags: ['red'] });
    await client.clear();
    await client.invalidateTags('red');
    expect(await readsOf(client, 'k')).toEqual(MISSING);
    await client.set('k', 2, { tags: ['red'] });
    expect(await readsOf(client, 'k')).toEqual(found(2));
  });
});

/** How often the marks were read from Redis, by anybody, while `work` ran. */
async function commandsAtMarks(work: () => Promise<unknown>): Promise<number> {
  const calls = async (): Promise<number> =>
    Number(/cmdstat_hmget:calls=(\d+)/.exec((await bench.server.call('INFO', 'commandstats')) as string)?.[1] ?? 0);
  const before = await calls();
  await work();
  return (await calls()) - before;
}

/** Waits for the message to arrive. */
async function expectGone(client: CacheClient, key: string): Promise<void> {
  await until(async () => (await client.get(key)) === undefined);
  expect(await readsOf(client, key)).toEqual(MISSING);
}

describe('what tags cost', () => {
  test('an invalidation is one small field per tag, however many entries there are', async () => {
    const client = await bench.client('two-level');
    await client.setMany(
      Array.from({ length: 500 }, (_, i) => [`k${i}`, i] as const),
      { tags: ['red'] },
    );
    const before = (await bench.names()).length;
    const fields = Number(await bench.server.call('HLEN', MARKS));
    const commands = await bench.countCommands(() => client.invalidateTags('red', 'round'));
    expect(commands).toMatchObject({ evalsha: 1 });
    expect((await bench.names()).length).toBe(before);
    expect(Number(await bench.server.call('HLEN', MARKS))).toBe(fields + 2);
    expect(await client.getMany(Array.from({ length: 500 }, (_, i) => `k${i}`))).toEqual(new Map());
  });

  test('reading what has no tags asks for nothing more', async () => {
    const writer = await bench.client('l2', DEAF);
    await writer.set('k', 1);
    const reader = await bench.client('l2', DEAF);
    expect(await bench.countCommands(() => reader.get('k'))).toMatchObject({ get: 1 });
  });

  test('reads of one tick ask for a tag once', async () => {
    const writer = await bench.client('l2', DEAF);
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await writer.setMany(
      keys.map((key) => [key, 1] as const),
      { tags: ['red'] },
    );
    const reader = await bench.client('l2', DEAF);
    const asked = await commandsAtMarks(async () => {
      expect((await reader.getMany(keys)).size).toBe(20);
    });
    expect(asked).toBe(1);
  });

  test('a process that hears of every invalidation asks for none that it would have heard of', async () => {
    const [writer, reader] = [await bench.client('two-level'), await bench.client('two-level')];
    // What is younger than the link by less than the clocks may differ is asked about.
    await passTime(200);
    await writer.set('k', 1, { tags: ['red'] });
    await writer.set('l', 1, { tags: ['red'] });
    expect(await bench.countCommands(() => reader.get('k'))).toMatchObject({ get: 1 });
    await writer.invalidateTags('red');
    await writer.set('k', 2, { tags: ['red'] });
    // Three keys and a tag.
    await until(() => reader.metrics().invalidationsReceived >= 4);
    const commands = await bench.countCommands(async () => {
      expect(await reader.get('k')).toBe(2);
      expect(await reader.get('l')).toBeUndefined();
    });
    expect(commands).toMatchObject({ get: 2 });
  });
});
