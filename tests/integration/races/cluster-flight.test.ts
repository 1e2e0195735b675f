/**
 * G3 with `single_flight = "cluster"`: one load of a key at a time in all processes that share the Redis. Every client here has
 * a manager of its own, as another process would.
 */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import { defer, KINDS_WITH_L2, Workbench, type Kind, type ServiceSettings } from '../clients/workbench.js';
import { Gate } from './gate.js';

const bench = new Workbench();

/** Longer than a test takes: whoever waits so long waits for the right thing. */
const PATIENT = { load_timeout: '60s' } as const;

/** The lease of a load that is under way. */
const LEASE_NAME = 'oxcache::things:lock:\u0001oxcache:load:k';

async function open(kind: Kind, count: number, settings: ServiceSettings = {}): Promise<CacheClient[]> {
  return Promise.all(
    Array.from({ length: count }, () => bench.client(kind, { single_flight: 'cluster', ...PATIENT, ...settings })),
  );
}

async function openTwo(kind: Kind, settings?: ServiceSettings): Promise<[CacheClient, CacheClient]> {
  return (await open(kind, 2, settings)) as [CacheClient, CacheClient];
}

async function someTime(ms = 60): Promise<void> {
  const fromMs = performance.now();
  await until(() => performance.now() - fromMs >= ms);
}

function clientsLoads(clients: readonly CacheClient[]): number {
  return clients.reduce((sum, client) => sum + client.metrics().loads, 0);
}

/** Resolves when nothing is held or under way any more. */
async function allOver(clients: readonly CacheClient[]): Promise<void> {
  await until(async () => {
    const isBusy = clients.some((client) => client.metrics().loadsInFlight > 0);
    return !isBusy && !(await bench.names()).some((name) => name.includes(':lock:'));
  });
}

/** Waits until the key has ended by the clocks of all: they differ a little. */
async function expired(...clients: readonly CacheClient[]): Promise<void> {
  await until(async () => (await Promise.all(clients.map((client) => client.get('k')))).every((value) => value === undefined));
}

describe.each(KINDS_WITH_L2)('G3: services of type %s in several processes', (kind) => {
  test('load a cold key once for all their callers', async () => {
    const clients = await open(kind, 4);
    let loads = 0;
    const load = async (): Promise<string> => {
      loads++;
      await someTime();
      return `v${loads}`;
    };
    const values = await Promise.all(clients.flatMap((client) => Array.from({ length: 200 }, () => client.getOrLoad('k', load))));
    expect(loads).toBe(1);
    expect(new Set(values)).toEqual(new Set(['v1']));
    await allOver(clients);
    const sums = clients.map((client) => client.metrics());
    expect(sums.reduce((sum, { misses }) => sum + misses, 0)).toBe(200);
    expect(sums.reduce((sum, { l1Hits, l2Hits }) => sum + l1Hits + l2Hits, 0)).toBe(600);
  });

  test('load one after the other while loads fail, and every one has its own error', async () => {
    const clients = await open(kind, 4);
    let inside = 0;
    let most = 0;
    const ends = await Promise.allSettled(
      clients.map((client, i) =>
        client.getOrLoad('k', async () => {
          most = Math.max(most, ++inside);
          await someTime(20);
          inside--;
          throw new Error(`of ${i}`);
        }),
      ),
    );
    expect(most).toBe(1);
    expect(ends.map((end) => (end.status === 'rejected' ? (end.reason as Error).message : 'none'))).toEqual([
      'of 0',
      'of 1',
      'of 2',
      'of 3',
    ]);
    await allOver(clients);
  });

  test('load one after the other where the source has nothing and that is not remembered', async () => {
    const clients = await open(kind, 3, { null_ttl: 0 });
    let inside = 0;
    let most = 0;
    const load = async (): Promise<undefined> => {
      most = Math.max(most, ++inside);
      await someTime(20);
      inside--;
    };
    expect(await Promise.all(clients.map((client) => client.getOrLoad('k', load)))).toEqual([undefined, undefined, undefined]);
    expect(most).toBe(1);
  });

  test('remember together that the source has nothing', async () => {
    const clients = await open(kind, 3, { null_ttl: '60s' });
    let loads = 0;
    const load = async (): Promise<undefined> => {
      loads++;
      await someTime(20);
    };
    expect(await Promise.all(clients.map((client) => client.getOrLoad('k', load)))).toEqual([undefined, undefined, undefined]);
    expect(loads).toBe(1);
  });

  test('hand out the value past its TTL while another process loads, to callers who allow it', async () => {
    const [one, other] = await openTwo(kind, { stale_ttl: '60s' });
    await one.set('k', 'old', { ttl: '30ms' });
    await expired(one, other);
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('new'));
    await gate.reached;
    const patient = other.getOrLoad('k', () => 'wrong', { allowStale: false });
    const before = other.metrics().staleHits;
    expect(await Promise.all([1, 2].map(() => other.getOrLoad('k', () => 'wrong')))).toEqual(['old', 'old']);
    // One who comes later, too.
    expect(await other.getOrLoad('k', () => 'wrong', { signal: new AbortController().signal })).toBe('old');
    expect(other.metrics().staleHits - before).toBe(3);
    // Those who do not allow it wait, and so does whoever loads.
    let isThere = false;
    void Promise.race([patient, loading]).then(() => (isThere = true));
    await someTime();
    expect(isThere).toBe(false);
    gate.open();
    expect(await Promise.all([patient, loading])).toEqual(['new', 'new']);
    await allOver([one, other]);
    expect(other.metrics().loads).toBe(0);
  });

  test('go on for the value when everybody was given the one past its TTL, even if their signals are aborted then', async () => {
    const [one, other] = await openTwo(kind, { stale_ttl: '60s' });
    await one.set('k', 'old', { ttl: '30ms' });
    await expired(one, other);
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('new'));
    await gate.reached;
    const request = new AbortController();
    expect(await other.getOrLoad('k', () => 'wrong', { signal: request.signal })).toBe('old');
    request.abort();
    await someTime();
    expect(other.metrics().loadsInFlight).toBe(1);
    gate.open();
    await loading;
    await allOver([one, other]);
    expect(other.metrics()).toMatchObject({ loads: 0, loadTimeouts: 0 });
    expect(await other.get('k')).toBe('new');
  });

  test('refresh one after the other, each with a load of its own', async () => {
    const clients = await open(kind, 3);
    let inside = 0;
    let most = 0;
    const values = await Promise.all(
      clients.map((client, i) =>
        client.refresh('k', async () => {
          most = Math.max(most, ++inside);
          await someTime(20);
          inside--;
          return i;
        }),
      ),
    );
    expect(values).toEqual([0, 1, 2]);
    expect(most).toBe(1);
    await allOver(clients);
  });

  test('leave a reload ahead of time to the process that is doing it, and nobody waits for it', async () => {
    const [one, other] = await openTwo(kind, { refresh_ahead: 1 });
    const errors: unknown[] = [];
    other.on('error', (event) => errors.push(event));
    await one.set('k', 'first', { ttl: '60s' });
    expect(await other.get('k')).toBe('first');
    const gate = new Gate();
    expect(await one.getOrLoad('k', () => gate.pass('second'))).toBe('first');
    await gate.reached;
    for (let i = 0; i < 20; i++) expect(await other.getOrLoad('k', () => 'wrong')).toBe('first');
    await until(() => other.metrics().loadsInFlight === 0);
    gate.open();
    await allOver([one, other]);
    expect([other.metrics().loads, errors]).toEqual([0, []]);
    await until(async () => (await one.get('k')) === 'second');
  });

  test('load many keys with one call each for those nobody else is loading', async () => {
    const [one, other] = await openTwo(kind);
    const gate = new Gate();
    const calls: (readonly string[])[] = [];
    const load = async (keys: readonly string[]): Promise<string[]> => {
      calls.push(keys);
      return gate.pass(keys.map((key) => `v of ${key}`));
    };
    const first = one.getOrLoadMany(['a', 'b', 'c'], load);
    await until(() => gate.arrivals === 1);
    const second = other.getOrLoadMany(['b', 'c', 'd', 'e'], load);
    const third = other.getOrLoad('a', () => 'wrong');
    await until(() => gate.arrivals === 2);
    gate.open();
    expect(await first).toEqual(new Map(['a', 'b', 'c'].map((key) => [key, `v of ${key}`])));
    expect(await second).toEqual(new Map(['b', 'c', 'd', 'e'].map((key) => [key, `v of ${key}`])));
    expect(await third).toBe('v of a');
    expect(calls).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
    await allOver([one, other]);
  });

  test('load keys of a failed call in another process, which has what it loaded itself', async () => {
    const [one, other] = await openTwo(kind);
    const failing = defer<string[]>();
    let isCalled = false;
    const first = one.getOrLoadMany(['a', 'b'], () => {
      isCalled = true;
      return failing.promise;
    });
    await until(() => isCalled);
    const calls: (readonly string[])[] = [];
    const second = other.getOrLoadMany(['a', 'b', 'c'], (keys) => {
      calls.push(keys);
      return keys.map((key) => `v of ${key}`);
    });
    await until(() => calls.length === 1);
    const failed = expect(first).rejects.toThrow('the source is away');
    failing.reject(new Error('the source is away'));
    await failed;
    expect(await second).toEqual(new Map(['a', 'b', 'c'].map((key) => [key, `v of ${key}`])));
    expect(calls[0]).toEqual(['c']);
    expect(calls.slice(1).flat().sort()).toEqual(['a', 'b']);
  });

  test('that fail to load some keys still wait for those of another process', async () => {
    const [one, other] = await openTwo(kind);
    const gate = new Gate();
    const first = one.getOrLoad('a', () => gate.pass('v of a'));
    await gate.reached;
    const second = other.getOrLoadMany(['a', 'b'], () => Promise.reject(new Error('the source is away')));
    const failed = expect(second).rejects.toThrow('the source is away');
    const joined = other.getOrLoad('a', () => 'wrong');
    // Who joined the failed key need not wait for the other one.
    await expect(other.getOrLoad('b', () => gate.pass('wrong'))).rejects.toThrow('the source is away');
    gate.open();
    expect(await Promise.all([first, joined])).toEqual(['v of a', 'v of a']);
    await failed;
    await allOver([one, other]);
  });

  test('keep the time-outs and signals of their callers while they wait, and are free when all have given up', async () => {
    const [one, other] = await openTwo(kind);
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('v'));
    await gate.reached;
    const reason = new Error('no longer');
    const request = new AbortController();
    const aborted = expect(other.getOrLoad('k', () => 'wrong', { signal: request.signal })).rejects.toBe(reason);
    const late = other.getOrLoad('k', () => 'wrong', { timeout: '50ms' });
    await expect(late).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT' });
    expect(other.metrics().loadsInFlight).toBe(1);
    request.abort(reason);
    await aborted;
    await until(() => other.metrics().loadsInFlight === 0);
    gate.open();
    expect(await loading).toBe('v');
    expect(await other.getOrLoad('k', () => 'wrong')).toBe('v');
  });

  test('free the key when all callers of a load have given up', async () => {
    const [one, other] = await openTwo(kind);
    const never = new Gate();
    await expect(one.getOrLoad('k', () => never.pass('wrong'), { timeout: '50ms' })).rejects.toMatchObject({
      code: 'CACHE_LOAD_TIMEOUT',
    });
    const startedMs = performance.now();
    expect(await other.getOrLoad('k', () => 'v')).toBe('v');
    expect(performance.now() - startedMs).toBeLessThan(1000);
    never.open();
    await allOver([one, other]);
  });

  test('G9: end with CACHE_CLOSED where the service is closed while they wait', async () => {
    const [one, other] = await openTwo(kind);
    const manager = await bench.manager({ things: { cache_type: kind, single_flight: 'cluster', ...PATIENT } });
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('v'));
    await gate.reached;
    const client = manager.client('things');
    const closed = { code: 'CACHE_CLOSED' };
    const waiting = expect(client.getOrLoad('k', () => 'wrong')).rejects.toMatchObject(closed);
    const many = expect(client.getOrLoadMany(['k'], () => ['wrong'])).rejects.toMatchObject(closed);
    await someTime();
    await manager.close({ deadline: '50ms' });
    await Promise.all([waiting, many]);
    gate.open();
    expect(await loading).toBe('v');
    expect(await other.get('k')).toBe('v');
  });

  test('are not kept from loading by a lock of the same key', async () => {
    const [one, other] = await openTwo(kind);
    const lock = await one.lock('k', { ttl: '60s' });
    expect(await other.getOrLoad('k', () => 'v')).toBe('v');
    expect(await lock?.release()).toBe(true);
  });

  test('renew the lease for as long as a load takes', async () => {
    const [one] = await openTwo(kind);
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('v'));
    await gate.reached;
    const token = await bench.server.call('GET', LEASE_NAME);
    await someTime(2300);
    expect(await bench.server.call('GET', LEASE_NAME)).toBe(token);
    gate.open();
    await loading;
    await allOver([one]);
  });
});

describe.each(KINDS_WITH_L2)('G4: while a process waits for the load of another, in services of type %s', (kind) => {
  test('what a third one sets is what everybody has', async () => {
    const [one, other, third] = (await open(kind, 3)) as [CacheClient, CacheClient, CacheClient];
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    const waiting = other.getOrLoad('k', () => 'wrong');
    await someTime();
    await third.set('k', 'new');
    expect(await waiting).toBe('new');
    gate.open();
    await loading;
    for (const client of [one, other, third]) await until(async () => (await client.get('k')) === 'new');
  });

  test('what was deleted is not handed out as the value past its TTL', async () => {
    const [one, other, third] = (await open(kind, 3, { stale_ttl: '60s' })) as [CacheClient, CacheClient, CacheClient];
    await one.set('k', 'old', { ttl: '30ms' });
    await expired(one, other);
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    expect(await other.getOrLoad('k', () => 'new')).toBe('old');
    await other.delete('k');
    const values = [other, third].map((client) => client.getOrLoad('k', () => 'new'));
    await someTime();
    gate.open();
    await loading;
    expect(await Promise.all(values)).toEqual(['new', 'new']);
    expect(clientsLoads([other, third])).toBe(1);
  });

  test('what it sets itself ends its own wait', async () => {
    const [one, other] = await openTwo(kind);
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    const waiting = other.getOrLoad('k', () => 'wrong');
    await someTime();
    await other.set('k', 'new');
    expect(await waiting).toBe('new');
    gate.open();
    await loading;
    expect(await other.get('k')).toBe('new');
  });

  test('a deletion makes it load again, once for those who came before and after, and that is kept', async () => {
    const [one, other] = await openTwo(kind);
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    let loads = 0;
    const load = async (): Promise<string> => {
      loads++;
      await someTime(20);
      return 'new';
    };
    const before = other.getOrLoad('k', load);
    await someTime();
    await other.delete('k');
    const after = other.getOrLoad('k', load);
    gate.open();
    await loading;
    expect(await Promise.all([before, after])).toEqual(['new', 'new']);
    expect(loads).toBe(1);
    expect(await other.get('k')).toBe('new');
    await until(async () => (await one.get('k')) === 'new');
  });

  test('a write that comes when it loads at last beats that load', async () => {
    const [one, other] = await openTwo(kind);
    const first = defer<string>();
    let isCalled = false;
    const loading = one.getOrLoad('k', () => {
      isCalled = true;
      return first.promise;
    });
    await until(() => isCalled);
    const gate = new Gate();
    const waiting = other.getOrLoad('k', () => gate.pass('old'));
    await someTime();
    const failed = expect(loading).rejects.toThrow('the source is away');
    first.reject(new Error('the source is away'));
    await failed;
    await gate.reached;
    await other.set('k', 'new');
    gate.open();
    await waiting;
    expect(await other.get('k')).toBe('new');
    expect(await (await bench.client('l2')).get('k')).toBe('new');
  });
});

test('G3: a write-behind service gives the key free when Redis has the value', async () => {
  const settings = { two_level: { write_through: false, enable_batch_write: true, batch_interval_ms: 200 } } as const;
  const clients = await open('two-level', 2, settings);
  let loads = 0;
  const load = (): string => `v${++loads}`;
  const values = await Promise.all(clients.map((client) => client.getOrLoad('k', load)));
  expect([loads, values]).toEqual([1, ['v1', 'v1']]);
});
