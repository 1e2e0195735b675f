/** The promise of a collision-free key, against `isDeepStrictEqual` as the judge of equality. */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeArguments } from '../../lib/wrap/argument-key.js';
import { createKeyMaker } from '../../lib/wrap/key-maker.js';

/** Strings that look like the encoding's own marks. */
const trickyString = fc.oneof(
  fc.string({
    unit: fc.constantFrom('a', '1', ',', ':', '"', '\\', '[', ']', '{', '}', '_', '%', '~', 'n', '=', '>', '(', ')', ' ', '\n'),
    maxLength: 6,
  }),
  fc.constantFrom(
    'null',
    'undefined',
    'true',
    'NaN',
    '-0',
    '10n',
    '42',
    '"a","b"',
    '%5F',
    '%$null',
    '%={}',
    '\ud800',
    '\udc00',
    '😀',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
);
const primitive = fc.oneof(
  trickyString,
  fc.constantFrom<unknown>(0, -0, Number.NaN, Infinity, -Infinity, null, undefined, true, false, 1, 10, 42),
  fc.double(),
  fc.bigInt({ min: -20n, max: 20n }),
);
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    primitive,
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(trickyString, tie('node'), { maxKeys: 3, noNullPrototype: true }),
    // Deep equality has no one answer for objects as keys of Maps and members of Sets, so those are primitive here.
    fc.array(fc.tuple(primitive, tie('node')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(primitive, { maxLength: 3 }).map((members) => new Set(members)),
    fc.integer({ min: -5, max: 5 }).map((ms) => new Date(ms)),
    fc.uint8Array({ maxLength: 3 }),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
  ),
})).node;
const tuple = fc.array(value, { maxLength: 3 });

const keyOf = createKeyMaker(function load() {}, undefined);
/** What Redis would see. */
const bytesOf = (key: string): string => Buffer.from(key).toString('latin1');

describe('keys made of arguments', () => {
  test('different arguments have different keys and equal ones equal keys', () => {
    fc.assert(
      fc.property(tuple, tuple, (left, right) => {
        expect(bytesOf(keyOf(left)) === bytesOf(keyOf(right))).toBe(isDeepStrictEqual(left, right));
      }),
      { numRuns: 5000 },
    );
  });

  test('arguments made to look alike have different keys, in every combination', () => {
    const plain: unknown[] = [
      1,
      10,
      -0,
      0,
      true,
      null,
      undefined,
      Number.NaN,
      10n,
      [],
      {},
      new Map(),
      new Set(),
      new Date(0),
      /a/,
    ];
    const containers = [
      [1, 2],
      [[1], 2],
      ['1,2'],
      ['1', '2'],
      { a: 1, b: 2 },
      { a: '1,"b":2' },
      { 'a":1,"b': 2 },
      new Map([[1, 2]]),
      new Set([1, 2]),
    ];
    const bytes = [new Uint8Array([97]), Buffer.from('a'), new Int8Array([97]), new Uint8Array([97]).buffer];
    const texts = ['a', '', '"', '\\', '\\"', 'a","a', '1,2', '\ud800', '\udfff', '\ufffd', '\n', 'n'];
    const values = [...plain, ...containers, ...bytes, ...texts];
    // The text of each value, and the text of that text, as strings.
    const lookAlikes = values.flatMap((item) => [encodeArguments([item]), encodeArguments([encodeArguments([item])])]);
    const all = [...values, ...new Set(lookAlikes.filter((text) => !texts.includes(text)))];
    const singles = all.map((item) => [item]);
    const wrapped = all.map((item) => [[[item]]]);
    const pairs = all.flatMap((left) => all.map((right) => [left, right]));
    expectDistinct([[], ...singles, ...wrapped, ...pairs], keyOf);
  });

  test('long arguments that begin alike, and the shortened key itself, have different keys', () => {
    const long = Array.from({ length: 50 }, (_, index) => [`${'x'.repeat(200)}${String(index)}`]);
    const shortened = long.map((args) => [keyOf(args).slice('load:"'.length)]);
    expectDistinct([...long, ...shortened], keyOf);
  });

  test('a copy of the arguments, with its properties and entries in another order, has the same key', () => {
    fc.assert(
      fc.property(tuple, (args) => {
        expect(keyOf(args.map(reordered))).toBe(keyOf(args));
      }),
      { numRuns: 2000 },
    );
  });

  test('keys never exceed 200 characters', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 150 }), { maxLength: 4 }), (args) => {
        expect(keyOf(args).length).toBeLessThanOrEqual(200);
      }),
    );
  });
});

describe('keys made by a template', () => {
  /** Templates compare values by their text: these are the values whose text is theirs alone. */
  const inserted = fc.oneof(
    trickyString,
    fc.constantFrom<unknown>(null, undefined, {}, [], { a: 1 }),
    fc.array(trickyString, { maxLength: 2 }),
  );
  const separator = fc.constantFrom('_', ':', '%', '-', '5', 'u', 'n', '=', '$', '5F', '%5F', '😀', '\ud83d', '::', 'null');

  test('different values have different keys, whatever stands between them', () => {
    fc.assert(
      fc.property(separator, fc.tuple(inserted, inserted), fc.tuple(inserted, inserted), (between, left, right) => {
        const make = createKeyMaker((a: never, b: never) => [a, b], `{0}${between}{1}`);
        expect(bytesOf(make(left)) === bytesOf(make(right))).toBe(isDeepStrictEqual(left, right));
      }),
      { numRuns: 5000 },
    );
  });

  test.each(['_', '%', '2', '5', '%5', '=', '$'])(
    'short texts around %j have different keys, in every combination',
    (between) => {
      const alphabet = ['a', '%', '2', '5', between.slice(0, 1)];
      let short = [''];
      for (let round = 0; round < 3; round += 1) short = ['', ...short.flatMap((text) => alphabet.map((char) => text + char))];
      const special = ['{}', '[]', '%={}', '%$null', 'null', 'undefined', '\ud800', '\ufffd'];
      const values = [...new Set<unknown>([...short, ...special, null, undefined]), {}, []];
      const make = createKeyMaker((a: never, b: never) => [a, b], `{0}${between}{1}`);
      expectDistinct(
        values.flatMap((left) => values.map((right) => [left, right])),
        make,
      );
    },
  );

  test('values that differ only in where the separator stands have different keys', () => {
    fc.assert(
      fc.property(separator, trickyString, trickyString, trickyString, (between, a, b, c) => {
        const make = createKeyMaker((x: never, y: never) => [x, y], `k{0}${between}{1}`);
        const left = [a + between + b, c];
        const right = [a, b + between + c];
        expect(make(left) === make(right)).toBe(isDeepStrictEqual(left, right));
      }),
      { numRuns: 3000 },
    );
  });
});

/** Fails with the first two argument lists that share a key. */
function expectDistinct(lists: readonly unknown[][], make: (args: readonly unknown[]) => string): void {
  const seen = new Map<string, unknown[]>();
  const collisions: unknown[] = [];
  for (const args of lists) {
    const key = bytesOf(make(args));
    const other = seen.get(key);
    if (other !== undefined) collisions.push({ key, args, other });
    seen.set(key, args);
  }
  expect(collisions.slice(0, 1)).toEqual([]);
}

/** A deep copy with the order of object keys, Map entries and Set members turned around. */
function reordered(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(reordered);
  if (item instanceof Map) return new Map(Array.from(item, ([key, inner]) => [key, reordered(inner)] as const).reverse());
  if (item instanceof Set) return new Set(Array.from(item).reverse());
  if (typeof item !== 'object' || item === null || item instanceof Date || ArrayBuffer.isView(item)) return item;
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, inner] of Object.entries(item).reverse()) copy[key] = reordered(inner);
  return copy;
}
