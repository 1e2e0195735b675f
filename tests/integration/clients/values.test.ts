/** What goes in comes out again: from this process's L1, from Redis, and in another manager, which stands for another process. */
import { describe, expect, test } from '@jest/globals';
import { KINDS_WITH_L2, Workbench } from './workbench.js';

const bench = new Workbench();

const LONG = 'é'.repeat(512 * 1024);

const VALUES: readonly (readonly [string, unknown])[] = [
  ['0', 0],
  ['minus one and a half', -1.5],
  ['a large number', Number.MAX_SAFE_INTEGER],
  ['an empty text', ''],
  ['false', false],
  ['null', null],
  ['an empty list', []],
  ['an empty object', {}],
  ['a nested object', { a: [1, { b: null, c: [[]] }], d: { e: { f: '' } } }],
  ['text of many scripts', { ключ: 'ж', 鍵: '値', emoji: '👩‍👩‍👧', control: '\u0000\u001f\u2028' }],
  ['text with quotes', `'"\\\n\t`],
  ['the names of prototypes', JSON.parse('{"constructor":1,"toString":2}')],
  ['a megabyte of text', LONG],
];

describe.each(KINDS_WITH_L2)('a service of type %s', (kind) => {
  describe.each(['json', 'msgpack'] as const)('with serialization %s', (serialization) => {
    test.each(VALUES)('stores %s and gives it back everywhere', async (_name, value) => {
      const client = await bench.client(kind, { serialization });
      const other = await bench.client(kind, { serialization });
      expect(await client.set('k', value)).toMatchObject({ l2: 'written' });
      expect(await client.get('k')).toEqual(value);
      expect(await client.getL2Only('k')).toEqual(value);
      expect(await other.get('k')).toEqual(value);
      expect(await other.getMany(['k'])).toEqual(new Map([['k', value]]));
      expect(await other.lookup('k')).toMatchObject({ status: 'fresh', value });
      const neverCalled = (): never => {
        throw new Error('called');
      };
      expect(await other.getOrLoad('k', neverCalled)).toEqual(value);
    });

    test.each(VALUES)('stores %s as what a loader returned', async (_name, value) => {
      const client = await bench.client(kind, { serialization });
      const other = await bench.client(kind, { serialization });
      expect(await client.getOrLoad('k', () => value)).toEqual(value);
      expect(await other.get('k')).toEqual(value);
      expect(await other.has('k')).toBe(true);
    });
  });

  test('with msgpack, dates, sets, bytes and big numbers keep their type', async () => {
    const value = {
      date: new Date(1_700_000_000_123),
      set: new Set([1, 'two']),
      bytes: Buffer.from([0, 255, 1]),
      array: new Uint8Array([1, 2]),
      big: 2n ** 60n,
      missing: undefined,
    };
    const client = await bench.client(kind, { serialization: 'msgpack' });
    const other = await bench.client(kind, { serialization: 'msgpack' });
    await client.set('k', value);
    const got = (await other.get('k')) as typeof value;
    expect(got.date).toEqual(value.date);
    expect(got.set).toEqual(value.set);
    expect(Buffer.from(got.bytes)).toEqual(value.bytes);
    expect([...got.array]).toEqual([1, 2]);
    expect(got.big).toBe(2n ** 60n);
  });

  test.each(['json', 'msgpack'] as const)(
    'G12: with %s, what cannot be stored is an error, and what was there stays',
    async (serialization) => {
      const client = await bench.client(kind, { serialization });
      await client.set('k', 'before');
      const cyclic: Record<string, unknown> = {};
      cyclic['self'] = cyclic;
      for (const value of [cyclic, () => 1, Symbol('s'), new Map([[1, 2]])]) {
        await expect(client.set('k', value)).rejects.toMatchObject({ code: 'CACHE_ENCODE_FAILED', service: 'things', key: 'k' });
      }
      await expect(client.set('k', undefined)).rejects.toThrow(TypeError);
      expect(await client.get('k')).toBe('before');
      expect(await client.getL2Only('k')).toBe('before');
      expect(client.metrics().writes).toBe(1);
    },
  );

  test('with json, numbers that JSON turns into null are refused', async () => {
    const client = await bench.client(kind);
    for (const value of [Number.NaN, Infinity, 10n, new Set([1])]) {
      await expect(client.set('k', value)).rejects.toMatchObject({ code: 'CACHE_ENCODE_FAILED' });
    }
    expect(await client.has('k')).toBe(false);
  });

  test('G12: a value above max_value_size is an error, and what was there stays', async () => {
    const client = await bench.client(kind, { l2: { max_value_size: 1000 } });
    await client.set('k', 'x'.repeat(998));
    await expect(client.set('k', 'x'.repeat(999))).rejects.toMatchObject({ code: 'CACHE_VALUE_TOO_LARGE', key: 'k' });
    await expect(client.set('k', 'é'.repeat(500))).rejects.toMatchObject({ code: 'CACHE_VALUE_TOO_LARGE' });
    expect(await client.get('k')).toHaveLength(998);
  });

  test('a loaded value that is too large is handed out and not stored, and that is reported', async () => {
    const client = await bench.client(kind, { l2: { max_value_size: 100 } });
    const errors: string[] = [];
    client.on('error', ({ error }) => errors.push(error.code));
    const large = 'x'.repeat(200);
    expect(await client.getOrLoad('k', () => large)).toBe(large);
    expect(errors).toEqual(['CACHE_VALUE_TOO_LARGE']);
    expect(await client.has('k')).toBe(false);
  });
});

describe('a change of the serialization', () => {
  test.each([
    ['json', 'msgpack'],
    ['msgpack', 'json'],
  ] as const)('from %s to %s leaves what is stored readable, and writes the new form', async (before, after) => {
    const old = await bench.client('l2', { serialization: before });
    await old.set('k', { a: [1, 'é'] });
    const changed = await bench.client('two-level', { serialization: after });
    expect(await changed.get('k')).toEqual({ a: [1, 'é'] });
    await changed.set('k', { b: 2 });
    expect(await old.get('k')).toEqual({ b: 2 });
    expect(await changed.expire('k', 60)).toBe(true);
    expect(await old.get('k')).toEqual({ b: 2 });
    expect(changed.metrics().undecodable).toBe(0);
  });
});

test('G13: foreign bytes under a key are a miss, counted and reported, and can be written over', async () => {
  const client = await bench.client('two-level');
  const errors: unknown[] = [];
  client.on('error', ({ error, key }) => errors.push({ code: error.code, key }));
  await bench.server.call('SET', 'oxcache:things:text', 'hello');
  await bench.server.call('SET', 'oxcache:things:format', `OX9${'0'.repeat(100)}`);
  await bench.server.call('HSET', 'oxcache:things:hash', 'a', '1');
  for (const key of ['text', 'format', 'hash']) expect(await client.get(key)).toBeUndefined();
  expect(errors).toEqual([
    { code: 'CACHE_DECODE_FAILED', key: 'text' },
    { code: 'CACHE_DECODE_FAILED', key: 'format' },
    { code: 'CACHE_DECODE_FAILED', key: 'hash' },
  ]);
  expect(client.metrics()).toMatchObject({ undecodable: 3, misses: 3 });
  for (const key of ['text', 'format', 'hash']) {
    expect(await client.getOrLoad(key, () => 'loaded')).toBe('loaded');
    expect(await client.getL2Only(key)).toBe('loaded');
  }
});
