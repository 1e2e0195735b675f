/** Tags in a service without Redis, and what tags may be: no clock, no network. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import type { CacheManager } from '../../../lib/manager/cache-manager.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { deletionLifeMs, MARK_LIFE_MS, tagMarkOf, tagOfMark } from '../../../lib/tiers/redis/tag-mark.js';
import { MAX_TTL_MS } from '../../../lib/base/duration.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { Gate } from '../../integration/races/gate.js';
import { collectEvents } from '../../support/collect-events.js';

const clock = new FakeClock();
let manager: CacheManager;
let client: CacheClient;

beforeEach(async () => {
  const services = { s: { cache_type: 'l1', ttl: 60, stale_ttl: 60 }, other: { cache_type: 'l1' } } as const;
  manager = await createManager({ services }, { clock });
  client = manager.client('s');
});
afterEach(() => manager.close());

/** Every call that stores something, with tags. */
const WRITES: readonly (readonly [string, (key: string, tags: readonly string[]) => Promise<unknown>])[] = [
  ['set', (key, tags) => client.set(key, 1, { tags })],
  ['setMany', (key, tags) => client.setMany([[key, 1]], { ttl: '5m', tags })],
  ['setL1Only', (key, tags) => client.setL1Only(key, 1, { tags })],
  ['getOrLoad', (key, tags) => client.getOrLoad(key, () => 1, { tags })],
  ['getOrLoadMany', (key, tags) => client.getOrLoadMany([key], () => [1], { tags })],
  ['refresh', (key, tags) => client.refresh(key, () => 1, { tags })],
];

describe.each(WRITES)('%s', (_name, write) => {
  test('stores a value that is gone when one of its tags is invalidated', async () => {
    for (const tag of ['red', 'round']) {
      await write('k', ['red', 'round']);
      expect(client.peek('k')).toBe(1);
      await client.invalidateTags('square');
      expect(client.peek('k')).toBe(1);
      await client.invalidateTags(tag);
      expect(client.peek('k')).toBeUndefined();
      expect(await client.lookup('k')).toEqual({ status: 'miss' });
      expect(await client.has('k')).toBe(false);
    }
  });

  test.each<[string, unknown]>([
    ['one text', 'red'],
    ['a number', ['red', 5]],
    ['nothing in the list', ['red', undefined]],
    ['null', null],
    ['too many', Array.from({ length: 129 }, (_, i) => String(i))],
  ])('G12: refuses %s with a TypeError, before anything changes', async (_what, tags) => {
    const events = collectEvents(client, 'write', 'load');
    await expect((async () => write('k', tags as readonly string[]))()).rejects.toThrow(TypeError);
    expect(client.metrics().l1Entries).toBe(0);
    expect(events).toEqual([]);
  });

  test.each([
    ['an empty one', ''],
    ['one of 257 characters', 'x'.repeat(257)],
    ['half of a pair of surrogates', 'a\ud83d'],
  ])('G12: refuses %s with CACHE_KEY_INVALID', async (_what, tag) => {
    await expect((async () => write('k', ['red', tag]))()).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID', service: 's' });
    expect(client.metrics().l1Entries).toBe(0);
  });

  test('takes 128 tags of 256 characters, each given twice, and none at all', async () => {
    const tags = Array.from({ length: 128 }, (_, i) => String(i).padStart(256, '☃'));
    await write('k', [...tags, ...tags]);
    expect(client.peek('k')).toBe(1);
    await client.invalidateTags(tags[127] as string);
    expect(client.peek('k')).toBeUndefined();
    await write('k', []);
    expect(client.peek('k')).toBe(1);
  });
});

describe('invalidateTags', () => {
  test('G12: needs at least one tag, and each as a usable text', async () => {
    await client.set('k', 1, { tags: ['red'] });
    await expect(client.invalidateTags()).rejects.toThrow(TypeError);
    await expect(client.invalidateTags(['red'] as never)).rejects.toThrow(TypeError);
    await expect(client.invalidateTags('red', '')).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
    expect(client.peek('k')).toBe(1);
  });

  test('tells of all its tags in one event', async () => {
    const events = collectEvents(client, 'invalidate');
    await client.invalidateTags('red', 'round', 'red');
    expect(events).toEqual([{ event: 'invalidate', payload: { service: 's', reason: 'tags', tags: ['red', 'round'] } }]);
  });

  test('G1: leaves other services, what has no tags, and what has others alone', async () => {
    await manager.client('other').set('k', 1, { tags: ['red'] });
    await client.set('plain', 1);
    await client.set('blue', 1, { tags: ['blue'] });
    await client.set('red', 1, { tags: ['red'] });
    await client.invalidateTags('red');
    expect(await client.getMany(['plain', 'blue', 'red'])).toEqual(
      new Map([
        ['plain', 1],
        ['blue', 1],
      ]),
    );
    expect(manager.client('other').peek('k')).toBe(1);
  });

  test('is nothing to what is written with the tag afterwards', async () => {
    await client.set('k', 1, { tags: ['red'] });
    await client.invalidateTags('red');
    await client.set('k', 2, { tags: ['red'] });
    expect(client.peek('k')).toBe(2);
    await client.invalidateTags('red');
    expect(client.peek('k')).toBeUndefined();
  });

  test('takes a value past its TTL too, and a remembered nothing', async () => {
    await client.set('stale', 1, { tags: ['red'] });
    await client.getOrLoad('absent', () => undefined, { tags: ['red'] });
    clock.advance(61_000);
    expect(await client.lookup('stale')).toMatchObject({ status: 'stale' });
    await client.getOrLoad('absent', () => undefined, { tags: ['red'] });
    expect(await client.lookup('absent')).toMatchObject({ status: 'absent' });
    await client.invalidateTags('red');
    expect(await client.lookup('stale')).toEqual({ status: 'miss' });
    expect(await client.lookup('absent')).toEqual({ status: 'miss' });
    await expect(client.getOrLoad('stale', () => Promise.reject(new Error('source')))).rejects.toThrow('source');
  });

  test('ends what a new lifetime has prolonged, and is not undone by one', async () => {
    await client.set('k', 1, { tags: ['red'] });
    await client.expire('k', '1h');
    await client.invalidateTags('red');
    expect(await client.expire('k', '1h')).toBe(false);
    expect(client.peek('k')).toBeUndefined();
  });

  test.each(['getOrLoad', 'getOrLoadMany', 'refresh'] as const)('G4: beats a %s with the tag that began before', async (name) => {
    const gate = new Gate();
    const calls = {
      getOrLoad: () => client.getOrLoad('k', () => gate.pass(1), { tags: ['red'] }),
      getOrLoadMany: () => client.getOrLoadMany(['k'], () => gate.pass([1]), { tags: ['red'] }),
      refresh: () => client.refresh('k', () => gate.pass(1), { tags: ['red'] }),
    };
    const load = calls[name]();
    await gate.reached;
    await client.invalidateTags('red');
    gate.open();
    await load;
    expect(client.peek('k')).toBeUndefined();
  });

  test('is nothing to a load with other tags', async () => {
    const gate = new Gate();
    const load = client.getOrLoad('k', () => gate.pass(1), { tags: ['blue'] });
    await gate.reached;
    await client.invalidateTags('red');
    gate.open();
    await load;
    expect(client.peek('k')).toBe(1);
  });

  test('by whoever hears of an eviction takes what has just been stored', async () => {
    await manager.close();
    manager = await createManager({ services: { s: { cache_type: 'l1', l1: { max_capacity: 1 } } } }, { clock });
    client = manager.client('s');
    await client.set('a', 1);
    client.on('evict', () => void client.invalidateTags('red'));
    await client.set('b', 1, { tags: ['red'] });
    expect(client.peek('b')).toBeUndefined();
  });

  test('is refused once the service is closed', async () => {
    await client.close();
    await expect(client.invalidateTags('red')).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
  });
});

describe('the mark of a tag', () => {
  test('has a key that says which tag it is, and no other key does', () => {
    expect(tagOfMark(tagMarkOf('team:7'))).toBe('team:7');
    expect([tagOfMark('team:7'), tagOfMark('oxcache:tag:team:7'), tagOfMark('\u0001oxcache:dataset')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('G2: is remembered for longer than any entry is kept, stale window included', () => {
    expect(MARK_LIFE_MS).toBeGreaterThan(2 * MAX_TTL_MS);
    expect([deletionLifeMs(tagMarkOf('t'), 5), deletionLifeMs('t', 5)]).toEqual([MARK_LIFE_MS, 5]);
  });
});

describe('lock', () => {
  test.each<[string, unknown]>([
    ['no options', undefined],
    ['no time', {}],
    ['a duration alone', '5s'],
    ['a time of nothing', { ttl: 0 }],
    ['a wait that is none', { ttl: 5, wait: -1 }],
    ['a wait that is no duration', { ttl: 5, wait: 'soon' }],
    ['an unknown option', { ttl: 5, timeout: 5 }],
  ])('G12: refuses %s with a TypeError', async (_what, options) => {
    const failure = await client.lock('k', options as never).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TypeError);
    // Not for want of L2, which is found out last.
    expect((failure as Error).message).not.toContain('L2');
  });

  test('G12: refuses an unusable key', async () => {
    await expect(client.lock('', { ttl: 5 })).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
  });

  test('needs a service with L2', async () => {
    await expect(client.lock('k', { ttl: 5, wait: 0 })).rejects.toThrow(/needs a service with L2/);
  });
});
