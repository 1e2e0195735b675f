/** Identifiers from a source of randomness. */
import { expect, test } from '@jest/globals';
import { randomId, systemRandom } from '../../../lib/base/random.js';

test('an identifier has the length asked for, of digits and small letters', () => {
  for (const length of [1, 7, 20]) expect(randomId(systemRandom, length)).toMatch(new RegExp(`^[0-9a-z]{${length}}$`));
});

test('an identifier is what its source of randomness makes it', () => {
  expect(randomId(() => 0, 4)).toBe('0000');
  expect(randomId(() => 1 - Number.EPSILON, 4)).toBe('zzzz');
});

test('ten thousand identifiers of seven characters are all different', () => {
  const ids = new Set(Array.from({ length: 10_000 }, () => randomId(systemRandom, 7)));
  // One pair among 36^7 is expected once in 1,500 runs; two pairs never.
  expect(ids.size).toBeGreaterThanOrEqual(9999);
});
