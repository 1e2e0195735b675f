/** The system clock over sources that the test moves: sleep counts, steps back and pauses between two readings do not. */
import { describe, expect, test } from '@jest/globals';
import { SystemClock } from '../../../lib/base/clock.js';
import { CoarseClock } from '../../../lib/base/coarse-clock.js';

const START_MS = 1_700_000_000_000;

class Sources {
  monotonic = 0;
  wall = START_MS;
  /** What passes between the next two readings. */
  pauseMs = 0;
  monotonicMs = (): number => {
    const ms = this.monotonic;
    this.pass(this.pauseMs);
    this.pauseMs = 0;
    return ms;
  };
  wallMs = (): number => Math.floor(this.wall);

  pass(ms: number): void {
    this.monotonic += ms;
    this.wall += ms;
  }

  /** Monotonic time stands still. */
  sleep(ms: number): void {
    this.wall += ms;
  }
}

function makeClock(): { sources: Sources; clock: SystemClock } {
  const sources = new Sources();
  return { sources, clock: new SystemClock(sources, START_MS) };
}

describe('G16: the system clock', () => {
  test('is monotonic time, to the fraction, while the machine is awake', () => {
    const { sources, clock } = makeClock();
    for (let i = 1; i <= 1000; i++) {
      sources.pass(0.3);
      expect(clock.nowMs()).toBe(START_MS + sources.monotonic);
    }
    expect(clock.jumpedMs).toBe(0);
  });

  test('moves forward by what the machine slept, in the first reading after it', () => {
    const { sources, clock } = makeClock();
    sources.pass(1000);
    sources.sleep(6000);
    expect(clock.nowMs()).toBe(START_MS + 7000);
    expect(clock.jumpedMs).toBe(6000);
    sources.pass(500);
    sources.sleep(250);
    expect(clock.nowMs()).toBe(START_MS + 7750);
    expect(clock.nowMs()).toBe(START_MS + 7750);
    expect(clock.jumpedMs).toBe(6250);
  });

  test('adds up short sleeps that are too short to count by themselves', () => {
    const { sources, clock } = makeClock();
    for (let i = 0; i < 100; i++) {
      sources.sleep(60);
      clock.nowMs();
    }
    expect(START_MS + 6000 - clock.nowMs()).toBeLessThanOrEqual(100);
  });

  test('ignores a wall clock that is set back, and notices a sleep after that', () => {
    const { sources, clock } = makeClock();
    sources.pass(1000);
    sources.wall -= 3_600_000;
    expect(clock.nowMs()).toBe(START_MS + 1000);
    sources.pass(1000);
    sources.sleep(6000);
    expect(clock.nowMs()).toBe(START_MS + 8000);
    expect(clock.jumpedMs).toBe(6000);
  });

  test('takes a wall clock that is set forward for sleep: lives end early, never late', () => {
    const { sources, clock } = makeClock();
    sources.wall += 3_600_000;
    expect(clock.nowMs()).toBe(START_MS + 3_600_000);
    sources.wall -= 3_600_000;
    expect(clock.nowMs()).toBe(START_MS + 3_600_000);
  });

  test('does not take a pause of the process between its two readings for sleep', () => {
    const { sources, clock } = makeClock();
    for (let i = 0; i < 20; i++) {
      sources.pauseMs = 500;
      clock.nowMs();
    }
    expect(clock.nowMs()).toBe(START_MS + sources.monotonic);
    expect(clock.jumpedMs).toBe(0);
  });

  test('never goes backwards, whatever the wall clock does', () => {
    const { sources, clock } = makeClock();
    let last = clock.nowMs();
    for (let i = 0; i < 1000; i++) {
      sources.pass(i % 7);
      sources.wall += ((i * 7919) % 1001) - 500;
      const now = clock.nowMs();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
  });

  test('is asked by the coarse clock in the first read of a turn, so the first hit after waking is no late one', () => {
    const { sources, clock } = makeClock();
    const armed: (() => void)[] = [];
    const coarse = new CoarseClock(clock, (callback) => armed.push(callback));
    for (let i = 0; i < 300; i++) if (!coarse.spend()) coarse.readMs();
    for (const endTurn of armed.splice(0)) endTurn();
    sources.sleep(6000);
    expect(coarse.spend()).toBe(false);
    expect(coarse.readMs()).toBe(START_MS + 6000);
  });
});
