/** The lease of a load: renewed while the load lasts, given back after it, without a timer left behind. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { LEASE_MS, LoadLease, leaseNameOf } from '../../../lib/clients/load-lease.js';
import { growingPauseMs } from '../../../lib/clients/pauses.js';
import type { RedisSide } from '../../../lib/clients/service-core.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let clock: FakeClock;
let asked: string[];
let answer: () => Promise<boolean>;
let pushed: Promise<void>;

/** A Redis that remembers what it was asked for and answers as the test says. */
function fakeRedis(): RedisSide {
  const tier = {
    extendLease: (key: string, token: string, ttlMs: number) => {
      asked.push(`extend ${key === leaseNameOf('k')} ${token} ${ttlMs}`);
      return answer();
    },
    releaseLease: (key: string, token: string) => {
      asked.push(`release ${key === leaseNameOf('k')} ${token}`);
      return answer();
    },
  };
  return { tier, outbox: { push: () => pushed } } as unknown as RedisSide;
}

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advance(100);
    await settle();
  }
}

beforeEach(() => {
  clock = new FakeClock();
  asked = [];
  answer = () => Promise.resolve(true);
  pushed = Promise.resolve();
});

describe('the lease of a load', () => {
  test('is renewed three times within its time, and after that', async () => {
    const lease = new LoadLease(fakeRedis(), clock, 'k', 'token', clock.nowMs());
    await pass(LEASE_MS);
    expect(asked).toEqual(Array(3).fill(`extend true token ${LEASE_MS}`));
    await pass(LEASE_MS);
    expect(asked.length).toBeGreaterThanOrEqual(6);
    await lease.end();
  });

  test('is released by its token, and not renewed any more', async () => {
    const lease = new LoadLease(fakeRedis(), clock, 'k', 'token', clock.nowMs());
    await lease.end();
    expect(asked).toEqual(['release true token']);
    await pass(2 * LEASE_MS);
    expect(asked).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test('is renewed until Redis has what was loaded, and then released', async () => {
    let isThere: () => void = () => undefined;
    pushed = new Promise((resolve) => (isThere = resolve));
    const lease = new LoadLease(fakeRedis(), clock, 'k', 'token', clock.nowMs());
    const ended = lease.end();
    await pass(700);
    expect(asked).toEqual([`extend true token ${LEASE_MS}`]);
    isThere();
    await ended;
    expect(asked.at(-1)).toBe('release true token');
  });

  test('is not renewed once it was lost', async () => {
    answer = () => Promise.resolve(false);
    const lease = new LoadLease(fakeRedis(), clock, 'k', 'token', clock.nowMs());
    await pass(2 * LEASE_MS);
    expect(asked).toHaveLength(1);
    await lease.end();
  });

  test('is renewed again after a renewal that failed; giving it back never rejects', async () => {
    answer = () => Promise.reject(new Error('away'));
    pushed = Promise.reject(new Error('away'));
    pushed.catch(() => undefined);
    const lease = new LoadLease(fakeRedis(), clock, 'k', 'token', clock.nowMs());
    await pass(LEASE_MS);
    expect(asked).toHaveLength(3);
    await lease.end();
  });

  test('that ends during a renewal is not renewed again', async () => {
    let reply: (isHeld: boolean) => void = () => undefined;
    answer = () => new Promise((resolve) => (reply = resolve));
    const lease = new LoadLease(fakeRedis(), clock, 'k', 'token', clock.nowMs());
    await pass(600);
    const renewed = reply;
    answer = () => Promise.resolve(true);
    await lease.end();
    renewed(true);
    await settle();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('growing pauses', () => {
  const range = { firstMs: 5, longestMs: 50 };

  test('begin at the first, vary by half, and grow to the longest', () => {
    expect(growingPauseMs(range, 0, () => 1)).toBe(5);
    expect(growingPauseMs(range, 0, () => 0)).toBe(2.5);
    expect(growingPauseMs(range, 2, () => 0.5)).toBeGreaterThan(growingPauseMs(range, 1, () => 0.5));
    for (const round of [10, 100, 10_000]) {
      expect(growingPauseMs(range, round, () => 1)).toBe(50);
      expect(growingPauseMs(range, round, () => 0)).toBe(25);
    }
  });
});
