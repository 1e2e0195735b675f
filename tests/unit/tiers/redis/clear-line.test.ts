/** The version of the last clear: what is older counts as nothing (G4), and a broken clock cannot empty a service. */
import { expect, test } from '@jest/globals';
import { HybridClock } from '../../../../lib/base/hybrid-clock.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';
import { ClearLine } from '../../../../lib/tiers/redis/clear-line.js';

const NOW_MS = 1_700_000_000_000;
const versionAt = (ms: number, counter = '0000'): string => `${ms}${counter}node001`;

function line(): ClearLine {
  return new ClearLine(new HybridClock(new FakeClock(NOW_MS), 'node001'));
}

test('nothing is hidden before the first clear', () => {
  expect(line().hides(versionAt(0).padStart(24, '0'))).toBe(false);
});

test('what is older than the clear is hidden, what is newer is not', () => {
  const cleared = line();
  expect(cleared.raise(versionAt(NOW_MS))).toBe(true);
  expect(cleared.hides(versionAt(NOW_MS - 1))).toBe(true);
  expect(cleared.hides(versionAt(NOW_MS, '0001'))).toBe(false);
});

test('an older clear, heard of later, changes nothing', () => {
  const cleared = line();
  cleared.raise(versionAt(NOW_MS));
  expect(cleared.raise(versionAt(NOW_MS - 10))).toBe(false);
  expect(cleared.hides(versionAt(NOW_MS - 5))).toBe(true);
});

test('a clear from more than a minute ahead, or what is no version, is not obeyed', () => {
  const cleared = line();
  expect(cleared.raise(versionAt(NOW_MS + 60_001))).toBe(false);
  expect(cleared.raise('zzz')).toBe(false);
  expect(cleared.raise('z'.repeat(24))).toBe(false);
  expect(cleared.hides(versionAt(NOW_MS - 5))).toBe(false);
});
