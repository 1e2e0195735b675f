/** refresh_ahead: entries near the end of their life are reloaded behind the caller's back, once. */
import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { collectEvents } from '../../support/collect-events.js';
import { until } from '../../support/until.js';
import { KINDS, Workbench, countingLoader, defer } from './workbench.js';

const bench = new Workbench();

describe.each(KINDS)('refresh_ahead of a service of type %s', (kind) => {
  const settings = { ttl: 100, refresh_ahead: 0.2 } as const;

  test('reloads once in the last share of an entry’s life, while callers get what is cached at once', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    const { load, calls } = countingLoader();
    await client.getOrLoad('k', load);
    clock.advance(79_000);
    expect(await client.getOrLoad('k', load)).toBe('k#1');
    expect(calls).toHaveLength(1);
    clock.advance(2000);
    const source = defer<string>();
    let reloads = 0;
    const slow = (): Promise<string> => {
      reloads++;
      return source.promise;
    };
    for (let i = 0; i < 5; i++) expect(await client.getOrLoad('k', slow)).toBe('k#1');
    expect(await Promise.all(Array.from({ length: 20 }, () => client.getOrLoad('k', slow)))).toEqual(Array(20).fill('k#1'));
    expect(reloads).toBe(1);
    source.resolve('new');
    await until(async () => (await client.get('k')) === 'new');
    const { ttlMs } = await client.lookup('k');
    expect(ttlMs).toBeGreaterThan(99_000);
  });

  test('keeps the cached value when the reload fails, and reports that as an error of the background', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    await client.set('k', 'old');
    clock.advance(85_000);
    const events = collectEvents(client, 'error', 'load');
    const failure = new Error('the source is away');
    expect(await client.getOrLoad('k', () => Promise.reject(failure))).toBe('old');
    await until(() => events.some(({ event }) => event === 'error'));
    expect(events.map(({ event, payload }) => ({ event, background: payload.background }))).toEqual([
      { event: 'load', background: true },
      { event: 'error', background: true },
    ]);
    const payload = events[1]?.payload;
    expect(payload).toMatchObject({ key: 'k', error: { code: 'CACHE_LOAD_FAILED', key: 'k', cause: failure } });
    expect(await client.get('k')).toBe('old');
  });

  test('leaves the source alone for a second after a failed reload, then tries again', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    await client.set('k', 'old');
    clock.advance(85_000);
    const events = collectEvents(client, 'error');
    await client.getOrLoad('k', () => Promise.reject(new Error('first')));
    await until(() => events.length === 1);
    const { load, calls } = countingLoader();
    for (let i = 0; i < 5; i++) expect(await client.getOrLoad('k', load)).toBe('old');
    clock.advance(999);
    expect(await client.getOrLoad('k', load)).toBe('old');
    expect(calls).toEqual([]);
    clock.advance(1);
    expect(await client.getOrLoad('k', load)).toBe('old');
    await until(async () => (await client.get('k')) === 'k#1');
  });

  test('does nothing for reads that have no loader', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    await client.set('k', 'old');
    clock.advance(85_000);
    expect(await client.get('k')).toBe('old');
    const neverCalled = (): never => {
      throw new Error('called');
    };
    expect(await client.getOrLoad('k', neverCalled, { disableLoad: true })).toBe('old');
    await client.flush();
    expect(client.metrics().loads).toBe(0);
  });

  test('G4: a set wins against a reload that began before it', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, settings, { clock });
    await client.set('k', 'old');
    clock.advance(85_000);
    const source = defer<string>();
    const events = collectEvents(client, 'load');
    expect(await client.getOrLoad('k', () => source.promise)).toBe('old');
    await client.set('k', 'set');
    source.resolve('reloaded');
    await until(() => events.length === 1);
    await client.flush();
    expect(await client.get('k')).toBe('set');
    if (kind === 'two-level') expect(await client.getL2Only('k')).toBe('set');
  });

  test('does not reload without being asked to in the configuration', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, { ttl: 100 }, { clock });
    const { load, calls } = countingLoader();
    await client.getOrLoad('k', load);
    clock.advance(99_500);
    await client.getOrLoad('k', load);
    expect(calls).toHaveLength(1);
  });
});
