/** Words for what somebody passed by mistake: enough to find the mistake, never much of the content. */
import { describe, expect, test } from '@jest/globals';
import { describeValue, misuse } from '../../../lib/base/describe-value.js';

describe('describeValue', () => {
  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [-5, '-5 (number)'],
    [-0, '-0 (number)'],
    [Number.NaN, 'NaN (number)'],
    [10n, '10 (bigint)'],
    [false, 'false (boolean)'],
    ['5 mins', '"5 mins" (string)'],
    ['a "b"\n', String.raw`"a \"b\"\n" (string)`],
    [Symbol('secret'), 'a symbol'],
    [() => 'secret', 'a function'],
    [['secret'], 'an array'],
    [{ secret: 1 }, 'an object'],
    [new Map([['secret', 1]]), 'an object'],
  ])('says of %p: %s', (value, words) => {
    expect(describeValue(value)).toBe(words);
  });

  test('shows no more than the beginning of a text', () => {
    const words = describeValue('x'.repeat(1000));
    expect(words.length).toBeLessThan(60);
    expect(words).toContain('…');
  });
});

test('misuse is a TypeError that says what was expected and what came', () => {
  const error = misuse('ttl', 'a positive duration', -5);
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toBe('Expected `ttl` to be a positive duration, got -5 (number)');
});
