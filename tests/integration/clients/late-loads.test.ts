/** Slow and failing loads while a value past its TTL is at hand: who gets what and when, and what becomes of the load. */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { until } from '../../support/until.js';
import { KINDS, Workbench, defer, type Deferred, type ServiceSettings } from './workbench.js';

const bench = new Workbench();

/** A source whose answers the test gives. */
class Source {
  readonly calls: Deferred<string>[] = [];
  readonly signals: AbortSignal[] = [];
  readonly load = ({ signal }: { readonly signal: AbortSignal }): Promise<string> => {
    const call = defer<string>();
    this.calls.push(call);
    this.signals.push(signal);
    return call.promise;
  };
  readonly loadMany = async (keys: readonly string[], context: { readonly signal: AbortSignal }): Promise<string[]> => {
    const value = await this.load(context);
    return keys.map((key) => `${key} ${value}`);
  };

  /** Waits until the loader was called so many times. */
  async reached(calls: number): Promise<void> {
    await until(() => this.calls.length === calls, { describe: `${calls} loads` });
  }
}

describe.each(KINDS)('in a service of type %s with a value past its TTL', (kind) => {
  async function open(
    settings: ServiceSettings,
    keys = ['k'],
  ): Promise<{ client: CacheClient; clock: FakeClock; source: Source }> {
    const clock = new FakeClock();
    const client = await bench.client(kind, { ttl: 10, stale_ttl: 600, ...settings }, { clock });
    for (const key of keys) await client.set(key, 'old');
    clock.advance(10_500);
    return { client, clock, source: new Source() };
  }

  /** Lets everything happen that needs no time: a read of Redis has been answered by then. */
  const passed = async (client: CacheClient): Promise<void> => {
    await client.get('another key');
    await client.get('another key');
  };

  test('a load that takes longer than load_timeout goes on, and its value is kept', async () => {
    const { client, clock, source } = await open({ load_timeout: '300ms' });
    const first = client.getOrLoad('k', source.load);
    await source.reached(1);
    clock.advance(300);
    expect(await first).toBe('old');
    // Nobody waits for it again, nor starts another one.
    for (let i = 0; i < 3; i++) expect(await client.getOrLoad('k', source.load)).toBe('old');
    expect(client.metrics()).toMatchObject({ loadTimeouts: 1, loadsSpared: 3, staleHits: 4, loadsInFlight: 1 });
    expect(source.signals[0]?.aborted).toBe(false);
    source.calls[0]?.resolve('new');
    await until(() => client.metrics().loadsInFlight === 0);
    expect(await client.getOrLoad('k', source.load)).toBe('new');
    if (kind !== 'l1') expect(await client.getL2Only('k')).toBe('new');
    if (kind !== 'l2') expect(client.peek('k')).toBe('new');
    expect(source.calls).toHaveLength(1);
  });

  test('the callers get it after soft_timeout, counted from the start of the load', async () => {
    const { client, clock, source } = await open({ load_timeout: '10s', soft_timeout: '100ms' });
    const first = client.getOrLoad('k', source.load);
    await source.reached(1);
    clock.advance(60);
    const second = client.getOrLoad('k', source.load);
    await passed(client);
    clock.advance(40);
    expect(await Promise.all([first, second])).toEqual(['old', 'old']);
    // From then on at once.
    expect(await client.getOrLoad('k', source.load)).toBe('old');
    source.calls[0]?.resolve('new');
    await until(() => client.metrics().loadsInFlight === 0);
    expect(await client.get('k')).toBe('new');
    expect(client.metrics()).toMatchObject({ loads: 1, loadTimeouts: 0, loadsSpared: 0 });
  });

  test('a load within soft_timeout yields its own value', async () => {
    const { client, clock, source } = await open({ soft_timeout: '100ms' });
    const loading = client.getOrLoad('k', source.load);
    await source.reached(1);
    clock.advance(99);
    source.calls[0]?.resolve('new');
    expect(await loading).toBe('new');
  });

  test('a caller who takes no stale value waits for the load that is late', async () => {
    const { client, clock, source } = await open({ load_timeout: '300ms', soft_timeout: '100ms' });
    const first = client.getOrLoad('k', source.load);
    await source.reached(1);
    clock.advance(100);
    expect(await first).toBe('old');
    clock.advance(200);
    const patient = client.getOrLoad('k', source.load, { allowStale: false });
    await passed(client);
    clock.advance(299);
    source.calls[0]?.resolve('new');
    expect(await patient).toBe('new');
    expect(source.calls).toHaveLength(1);
  });

  test('a load that never ends is let go of after the pause, for a new one', async () => {
    const { client, clock, source } = await open({ load_timeout: '300ms' });
    const first = client.getOrLoad('k', source.load);
    await source.reached(1);
    clock.advance(300);
    expect(await first).toBe('old');
    clock.advance(999);
    expect(await client.getOrLoad('k', source.load)).toBe('old');
    expect(source.calls).toHaveLength(1);
    clock.advance(1);
    const second = client.getOrLoad('k', source.load);
    await source.reached(2);
    expect([source.signals[0]?.aborted, client.metrics().loadsInFlight]).toEqual([true, 1]);
    source.calls[0]?.resolve('too late');
    source.calls[1]?.resolve('new');
    expect(await second).toBe('new');
    expect(await client.get('k')).toBe('new');
  });

  test('a load that never ends is let go of by itself where nobody asks again', async () => {
    const { client, clock, source } = await open({ load_timeout: '300ms' });
    const first = client.getOrLoad('k', source.load);
    await source.reached(1);
    clock.advance(300);
    expect(await first).toBe('old');
    clock.advance(29_999);
    expect(client.metrics().loadsInFlight).toBe(1);
    clock.advance(1);
    expect([client.metrics().loadsInFlight, source.signals[0]?.aborted]).toEqual([0, true]);
  });

  test('a failing source is asked once a pause, which grows, and not once a caller', async () => {
    const { client, clock } = await open({});
    let calls = 0;
    const failing = (): Promise<string> => {
      calls++;
      return Promise.reject(new Error('the source is away'));
    };
    const ask = async (): Promise<void> => {
      const values = await Promise.all(Array.from({ length: 20 }, () => client.getOrLoad('k', failing)));
      expect(new Set(values)).toEqual(new Set(['old']));
    };
    for (const [afterMs, expected] of [
      [0, 1],
      [999, 1],
      [1, 2],
      [1999, 2],
      [1, 3],
    ] as const) {
      clock.advance(afterMs);
      await ask();
      await ask();
      expect(calls).toBe(expected);
    }
    expect(client.metrics().loadsSpared).toBeGreaterThan(100);
    // Who takes no stale value, or asks for a load, is not spared.
    await expect(client.getOrLoad('k', failing, { allowStale: false })).rejects.toThrow('the source is away');
    await expect(client.refresh('k', failing)).rejects.toThrow('the source is away');
    expect(calls).toBe(5);
    expect(await client.refresh('k', () => 'new')).toBe('new');
    expect(await client.getOrLoad('k', failing)).toBe('new');
  });

  test('each caller’s load is tried without one, and with load_backoff = 0', async () => {
    const { client } = await open({ load_backoff: 0 });
    let calls = 0;
    const failing = (): Promise<string> => {
      calls++;
      return Promise.reject(new Error('the source is away'));
    };
    for (let i = 0; i < 3; i++) expect(await client.getOrLoad('k', failing)).toBe('old');
    expect(calls).toBe(3);
    for (let i = 0; i < 3; i++) await expect(client.getOrLoad('never cached', failing)).rejects.toThrow('away');
    expect([calls, client.metrics().loadsSpared]).toEqual([6, 0]);
  });

  test('with load_backoff = 0 a slow load lands, too', async () => {
    const { client, clock, source } = await open({ load_backoff: 0, load_timeout: '300ms' });
    const first = client.getOrLoad('k', source.load);
    await source.reached(1);
    clock.advance(300);
    expect(await first).toBe('old');
    const second = client.getOrLoad('k', source.load);
    await passed(client);
    source.calls[0]?.resolve('new');
    expect(await second).toBe('new');
    expect(source.calls).toHaveLength(1);
  });

  test('loads of many keys follow the same rules, key by key', async () => {
    const { client, clock, source } = await open({ load_timeout: '300ms' }, ['a', 'b']);
    const first = client.getOrLoadMany(['a', 'b'], source.loadMany);
    await source.reached(1);
    clock.advance(300);
    const old = new Map([['a', 'old'], ['b', 'old']]); // prettier-ignore
    expect(await first).toEqual(old);
    expect(await client.getOrLoadMany(['a', 'b'], source.loadMany)).toEqual(old);
    const third = client.getOrLoadMany(['a', 'c'], source.loadMany);
    await source.reached(2);
    source.calls[1]?.resolve('new');
    expect(await third).toEqual(new Map([['a', 'old'], ['c', 'c new']])); // prettier-ignore
    source.calls[0]?.resolve('late');
    await until(() => client.metrics().loadsInFlight === 0);
    expect(await client.getMany(['a', 'b'])).toEqual(new Map([['a', 'a late'], ['b', 'b late']])); // prettier-ignore
    expect(client.metrics().loadsSpared).toBe(3);
  });

  test('G4: what was deleted during a load is not served in its place', async () => {
    const { client, source } = await open({});
    const loading = client.getOrLoad('k', source.load);
    await source.reached(1);
    await client.delete('k');
    const failed = expect(loading).rejects.toThrow('the source is away');
    source.calls[0]?.reject(new Error('the source is away'));
    await failed;
  });

  test('G2: it is not served after its stale window, however long the load takes', async () => {
    const { client, clock, source } = await open({ stale_ttl: 20 });
    const loading = client.getOrLoad('k', source.load);
    await source.reached(1);
    clock.advance(20_000);
    const failed = expect(loading).rejects.toThrow('the source is away');
    source.calls[0]?.reject(new Error('the source is away'));
    await failed;
  });

  test('G9: closing does not wait for a load that is late', async () => {
    const { client, clock, source } = await open({ load_timeout: '300ms' });
    const first = client.getOrLoad('k', source.load);
    await source.reached(1);
    clock.advance(300);
    expect(await first).toBe('old');
    await client.close();
    expect(source.signals[0]?.aborted).toBe(true);
  });
});

test.each(KINDS)('a load without a stale value that never ends is let go of though callers keep coming (%s)', async (kind) => {
  const clock = new FakeClock();
  const client = await bench.client(kind, { load_timeout: '10s' }, { clock });
  const source = new Source();
  const codes: unknown[] = [];
  const ask = (): void => {
    client.getOrLoad('k', source.load).catch((error: unknown) => codes.push((error as { code?: unknown }).code));
  };
  ask();
  await source.reached(1);
  for (let i = 0; i < 6; i++) {
    clock.advance(9000);
    ask();
    await client.get('another key');
  }
  await source.reached(2);
  expect(source.signals[0]?.aborted).toBe(true);
  expect(new Set(codes)).toEqual(new Set(['CACHE_LOAD_TIMEOUT']));
});
