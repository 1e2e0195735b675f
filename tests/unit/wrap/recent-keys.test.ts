import { describe, expect, jest, test } from '@jest/globals';
import { rememberKeys } from '../../../lib/wrap/recent-keys.js';

describe('remembered keys', () => {
  const text = (args: readonly unknown[]): string =>
    args.map((arg) => (Object.is(arg, -0) ? '-0' : `${typeof arg}:${String(arg)}`)).join();

  test('are those that would be made, also for numbers that share a place', () => {
    const remembered = rememberKeys(text);
    const numbers = [0, -0, 1, 1024, 1025, -1, -1024, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 32 + 1, 1.5, Number.NaN, Infinity];
    const lists = [[], ...[...numbers, '1', 1n, true, null].map((value) => [value]), [1, 2], [1, undefined]];
    for (const args of [...lists, ...lists.reverse(), ...lists.flatMap((list) => [list, [1], [0]])]) {
      expect(remembered(args)).toBe(text(args));
    }
  });

  test('are those that would be made, also for strings that share a place', () => {
    const remembered = rememberKeys(text);
    const strings = Array.from({ length: 3000 }, (_, index) => [
      `${['', 'a', 'user-', 'b'.repeat(61)][index % 4] ?? ''}${String(index)}`,
    ]);
    for (const args of [[''], ...strings, ...strings.slice().reverse(), ...strings]) expect(remembered(args)).toBe(text(args));
  });

  test('are made once for an argument asked again and again', () => {
    const make = jest.fn(text);
    const remembered = rememberKeys(make);
    remembered([7]);
    remembered([7]);
    expect(make).toHaveBeenCalledTimes(1);
    remembered([7 + 1024]);
    remembered([7]);
    expect(make).toHaveBeenCalledTimes(3);
    remembered(['user-7']);
    remembered(['user-7']);
    expect(make).toHaveBeenCalledTimes(4);
  });

  test('are none where no key can be made', () => {
    const remembered = rememberKeys(() => {
      throw new TypeError('no key');
    });
    expect(() => remembered([1])).toThrow('no key');
    expect(() => remembered([1])).toThrow('no key');
  });
});
