/** The clock the other tests rely on. */
import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

describe('FakeClock', () => {
  test('stands still until it is moved, and moves by fractions of a millisecond', () => {
    const clock = new FakeClock(1000);
    expect(clock.nowMs()).toBe(1000);
    clock.advance(0.25);
    expect(clock.nowMs()).toBe(1000.25);
  });

  test('fires timers in the order they are due, each at its time, also those scheduled meanwhile', () => {
    const clock = new FakeClock(0);
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name}@${String(clock.nowMs())}`);
    clock.schedule(note('late'), 30);
    clock.schedule(() => {
      note('early')();
      clock.schedule(note('nested'), 5);
    }, 10);
    clock.schedule(note('same time, second'), 30);
    clock.schedule(note('not yet'), 31);
    clock.advance(30);
    expect(fired).toEqual(['early@10', 'nested@15', 'late@30', 'same time, second@30']);
    expect(clock.pendingTimers).toBe(1);
  });

  test('a cancelled timer does not fire', () => {
    const clock = new FakeClock(0);
    let fired = 0;
    const cancel = clock.schedule(() => fired++, 10);
    cancel();
    clock.advance(100);
    expect(fired).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('set jumps to a moment and fires what is due by then', () => {
    const clock = new FakeClock(0);
    let firedAtMs = -1;
    clock.schedule(() => (firedAtMs = clock.nowMs()), 10);
    clock.set(500);
    expect(firedAtMs).toBe(10);
    expect(clock.nowMs()).toBe(500);
  });

  test('going backwards is a TypeError', () => {
    const clock = new FakeClock(10);
    expect(() => clock.set(9)).toThrow(TypeError);
    expect(() => clock.advance(-1)).toThrow(TypeError);
    expect(() => clock.advance(Number.NaN)).toThrow(TypeError);
    expect(clock.nowMs()).toBe(10);
  });
});
