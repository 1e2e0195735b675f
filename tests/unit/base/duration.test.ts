import { describe, expect, test } from '@jest/globals';
import { BUILT_IN_STRATEGIES, MAX_TTL_MS, parseDurationMs, requireTtlMs } from '../../../lib/base/duration.js';

describe('parseDurationMs', () => {
  test.each([
    [0, 0],
    [1, 1000],
    [0.25, 250],
    [3600, 3_600_000],
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['0s', 0],
  ])('reads %p as %p ms', (value, ms) => {
    expect(parseDurationMs(value)).toBe(ms);
  });

  test.each([
    ['realtime', 10_000],
    ['short', 300_000],
    ['medium', 3_600_000],
    ['long', 10_800_000],
  ])('knows the strategy %p', (name, ms) => {
    expect(parseDurationMs(name)).toBe(ms);
    expect(BUILT_IN_STRATEGIES[name]).toBe(ms);
  });

  test('knows the strategies it is given, and those only', () => {
    expect(parseDurationMs('brief', { brief: 5 })).toBe(5);
    expect(parseDurationMs('short', { brief: 5 })).toBeUndefined();
  });

  test.each([
    '5 mins',
    '5',
    '',
    ' 5m',
    '5M',
    '-5s',
    '1e3s',
    '5m30s',
    'constructor',
    '__proto__',
    -1,
    Number.NaN,
    Infinity,
    null,
    undefined,
    true,
    [],
    {},
    5n,
  ])('refuses %p', (value) => {
    expect(parseDurationMs(value)).toBeUndefined();
  });
});

describe('requireTtlMs', () => {
  test('returns the milliseconds of a positive duration up to 30 days', () => {
    expect(requireTtlMs(1, 'ttl')).toBe(1000);
    expect(requireTtlMs('30d', 'ttl')).toBe(MAX_TTL_MS);
  });

  test.each([0, '0s', '31d', -5, 'soon', undefined, null, Number.NaN])(
    'G12: refuses %p with a TypeError that names the parameter',
    (value) => {
      expect(() => requireTtlMs(value, 'ttl')).toThrow(TypeError);
      expect(() => requireTtlMs(value, 'ttl')).toThrow(/Expected `ttl` to be a positive duration of at most 30 days/);
    },
  );
});
