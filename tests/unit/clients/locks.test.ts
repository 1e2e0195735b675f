/** When a lock that Redis granted may still be handed out, to the millisecond, on a fake clock. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { BackgroundTasks } from '../../../lib/base/background-tasks.js';
import { CacheError } from '../../../lib/base/errors.js';
import { leaseEndMs } from '../../../lib/clients/lease-end.js';
import { Locks } from '../../../lib/clients/locks.js';
import type { RedisSide, ServiceCore } from '../../../lib/clients/service-core.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let clock: FakeClock;
let background: BackgroundTasks;
let asked: string[];
/** How long each answer takes, in order; later ones come at once. */
let delaysMs: number[];

beforeEach(() => {
  clock = new FakeClock();
  background = new BackgroundTasks();
  asked = [];
  delaysMs = [];
});

function openLocks(): Locks {
  const answer = <T>(what: string, result: T): Promise<T> => {
    asked.push(what);
    clock.advance(delaysMs.shift() ?? 0);
    return Promise.resolve(result);
  };
  const tier = {
    unusableError: () => new CacheError('CACHE_L2_UNAVAILABLE', 'away'),
    acquireLease: (key: string) => answer(`take ${key}`, 'token'),
    extendLease: (key: string) => answer(`extend ${key}`, true),
    releaseLease: (key: string) => answer(`release ${key}`, true),
  };
  const core = {
    parts: { clock, background, strategies: {} },
    isClosing: false,
    requireOpen: () => undefined,
    requireNotClosing: () => undefined,
    accept: <T>(call: Promise<T>) => call,
  };
  return new Locks(core as unknown as ServiceCore, { tier } as unknown as RedisSide, () => 0.5);
}

describe('a lock', () => {
  test('is held from the sending for its time, less what clocks may differ', () => {
    expect(leaseEndMs(5000, 1000)).toBe(5000 + 1000 - 12);
    expect(leaseEndMs(0, 30)).toBeLessThan(30);
  });

  test('is handed out a moment before its end, and not at its end', async () => {
    const locks = openLocks();
    delaysMs = [987];
    expect(await locks.lock('k', { ttlMs: 1000 })).toMatchObject({ token: 'token' });
    delaysMs = [988];
    expect(await locks.lock('k', { ttlMs: 1000 })).toBeUndefined();
    await background.drain();
    expect(asked).toEqual(['take k', 'take k', 'release k']);
  });

  test('that came too late is asked for once more within the wait, and counts from its last attempt', async () => {
    const locks = openLocks();
    delaysMs = [2000, 500];
    const locking = locks.lock('k', { ttlMs: 1000, waitMs: 10_000 });
    await settle();
    clock.advance(100);
    expect(await locking).toMatchObject({ token: 'token' });
    expect(asked).toEqual(['take k', 'take k']);
  });

  test('that came too late in the last round of the wait is given back', async () => {
    const locks = openLocks();
    delaysMs = [2000];
    expect(await locks.lock('k', { ttlMs: 1000, waitMs: 1500 })).toBeUndefined();
    await background.drain();
    expect(asked).toEqual(['take k', 'release k']);
  });

  test('is not extended by an answer that comes after its end, and is given back', async () => {
    const lock = await openLocks().lock('k', { ttlMs: 60_000 });
    delaysMs = [987];
    expect(await lock?.extend('1s')).toBe(true);
    delaysMs = [988];
    expect(await lock?.extend('1s')).toBe(false);
    await background.drain();
    expect(asked).toEqual(['take k', 'extend k', 'extend k', 'release k']);
  });
});
