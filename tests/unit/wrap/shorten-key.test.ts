import { describe, expect, test } from '@jest/globals';
import { MAX_BUILT_KEY_LENGTH, shortenKey } from '../../../lib/wrap/shorten-key.js';

describe('shortened keys', () => {
  test('a key at the limit stays as it is', () => {
    const key = 'k'.repeat(MAX_BUILT_KEY_LENGTH);
    expect(shortenKey(key)).toBe(key);
  });

  test('a longer key keeps its beginning and the limit', () => {
    const short = shortenKey(`load:"${'x'.repeat(5000)}"`);
    expect(short).toHaveLength(MAX_BUILT_KEY_LENGTH);
    expect(short).toMatch(/^load:"x+%~[A-Za-z0-9_-]{43}$/);
  });

  test('long keys that differ at their end only stay apart', () => {
    const head = 'x'.repeat(1000);
    expect(shortenKey(`${head}a`)).not.toBe(shortenKey(`${head}b`));
  });

  test('a surrogate pair is not cut in two', () => {
    const short = shortenKey('😀'.repeat(200)) + shortenKey(`x${'😀'.repeat(200)}`);
    expect(Buffer.from(short).toString()).toBe(short);
  });
});
