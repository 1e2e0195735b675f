/** Texts of different origin behind one another: one full stop between them, whoever wrote them. */
import { expect, test } from '@jest/globals';
import { sentences } from '../../../lib/base/sentences.js';
import { describeFailure, refusalIn, unavailable } from '../../../lib/tiers/redis/redis-errors.js';

test.each([
  [['a', 'B'], 'a. B.'],
  [['a.', 'B.'], 'a. B.'],
  [['a!', '', ' B… '], 'a! B…'],
])('%j become %j', (texts, expected) => {
  expect(sentences(...texts)).toBe(expected);
});

test('what Redis and ioredis say has no full stop of its own, so that it fits into a sentence', () => {
  expect(describeFailure(new Error('Connection is closed.'))).toBe('Connection is closed');
  expect(refusalIn("READONLY You can't write against a read only replica.")?.reason).toMatch(/replica$/);
  expect(unavailable(new Error('x...')).message).toBe('Redis could not be used: x');
});
