/** The clock of the hit path: exact when sparse, cheap when dense, nothing armed when idle. */
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../lib/base/clock.js';
import { BUDGET, CoarseClock, GUARD_MS, STREAK_READS } from '../../../lib/base/coarse-clock.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

/** A coarse clock with bursts over a fake source that counts its readings; the turn ends when told. */
function burstingClock() {
  const fake = new FakeClock(0);
  const source = { readings: 0, nowMs: () => (source.readings++, fake.nowMs()), schedule: fake.schedule.bind(fake) };
  const armed: (() => void)[] = [];
  const clock = new CoarseClock(source, (callback) => armed.push(callback));
  const read = () => (clock.spend() ? clock.lastMs : clock.readMs());
  const endTurn = () => armed.splice(0).forEach((callback) => callback());
  const beginBurst = () => {
    for (let i = 0; i < STREAK_READS; i++) read();
  };
  return { fake, source, armed, clock, read, endTurn, beginBurst };
}

describe('CoarseClock', () => {
  test('over any clock but the system clock every read is exact', () => {
    const fake = new FakeClock(0);
    const clock = new CoarseClock(fake);
    for (let i = 0; i < 1000; i++) {
      expect(clock.spend()).toBe(false);
      fake.advance(0.001);
      expect(clock.readMs()).toBe(fake.nowMs());
    }
  });

  test('sparse reads are exact and arm nothing', () => {
    const { fake, read, armed } = burstingClock();
    for (let i = 0; i < 1000; i++) {
      fake.advance(0.2);
      expect(read()).toBe(fake.nowMs());
    }
    expect(armed).toHaveLength(0);
  });

  test('dense reads take one real reading per budget', () => {
    const { source, read, beginBurst } = burstingClock();
    beginBurst();
    const before = source.readings;
    for (let i = 0; i < BUDGET * 10; i++) read();
    expect(source.readings - before).toBeLessThanOrEqual(10);
  });

  test('a burst ends with the turn: the next read is exact and nothing stays armed', () => {
    const { fake, read, armed, endTurn, beginBurst } = burstingClock();
    beginBurst();
    expect(armed).toHaveLength(1);
    endTurn();
    fake.advance(60_000);
    expect(read()).toBe(fake.nowMs());
    expect(armed).toHaveLength(0);
  });

  test('a turn is armed once, however many bursts it sees', () => {
    const { fake, read, armed, beginBurst } = burstingClock();
    for (let i = 0; i < 5; i++) {
      beginBurst();
      for (let j = 0; j < BUDGET; j++) read();
      fake.advance(100);
      read();
    }
    expect(armed).toHaveLength(1);
  });

  test('a burst ends when its budget lasted long', () => {
    const { fake, clock, read, beginBurst } = burstingClock();
    beginBurst();
    for (let i = 0; i < BUDGET; i++) read();
    fake.advance(50);
    read();
    expect(clock.spend()).toBe(false);
  });

  test('G2: in a burst no deadline within the guard is taken for one in the future', () => {
    const { fake, clock, beginBurst } = burstingClock();
    beginBurst();
    fake.advance(GUARD_MS);
    expect(clock.spend()).toBe(true);
    expect(clock.horizonMs).toBeGreaterThanOrEqual(fake.nowMs());
    expect(clock.lastMs).toBeLessThanOrEqual(fake.nowMs());
  });

  test('an exact reading in the middle of a burst moves the horizon', () => {
    const { fake, clock, beginBurst } = burstingClock();
    beginBurst();
    fake.advance(5000);
    expect(clock.nowMs()).toBe(5000);
    expect(clock.spend()).toBe(true);
    expect(clock.lastMs).toBe(5000);
  });

  test('on the system clock a dense loop stays within the guard and leaves nothing behind', async () => {
    const clock = new CoarseClock(systemClock);
    let spent = 0;
    for (let i = 0; i < 10_000; i++) {
      if (clock.spend()) spent++;
      else clock.readMs();
      expect(systemClock.nowMs()).toBeLessThanOrEqual(clock.horizonMs);
    }
    for (let i = 0; i < 10_000; i++)
      if (clock.spend()) spent++;
      else clock.readMs();
    expect(spent).toBeGreaterThan(9000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.spend()).toBe(false);
  });
});
