/** Deadlines: they pass at their time, never before what has arrived was read (G16), and not for ever later. */
import { describe, expect, jest, test } from '@jest/globals';
import { atMost, Deadline, MAX_STRETCH } from '../../../lib/base/deadline.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

/** Lets the event loop poll, as it does once a turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock whose timers fire when the test says so, however late. */
class LateClock {
  readonly timers: { readonly dueMs: number; readonly callback: () => void }[] = [];
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.timers.push(timer);
    return () => {
      const at = this.timers.indexOf(timer);
      if (at >= 0) this.timers.splice(at, 1);
    };
  }

  /** Fires the timer that is due next, `lateMs` after its time, and lets the event loop poll. */
  async fire(lateMs = 0): Promise<void> {
    this.timers.sort((a, b) => a.dueMs - b.dueMs);
    const timer = this.timers.shift();
    if (timer === undefined) throw new Error('No timer is pending');
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs + lateMs);
    timer.callback();
    await turn();
  }
}

describe('a deadline', () => {
  test('passes at its time, once', async () => {
    const clock = new FakeClock();
    const onPassed = jest.fn();
    new Deadline(clock, 1000, onPassed);
    clock.advance(999);
    await turn();
    expect(onPassed).not.toHaveBeenCalled();
    clock.advance(1);
    await turn();
    clock.advance(10_000);
    await turn();
    expect(onPassed).toHaveBeenCalledTimes(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test('G16: does not pass when what it waits for comes with the poll after its last timer', async () => {
    const clock = new FakeClock();
    const onPassed = jest.fn();
    const deadline = new Deadline(clock, 1000, onPassed);
    clock.advance(1000);
    deadline.cancel();
    await turn();
    expect(onPassed).not.toHaveBeenCalled();
  });

  test('G16: leaves time to read after the process stood still', async () => {
    const clock = new LateClock();
    const onPassed = jest.fn();
    new Deadline(clock, 1000, onPassed);
    // The process stood still from the beginning.
    await clock.fire(5000);
    expect(onPassed).not.toHaveBeenCalled();
    // And once more.
    await clock.fire(5000);
    expect(onPassed).not.toHaveBeenCalled();
    await clock.fire();
    expect(onPassed).toHaveBeenCalledTimes(1);
  });

  test('passes in a process that is slow all the time', async () => {
    const clock = new LateClock();
    const onPassed = jest.fn();
    new Deadline(clock, 1000, onPassed);
    for (let i = 0; i < 5; i++) await clock.fire(1000);
    expect(onPassed).toHaveBeenCalledTimes(1);
  });

  test('waits for what moves, but not for ever', async () => {
    const clock = new FakeClock();
    const onPassed = jest.fn();
    let isMoving = true;
    const watch = () => () => isMoving;
    new Deadline(clock, 100, onPassed, { watch });
    new Deadline(clock, 1000, () => (isMoving = false), { watch: () => () => false });
    for (let ms = 0; ms < 100 * MAX_STRETCH - 1; ms++) {
      clock.advance(1);
      await turn();
    }
    expect(onPassed).not.toHaveBeenCalled();
    clock.advance(1);
    await turn();
    expect(onPassed).toHaveBeenCalledTimes(1);
  });

  test('passes as soon as nothing moves any more', async () => {
    const clock = new FakeClock();
    const onPassed = jest.fn();
    let isMoving = true;
    new Deadline(clock, 1000, onPassed, { watch: () => () => isMoving });
    clock.advance(1000);
    await turn();
    isMoving = false;
    clock.advance(50);
    await turn();
    expect(onPassed).toHaveBeenCalledTimes(1);
  });

  test.each([0, 1, 10, 99])('of %d ms passes at its time', async (ms) => {
    const clock = new FakeClock();
    const onPassed = jest.fn();
    new Deadline(clock, ms, onPassed);
    clock.advance(ms);
    await turn();
    expect(onPassed).toHaveBeenCalledTimes(1);
  });
});

test('atMost resolves with the end of the work or of the time, and leaves no timer', async () => {
  const clock = new FakeClock();
  await atMost(clock, 1000, Promise.resolve());
  expect(clock.pendingTimers).toBe(0);
  await expect(atMost(clock, 1000, Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  const waiting = atMost(clock, 1000, new Promise(() => undefined));
  clock.advance(1000);
  await waiting;
  expect(clock.pendingTimers).toBe(0);
});
