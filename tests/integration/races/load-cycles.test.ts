/** Loaders that wait for each other in a ring fail at once, with an error that names the chain; those that do not, do not. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { init, shutdown } from '../../../lib/manager/registry.js';
import { cached } from '../../../lib/wrap/cached.js';
import { KINDS, SERVICE, Workbench, defer } from '../clients/workbench.js';

const bench = new Workbench();

const cycle = (chain: string): object => ({ code: 'CACHE_LOAD_CYCLE', message: `The load waits for itself: ${chain}` });
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe.each(KINDS)('G3: in a service of type %s', (kind) => {
  const open = (settings = {}): Promise<CacheClient> => bench.client(kind, settings);

  test.each(['at once', 'later'])('a loader that asks for its own key %s', async (when) => {
    const client = await open();
    const load = async (): Promise<unknown> => {
      if (when === 'later') await tick();
      return client.getOrLoad('p', load);
    };
    await expect(client.getOrLoad('p', load)).rejects.toMatchObject({ ...cycle('"p" → "p"'), service: SERVICE, key: 'p' });
    // The key is free.
    expect(await client.getOrLoad('p', () => 1)).toBe(1);
  });

  test('a ring of two, asked for at one end', async () => {
    const client = await open();
    const p = async (): Promise<unknown> => {
      await tick();
      return client.getOrLoad('q', q);
    };
    const q = async (): Promise<unknown> => {
      await tick();
      return client.getOrLoad('p', p);
    };
    await expect(client.getOrLoad('p', p)).rejects.toMatchObject({ ...cycle('"q" → "p" → "q"'), key: 'p' });
  });

  test('a ring of two whose loads began apart', async () => {
    const client = await open();
    const [gate, other] = [defer<undefined>(), defer<undefined>()];
    const p = client.getOrLoad('p', async () => {
      await gate.promise;
      return client.getOrLoad('q', () => 'wrong');
    });
    const q = client.getOrLoad('q', async () => {
      await other.promise;
      return client.getOrLoad('p', () => 'wrong');
    });
    await tick();
    const ends = Promise.allSettled([p, q]);
    gate.resolve(undefined);
    await tick();
    other.resolve(undefined);
    const failed = { status: 'rejected', reason: { code: 'CACHE_LOAD_CYCLE' } };
    expect(await ends).toMatchObject([failed, failed]);
  });

  test('a ring of ten', async () => {
    const client = await open();
    const load = async ({ key }: { readonly key: string }): Promise<unknown> => {
      await tick();
      return client.getOrLoad(String((Number(key) + 1) % 10), load);
    };
    const chain = ['9', '0', '1', '2', '3', '4', '…', '9'].map((each) => (each === '…' ? each : `"${each}"`)).join(' → ');
    await expect(client.getOrLoad('0', load)).rejects.toMatchObject(cycle(chain));
  });

  test('a loader of many keys that asks for one of them, and one whose key asks back', async () => {
    const client = await open();
    const own = client.getOrLoadMany(['a', 'b'], async () => {
      await tick();
      return new Map([['a', await client.getOrLoad('b', () => 1)]]);
    });
    await expect(own).rejects.toMatchObject(cycle('"b" → "b"'));
    const back = client.getOrLoadMany(['a', 'b'], async () => {
      await tick();
      const inner = await client.getOrLoadMany(['c', 'd'], async () => {
        await tick();
        return [await client.getOrLoad('a', () => 1), 2];
      });
      return [...inner.values()];
    });
    await expect(back).rejects.toMatchObject(cycle('"c" → "a" → "c"'));
  });

  test('a loader that refreshes its own key, or asks for it after a write of its own', async () => {
    const client = await open();
    const refreshing = client.getOrLoad('p', async () => {
      await tick();
      return client.refresh('p', () => 1);
    });
    await expect(refreshing).rejects.toMatchObject(cycle('"p" → "p"'));
    const deleting = client.getOrLoad('p', async () => {
      await client.delete('p');
      return client.getOrLoad('p', () => 1);
    });
    await expect(deleting).rejects.toMatchObject(cycle('"p" → "p"'));
    await expect(client.refresh('p', () => client.refresh('p', () => 1))).rejects.toMatchObject(cycle('"p" → "p"'));
    expect(client.metrics().loadsInFlight).toBe(0);
    if (kind === 'l2') return;
    // What the loader wrote itself is in L1, so nobody waits.
    expect(await client.getOrLoad('w', async () => (await client.set('w', 'own'), client.getOrLoad('w', () => 1)))).toBe('own');
  });

  test('a nested call with a timeout or a stale value at hand fails at once too', async () => {
    const client = await open({ ttl: '20ms', stale_ttl: 600 });
    await client.set('p', 'old');
    while ((await client.lookup('p')).status !== 'stale') await tick();
    const inner: unknown[] = [];
    const load = async (): Promise<unknown> => {
      await tick();
      await client.getOrLoad('p', load, { timeout: '60s' }).catch((error: unknown) => inner.push(error));
      return 'loaded';
    };
    expect(await client.getOrLoad('p', load)).toBe('loaded');
    expect(inner).toMatchObject([cycle('"p" → "p"')]);
  });

  test('loads that nest without a ring are not concerned', async () => {
    const client = await open();
    const fib = async ({ key }: { readonly key: string }): Promise<unknown> => {
      await tick();
      const n = Number(key);
      if (n < 2) return n;
      const parts = await Promise.all([n - 1, n - 2].map((each) => client.getOrLoad(String(each), fib)));
      return Number(parts[0]) + Number(parts[1]);
    };
    expect(await client.getOrLoad('20', fib)).toBe(6765);
    expect(client.metrics().loads).toBe(21);
    const both = await Promise.all([
      client.getOrLoad('x', async () => (await tick(), client.getOrLoad('shared', async () => (await tick(), 1)))),
      client.getOrLoad('y', async () => (await tick(), client.getOrLoad('shared', async () => (await tick(), 1)))),
    ]);
    expect(both).toEqual([1, 1]);
  });

  test('what a loader left behind asks for nothing on its behalf', async () => {
    const client = await open();
    const gate = defer<undefined>();
    let later: Promise<unknown> = Promise.resolve();
    await client.getOrLoad('p', async () => {
      await tick();
      later = gate.promise.then(() => client.getOrLoad('q', async () => (await tick(), client.getOrLoad('p', () => 2))));
      return 1;
    });
    await client.delete('p');
    const reloading = client.getOrLoad('p', async () => (await tick(), 3));
    gate.resolve(undefined);
    expect([await reloading, await later]).toEqual([3, 3]);
  });

  test('looking without loading is not waiting', async () => {
    const client = await open();
    const load = async (): Promise<unknown> => {
      await tick();
      return [await client.get('p'), await client.getOrLoad('p', load, { disableLoad: true })];
    };
    expect(await client.getOrLoad('p', load)).toEqual([undefined, undefined]);
  });

  test('a reload ahead of time of a key inside its own loader is not waiting', async () => {
    const client = await open({ ttl: 600, refresh_ahead: 1 });
    await client.set('p', 'cached');
    const ended = defer<unknown>();
    const load = async (): Promise<unknown> => {
      await tick();
      const inner = await client.getOrLoad('p', load);
      ended.resolve(inner);
      return 'reloaded';
    };
    expect(await client.getOrLoad('p', load)).toBe('cached');
    expect(await ended.promise).toBe('cached');
  });
});

test('G3: a ring across services of a manager, and across managers, names the services', async () => {
  const one = await bench.manager({ users: { cache_type: 'l1' }, teams: { cache_type: 'two-level' } });
  const other = await bench.manager({ rights: { cache_type: 'l2' } });
  const [users, teams, rights] = [one.client('users'), one.client('teams'), other.client('rights')];
  const user = async (): Promise<unknown> => (await tick(), teams.getOrLoad('t', team));
  const team = async (): Promise<unknown> => (await tick(), rights.getOrLoad('r', right));
  const right = async (): Promise<unknown> => (await tick(), users.getOrLoad('u', user));
  await expect(users.getOrLoad('u', user)).rejects.toMatchObject(cycle('rights "r" → users "u" → teams "t" → rights "r"'));
});

describe('wrapped functions in a ring', () => {
  afterEach(() => shutdown());

  test('reject with CACHE_LOAD_CYCLE instead of running for ever', async () => {
    await init({ global: { log_level: 'silent' }, services: { s: { cache_type: 'l1' } } });
    let runs = 0;
    const first = cached('s', async function first(n: number): Promise<unknown> {
      runs++;
      await tick();
      return second(n);
    });
    const second = cached('s', async function second(n: number): Promise<unknown> {
      runs++;
      await tick();
      return first(n);
    });
    await expect(first(1)).rejects.toMatchObject(cycle('"second:1" → "first:1" → "second:1"'));
    await expect(first.refresh(1)).rejects.toMatchObject({ code: 'CACHE_LOAD_CYCLE' });
    expect(runs).toBe(4);
  });

  test('reject also where they run because the cache can’t be used', async () => {
    const manager = await init({ global: { log_level: 'silent' }, services: { s: { cache_type: 'l1' } } });
    const fetchSelf = async (n: number): Promise<unknown> => (await tick(), own(n));
    const own: (n: number) => Promise<unknown> = cached(manager.client('s'), fetchSelf, { key: (n: number) => `own:${n}` });
    await manager.close();
    await expect(own(1)).rejects.toMatchObject(cycle('"own:1" → "own:1"'));
  });
});

test('a loader that nests before its first await is found out however many loads came before', async () => {
  const client = await bench.client('l1');
  for (let i = 0; i < 1200; i++) await client.getOrLoad(`k${i}`, () => i);
  const load = (): Promise<unknown> => client.getOrLoad('p', load);
  await expect(client.getOrLoad('p', load)).rejects.toMatchObject({ code: 'CACHE_LOAD_CYCLE' });
});
