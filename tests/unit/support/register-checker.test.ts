/** The judge of the linearizability runs: that it accepts what may happen and finds what may not. */
import { describe, expect, test } from '@jest/globals';
import { countOrderedPairs, isLinearizable, type RegisterCall } from '../../chaos/support/register-checker.js';
import { seededRandom } from '../../chaos/support/crash-random.mjs';

const write = (value: string, startMs: number, endMs: number, isOptional = false): RegisterCall => ({
  kind: 'write',
  value,
  startMs,
  endMs,
  isOptional,
});
const remove = (startMs: number, endMs: number, isOptional = false): RegisterCall => ({
  kind: 'remove',
  startMs,
  endMs,
  isOptional,
});
const read = (value: string | undefined, startMs: number, endMs: number): RegisterCall => ({
  kind: 'read',
  startMs,
  endMs,
  ...(value === undefined ? {} : { value }),
});

describe('fits', () => {
  test.each<[string, RegisterCall[]]>([
    ['nothing', []],
    ['a read of nothing', [read(undefined, 0, 1)]],
    ['a write and its read', [write('a', 0, 1), read('a', 2, 3)]],
    ['a read that overlaps the write and sees it', [write('a', 0, 10), read('a', 2, 3)]],
    ['a read that overlaps the write and does not see it', [write('a', 0, 10), read(undefined, 2, 3)]],
    ['overlapping writes, either way: the first', [write('a', 0, 10), write('b', 1, 9), read('a', 11, 12)]],
    ['overlapping writes, either way: the second', [write('a', 0, 10), write('b', 1, 9), read('b', 11, 12)]],
    ['a removal after a write', [write('a', 0, 1), remove(2, 3), read(undefined, 4, 5)]],
    ['a write after a removal', [write('a', 0, 1), remove(2, 3), write('b', 4, 5), read('b', 6, 7)]],
    ['a failed write that is seen', [write('a', 0, 1), write('b', 2, 3, true), read('b', 4, 5)]],
    ['a failed write that is not seen', [write('a', 0, 1), write('b', 2, 3, true), read('a', 4, 5)]],
    ['a failed write that is seen late', [write('b', 0, 1, true), write('a', 2, 3), read('a', 4, 5), read('b', 6, 7)]],
    ['a logged write that is seen late', [write('b', 0, 20), write('a', 2, 3), read('a', 4, 5), read('b', 21, 22)]],
    ['a logged write that was overtaken', [write('b', 0, 20), write('a', 2, 3), read('a', 21, 22)]],
    ['touching times, which may be ordered either way', [write('a', 0, 1), write('b', 1, 2), read('a', 3, 4)]],
  ])('%s', (_name, calls) => {
    expect(isLinearizable(calls)).toBe(true);
    expect(isLinearizable([...calls].reverse())).toBe(true);
  });
});

describe('does not fit', () => {
  test.each<[string, RegisterCall[]]>([
    ['a value that nobody wrote', [read('a', 0, 1)]],
    ['a write that is lost', [write('a', 0, 1), read(undefined, 2, 3)]],
    ['an older value that stands over a newer one', [write('a', 0, 1), write('b', 2, 3), read('a', 4, 5)]],
    ['the same between reads', [write('a', 0, 1), write('b', 2, 3), read('b', 4, 5), read('a', 6, 7)]],
    ['a removed value that is read', [write('a', 0, 1), remove(2, 3), read('a', 4, 5)]],
    ['a write after a removal that is lost', [remove(0, 1), write('a', 2, 3), read(undefined, 4, 5)]],
    ['a read before its write', [read('a', 0, 1), write('a', 2, 3)]],
    ['two readers who disagree about the order', [write('a', 0, 10), write('b', 0, 10), read('a', 11, 12), read('b', 13, 14)]],
    ['a new value, then an old one, during one write', [write('a', 0, 1), write('b', 2, 10), read('b', 3, 4), read('a', 5, 6)]],
    ['a failed write that comes and goes', [write('a', 0, 1), write('b', 2, 3, true), read('b', 4, 5), read('a', 6, 7)]],
    ['a logged write that never comes', [write('b', 0, 20), read(undefined, 21, 22)]],
  ])('%s', (_name, calls) => {
    expect(isLinearizable(calls)).toBe(false);
    expect(isLinearizable([...calls].reverse())).toBe(false);
  });
});

/** Calls of several callers on a register that is right by construction: each takes effect at a moment between its times. */
function soundHistory(seed: number): RegisterCall[] {
  const random = seededRandom(seed);
  let value: string | undefined;
  return Array.from({ length: 30 }, (_, index) => {
    const startMs = index - random.next() * 3;
    const endMs = index + random.next() * 3;
    const kind = random.pickWeighted({ write: 3, remove: 1, read: 4 });
    if (kind === 'read') return read(value, startMs, endMs);
    value = kind === 'write' ? `v${index}` : undefined;
    return kind === 'write' ? write(`v${index}`, startMs, endMs) : remove(startMs, endMs);
  });
}

test('a register that is right by construction fits, in each of 300 histories', () => {
  for (let seed = 0; seed < 300; seed++) expect([seed, isLinearizable(soundHistory(seed))]).toEqual([seed, true]);
});

test('an old value that is read once more at the end is found, in each of 300 histories', () => {
  for (let seed = 0; seed < 300; seed++) {
    const calls = [
      ...soundHistory(seed),
      write('last but one', 100, 101),
      write('last', 102, 103),
      read('last but one', 104, 105),
    ];
    expect([seed, isLinearizable(calls)]).toEqual([seed, false]);
  }
});

test('pairs count when one was made strictly after the other, and one of them is a write', () => {
  const calls = [write('a', 0, 1), remove(2, 3), remove(3.2, 3.5), read('x', 2, 9), write('b', 4, 8), write('c', 5, 9)];
  expect(countOrderedPairs(calls)).toBe(2);
});
