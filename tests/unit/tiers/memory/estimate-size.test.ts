/** The estimate behind `max_bytes`: not below what V8 takes, and never a trap. */
import { describe, expect, test } from '@jest/globals';
import { estimateEntrySize, estimateSize } from '../../../../lib/tiers/memory/estimate-size.js';

describe('estimateSize', () => {
  test.each([
    ['an ASCII string', 'x'.repeat(1000), 1000, 1100],
    ['a string beyond Latin-1', 'ж'.repeat(1000), 2000, 2100],
    ['bytes', Buffer.alloc(10_000), 10_000, 11_000],
    ['an array of numbers', Array.from({ length: 1000 }, (_, i) => i), 8000, 40_000],
    ['a map', new Map(Array.from({ length: 100 }, (_, i) => [i, i])), 2800, 12_000],
    ['a set', new Set(Array.from({ length: 100 }, (_, i) => i)), 2000, 8000],
    ['a date', new Date(), 50, 200],
    ['a bigint', 2n ** 8000n, 1000, 1100],
    ['nothing', null, 0, 0],
  ])('%s is counted with its content', (_name, value, low, high) => {
    const bytes = estimateSize(value, Infinity);
    expect(bytes).toBeGreaterThanOrEqual(low);
    expect(bytes).toBeLessThanOrEqual(high);
  });

  test('nested content counts, and what occurs twice counts once', () => {
    const big = 'x'.repeat(10_000);
    expect(estimateSize({ a: { b: [{ c: big }] } }, Infinity)).toBeGreaterThan(10_000);
    const shared = { payload: Array.from({ length: 1000 }, () => 1.5) };
    expect(estimateSize([shared, shared], Infinity)).toBeLessThan(estimateSize(shared, Infinity) + 200);
  });

  test('a small view of a large buffer is charged for what it keeps alive', () => {
    expect(estimateSize(new Uint8Array(new ArrayBuffer(1_000_000), 0, 10), Infinity)).toBeGreaterThan(1_000_000);
  });

  test('cycles end', () => {
    const a: { b?: unknown } = {};
    a.b = { a };
    expect(estimateSize(a, Infinity)).toBeLessThan(1000);
  });

  test('a getter is not called', () => {
    const value = {
      get trap(): never {
        throw new Error('called');
      },
    };
    expect(estimateSize(value, Infinity)).toBeGreaterThan(0);
  });

  test('the walk stops once the limit is exceeded', () => {
    let visited = 0;
    const items = new Proxy(new Array<number>(1_000_000).fill(1), {
      get(target, property, receiver) {
        if (typeof property === 'string' && /^\d+$/.test(property)) visited++;
        return Reflect.get(target, property, receiver) as unknown;
      },
    });
    expect(estimateSize(items, 10_000)).toBeGreaterThan(10_000);
    expect(visited).toBeLessThan(1000);
  });

  test('an entry costs more than its value: the key and the bookkeeping', () => {
    expect(estimateEntrySize('k'.repeat(100), null, Infinity)).toBeGreaterThan(300);
  });
});
