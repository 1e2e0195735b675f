/** Redis goes away and comes back: `init` works without it, calls go on without it, and it is used again by itself (G6). */
import { describe, expect, test } from '@jest/globals';
import { cached, type CacheClient } from '../../../lib/index.js';
import { collectEvents } from '../../support/collect-events.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { CONNECTION_TIMEOUT_MS, degraded, healthy, l2At, l2OnlyAt, timeOf, twoLevelAt, useRig, WITHOUT_LOG } from './rig.js';

const rig = useRig();

/** A call that does not wait for Redis. */
const AT_ONCE_MS = 100;
const SLACK_MS = 500;

/** A whole round through a service that works. */
async function expectToWork(client: CacheClient): Promise<void> {
  expect(await client.set('works', 1)).toMatchObject({ l2: 'written' });
  expect(await client.get('works')).toBe(1);
  expect(await client.delete('works')).toBe(true);
}

/** What a two-level service does while Redis is away. */
async function expectToGoOnAlone(client: CacheClient): Promise<void> {
  expect(await timeOf(client.get('nothing'))).toBeLessThan(AT_ONCE_MS);
  expect(await client.set('alone', 1)).toEqual({ l1: true, l2: 'logged' });
  expect(await client.get('alone')).toBe(1);
  expect(await client.getOrLoad('loaded alone', () => 2)).toBe(2);
  expect(await client.get('loaded alone')).toBe(2);
  expect(await client.delete('alone')).toBe(true);
  expect(await client.get('alone')).toBeUndefined();
}

/** The same with `wal.enabled = false`: what is not in Redis is nowhere, and a deletion that Redis was not told of is no deletion. */
async function expectToGoOnWithoutLog(client: CacheClient): Promise<void> {
  expect(await timeOf(client.get('nothing'))).toBeLessThan(AT_ONCE_MS);
  expect(await client.set('alone', 1)).toEqual({ l1: true, l2: 'none' });
  expect(await client.get('alone')).toBe(1);
  expect(await client.getOrLoad('loaded alone', () => 2)).toBe(2);
  expect(await client.get('loaded alone')).toBe(2);
  await expect(client.delete('alone')).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE', key: 'alone' });
  expect(await client.get('alone')).toBeUndefined();
  expect(client.metrics()).toMatchObject({ writesLogged: 0, loggedKeys: 0, logBytes: 0 });
}

describe('G6: opening without Redis', () => {
  test('where the port is closed takes no time, and Redis is used once it is there', async () => {
    const server = await rig.startRedis();
    // The first manager of a process loads what it needs, which takes the machine's time.
    await (await rig.open({ first: twoLevelAt(server) })).close();
    await server.kill();
    const opening = rig.open({ s: twoLevelAt(server), l2: l2OnlyAt(server), unlogged: twoLevelAt(server, WITHOUT_LOG) });
    expect(await timeOf(opening)).toBeLessThan(SLACK_MS);
    const manager = await opening;
    const client = manager.client('s');
    expect(client.health()).toMatchObject({
      status: 'degraded',
      l2: {
        status: 'degraded',
        endpoint: expect.stringContaining(String(server.port)),
        reason: expect.stringContaining('ECONNREFUSED'),
      },
    });
    expect(manager.health().status).toBe('degraded');
    await expectToGoOnAlone(client);
    await expectToGoOnWithoutLog(manager.client('unlogged'));
    expect(await manager.client('l2').set('k', 1)).toEqual({ l1: false, l2: 'logged' });

    const recovered = collectEvents(manager, 'recover');
    await server.restart();
    await healthy(client);
    expect(recovered.map(({ payload }) => payload.service).sort()).toEqual(['l2', 's', 'unlogged']);
    expect(recovered[0]?.payload.downMs).toBeGreaterThan(0);
    await expectToWork(client);
    expect(await client.getL2Only('loaded alone')).toBe(2);
    await until(async () => (await server.call('EXISTS', 'oxcache:l2:k')) === 1);
    expect(await manager.client('unlogged').getL2Only('loaded alone')).toBeUndefined();
  });

  test('and without a log fails the writes of a service that has no L1', async () => {
    const server = await rig.startRedis();
    await server.kill();
    const client = (await rig.open({ l2: l2OnlyAt(server, WITHOUT_LOG) })).client('l2');
    await expect(client.set('k', 1)).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE', key: 'k' });
    await expect(client.delete('k')).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE', key: 'k' });
  });

  test('where nobody answers takes connection_timeout_ms', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    proxy.blackhole();
    const opening = rig.open({ s: twoLevelAt(proxy) });
    expect(await timeOf(opening)).toBeLessThan(CONNECTION_TIMEOUT_MS + SLACK_MS);
    const client = (await opening).client('s');
    expect(client.health().status).toBe('degraded');
    await expectToGoOnAlone(client);
    await proxy.resume();
    await healthy(client);
    await expectToWork(client);
  });

  test('with a wrong password takes no time, and Redis is used once the password is right', async () => {
    const server = await rig.startRedis({ password: 'right' });
    const opening = rig.open({ s: twoLevelAt(server, { l2: l2At(server, { password: 'wrong' }) }) });
    expect(await timeOf(opening)).toBeLessThan(SLACK_MS);
    const client = (await opening).client('s');
    expect(client.health()).toMatchObject({ status: 'degraded', l2: { reason: expect.stringContaining('WRONGPASS') } });
    await expectToGoOnAlone(client);
    await server.call('CONFIG', 'SET', 'requirepass', 'wrong');
    await healthy(client);
    await expectToWork(client);
  });

  test('without the password it wants', async () => {
    const server = await rig.startRedis({ password: 'right' });
    const client = (await rig.open({ s: twoLevelAt(server) })).client('s');
    expect(client.health()).toMatchObject({ status: 'degraded', l2: { reason: expect.stringContaining('NOAUTH') } });
    await expectToGoOnAlone(client);
  });
});

describe('G6: losing Redis', () => {
  test.each([
    ['with a log', 'logged', {}],
    ['without one', 'none', WITHOUT_LOG],
  ] as const)(
    'in the middle of traffic, %s, fails no read and no load, and writes say what happened',
    async (_name, unconfirmed, more) => {
      const server = await rig.startRedis();
      const manager = await rig.open({ s: twoLevelAt(server, { l1: { max_capacity: 50 }, ...more }) });
      const client = manager.client('s');
      const square = cached(client, async (n: number) => n * n, { key: (n) => `square${n}` });
      let isOver = false;
      let rounds = 0;
      const work = async (id: number): Promise<void> => {
        for (let n = 0; !isOver; n++) {
          const key = `k${id}:${n % 200}`;
          const { l1, l2 } = await client.set(key, n);
          expect(l1).toBe(true);
          expect(['written', unconfirmed]).toContain(l2);
          await client.get(key);
          await client.getMany([key, `k${id}:${(n + 1) % 200}`]);
          expect(await client.getOrLoad(`load${id}:${n}`, () => n)).toBe(n);
          expect(await square(n)).toBe(n * n);
          rounds++;
          // Without Redis nothing waits: the rest of the process gets its turn too.
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      const workers = Array.from({ length: 20 }, (_, id) => work(id));
      const progress = async (): Promise<void> => {
        const before = rounds;
        await until(() => rounds > before + 40);
      };
      await progress();
      await server.kill();
      await degraded(client);
      await progress();
      await server.restart({ empty: true });
      await healthy(client);
      await progress();
      isOver = true;
      await Promise.all(workers);
      await until(() => client.metrics().loggedKeys === 0);
      expect(client.metrics()).toMatchObject({ loadsInFlight: 0, pendingWrites: 0 });
      expect(client.metrics().l1Entries).toBeLessThanOrEqual(50);
      await expectToWork(client);
    },
  );

  test('tells each service once, and its return once', async () => {
    const server = await rig.startRedis();
    const manager = await rig.open({ a: twoLevelAt(server), b: l2OnlyAt(server), c: { cache_type: 'l1' } });
    const changes = collectEvents(manager, 'degrade', 'recover');
    await server.kill();
    await degraded(manager.client('a'));
    await until(() => manager.client('b').health().status === 'degraded');
    await server.restart();
    await healthy(manager.client('a'));
    await healthy(manager.client('b'));
    expect(changes.map(({ event, payload }) => `${event} ${payload.service}`)).toEqual([
      'degrade a',
      'degrade b',
      'recover a',
      'recover b',
    ]);
    expect(manager.client('c').health().status).toBe('healthy');
  });

  test('again and again fails no read, leaves nothing behind, and ends with Redis in use', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    const client = (await rig.open({ s: twoLevelAt(proxy) })).client('s');
    await client.set('warm', 'v');
    let isOver = false;
    const work = async (id: number): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        await client.get(`cold${id}:${n}`);
        expect(await client.get('warm')).toBe('v');
        expect(await client.getOrLoad(`l${id}:${n}`, () => n)).toBe(n);
        await client.set(`s${id}`, n);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const workers = Array.from({ length: 10 }, (_, id) => work(id));
    for (let flap = 0; flap < 10; flap++) {
      const fromMs = performance.now();
      await until(() => performance.now() - fromMs >= 100);
      await proxy.refuse();
      proxy.drop();
      await until(() => performance.now() - fromMs >= 200);
      await proxy.resume();
    }
    isOver = true;
    await Promise.all(workers);
    await healthy(client);
    await expectToWork(client);
    expect(client.metrics()).toMatchObject({ loadsInFlight: 0, pendingWrites: 0 });
    // One for reads, one for writes, one to listen.
    await until(() => proxy.connections === 3);
  });

  test('in the middle of an answer to many reads is a miss for each of them', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    const manager = await rig.open({ s: twoLevelAt(proxy, { two_level: { promote_on_hit: false } }) });
    const client = manager.client('s');
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await Promise.all(keys.map((key) => client.setL2Only(key, 'x'.repeat(100))));
    const told = collectEvents(client, 'degrade');
    proxy.cutAfter(500);
    expect(await client.getMany(keys)).toEqual(new Map());
    expect(told).toHaveLength(1);
    expect(client.metrics()).toMatchObject({ l2Errors: 20, misses: 20 });
    await healthy(client);
    expect((await client.getMany(keys)).size).toBe(20);
  });

  test.each([
    ['with a log', 'logged', {}],
    ['without one', 'none', WITHOUT_LOG],
  ] as const)('in the middle of a batch of writes, %s, says for each what is known', async (_name, unconfirmed, more) => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    const client = (await rig.open({ s: twoLevelAt(proxy, more) })).client('s');
    await client.set('script is known', 1);
    proxy.cutAfter(3000, 'toServer');
    const results = await client.setMany(Array.from({ length: 50 }, (_, i) => [`k${i}`, 'x'.repeat(100)] as const));
    for (const result of results.values()) expect(result).toEqual({ l1: true, l2: unconfirmed });
    await healthy(client);
    const found = await client.getL2Only('k49');
    expect(found).toBe(unconfirmed === 'logged' ? 'x'.repeat(100) : undefined);
    const again = await client.setMany(Array.from({ length: 50 }, (_, i) => [`k${i}`, 'y'] as const));
    for (const result of again.values()) expect(result).toEqual({ l1: true, l2: 'written' });
  });

  test('without being told (a half-open connection) is found out by the first call', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    const client = (await rig.open({ s: twoLevelAt(proxy) })).client('s');
    proxy.blackhole();
    expect(await client.get('k')).toBeUndefined();
    await degraded(client);
    await expectToGoOnAlone(client);
    await proxy.resume();
    await healthy(client);
    await expectToWork(client);
  });

  test('without being told is found out by the health check when nobody calls', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    const manager = await rig.open({ s: twoLevelAt(proxy) }, { global: { health_check_interval: 1 } });
    proxy.blackhole();
    await degraded(manager.client('s'));
    await proxy.resume();
    await healthy(manager.client('s'));
  });

  test('to CLIENT KILL is over as soon as there is a new connection', async () => {
    const server = await rig.startRedis();
    const client = (await rig.open({ s: twoLevelAt(server) })).client('s');
    const recovered = collectEvents(client, 'recover');
    await client.set('k', 'v');
    await server.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until(() => recovered.length === 1);
    expect(await client.getL2Only('k')).toBe('v');
    await expectToWork(client);
  });

  test.each(['stream', 'pubsub'] as const)(
    'its data, a restart without any, is a miss in L2; L1 answers until Redis is back, and is dropped as after any gap (%s)',
    async (transport) => {
      const server: RedisServer = await rig.startRedis();
      const client = (await rig.open({ s: twoLevelAt(server, { sync: { transport } }) })).client('s');
      await client.set('k', 'v');
      await server.kill();
      await degraded(client);
      expect(await client.get('k')).toBe('v');
      await server.restart({ empty: true });
      await until(async () => (await client.set('probe', 1)).l2 === 'written');
      expect(await client.getL2Only('k')).toBeUndefined();
      // G5: what others wrote meanwhile, and were told to nobody any more, may be gone with the data.
      await until(async () => (await client.get('k')) === undefined, { describe: 'the copy in L1 to be dropped' });
      expect(await client.set('k', 'w')).toEqual({ l1: true, l2: 'written' });
      expect(await client.get('k')).toBe('w');
    },
  );
});
