/** How late messages came, in a histogram of fixed size. */
import { expect, test } from '@jest/globals';
import { LagHistogram } from '../../../lib/observe/lag-histogram.js';

test('says nothing before the first', () => {
  expect(new LagHistogram().summary()).toBeUndefined();
});

test('knows its percentiles to within a tenth, and its greatest exactly', () => {
  const lags = new LagHistogram();
  for (let ms = 1; ms <= 1000; ms++) lags.add(ms);
  const { count, p50Ms, p99Ms, maxMs } = lags.summary()!;
  expect(count).toBe(1000);
  expect(p50Ms).toBeGreaterThanOrEqual(500);
  expect(p50Ms).toBeLessThan(550);
  expect(p99Ms).toBeGreaterThanOrEqual(990);
  expect(p99Ms).toBeLessThanOrEqual(1000);
  expect(maxMs).toBe(1000);
});

test('takes what is below and beyond its range', () => {
  const lags = new LagHistogram();
  lags.add(-3);
  lags.add(0);
  lags.add(86_400_000);
  expect(lags.summary()).toMatchObject({ count: 3, maxMs: 86_400_000 });
  expect(lags.summary()!.p50Ms).toBeLessThanOrEqual(0.01);
});
