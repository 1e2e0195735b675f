/** Several keys in one call: order, duplicates, emptiness, and how few commands reach Redis. */
import { describe, expect, test } from '@jest/globals';
import { KINDS, KINDS_WITH_L2, Workbench, countingLoader } from './workbench.js';

const bench = new Workbench();

describe.each(KINDS)('bulk calls of a service of type %s', (kind) => {
  test('getMany resolves to what was found, in the order of the keys', async () => {
    const client = await bench.client(kind);
    for (const key of ['a', 'b', 'c']) await client.set(key, key.toUpperCase());
    const found = await client.getMany(['c', 'missing', 'a', 'b']);
    expect([...found]).toEqual([
      ['c', 'C'],
      ['a', 'A'],
      ['b', 'B'],
    ]);
  });

  test('getMany answers a key once, however often it is asked for', async () => {
    const client = await bench.client(kind);
    await client.set('a', 1);
    expect([...(await client.getMany(['a', 'missing', 'a', 'missing', 'a']))]).toEqual([['a', 1]]);
    expect(client.metrics()).toMatchObject({ misses: 1, l1Hits: kind === 'l2' ? 0 : 1, l2Hits: kind === 'l2' ? 1 : 0 });
  });

  test('getMany finds 0, an empty text, false and null', async () => {
    const client = await bench.client(kind);
    const values = new Map<string, unknown>([
      ['zero', 0],
      ['empty', ''],
      ['no', false],
      ['null', null],
    ]);
    await client.setMany(values);
    expect(await client.getMany([...values.keys()])).toEqual(values);
  });

  test('empty lists are no work and no error', async () => {
    const client = await bench.client(kind);
    expect(await client.getMany([])).toEqual(new Map());
    expect(await client.setMany([])).toEqual(new Map());
    expect(await client.deleteMany([])).toBe(0);
    const { load, calls } = countingLoader();
    expect(await client.getOrLoadMany([], async (keys) => Promise.all(keys.map((key) => load({ key }))))).toEqual(new Map());
    expect(calls).toEqual([]);
  });

  test('setMany takes a Map or pairs, applies the lifetime to all, and resolves to what happened to each', async () => {
    const client = await bench.client(kind);
    const result = { l1: kind !== 'l2', l2: kind === 'l1' ? 'none' : 'written' };
    expect(await client.setMany(new Map([['a', 1]]), 20)).toEqual(new Map([['a', result]]));
    const pairs = [
      ['b', 2],
      ['c', 3],
    ] as const;
    expect(await client.setMany(pairs, { ttl: '20s' })).toEqual(
      new Map([
        ['b', result],
        ['c', result],
      ]),
    );
    for (const key of ['a', 'b', 'c']) expect((await client.lookup(key)).ttlMs).toBeLessThanOrEqual(20_020);
  });

  test('of a key that setMany is given twice the last value counts', async () => {
    const client = await bench.client(kind);
    await client.setMany([
      ['a', 1],
      ['b', 0],
      ['a', 2],
    ]);
    expect(await client.get('a')).toBe(2);
  });

  test('G12: setMany changes nothing when one of its entries cannot be stored', async () => {
    const client = await bench.client(kind);
    await client.set('a', 'before');
    const bad = [
      ['a', 'after'],
      ['b', undefined],
    ] as const;
    await expect(client.setMany(bad)).rejects.toThrow(TypeError);
    await expect(
      client.setMany([
        ['a', 'after'],
        ['', 1],
      ]),
    ).rejects.toMatchObject({ code: 'CACHE_KEY_INVALID' });
    expect(await client.get('a')).toBe('before');
    expect(await client.has('b')).toBe(false);
  });

  test('deleteMany resolves to how many values there were, each counted once', async () => {
    const client = await bench.client(kind);
    await client.setMany([
      ['a', 1],
      ['b', null],
    ]);
    expect(await client.deleteMany(['a', 'a', 'b', 'missing'])).toBe(2);
    expect(await client.getMany(['a', 'b'])).toEqual(new Map());
    expect(await client.deleteMany(['a', 'b'])).toBe(0);
  });

  test('getOrLoadMany asks for the missing keys only, each once, and has every key in its result', async () => {
    const client = await bench.client(kind);
    await client.set('a', 'cached');
    const asked: (readonly string[])[] = [];
    const result = await client.getOrLoadMany(['b', 'a', 'c', 'b'], (keys) => {
      asked.push(keys);
      return new Map([['b', 'loaded']]);
    });
    expect(asked).toEqual([['b', 'c']]);
    expect([...result]).toEqual([
      ['b', 'loaded'],
      ['a', 'cached'],
      ['c', undefined],
    ]);
    expect(await client.get('b')).toBe('loaded');
  });

  test('getOrLoadMany remembers the keys the source has nothing for', async () => {
    const client = await bench.client(kind);
    const load = (): Map<string, string> => new Map();
    await client.getOrLoadMany(['a', 'b'], load);
    expect(await client.lookup('a')).toMatchObject({ status: 'absent' });
    const neverCalled = (): Map<string, string> => {
      throw new Error('called');
    };
    expect(await client.getOrLoadMany(['a', 'b'], neverCalled)).toEqual(
      new Map([
        ['a', undefined],
        ['b', undefined],
      ]),
    );
  });

  test('getOrLoadMany takes an array in the order of the keys, with null as a value', async () => {
    const client = await bench.client(kind);
    const result = await client.getOrLoadMany(['a', 'b', 'c'], (keys) =>
      keys.map((key) => (key === 'b' ? null : key === 'c' ? undefined : 1)),
    );
    expect(result).toEqual(
      new Map<string, unknown>([
        ['a', 1],
        ['b', null],
        ['c', undefined],
      ]),
    );
    expect(await client.lookup('b')).toMatchObject({ status: 'fresh', value: null });
  });

  test.each([
    ['an array that is too short', [1]],
    ['an array that is too long', [1, 2, 3]],
    ['an object', { a: 1, b: 2 }],
    ['nothing', undefined],
  ])('getOrLoadMany rejects %s as the result of its loader, and caches nothing of it', async (_name, wrong) => {
    const client = await bench.client(kind);
    const loading = client.getOrLoadMany(['a', 'b'], () => wrong as unknown as Map<string, unknown>);
    await expect(loading).rejects.toThrow(TypeError);
    await expect(loading).rejects.toThrow('loadMany');
    expect(await client.getMany(['a', 'b'])).toEqual(new Map());
  });

  test("getOrLoadMany rejects with the loader's own error, and caches nothing", async () => {
    const client = await bench.client(kind);
    const failure = new Error('the source is away');
    await expect(client.getOrLoadMany(['a', 'b'], () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await client.getOrLoadMany(['a', 'b'], (keys) => keys.map(() => 1))).toEqual(
      new Map([
        ['a', 1],
        ['b', 1],
      ]),
    );
  });

  test('getOrLoadMany with disableLoad only looks, and still has every key in its result', async () => {
    const client = await bench.client(kind);
    await client.set('a', 1);
    const neverCalled = (): Map<string, unknown> => {
      throw new Error('called');
    };
    expect(await client.getOrLoadMany(['a', 'b'], neverCalled, { disableLoad: true })).toEqual(
      new Map([
        ['a', 1],
        ['b', undefined],
      ]),
    );
  });

  test('getOrLoadMany stores what it loads with the lifetime of the call', async () => {
    const client = await bench.client(kind);
    await client.getOrLoadMany(['a', 'b'], (keys) => keys.map(() => 1), { ttl: 25 });
    for (const key of ['a', 'b']) expect((await client.lookup(key)).ttlMs).toBeLessThanOrEqual(25_020);
  });
});

describe.each(KINDS_WITH_L2)('commands of bulk calls of a service of type %s', (kind) => {
  const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);

  test('getMany is one MGET for all keys that are not in L1', async () => {
    const writer = await bench.client(kind);
    await writer.setMany(keys.map((key) => [key, key] as const));
    const reader = await bench.client(kind);
    const counts = await bench.countCommands(async () => {
      expect((await reader.getMany([...keys, ...keys])).size).toBe(40);
    });
    expect(counts).toMatchObject({ mget: 1 });
    expect(counts['get']).toBeUndefined();
  });

  test('getOrLoadMany is one MGET and a few script calls', async () => {
    const client = await bench.client(kind);
    await client.set('warm', 'up');
    const counts = await bench.countCommands(() => client.getOrLoadMany(keys, (missing) => missing.map(() => 1)));
    expect(counts).toMatchObject({ mget: 1, set: 40 });
    expect(counts['get']).toBeUndefined();
    expect(counts['evalsha']).toBeLessThanOrEqual(4);
  });

  test('setMany and deleteMany are a few script calls each', async () => {
    const client = await bench.client(kind);
    await client.set('warm', 'up');
    const calls = [() => client.setMany(keys.map((key) => [key, key] as const)), () => client.deleteMany(keys)];
    for (const call of calls) {
      const counts = await bench.countCommands(call);
      expect(counts['set']).toBe(40);
      expect(counts['evalsha']).toBeLessThanOrEqual(4);
    }
  });
});

test('getMany of a two-level service asks Redis only for what L1 does not have', async () => {
  const writer = await bench.client('two-level');
  await writer.setMany([
    ['a', 1],
    ['b', 2],
  ]);
  const reader = await bench.client('two-level');
  await reader.get('a');
  const counts = await bench.countCommands(() => reader.getMany(['a', 'b']));
  expect(counts).toMatchObject({ get: 1 });
  expect(counts['mget']).toBeUndefined();
  expect(reader.peek('b')).toBe(2);
  expect(await bench.countCommands(() => reader.getMany(['a', 'b']))).not.toHaveProperty('get');
});
