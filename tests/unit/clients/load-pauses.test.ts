/** How long a key is left alone after its loads have failed. */
import { describe, expect, test } from '@jest/globals';
import { LoadPauses } from '../../../lib/clients/load-pauses.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

/** How long `key` is paused from now on, in whole milliseconds. */
function pauseMs(pauses: LoadPauses, clock: FakeClock, key = 'k'): number {
  const fromMs = clock.nowMs();
  while (pauses.isPausing(key)) clock.advance(500);
  return clock.nowMs() - fromMs;
}

describe('the pauses after failed loads', () => {
  test('double to 30 s, and begin anew after a success', () => {
    const clock = new FakeClock();
    const pauses = new LoadPauses(clock, 1000);
    const lengths = Array.from({ length: 7 }, () => {
      pauses.failed('k');
      return pauseMs(pauses, clock);
    });
    expect(lengths).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    pauses.succeeded('k');
    pauses.failed('k');
    expect(pauseMs(pauses, clock)).toBe(1000);
    expect(pauseMs(pauses, clock, 'another')).toBe(0);
  });

  test('begin anew when the failures lie far apart', () => {
    const clock = new FakeClock();
    const pauses = new LoadPauses(clock, 1000);
    pauses.failed('k');
    pauseMs(pauses, clock);
    clock.advance(30_000);
    pauses.failed('k');
    expect(pauseMs(pauses, clock)).toBe(1000);
  });

  test('stay at load_backoff where that is longer than 30 s', () => {
    const clock = new FakeClock();
    const pauses = new LoadPauses(clock, 60_000);
    const lengths = [1, 2].map(() => {
      pauses.failed('k');
      return pauseMs(pauses, clock);
    });
    expect(lengths).toEqual([60_000, 60_000]);
  });

  test('do not spare callers with load_backoff = 0, but hold back reloads for a second', () => {
    const clock = new FakeClock();
    const pauses = new LoadPauses(clock, 0);
    pauses.failed('k');
    expect([pauses.isPausing('k'), pauses.mayReload('k')]).toEqual([false, false]);
    clock.advance(1000);
    expect([pauses.mayReload('k'), pauses.mayReload('k')]).toEqual([true, false]);
    pauses.reloadEnded('k');
    expect(pauses.mayReload('k')).toBe(true);
  });

  test('a reload that is left to another process spares no caller', () => {
    const pauses = new LoadPauses(new FakeClock(), 1000);
    pauses.leftToOthers('k');
    expect([pauses.isPausing('k'), pauses.mayReload('k')]).toEqual([false, false]);
  });

  test('G14: the oldest are forgotten first', () => {
    const pauses = new LoadPauses(new FakeClock(), 1000);
    for (let i = 0; i < 10_001; i++) pauses.failed(`k${i}`);
    expect([pauses.size, pauses.isPausing('k0'), pauses.isPausing('k1')]).toEqual([10_000, false, true]);
  });
});
