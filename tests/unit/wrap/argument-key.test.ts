import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { encodeArguments } from '../../../lib/wrap/argument-key.js';

class Money {
  readonly cents = 1;
}
class TaggedMap extends Map {}

describe('encoded arguments', () => {
  test.each<[string, unknown[], string]>([
    ['no arguments', [], ''],
    ['a number', [42], '42'],
    ['a string', ['42'], '"42"'],
    ['a string with quotes and a line break', ['a"b\n'], '"a\\"b\\n"'],
    ['negative zero', [-0], '-0'],
    ['zero', [0], '0'],
    ['not a number', [Number.NaN], 'NaN'],
    ['infinity', [-Infinity], '-Infinity'],
    ['a bigint', [10n], '10n'],
    ['booleans and nothings', [true, false, null, undefined], 'true,false,null,undefined'],
    ['an array', [[1, '1', [null]]], '[1,"1",[null]]'],
    ['an object with its keys sorted', [{ b: 1, a: { c: 2 } }], '{"a":{"c":2},"b":1}'],
    ['an object without prototype', [Object.assign(Object.create(null), { a: 1 })], '{"a":1}'],
    ['a date', [new Date(0)], 'Date(1970-01-01T00:00:00.000Z)'],
    ['an invalid date', [new Date(Number.NaN)], 'Date(NaN)'],
    [
      'a map, sorted',
      [
        new Map<unknown, unknown>([
          ['b', 1],
          ['a', { x: 1 }],
        ]),
      ],
      'Map("a"=>{"x":1},"b"=>1)',
    ],
    ['a set, sorted', [new Set([2, 1])], 'Set(1,2)'],
    ['a regular expression', [/a"b/gi], 'RegExp("a\\"b","gi",0)'],
    ['a URL', [new URL('https://example.com/?q=1')], 'URL("https://example.com/?q=1")'],
    ['a buffer', [Buffer.from('hi')], 'Buffer(aGk=)'],
    ['a typed array', [new Uint8Array([104, 105])], 'Uint8Array(aGk=)'],
    ['an array buffer', [new Uint8Array([104, 105]).buffer], 'ArrayBuffer(aGk=)'],
  ])('%s has a readable text', (_, args, text) => {
    expect(encodeArguments(args)).toBe(text);
  });

  test('only the visible part of a typed array counts', () => {
    const bytes = new Uint8Array([1, 104, 105, 2]);
    expect(encodeArguments([bytes.subarray(1, 3)])).toBe('Uint8Array(aGk=)');
  });

  test('objects of another realm are encoded like our own', () => {
    const foreign: unknown = runInNewContext('({ list: [1], map: new Map([[1, 2]]), at: new Date(0) })');
    expect(encodeArguments([foreign])).toBe(encodeArguments([{ list: [1], map: new Map([[1, 2]]), at: new Date(0) }]));
  });

  test('lone surrogates stay apart when the key is written as UTF-8', () => {
    const asUtf8 = (text: string): string => Buffer.from(encodeArguments([text])).toString('hex');
    expect(asUtf8('\ud800')).not.toBe(asUtf8('\ud801'));
  });

  test('an object met twice without a cycle is encoded twice', () => {
    const shared = { a: 1 };
    expect(encodeArguments([[shared, shared]])).toBe('[{"a":1},{"a":1}]');
  });

  const cycle: unknown[] = [];
  cycle.push({ cycle });
  const holes: unknown[] = [];
  holes.length = 3;

  test.each<[string, unknown, string]>([
    ['a symbol', Symbol('s'), 'a symbol'],
    ['a function', () => 1, 'a function'],
    ['a class instance', new Money(), 'an instance of Money'],
    ['an instance inside of an object', { price: [new Money()] }, 'an instance of Money'],
    ['a subclass of a built-in class', new TaggedMap(), 'an instance of TaggedMap'],
    ['a boxed primitive', Object(1), 'an instance of Number'],
    ['an error', new Error('e'), 'an instance of Error'],
    ['a promise', Promise.resolve(1), 'an instance of Promise'],
    ['a cycle', cycle, 'a cyclic structure'],
    ['an array with holes', holes, 'an array with holes'],
    ['an array with extra properties', /a/.exec('a'), 'an array with holes or extra properties'],
    ['a date with extra properties', Object.assign(new Date(0), { zone: 'x' }), 'an instance of Date'],
    ['a symbol as key', { [Symbol('s')]: 1 }, 'a symbol as key'],
  ])('%s is a TypeError that names the argument', (_, value, what) => {
    expect(() => encodeArguments([1, value])).toThrow(TypeError);
    expect(() => encodeArguments([1, value])).toThrow(/argument 2.*`key` option/);
    expect(() => encodeArguments([1, value])).toThrow(what);
  });
});
