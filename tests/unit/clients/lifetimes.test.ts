/** G2: where lifetimes come from, with the two clocks of a two-level service apart. */
import { describe, expect, test } from '@jest/globals';
import { HybridClock } from '../../../lib/base/hybrid-clock.js';
import { Lifetimes } from '../../../lib/clients/lifetimes.js';
import type { ResolvedService } from '../../../lib/config/resolved-config.js';
import { loadObject } from '../config/load-toml.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const NOW = 1_700_000_000_000;

async function resolve(settings: object): Promise<ResolvedService> {
  const l2 = { connection_string: 'redis://127.0.0.1:6379' };
  const { services } = await loadObject({ services: { s: { cache_type: 'two-level', l2, ...settings } } });
  const service = services[0];
  if (service === undefined) throw new Error('There is no service');
  return service;
}

/** Lifetimes of a process whose clock is `offsetMs` behind the server's, known to within `uncertaintyMs`. */
async function make(
  settings: object,
  offsetMs = 0,
  uncertaintyMs = 0,
  random = () => 0.5,
): Promise<{ lifetimes: Lifetimes; clock: FakeClock }> {
  const clock = new FakeClock(NOW);
  const hybrid = new HybridClock(clock, 'node001');
  hybrid.anchor(NOW + offsetMs, NOW - uncertaintyMs, NOW + uncertaintyMs);
  return { lifetimes: new Lifetimes(await resolve(settings), clock, hybrid, random), clock };
}

describe('the life of a write', () => {
  test('is what was asked for, or the TTL of the service', async () => {
    const { lifetimes } = await make({ ttl: 60 });
    expect(lifetimes.lifeMs(undefined)).toBe(60_000);
    expect(lifetimes.lifeMs(5)).toBe(5);
  });

  test.each([
    [0, 60_000],
    [0.5, 54_000],
    [1 - Number.EPSILON, 48_000],
  ])('is shortened by ttl_jitter: at %f of the range to %i ms', async (random, expectedMs) => {
    const { lifetimes } = await make({ ttl: 60, ttl_jitter: 0.2 }, 0, 0, () => random);
    expect(lifetimes.lifeMs(undefined)).toBeCloseTo(expectedMs, 3);
    expect(lifetimes.lifeMs(30_000)).toBeCloseTo(expectedMs / 2, 3);
  });

  test('in Redis is on the clock of the server, with the stale window after it', async () => {
    const { lifetimes } = await make({}, 5000);
    expect(lifetimes.redisTimes(60_000, 20_000)).toEqual({
      createdAtMs: NOW + 5000,
      freshUntilMs: NOW + 65_000,
      expiresAtMs: NOW + 85_000,
    });
  });

  test('in L1 is on our clock, and no longer than l1.ttl', async () => {
    const { lifetimes } = await make({ ttl: 60, l1: { ttl: 20 } }, 5000);
    expect(lifetimes.memoryTimes(10_000)).toMatchObject({ createdAtMs: NOW, expiresAtMs: NOW + 10_000 });
    expect(lifetimes.memoryTimes(60_000)).toMatchObject({ createdAtMs: NOW, expiresAtMs: NOW + 20_000 });
  });

  test('of a service without L2 is as long as a call asks for', async () => {
    const clock = new FakeClock(NOW);
    const { services } = await loadObject({ services: { s: { cache_type: 'l1', ttl: 60 } } });
    const lifetimes = new Lifetimes(services[0] as ResolvedService, clock, undefined, () => 0);
    expect(lifetimes.memoryTimes(lifetimes.lifeMs(undefined)).expiresAtMs).toBe(NOW + 60_000);
    expect(lifetimes.memoryTimes(lifetimes.lifeMs(600_000)).expiresAtMs).toBe(NOW + 600_000);
  });
});

describe('an L1 copy of an L2 entry', () => {
  const entry = { createdAtMs: NOW, freshUntilMs: NOW + 60_000 };

  test.each([-600_000, -20, 0, 20, 600_000])('ends when the entry does, with our clock off by %i ms', async (offsetMs) => {
    const { lifetimes } = await make({ ttl: 3000 }, offsetMs);
    expect(lifetimes.promotedTimes(entry).expiresAtMs).toBe(NOW + 60_000 - offsetMs);
  });

  test('ends earlier by as much as the clocks are uncertain', async () => {
    const { lifetimes } = await make({ ttl: 600 }, 0, 15);
    expect(lifetimes.promotedTimes(entry).expiresAtMs).toBe(NOW + 60_000 - 15);
  });

  test('lives no longer than l1.ttl', async () => {
    const { lifetimes } = await make({ ttl: 600, l1: { ttl: 20 } });
    expect(lifetimes.promotedTimes(entry).expiresAtMs).toBe(NOW + 20_000);
  });
});

describe('an L2 entry', () => {
  const entry = { createdAtMs: NOW, freshUntilMs: NOW + 100_000 };

  test('is fresh until its TTL ends on the clock of the server', async () => {
    const { lifetimes, clock } = await make({}, 30_000);
    clock.advance(69_999);
    expect(lifetimes.isFresh(entry)).toBe(true);
    clock.advance(1);
    expect(lifetimes.isFresh(entry)).toBe(false);
  });

  test('has an age and a time left, neither below zero', async () => {
    const { lifetimes, clock } = await make({}, -1000);
    expect(lifetimes.ageOf(entry)).toEqual({ ageMs: 0, ttlMs: 101_000 });
    clock.advance(200_000);
    expect(lifetimes.ageOf(entry)).toEqual({ ageMs: 199_000, ttlMs: 0 });
  });

  test('is due for a reload in the last share of its life', async () => {
    const { lifetimes, clock } = await make({ refresh_ahead: 0.2 });
    clock.advance(79_999);
    expect(lifetimes.isDueForRefresh(entry)).toBe(false);
    clock.advance(1);
    expect(lifetimes.isDueForRefresh(entry)).toBe(true);
    const { lifetimes: without } = await make({});
    expect(without.isDueForRefresh({ createdAtMs: NOW - 1000, freshUntilMs: NOW + 1 })).toBe(false);
  });
});
