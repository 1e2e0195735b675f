/** Closing drains what was accepted, refuses what comes later, and leaves room for a new beginning (G9). */
import { afterEach, describe, expect, test } from '@jest/globals';
import { cached, createManager, getClient, init, shutdown, type CacheClient, type ConfigObject } from '../../../lib/index.js';
import { collectEvents } from '../../support/collect-events.js';
import { until } from '../../support/until.js';
import { entryNames } from '../clients/workbench.js';
import { Gate } from '../races/gate.js';
import { healthy, l2OnlyAt, timeOf, twoLevelAt, useRig, WITHOUT_LOG } from '../outage/rig.js';

const rig = useRig();

afterEach(() => shutdown({ deadline: '100ms' }));

const closed = { name: 'CacheError', code: 'CACHE_CLOSED' };
const L1_ONLY = { global: { log_level: 'silent' }, services: { s: { cache_type: 'l1' } } } as const satisfies ConfigObject;

/** Every call that touches entries. */
const CALLS: Readonly<Record<string, (client: CacheClient) => Promise<unknown>>> = {
  get: (client) => client.get('k'),
  lookup: (client) => client.lookup('k'),
  set: (client) => client.set('k', 1),
  delete: (client) => client.delete('k'),
  has: (client) => client.has('k'),
  expire: (client) => client.expire('k', 1),
  getMany: (client) => client.getMany(['k']),
  'getMany of nothing': (client) => client.getMany([]),
  setMany: (client) => client.setMany([['k', 1]]),
  'setMany of nothing': (client) => client.setMany([]),
  deleteMany: (client) => client.deleteMany(['k']),
  getOrLoad: (client) => client.getOrLoad('k', () => 1),
  'getOrLoad with options': (client) => client.getOrLoad('k', () => 1, { ttl: 1 }),
  'getOrLoad that only looks': (client) => client.getOrLoad('k', () => 1, { disableLoad: true }),
  getOrLoadMany: (client) => client.getOrLoadMany(['k'], () => [1]),
  refresh: (client) => client.refresh('k', () => 1),
  setL1Only: (client) => client.setL1Only('k', 1),
  setL2Only: (client) => client.setL2Only('k', 1),
  getL1Only: (client) => client.getL1Only('k'),
  getL2Only: (client) => client.getL2Only('k'),
  clear: (client) => client.clear(),
  flush: (client) => client.flush(),
  invalidateTags: (client) => client.invalidateTags('t'),
  lock: (client) => client.lock('k', { ttl: '1s' }),
};

async function expectAllToBeRefused(client: CacheClient): Promise<void> {
  for (const call of Object.values(CALLS)) await expect(call(client)).rejects.toMatchObject(closed);
  expect(() => client.peek('k')).toThrow(expect.objectContaining(closed));
}

describe('G9: close()', () => {
  test('refuses every later call, and says that it is closed', async () => {
    const server = await rig.startRedis();
    const manager = await rig.open({ s: twoLevelAt(server), l2: l2OnlyAt(server), l1: { cache_type: 'l1' } });
    const client = manager.client('s');
    await client.set('k', 'v');
    await manager.close();
    await expectAllToBeRefused(client);
    expect(client.health().status).toBe('closed');
    expect(manager.health().status).toBe('closed');
    expect(client.metrics()).toMatchObject({ l1Entries: 0, pendingWrites: 0, loadsInFlight: 0 });
    await expect(manager.client('l1').set('k', 1)).rejects.toMatchObject(closed);
    await expect(manager.client('l2').get('k')).rejects.toMatchObject(closed);
  });

  test('waits for loads and for writes that were accepted', async () => {
    const server = await rig.startRedis();
    const manager = await rig.open({
      s: twoLevelAt(server, {
        two_level: { write_through: false, enable_batch_write: true, batch_interval_ms: 60_000, max_pending: 10 },
      }),
    });
    const client = manager.client('s');
    const gate = new Gate();
    const load = client.getOrLoad('loaded', () => gate.pass('v'));
    await gate.reached;
    const writes = Array.from({ length: 100 }, (_, i) => client.set(`k${i}`, i));
    const closing = manager.close();
    gate.open();
    expect(await load).toBe('v');
    await closing;
    expect((await Promise.all(writes)).length).toBe(100);
    expect(await entryNames(server)).toHaveLength(101);
  });

  test('may be called twice, at once and later', async () => {
    const server = await rig.startRedis();
    const manager = await rig.open({ s: twoLevelAt(server) });
    await Promise.all([manager.close(), manager.close(), manager.client('s').close()]);
    await manager.close();
    await manager.client('s').close();
  });

  test('keeps its deadline when Redis is frozen, and leaves what was accepted to the log (G7)', async () => {
    const server = await rig.startRedis();
    const service = twoLevelAt(server, { two_level: { write_through: false } });
    const manager = await rig.open({ s: service });
    server.freeze();
    rig.afterwards(() => {
      server.thaw();
    });
    const errors = collectEvents(manager, 'error');
    for (let i = 0; i < 20; i++) expect(await manager.client('s').set(`k${i}`, i)).toEqual({ l1: true, l2: 'queued' });
    const waiting = manager.client('s').delete('never');
    expect(await timeOf(manager.close({ deadline: '150ms' }))).toBeLessThan(350);
    expect(await waiting).toBe(false);
    expect(errors).toEqual([]);
    server.thaw();
    const next = (await rig.open({ s: service })).client('s');
    await until(() => next.metrics().loggedKeys === 0);
    await healthy(next);
    expect((await next.getMany(Array.from({ length: 20 }, (_, i) => `k${i}`))).size).toBe(20);
  });

  test('keeps its deadline when Redis is frozen, and says what it loses where there is no log', async () => {
    const server = await rig.startRedis();
    const errors: string[] = [];
    const logger = {
      error: (message: string) => errors.push(message),
      warn: () => undefined,
      info: () => undefined,
      debug: () => undefined,
    };
    const service = twoLevelAt(server, { two_level: { write_through: false }, ...WITHOUT_LOG });
    const manager = await rig.open({ s: service }, { logger, global: { log_level: 'error' } });
    server.freeze();
    rig.afterwards(() => {
      server.thaw();
    });
    await manager.client('s').set('k', 'v');
    expect(await timeOf(manager.close({ deadline: '150ms' }))).toBeLessThan(350);
    expect(errors).toEqual([expect.stringContaining('1 accepted write')]);
  });

  test('tells the callers of a load that does not end, within its deadline', async () => {
    const manager = await rig.open({ s: { cache_type: 'l1' } });
    const client = manager.client('s');
    const calls = [
      client.getOrLoad('k', () => new Promise(() => undefined)),
      client.getOrLoadMany(['k', 'l'], () => new Promise(() => undefined)),
    ];
    const ends = Promise.allSettled(calls);
    await manager.close({ deadline: '50ms' });
    for (const end of await ends) expect(end).toMatchObject({ status: 'rejected', reason: closed });
  });

  test('tells the callers of a load that waits behind another one, too', async () => {
    const manager = await rig.open({ s: { cache_type: 'l1' } });
    const client = manager.client('s');
    const gate = new Gate();
    const first = client.getOrLoad('k', () => gate.pass('v'));
    await gate.reached;
    await client.delete('k');
    const ends = Promise.allSettled([first, client.getOrLoad('k', () => 'later')]);
    await manager.close({ deadline: '50ms' });
    for (const end of await ends) expect(end).toMatchObject({ status: 'rejected', reason: closed });
  });

  test('of one service leaves the others alone', async () => {
    const server = await rig.startRedis();
    const manager = await rig.open({ a: twoLevelAt(server), b: twoLevelAt(server) });
    await manager.client('b').set('k', 'v');
    await manager.client('a').close();
    await expectAllToBeRefused(manager.client('a'));
    expect(await manager.client('b').get('k')).toBe('v');
    expect(await manager.client('b').set('k2', 'v')).toEqual({ l1: true, l2: 'written' });
    expect(manager.health().services).toMatchObject({ a: { status: 'closed' }, b: { status: 'healthy' } });
  });

  test('happens at the end of an `await using` block', async () => {
    const manager = await createManager(L1_ONLY);
    await manager[Symbol.asyncDispose]();
    await expect(manager.client('s').get('k')).rejects.toMatchObject(closed);
  });

  test('lets go of every connection', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    const manager = await rig.open({ a: twoLevelAt(proxy), b: l2OnlyAt(proxy) });
    expect(proxy.connections).toBeGreaterThan(0);
    await manager.close();
    await until(() => proxy.connections === 0);
  });
});

describe('G9: init() and shutdown()', () => {
  test('may follow each other, and functions that were wrapped before go on', async () => {
    const double = cached('s', (n: number) => n * 2, { key: (n) => `n${n}` });
    await expect(double(1)).rejects.toMatchObject({ code: 'CACHE_NOT_INITIALISED' });
    for (let i = 0; i < 3; i++) {
      await init(L1_ONLY);
      expect(await double(1)).toBe(2);
      expect(getClient('s').peek('n1')).toBe(2);
      await shutdown();
      expect(() => getClient('s')).toThrow(expect.objectContaining({ code: 'CACHE_NOT_INITIALISED' }));
    }
  });

  test('functions that were wrapped run without a cache after shutdown(), called before or not', async () => {
    await init(L1_ONLY);
    const called = cached('s', (n: number) => n * 2, { key: 'called:{0}' });
    const fresh = cached('s', (n: number) => n * 3, { key: 'fresh:{0}' });
    const strict = cached('s', (n: number) => n, { key: 'strict:{0}', onCacheError: 'propagate' });
    expect(await called(1)).toBe(2);
    await shutdown();
    expect(await called(1)).toBe(2);
    expect(await called(2)).toBe(4);
    expect(await fresh(2)).toBe(6);
    await expect(strict(1)).rejects.toMatchObject(closed);
    await expect(called.invalidate(1)).rejects.toMatchObject(closed);
    const late = cached('s', (n: number) => n, { key: 'late:{0}' });
    await expect(late(1)).rejects.toMatchObject({ code: 'CACHE_NOT_INITIALISED' });
    await init({ ...L1_ONLY, services: { other: { cache_type: 'l1' } } });
    await expect(called(1)).rejects.toMatchObject({ code: 'CACHE_SERVICE_UNKNOWN' });
  });

  test('a second init() is refused, also while the first is under way', async () => {
    const first = init(L1_ONLY);
    await expect(init(L1_ONLY)).rejects.toMatchObject({ code: 'CACHE_ALREADY_INITIALISED' });
    await first;
    await expect(init(L1_ONLY)).rejects.toMatchObject({ code: 'CACHE_ALREADY_INITIALISED' });
    expect(await getClient('s').set('k', 1)).toEqual({ l1: true, l2: 'none' });
  });

  test('an init() that failed does not stand in the way of the next one', async () => {
    await expect(init({ services: { s: { cache_type: 'l3' } } } as unknown as ConfigObject)).rejects.toMatchObject({
      code: 'CACHE_CONFIG_INVALID',
    });
    await expect(init(L1_ONLY, { loger: console } as object)).rejects.toBeInstanceOf(TypeError);
    await init(L1_ONLY);
    expect(getClient('s').service).toBe('s');
  });

  test('a manager that was closed by itself does not stand in the way of the next init()', async () => {
    const manager = await init(L1_ONLY);
    await manager.close();
    await init(L1_ONLY);
    expect(await getClient('s').set('k', 1)).toEqual({ l1: true, l2: 'none' });
  });

  test('shutdown() without init(), and twice at once, is no error', async () => {
    await shutdown();
    await init(L1_ONLY);
    await Promise.all([shutdown(), shutdown()]);
    await shutdown();
  });

  test('shutdown() during init() closes what init() makes', async () => {
    const starting = init(L1_ONLY);
    await shutdown();
    await starting.catch(() => undefined);
    expect(() => getClient('s')).toThrow(expect.objectContaining({ code: 'CACHE_NOT_INITIALISED' }));
  });
});
