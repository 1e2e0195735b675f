/** JSON and MessagePack: what each keeps, and that what it cannot keep is refused instead of stored as something else (G12). */
import { describe, expect, test } from '@jest/globals';
import { CacheError } from '../../../lib/base/errors.js';
import { jsonCodec } from '../../../lib/codec/json-codec.js';
import { createMsgpackCodec } from '../../../lib/codec/msgpack-codec.js';
import type { PayloadCodec } from '../../../lib/codec/payload-codec.js';

const CODECS: readonly (readonly [string, PayloadCodec])[] = [
  ['json', jsonCodec],
  ['msgpack', createMsgpackCodec()],
];

const roundTrip = (codec: PayloadCodec, value: unknown): unknown => codec.decode(Buffer.from(codec.encode(value)));

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

describe.each(CODECS)('%s', (_name, codec) => {
  test.each([
    [0],
    [-0.5],
    [Number.MAX_SAFE_INTEGER],
    [Number.MIN_VALUE],
    [''],
    ['é\u0000\u2028🔑'],
    ['x'.repeat(100_000)],
    [true],
    [false],
    [null],
    [[]],
    [{}],
    [[null, [1, { a: [] }]]],
    [{ '': 1, 'a b': { c: null } }],
  ])('keeps %j', (value) => {
    expect(roundTrip(codec, value)).toEqual(value);
  });

  test('does not let the names of prototypes do harm', () => {
    const value = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as object;
    roundTrip(codec, value);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each([
    ['a cyclic object', cyclic],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a Map', new Map([[{}, 1]])],
  ])('refuses %s with CACHE_ENCODE_FAILED', (_what, value) => {
    let error: unknown;
    try {
      codec.encode(value);
    } catch (thrown) {
      error = thrown;
    }
    expect(CacheError.is(error, 'CACHE_ENCODE_FAILED')).toBe(true);
  });

  test('refuses bytes of another format by throwing', () => {
    expect(() => codec.decode(Buffer.from([0xc1, 0xff, 0x00]))).toThrow();
    expect(() => codec.decode(Buffer.alloc(0))).toThrow();
  });

  test('does not show the value in its error', () => {
    const secret: Record<string, unknown> = { password: 'hunter2' };
    secret['self'] = secret;
    try {
      codec.encode(secret);
    } catch (error) {
      expect((error as Error).message).not.toContain('hunter2');
    }
    expect.assertions(1);
  });
});

describe('json', () => {
  test.each([
    ['NaN', Number.NaN],
    ['Infinity', -Infinity],
    ['a big number', 1n],
    ['a Set', new Set([1])],
    ['undefined', undefined],
    [
      'an object whose toJSON throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ],
    ['an object whose toJSON gives nothing', { toJSON: () => undefined }],
  ])('refuses %s', (_what, value) => {
    expect(() => jsonCodec.encode(value)).toThrow(CacheError);
  });

  test('follows its own rules inside of objects', () => {
    expect(roundTrip(jsonCodec, { a: undefined, d: new Date(0), list: [undefined] })).toEqual({
      d: '1970-01-01T00:00:00.000Z',
      list: [null],
    });
  });
});

describe('msgpack', () => {
  const codec = createMsgpackCodec();

  test('keeps dates, sets, bytes, big numbers, NaN and Infinity', () => {
    const value = { d: new Date(1_700_000_000_123), s: new Set(['a']), big: -(2n ** 62n), nan: Number.NaN, inf: -Infinity };
    expect(roundTrip(codec, value)).toEqual(value);
    const bytes = roundTrip(codec, { b: Buffer.from([1, 2]) }) as { b: Uint8Array };
    expect([...bytes.b]).toEqual([1, 2]);
  });

  test('does not hand out bytes that a later value writes over', () => {
    const first = codec.encode({ a: 'x'.repeat(50) });
    const copy = Buffer.from(first);
    for (let i = 0; i < 1000; i++) codec.encode({ b: 'y'.repeat(i) });
    expect(Buffer.from(first).equals(copy)).toBe(true);
    const raw = Buffer.from(codec.encode({ bytes: Buffer.from([1, 2, 3]) }));
    const decoded = codec.decode(raw) as { bytes: Uint8Array };
    raw.fill(0);
    expect([...decoded.bytes]).toEqual([1, 2, 3]);
  });

  test('writes the form other languages read: an object is a plain map', () => {
    const bytes = [...Buffer.from(codec.encode({ a: 1 }))];
    // A map of one entry, with its length in the tag or in the two bytes after it; then "a", then 1.
    expect([[0x81], [0xde, 0, 1]]).toContainEqual(bytes.slice(0, -3));
    expect(bytes.slice(-3)).toEqual([0xa1, 0x61, 0x01]);
  });
});
