/** What is remembered of a source that has nothing, and what is handed out when the source or Redis fails. */
import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { collectEvents } from '../../support/collect-events.js';
import { until } from '../../support/until.js';
import { KINDS, KINDS_WITH_L2, Workbench, countingLoader } from './workbench.js';

const bench = new Workbench();

const failing = (): Promise<never> => Promise.reject(new Error('the source is away'));

describe.each(KINDS)('negative caching of a service of type %s', (kind) => {
  test('asks a source that has nothing once until null_ttl is over', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, { null_ttl: 10 }, { clock });
    let calls = 0;
    const load = (): undefined => {
      calls++;
      return undefined;
    };
    for (let i = 0; i < 5; i++) expect(await client.getOrLoad('k', load)).toBeUndefined();
    expect(calls).toBe(1);
    clock.advance(10_001);
    await client.getOrLoad('k', load);
    expect(calls).toBe(2);
  });

  test('is 30 seconds by default', async () => {
    const client = await bench.client(kind);
    await client.getOrLoad('k', () => undefined);
    const { status, ttlMs } = await client.lookup('k');
    expect(status).toBe('absent');
    expect(ttlMs).toBeGreaterThan(29_000);
    expect(ttlMs).toBeLessThanOrEqual(30_010);
  });

  test('is off with null_ttl = 0', async () => {
    const client = await bench.client(kind, { null_ttl: 0 });
    let calls = 0;
    const load = (): undefined => {
      calls++;
      return undefined;
    };
    await client.getOrLoad('k', load);
    await client.getOrLoad('k', load);
    expect(calls).toBe(2);
    expect(await client.lookup('k')).toEqual({ status: 'miss' });
  });

  test('is not applied to null, which is a value', async () => {
    const client = await bench.client(kind);
    expect(await client.getOrLoad('k', () => null)).toBeNull();
    expect(await client.lookup('k')).toMatchObject({ status: 'fresh', value: null });
  });

  test('ends with a set', async () => {
    const client = await bench.client(kind);
    await client.getOrLoad('k', () => undefined);
    await client.set('k', 1);
    expect(await client.get('k')).toBe(1);
  });

  test.each([0, 30])('with null_ttl = %i, a refresh that finds nothing takes the value away', async (null_ttl) => {
    const client = await bench.client(kind, { null_ttl });
    await client.set('k', 1);
    expect(await client.refresh('k', () => undefined)).toBeUndefined();
    expect(await client.get('k')).toBeUndefined();
    expect(await client.has('k')).toBe(false);
  });
});

describe.each(KINDS)('stale entries of a service of type %s', (kind) => {
  const settings = { ttl: 10, stale_ttl: 20 } as const;

  test('are handed out when the loader fails, again and again, until the stale window is over', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    await client.set('k', 'old');
    for (const stepMs of [10_500, 9000, 9000]) {
      clock.advance(stepMs);
      expect(await client.getOrLoad('k', failing)).toBe('old');
    }
    clock.advance(2000);
    await expect(client.getOrLoad('k', failing)).rejects.toThrow('the source is away');
    expect(client.metrics()).toMatchObject({ loads: 4, loadErrors: 4, staleHits: 3, misses: 1 });
  });

  test('are not handed out where the loader succeeds', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    await client.set('k', 'old');
    clock.advance(10_500);
    expect(await client.getOrLoad('k', ({ stale }) => `after ${String(stale)}`)).toBe('after old');
    expect(await client.get('k')).toBe('after old');
  });

  test('are not handed out by get, getMany, peek or has', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    await client.set('k', 'old');
    clock.advance(10_500);
    expect(client.peek('k')).toBeUndefined();
    expect(await client.get('k')).toBeUndefined();
    expect(await client.getMany(['k'])).toEqual(new Map());
    expect(await client.has('k')).toBe(false);
  });

  test('are refused by allowStale: false', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    await client.set('k', 'old');
    clock.advance(10_500);
    await expect(client.getOrLoad('k', failing, { allowStale: false })).rejects.toThrow('the source is away');
    await expect(client.refresh('k', failing)).rejects.toThrow('the source is away');
    expect(await client.getOrLoad('k', failing)).toBe('old');
  });

  test('of several keys are handed out by getOrLoadMany when its loader fails', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    await client.setMany([
      ['a', 1],
      ['b', 2],
    ]);
    clock.advance(10_500);
    expect(await client.getOrLoadMany(['a', 'b'], failing)).toEqual(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    await expect(client.getOrLoadMany(['a', 'c'], failing)).rejects.toThrow('the source is away');
  });

  test('are reported as stale hits of the tier that held them', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    await client.set('k', 'old');
    clock.advance(10_500);
    const events = collectEvents(client, 'hit', 'miss');
    await client.getOrLoad('k', failing);
    await client.lookup('k');
    const hit = {
      event: 'hit',
      payload: { service: 'things', key: 'k', tier: kind === 'two-level' ? 'l2' : kind, stale: true },
    };
    expect(events).toEqual([hit, hit]);
  });

  test('are handed out when the loader takes longer than load_timeout', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, { ...settings, load_timeout: 2 }, { clock });
    await client.set('k', 'old');
    clock.advance(10_500);
    let isCalled = false;
    const loading = client.getOrLoad('k', () => {
      isCalled = true;
      return new Promise<string>(() => undefined);
    });
    await until(() => isCalled);
    clock.advance(2000);
    expect(await loading).toBe('old');
    expect(client.metrics()).toMatchObject({ loadTimeouts: 1, staleHits: 1 });
  });

  test('hold no absence: a loader that fails after one rejects', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, { ...settings, null_ttl: 1 }, { clock });
    await client.getOrLoad('k', () => undefined);
    clock.advance(1500);
    await expect(client.getOrLoad('k', failing)).rejects.toThrow('the source is away');
  });

  test('do not exist without stale_ttl', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, { ttl: 10 }, { clock });
    await client.set('k', 'old');
    clock.advance(10_001);
    await expect(client.getOrLoad('k', ({ stale }) => Promise.reject(new Error(`stale: ${String(stale)}`)))).rejects.toThrow(
      'stale: undefined',
    );
  });
});

describe.each(KINDS_WITH_L2)('stale entries of another process, in a service of type %s', (kind) => {
  test('are found in Redis, and reported as hits of l2', async () => {
    const clock = new FakeClock();
    const settings = { ttl: 10, stale_ttl: 20 } as const;
    const writer = await bench.client(kind, settings, { clock });
    const client = await bench.client(kind, settings, { clock });
    await writer.set('k', 'old');
    clock.advance(10_500);
    const events = collectEvents(client, 'hit');
    expect(await client.getOrLoad('k', failing)).toBe('old');
    expect(await client.lookup('k')).toMatchObject({ status: 'stale', value: 'old', tier: 'l2' });
    expect(events.map(({ payload }) => payload.tier)).toEqual(['l2', 'l2']);
    clock.advance(20_000);
    await expect(client.getOrLoad('k', failing)).rejects.toThrow('the source is away');
  });
});

describe('when Redis fails', () => {
  test.each([
    ['to the log', true],
    ['to nowhere', false],
  ])(
    'a two-level service whose loads go %s hands out what L1 holds past its TTL, within the stale window',
    async (_name, enabled) => {
      const clock = new FakeClock();
      const settings = { ttl: 60, stale_ttl: 20, load_backoff: 0, l1: { ttl: 10 }, wal: { enabled } } as const;
      const client = await bench.client('two-level', settings, { clock });
      await client.set('k', 'old');
      await bench.server.kill();
      await until(() => client.health().status === 'degraded');
      clock.advance(10_500);
      expect(await client.get('k')).toBe('old');
      expect(await client.getMany(['k'])).toEqual(new Map([['k', 'old']]));
      expect(await client.getOrLoad('k', failing)).toBe('old');
      const { load } = countingLoader();
      expect(await client.getOrLoad('k', load)).toBe('k#1');
      expect(client.peek('k')).toBe('k#1');
      clock.advance(31_000);
      // Past its life in L1. The log stands in for Redis, where the entry would still be.
      expect(await client.get('k')).toBe(enabled ? 'k#1' : undefined);
      clock.advance(50_000);
      expect(await client.get('k')).toBeUndefined();
      await bench.server.restart();
    },
  );
});
