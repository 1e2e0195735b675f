import { describe, expect, test } from '@jest/globals';
import { checkCachedOptions } from '../../../lib/wrap/cached-options.js';

describe('the options of cached', () => {
  test.each<object>([
    {},
    { ttl: 5 },
    { ttl: '250ms', timeout: 0.5, allowStale: false, cacheType: 'two-level', onCacheError: 'propagate' },
    { ttl: 'my_strategy', timeout: 'short' },
    { key: 'user:{0}' },
    { key: () => 'k', ttl: undefined },
    { tags: [] },
    { tags: ['a', 'a'.repeat(256)] },
    { tags: (id: number) => [`user:${id}`] },
  ])('%j are taken', (options) => {
    expect(() => {
      checkCachedOptions(options);
    }).not.toThrow();
  });

  test.each<[object, RegExp]>([
    [{ ttl: 0 }, /`ttl`.*positive duration.*got 0/],
    [{ ttl: -1 }, /`ttl`.*got -1/],
    [{ ttl: '5 mins' }, /`ttl`.*got "5 mins"/],
    [{ ttl: '60d' }, /`ttl`.*30 days/],
    [{ ttl: null }, /`ttl`.*got null/],
    [{ timeout: '-1s' }, /`timeout`.*positive duration/],
    [{ timeout: 0 }, /`timeout`.*got 0/],
    [{ timeout: Number.NaN }, /`timeout`.*NaN/],
    [{ key: '' }, /`key`.*a function of the arguments or a template/],
    [{ key: 5 }, /`key`.*got 5/],
    [{ cacheType: 'l3' }, /`cacheType`.*"two-level".*got "l3"/],
    [{ onCacheError: 'throw' }, /`onCacheError`.*"ignore" or "propagate"/],
    [{ allowStale: 'yes' }, /`allowStale`.*a boolean/],
    [{ tll: 5 }, /Unknown option `tll`.*did you mean `ttl`/],
    [{ somethingElse: 5 }, /Unknown option `somethingElse`.*ttl, key, tags, cacheType/],
    [{ constructor: 5 }, /Unknown option `constructor`/],
    [{ tags: 'a' }, /`tags`.*an array of strings or a function of the arguments/],
    [{ tags: ['a', 5] }, /`tag`.*a string, got 5/],
    [{ tags: [''] }, /`tags`.*must not be empty/],
    [{ tags: ['x'.repeat(257)] }, /`tags`.*at most 256 characters/],
    [{ tags: Array.from({ length: 129 }, (_, i) => String(i)) }, /`tags`.*at most 128 different strings, got 129/],
  ])('G12: %j are a TypeError', (options, message) => {
    const check = (): void => {
      checkCachedOptions(options);
    };
    expect(check).toThrow(TypeError);
    expect(check).toThrow(message);
  });

  test.each([null, 5, '5m', [], () => 1])('G12: %p instead of an object is a TypeError', (options) => {
    expect(() => {
      checkCachedOptions(options);
    }).toThrow(/Expected `options` to be an object/);
  });
});
