/** The one error class: its facts, and how it is recognised. */
import { describe, expect, test } from '@jest/globals';
import { CACHE_ERROR_CODES, CacheError, type CacheErrorCode } from '../../../lib/base/errors.js';

describe('CacheError', () => {
  test('carries its code, and of the other facts those that it was given', () => {
    const cause = new Error('why');
    const error = new CacheError('CACHE_L2_TIMEOUT', 'too slow', { service: 's', key: 'k', cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'CacheError',
      code: 'CACHE_L2_TIMEOUT',
      message: 'too slow',
      service: 's',
      key: 'k',
      cause,
    });
    expect(error.stack).toContain('CacheError: too slow');
    const bare = new CacheError('CACHE_CLOSED', 'closed');
    expect(bare.cause).toBeUndefined();
    expect(bare.service).toBeUndefined();
    expect(bare.issues).toBeUndefined();
  });

  test('carries the place and the problems of a configuration', () => {
    const issues = [{ path: 'services.a', line: 3, message: 'what to do' }];
    expect(new CacheError('CACHE_CONFIG_INVALID', 'm', { issues }).issues).toEqual(issues);
    expect(new CacheError('CACHE_CONFIG_SYNTAX', 'm', { line: 2, column: 7 })).toMatchObject({ line: 2, column: 7 });
  });

  test('is recognised by is, with codes and without', () => {
    const error = new CacheError('CACHE_CLOSED', 'closed');
    expect(CacheError.is(error)).toBe(true);
    expect(CacheError.is(error, 'CACHE_CLOSED')).toBe(true);
    expect(CacheError.is(error, 'CACHE_L2_TIMEOUT', 'CACHE_CLOSED')).toBe(true);
    expect(CacheError.is(error, 'CACHE_L2_TIMEOUT')).toBe(false);
  });

  test('of another copy of the package is recognised too', () => {
    class CacheErrorOfAnotherCopy extends Error {
      override readonly name = 'CacheError';
      readonly code: CacheErrorCode = 'CACHE_CLOSED';
    }
    expect(CacheError.is(new CacheErrorOfAnotherCopy('closed'), 'CACHE_CLOSED')).toBe(true);
  });

  test.each([
    undefined,
    null,
    'CACHE_CLOSED',
    { name: 'CacheError', code: 'CACHE_CLOSED' },
    new Error('closed'),
    new TypeError('t'),
  ])('does not take %p for one', (other) => {
    expect(CacheError.is(other)).toBe(false);
  });

  test('has codes that are all different and all begin alike', () => {
    expect(new Set(CACHE_ERROR_CODES).size).toBe(CACHE_ERROR_CODES.length);
    for (const code of CACHE_ERROR_CODES) expect(code).toMatch(/^CACHE_[A-Z0-9_]+$/);
  });
});
