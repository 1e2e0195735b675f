/** What can't be used is a clear error before either tier changes (G12). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheClient, CacheManager } from '../../../lib/index.js';
import { RedisServer } from '../../support/redis-server.js';
import { entryNames } from '../clients/workbench.js';
import { l2At, twoLevelAt, useRig } from '../outage/rig.js';

const rig = useRig();
let server: RedisServer;
let manager: CacheManager;
let client: CacheClient;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  await server.flush();
  manager = await rig.open({
    s: twoLevelAt(server, { l2: l2At(server, { max_value_size: 1000 }) }),
    frozen: twoLevelAt(server, { l1: { isolation: 'frozen' } }),
    packed: twoLevelAt(server, { serialization: 'msgpack' }),
  });
  client = manager.client('s');
  await client.set('kept', 'v');
});

/** Only what `beforeEach` stored is there. */
async function expectNothingChanged(): Promise<void> {
  expect(client.metrics()).toMatchObject({ l1Entries: 1, writes: 1, deletes: 0, pendingWrites: 0, loadsInFlight: 0 });
  expect(client.peek('kept')).toBe('v');
  expect(await entryNames(server)).toEqual(['oxcache:s:kept']);
  expect(Number(await server.call('PTTL', 'oxcache:s:kept'))).toBeGreaterThan(590_000);
}

/** A value where TypeScript would not let it through. */
const wrong = <T>(value: unknown): T => value as T;

const invalidKey = { name: 'CacheError', code: 'CACHE_KEY_INVALID', service: 's' };
const notEncodable = { name: 'CacheError', code: 'CACHE_ENCODE_FAILED', service: 's', key: 'k' };
const misused = { name: 'TypeError', message: expect.stringMatching(/^Expected|^Unknown option/) };

const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;

const KEYS: readonly (readonly [string, unknown, object])[] = [
  ['an empty one', '', invalidKey],
  ['one that is too long', 'k'.repeat(1025), invalidKey],
  ['half a surrogate pair', 'a\ud800b', invalidKey],
  ['one of our own kind', '\u0001oxcache:tag:t', invalidKey],
  ['the beginning of our own keys', '\u0001oxcache:', invalidKey],
  ['a number', 42, misused],
  ['undefined', undefined, misused],
  ['null', null, misused],
  ['an object', {}, misused],
  ['a symbol', Symbol('k'), misused],
];

describe('G12: a key', () => {
  test.each(KEYS)('that is %s is refused by every call', async (_name, key, error) => {
    const bad = wrong<string>(key);
    let loads = 0;
    const loader = (): number => ++loads;
    const calls: (() => Promise<unknown>)[] = [
      () => client.get(bad),
      () => client.lookup(bad),
      () => client.set(bad, 1),
      () => client.delete(bad),
      () => client.has(bad),
      () => client.expire(bad, 1),
      () => client.getMany(['kept', bad]),
      () =>
        client.setMany([
          ['fine', 1],
          [bad, 1],
        ]),
      () => client.deleteMany(['kept', bad]),
      () => client.getOrLoad(bad, loader),
      () => client.getOrLoadMany(['cold', bad], () => [loader(), 1]),
      () => client.refresh(bad, loader),
      () => client.setL1Only(bad, 1),
      () => client.setL2Only(bad, 1),
      () => client.getL1Only(bad),
      () => client.getL2Only(bad),
      () => client.lock(bad, { ttl: '1s' }),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject(error);
    expect(() => client.peek(bad)).toThrow(expect.objectContaining(error));
    expect(loads).toBe(0);
    await expectNothingChanged();
  });

  test('as long as it may be, and of any characters, is a key', async () => {
    for (const key of ['k'.repeat(1024), '__proto__', 'constructor', 'a b\n*?[x]:é😀', '\0']) {
      await client.set(key, 'v');
      expect(await client.getL2Only(key)).toBe('v');
      expect(await client.delete(key)).toBe(true);
    }
  });

  test('list that is no array is refused', async () => {
    for (const keys of ['kept', new Set(['kept']), undefined, null, { 0: 'kept', length: 1 }]) {
      await expect(client.getMany(wrong(keys))).rejects.toMatchObject(misused);
      await expect(client.deleteMany(wrong(keys))).rejects.toMatchObject(misused);
      await expect(client.getOrLoadMany(wrong(keys), () => [])).rejects.toMatchObject(misused);
    }
    for (const entries of ['text', { kept: 1 }, undefined, null, 42, [['kept']], ['kept'], [null]]) {
      await expect(client.setMany(wrong(entries))).rejects.toBeInstanceOf(Error);
    }
    await expectNothingChanged();
  });
});

describe('G12: a value', () => {
  const throwing = {
    get boom(): never {
      throw new Error('from a getter');
    },
  };
  const VALUES: readonly (readonly [string, unknown, object])[] = [
    ['undefined', undefined, misused],
    ['a BigInt', 1n, notEncodable],
    ['a BigInt inside', { n: 1n }, notEncodable],
    ['a cycle', cyclic, notEncodable],
    ['NaN', NaN, notEncodable],
    ['Infinity', Infinity, notEncodable],
    ['a Map', new Map(), notEncodable],
    ['a Set', new Set(), notEncodable],
    ['a function', () => 1, notEncodable],
    ['a symbol', Symbol('v'), notEncodable],
    [
      'an object whose toJSON throws',
      {
        toJSON: () => {
          throw new Error('from toJSON');
        },
      },
      notEncodable,
    ],
    [
      'an object whose toJSON throws no error',
      {
        toJSON: () => {
          throw undefined;
        },
      },
      notEncodable,
    ],
    ['an object with a getter that throws', throwing, notEncodable],
    [
      'larger than max_value_size',
      'x'.repeat(1001),
      { name: 'CacheError', code: 'CACHE_VALUE_TOO_LARGE', service: 's', key: 'k' },
    ],
    [
      'larger than max_value_size in bytes only',
      'é'.repeat(600),
      { name: 'CacheError', code: 'CACHE_VALUE_TOO_LARGE', service: 's', key: 'k' },
    ],
  ];

  test.each(VALUES)('that is %s is refused by every write', async (_name, value, error) => {
    await expect(client.set('k', value)).rejects.toMatchObject(error);
    await expect(
      client.setMany([
        ['fine', 1],
        ['k', value],
      ]),
    ).rejects.toMatchObject(error);
    await expect(client.setL2Only('k', value)).rejects.toMatchObject(error);
    await expectNothingChanged();
  });

  test.each(VALUES.filter(([name]) => name !== 'undefined'))(
    'that is %s reaches the callers of its loader, is reported and is not kept',
    async (_name, value) => {
      let reports = 0;
      client.on('error', () => reports++);
      expect(await client.getOrLoad('k', () => value)).toBe(value);
      expect(reports).toBe(1);
      expect(client.peek('k')).toBeUndefined();
      expect(await server.call('EXISTS', 'oxcache:s:k')).toBe(0);
    },
  );

  test('that can be neither cloned nor packed is refused by services that would have to', async () => {
    const functions = { f: () => 1 };
    await expect(manager.client('frozen').set('k', functions)).rejects.toMatchObject({ code: 'CACHE_ENCODE_FAILED' });
    for (const value of [cyclic, () => 1, Symbol('v'), throwing]) {
      await expect(manager.client('packed').set('k', value)).rejects.toMatchObject({ code: 'CACHE_ENCODE_FAILED' });
    }
    await expectNothingChanged();
  });
});

describe('G12: a lifetime', () => {
  test.each([
    0,
    -1,
    NaN,
    Infinity,
    -Infinity,
    '5 mins',
    '',
    '-5s',
    '0s',
    'forever',
    30 * 86_400 + 1,
    '31d',
    null,
    true,
    {},
    [],
    5n,
  ])('of %p is refused by every call that takes one', async (ttl) => {
    const bad = wrong<number>(ttl);
    await expect(client.expire('kept', bad)).rejects.toMatchObject(misused);
    await expect(client.set('k', 1, { ttl: bad })).rejects.toMatchObject(misused);
    await expect(client.setMany([['k', 1]], { ttl: bad })).rejects.toMatchObject(misused);
    await expect(client.getOrLoad('k', () => 1, { ttl: bad })).rejects.toMatchObject(misused);
    await expect(client.getOrLoad('k', () => 1, { timeout: bad })).rejects.toMatchObject(misused);
    await expect(client.getOrLoadMany(['k'], () => [1], { ttl: bad })).rejects.toMatchObject(misused);
    await expect(client.refresh('k', () => 1, { ttl: bad })).rejects.toMatchObject(misused);
    if (typeof ttl !== 'object' || ttl === null) await expect(client.set('k', 1, bad)).rejects.toMatchObject(misused);
    await expectNothingChanged();
  });
});

describe('G12: an option', () => {
  test('that is unknown is refused and names the nearest known one', async () => {
    await expect(client.set('k', 1, wrong({ tll: 5 }))).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining('`ttl`'),
    });
    await expect(client.getOrLoad('k', () => 1, wrong({ timeOut: 5 }))).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining('`timeout`'),
    });
    await expect(client.setMany([['k', 1]], wrong({ xyzzy: 1 }))).rejects.toBeInstanceOf(TypeError);
    await expect(client.refresh('k', () => 1, wrong({ xyzzy: 1 }))).rejects.toBeInstanceOf(TypeError);
    await expectNothingChanged();
  });

  test('of the wrong type is refused', async () => {
    for (const options of [{ allowStale: 'yes' }, { disableLoad: 1 }, { signal: {} }, 5, 'text', null]) {
      await expect(client.getOrLoad('k', () => 1, wrong(options))).rejects.toMatchObject(misused);
      await expect(client.getOrLoadMany(['k'], () => [1], wrong(options))).rejects.toMatchObject(misused);
    }
    for (const options of [[], () => 1, true]) await expect(client.set('k', 1, wrong(options))).rejects.toBeInstanceOf(TypeError);
    await expectNothingChanged();
  });

  test('that is a loader but no function is refused', async () => {
    for (const loader of [undefined, null, 'text', {}, Promise.resolve(1)]) {
      await expect(client.getOrLoad('k', wrong(loader))).rejects.toMatchObject(misused);
      await expect(client.getOrLoadMany(['k'], wrong(loader))).rejects.toMatchObject(misused);
      await expect(client.refresh('k', wrong(loader))).rejects.toMatchObject(misused);
    }
    await expectNothingChanged();
  });

  test('that is a listener but no function is refused', () => {
    expect(() => client.on('error', wrong(undefined))).toThrow(TypeError);
    expect(() => manager.on('error', wrong('text'))).toThrow(TypeError);
  });

  test('of close() that is no duration is refused, and nothing is closed', async () => {
    await expect(manager.close({ deadline: wrong('soon') })).rejects.toMatchObject(misused);
    expect(await client.get('kept')).toBe('v');
  });
});

test('G12: a result of loadMany that does not fit the keys is refused and nothing is kept', async () => {
  for (const result of [undefined, null, 'text', {}, [1], [1, 2, 3], new Set([1, 2])]) {
    await expect(client.getOrLoadMany(['a', 'b'], () => wrong(result))).rejects.toMatchObject(misused);
  }
  await expectNothingChanged();
});

test('G12: a service that is not configured is refused and the nearest name is suggested', () => {
  expect(() => manager.client('froze')).toThrow(
    expect.objectContaining({ code: 'CACHE_SERVICE_UNKNOWN', message: expect.stringContaining('"frozen"') }),
  );
  for (const name of ['', '__proto__', 'constructor']) {
    expect(() => manager.client(name)).toThrow(expect.objectContaining({ code: 'CACHE_SERVICE_UNKNOWN' }));
  }
  for (const name of [undefined, null, 42, {}]) expect(() => manager.client(wrong(name))).toThrow(TypeError);
});
