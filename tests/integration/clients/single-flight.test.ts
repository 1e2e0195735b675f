/** G3: at most one load of a key is in flight in a process, whatever API asked for it. */
import { describe, expect, test } from '@jest/globals';
import { createCached } from '../../../lib/wrap/create-cached.js';
import { until } from '../../support/until.js';
import { KINDS, Workbench, countingLoader, defer, type Kind } from './workbench.js';

const bench = new Workbench();

/** A source that knows whether two loads of one key ever overlapped. */
class WatchedSource {
  readonly #inFlight = new Set<string>();
  readonly overlaps: string[] = [];
  loads = 0;

  readonly one = async ({ key }: { readonly key: string }): Promise<string> => (await this.many([key])).get(key) ?? '';

  readonly many = async (keys: readonly string[]): Promise<Map<string, string>> => {
    for (const key of keys) {
      if (this.#inFlight.has(key)) this.overlaps.push(key);
      this.#inFlight.add(key);
      this.loads++;
    }
    await new Promise((resolve) => setImmediate(resolve));
    for (const key of keys) this.#inFlight.delete(key);
    return new Map(keys.map((key) => [key, `v of ${key}`]));
  };
}

describe.each(KINDS)('G3: a service of type %s', (kind) => {
  test('loads once for 10,000 concurrent misses', async () => {
    const client = await bench.client(kind);
    const { load, calls } = countingLoader();
    const values = await Promise.all(Array.from({ length: 10_000 }, () => client.getOrLoad('k', load)));
    expect(new Set(values)).toEqual(new Set(['k#1']));
    expect(calls).toHaveLength(1);
    expect(client.metrics()).toMatchObject({ loads: 1, misses: 10_000, loadsInFlight: 0 });
  });

  test('asks Redis once for 1,000 concurrent misses', async () => {
    const client = await bench.client(kind);
    await client.set('warm', 'up');
    const { load } = countingLoader();
    const counts = await bench.countCommands(() => Promise.all(Array.from({ length: 1000 }, () => client.getOrLoad('k', load))));
    expect(counts['get'] ?? 0).toBe(kind === 'l1' ? 0 : 1);
    expect(counts['evalsha'] ?? 0).toBe(kind === 'l1' ? 0 : 1);
    expect(counts['mget']).toBeUndefined();
  });

  test("shares a loader's error once, does not cache it, and loads again at the next call", async () => {
    const client = await bench.client(kind);
    const failure = new Error('the source is away');
    let calls = 0;
    const load = (): Promise<string> => {
      calls++;
      return Promise.reject(failure);
    };
    const ends = await Promise.allSettled(Array.from({ length: 50 }, () => client.getOrLoad('k', load)));
    expect(ends.every((end) => end.status === 'rejected' && end.reason === failure)).toBe(true);
    expect(calls).toBe(1);
    expect(await client.getOrLoad('k', () => 'v')).toBe('v');
  });

  test('loads different keys side by side', async () => {
    const client = await bench.client(kind);
    const sources = [defer<string>(), defer<string>()];
    const loading = sources.map(({ promise }, i) => client.getOrLoad(`k${i}`, () => promise));
    sources[1]?.resolve('second');
    expect(await loading[1]).toBe('second');
    sources[0]?.resolve('first');
    expect(await loading[0]).toBe('first');
  });

  test('never has two loads of a key at once, however calls are mixed', async () => {
    const manager = await bench.manager({ things: { cache_type: kind, ttl: '20ms', null_ttl: 0 } });
    const client = manager.client<string>('things');
    const cached = createCached({ getClient: () => client, generation: () => 1 });
    const source = new WatchedSource();
    const byId = cached('things', (key: string) => source.one({ key }), { key: (key: string) => key });
    const keys = ['a', 'b', 'c', 'd'];
    for (let round = 0; round < 40; round++) {
      const key = keys[round % 4] as string;
      const next = keys[(round + 1) % 4] as string;
      await Promise.all([
        client.getOrLoad(key, source.one),
        client.getOrLoadMany([key, next], source.many),
        byId(key),
        client.refresh(next, source.one),
        client.getOrLoadMany([next, 'c', 'a'], source.many),
        client.delete(key),
        client.getOrLoad(key, source.one),
        client.set(next, 'set'),
        client.refresh(key, source.one),
        byId(next),
        client.getOrLoadMany(keys, source.many),
      ]);
    }
    expect(source.overlaps).toEqual([]);
    expect(source.loads).toBeGreaterThan(100);
    expect(client.metrics().loadsInFlight).toBe(0);
  });

  test('has one load for overlapping calls of getOrLoadMany, getOrLoad and refresh', async () => {
    const client = await bench.client<string>(kind);
    const asked: string[] = [];
    const source = defer<undefined>();
    const many = async (keys: readonly string[]): Promise<readonly string[]> => {
      asked.push(...keys);
      await source.promise;
      return keys.map((key) => `v of ${key}`);
    };
    const calls = [client.getOrLoadMany(['a', 'b'], many), client.getOrLoadMany(['b', 'c'], many)];
    const single = client.getOrLoad('b', () => 'another');
    await until(() => asked.length === 3);
    source.resolve(undefined);
    expect((await calls[0])?.get('b')).toBe('v of b');
    expect((await calls[1])?.get('b')).toBe('v of b');
    expect(await single).toBe('v of b');
    expect(asked.sort()).toEqual(['a', 'b', 'c']);
  });

  test('a refresh that comes during a load waits for it, and then loads what is newer', async () => {
    const client = await bench.client<string>(kind);
    const first = defer<string>();
    let isCalled = false;
    const loading = client.getOrLoad('k', () => {
      isCalled = true;
      return first.promise;
    });
    await until(() => isCalled);
    let isRefreshing = false;
    const refreshing = client.refresh('k', () => {
      isRefreshing = true;
      return 'newer';
    });
    await client.get('another key');
    expect(isRefreshing).toBe(false);
    first.resolve('older');
    expect(await loading).toBe('older');
    expect(await refreshing).toBe('newer');
    expect(await client.get('k')).toBe('newer');
  });

  test('does not hand a caller who comes after a delete what was loaded before it', async () => {
    const client = await bench.client<string>(kind);
    const first = defer<string>();
    let isCalled = false;
    const loading = client.getOrLoad('k', () => {
      isCalled = true;
      return first.promise;
    });
    await until(() => isCalled);
    await client.delete('k');
    const after = client.getOrLoad('k', () => 'new');
    first.resolve('old');
    expect(await loading).toBe('old');
    expect(await after).toBe('new');
    expect(await client.get('k')).toBe('new');
  });

  test('keeps to one load when a caller that waits behind another load gives up', async () => {
    const client = await bench.client<string>(kind);
    const source = defer<string>();
    let running = 0;
    let most = 0;
    const load = async (): Promise<string> => {
      most = Math.max(most, ++running);
      await source.promise;
      running--;
      return 'v';
    };
    const first = client.getOrLoad('k', load);
    await until(() => running === 1);
    await client.delete('k');
    const controller = new AbortController();
    const behind = client.getOrLoad('k', load, { signal: controller.signal });
    await client.get('another key');
    controller.abort();
    await expect(behind).rejects.toMatchObject({ name: 'AbortError' });
    const third = client.getOrLoad('k', load);
    await client.get('another key');
    source.resolve('v');
    expect(await Promise.all([first, third])).toEqual(['v', 'v']);
    expect(most).toBe(1);
  });

  test('lets every call load for itself with single_flight = "off"', async () => {
    const client = await bench.client(kind, { single_flight: 'off' });
    const source = defer<string>();
    let calls = 0;
    const loading = Array.from({ length: 5 }, () =>
      client.getOrLoad('k', () => {
        calls++;
        return source.promise;
      }),
    );
    await until(() => calls === 5);
    source.resolve('v');
    expect(await Promise.all(loading)).toEqual(Array(5).fill('v'));
    expect(await client.get('k')).toBe('v');
  });
});

test('G3: the views of a two-level service have one load of a key between them', async () => {
  const kind: Kind = 'two-level';
  const manager = await bench.manager({ things: { cache_type: kind } });
  const client = manager.client<string>('things');
  const cached = createCached({ getClient: () => client, generation: () => 1 });
  const source = new WatchedSource();
  const views = (['l1', 'l2', 'two-level'] as const).map((cacheType) =>
    cached('things', (key: string) => source.one({ key }), { key: (key: string) => key, cacheType }),
  );
  for (let round = 0; round < 10; round++) await Promise.all(views.map((view) => view(`k${round}`)));
  expect(source.overlaps).toEqual([]);
});
