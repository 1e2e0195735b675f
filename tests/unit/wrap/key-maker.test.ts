import { describe, expect, jest, test } from '@jest/globals';
import { createKeyMaker } from '../../../lib/wrap/key-maker.js';

const load = async (id: number, name?: string): Promise<string> => `${String(id)}${name ?? ''}`;

describe('the key of a call', () => {
  test('is the function name and its encoded arguments', () => {
    const key = createKeyMaker(load, undefined);
    expect([key([42]), key([0]), key([-0]), key(['42']), key([]), key([undefined]), key([1, 'a'])]).toEqual([
      'load:42',
      'load:0',
      'load:-0',
      'load:"42"',
      'load:',
      'load:undefined',
      'load:1,"a"',
    ]);
  });

  test('keeps apart what a 32-bit hash of the arguments confuses', () => {
    const key = createKeyMaker(load, undefined);
    expect(key(['ab'])).not.toBe(key(['bA']));
  });

  test('keeps apart function names that look like arguments', () => {
    const named = (name: string): ((id: unknown) => unknown) =>
      Object.defineProperty((id: unknown) => id, 'name', { value: name });
    expect(createKeyMaker(named('a:1,"b'), undefined)([2])).not.toBe(createKeyMaker(named('a'), undefined)([1, 'b:2']));
    expect(createKeyMaker(named('a:'), undefined)([])).toBe('a%003a:');
    expect(createKeyMaker(named('bound load'), undefined)([1])).toBe('bound load:1');
  });

  test('is shortened when it is longer than 200 characters, also for a long name', () => {
    const long = Object.defineProperty((id: unknown) => id, 'name', { value: 'n'.repeat(300) });
    const [one, two] = [createKeyMaker(long, undefined)([1]), createKeyMaker(long, undefined)([2])];
    expect(one).toHaveLength(200);
    expect(one).not.toBe(two);
    expect(createKeyMaker(load, 'user:{0}')(['x'.repeat(300)])).toHaveLength(200);
  });

  test('of an anonymous function is a TypeError when it is made', () => {
    expect(() =>
      createKeyMaker(
        (
          () => (id: number) =>
            id
        )(),
        undefined,
      ),
    ).toThrow(TypeError);
    expect(() =>
      createKeyMaker(
        (
          () => (id: number) =>
            id
        )(),
        undefined,
      ),
    ).toThrow(/named function or the option `key`/);
  });

  test('comes from the key function, which gets the arguments and is not changed', () => {
    const own = jest.fn((...args: unknown[]) => `k:${args.join('|')}${'x'.repeat(300)}`);
    expect(createKeyMaker(load, own)([1, 'b'])).toBe(`k:1|b${'x'.repeat(300)}`);
    expect(own).toHaveBeenCalledWith(1, 'b');
  });

  test.each([undefined, null, 1, '', Promise.resolve('k')])('is a TypeError when the key function returns %p', (result) => {
    const key = createKeyMaker(load, (() => result) as unknown as () => string);
    expect(() => key([1])).toThrow(TypeError);
    expect(() => key([1])).toThrow(/returns a non-empty string/);
  });

  test('takes the names of a template from the function', () => {
    expect(createKeyMaker(load, 'user:{id}:{name}')([1, 'a'])).toBe('user:1:a');
    expect(() => createKeyMaker(load, 'user:{uid}')).toThrow(TypeError);
  });

  test('by position works for mocks, which read `arguments`', () => {
    expect(createKeyMaker(jest.fn(load), 'user:{0}')([7])).toBe('user:7');
  });
});
