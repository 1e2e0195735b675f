/** G12: what cannot be used is a clear error, before anything changes. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import type { CacheManager } from '../../../lib/manager/cache-manager.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { cached } from '../../../lib/wrap/cached.js';
import { collectEvents } from '../../support/collect-events.js';

let manager: CacheManager;
let client: CacheClient;

beforeEach(async () => {
  manager = await createManager({ services: { s: { cache_type: 'l1' } } });
  client = manager.client('s');
});

afterEach(() => manager.close());

/** Every call that takes a key, given one. */
const CALLS: readonly (readonly [string, (key: string) => unknown])[] = [
  ['get', (key) => client.get(key)],
  ['peek', (key) => client.peek(key)],
  ['lookup', (key) => client.lookup(key)],
  ['set', (key) => client.set(key, 1)],
  ['delete', (key) => client.delete(key)],
  ['has', (key) => client.has(key)],
  ['expire', (key) => client.expire(key, 1)],
  ['getMany', (key) => client.getMany(['ok', key])],
  [
    'setMany',
    (key) =>
      client.setMany([
        ['ok', 1],
        [key, 1],
      ]),
  ],
  ['deleteMany', (key) => client.deleteMany(['ok', key])],
  ['getOrLoad', (key) => client.getOrLoad(key, () => 1)],
  ['getOrLoadMany', (key) => client.getOrLoadMany(['ok', key], (keys) => keys.map(() => 1))],
  ['refresh', (key) => client.refresh(key, () => 1)],
  ['setL1Only', (key) => client.setL1Only(key, 1)],
  ['getL1Only', (key) => client.getL1Only(key)],
];

/** What a call fails with, now or later. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail');
}

describe.each(CALLS)('%s', (_name, call) => {
  test.each([
    ['an empty key', ''],
    ['a key of 1025 characters', 'x'.repeat(1025)],
    ['half of a pair of surrogates', 'a\ud83d'],
    ['a key of the kind that the library keeps for itself', '\u0001oxcache:tag:t'],
  ])('refuses %s with CACHE_KEY_INVALID', async (_what, key) => {
    const events = collectEvents(client, 'write', 'load', 'delete');
    expect(await failureOf(() => call(key))).toMatchObject({ code: 'CACHE_KEY_INVALID', service: 's' });
    expect(events).toEqual([]);
    expect(client.metrics().l1Entries).toBe(0);
    expect(client.metrics()).not.toHaveProperty('hitRatio');
  });

  test.each([[undefined], [null], [1], [Symbol('k')], [['k']], [{}]])('refuses %p as a key with a TypeError', async (key) => {
    expect(await failureOf(() => call(key as unknown as string))).toBeInstanceOf(TypeError);
    expect(client.metrics().l1Entries).toBe(0);
  });

  test('takes a key of 1024 characters', async () => {
    await call('x'.repeat(1024));
    expect(client.metrics().writesFailed).toBe(0);
  });
});

describe('a key that the library keeps for itself', () => {
  const reserved = '\u0001oxcache:tag:t';

  test('is made no use of by a wrapped function, which runs', async () => {
    const events = collectEvents(client, 'write', 'error');
    const load = cached(client, (id: string) => id.length, { key: (id) => id });
    expect(await load(reserved)).toBe(reserved.length);
    expect(events).toMatchObject([{ event: 'error', payload: { error: { code: 'CACHE_KEY_INVALID' } } }]);
    await expect(load.invalidate(reserved)).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
    await expect(load.refresh(reserved)).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
  });

  test('is no tag either', async () => {
    await expect(client.set('k', 1, { tags: [reserved] })).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
    await expect(client.invalidateTags(reserved)).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
  });

  test('differs from one that merely resembles it', async () => {
    for (const key of ['\u0001', '\u0001oxcache', 'oxcache:tag:t', ' \u0001oxcache:tag:t']) {
      await client.set(key, 1);
      expect(await client.get(key)).toBe(1);
    }
  });
});

describe('a lifetime', () => {
  const bad = [0, -1, Number.NaN, Infinity, '', '5', '-5s', '5 mins', 'soon', '31d', 2_592_001, true, [], () => 1];

  test.each(bad.map((ttl) => [ttl]))('of %p is refused by set, setMany, expire and getOrLoad', async (ttl) => {
    const wrong = ttl as unknown as number;
    await client.set('k', 'before');
    for (const call of [
      () => client.set('k', 1, wrong),
      () => client.set('k', 1, { ttl: wrong }),
      () => client.setMany([['k', 1]], wrong),
      () => client.expire('k', wrong),
      () => client.getOrLoad('other', () => 1, { ttl: wrong }),
    ]) {
      // A list is an object, and so a set of options without a lifetime; what is in it is refused by name.
      if (Array.isArray(ttl)) continue;
      const failure = await failureOf(call);
      expect(failure).toBeInstanceOf(TypeError);
      expect((failure as Error).message).toContain('`ttl`');
    }
    expect(client.peek('k')).toBe('before');
    expect(client.peek('other')).toBeUndefined();
  });

  test('of 30 days is the longest, and of a millisecond is one', async () => {
    await client.set('k', 1, '30d');
    await client.set('k', 1, 2_592_000);
    expect(await client.set('k', 1, '1ms')).toEqual({ l1: true, l2: 'none' });
  });
});

describe('an option', () => {
  test.each([
    ['set', () => client.set('k', 1, { tll: 5 } as never), '`ttl`'],
    ['setMany', () => client.setMany([['k', 1]], { TTL: 5 } as never), '`ttl`'],
    ['getOrLoad', () => client.getOrLoad('k', () => 1, { timeot: 5 } as never), '`timeout`'],
    ['refresh', () => client.refresh('k', () => 1, { allowstale: true } as never), '`allowStale`'],
  ])('that %s does not know is refused with the nearest name', async (_name, call, hint) => {
    const failure = await failureOf(call);
    expect(failure).toBeInstanceOf(TypeError);
    expect((failure as Error).message).toContain(hint);
    expect(client.metrics().l1Entries).toBe(0);
  });
});

test.each([
  ['set of undefined', () => client.set('k', undefined)],
  ['setMany of undefined', () => client.setMany([['k', undefined]])],
  ['setMany of no list', () => client.setMany(5 as never)],
  ['setMany of an object', () => client.setMany({ k: 1 } as never)],
  ['getMany of a text', () => client.getMany('k' as never)],
  ['deleteMany of nothing', () => client.deleteMany(undefined as never)],
  ['getOrLoad without a loader', () => client.getOrLoad('k', undefined as never)],
  ['getOrLoadMany without a loader', () => client.getOrLoadMany(['k'], {} as never)],
  ['refresh without a loader', () => client.refresh('k', null as never)],
])('%s is a TypeError', async (_name, call) => {
  expect(await failureOf(call)).toBeInstanceOf(TypeError);
  expect(client.metrics()).toMatchObject({ l1Entries: 0, writes: 0, loads: 0 });
});

test('options are read once: what was checked is what is used', async () => {
  const reads = { ttl: 0, tags: 0, tag: 0 };
  class Tags extends Array<string> {
    override *[Symbol.iterator](): ArrayIterator<string> {
      yield reads.tag++ === 0 ? 'fine' : (5 as unknown as string);
    }
  }
  const tags = new Tags('t');
  const options = {
    get ttl() {
      return reads.ttl++ === 0 ? 10 : (undefined as unknown as number);
    },
    get tags() {
      return reads.tags++ === 0 ? tags : (null as unknown as string[]);
    },
  };
  expect(await client.set('k', 1, options)).toMatchObject({ l1: true });
  expect(reads).toEqual({ ttl: 1, tags: 1, tag: 1 });
  await client.invalidateTags('fine');
  expect(await client.get('k')).toBeUndefined();
});
