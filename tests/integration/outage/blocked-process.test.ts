/** G16: a process that stands still while answers arrive reads them before it judges anybody; its pause is not Redis's outage. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import type { CacheClient, CacheManager } from '../../../lib/index.js';
import { blockEventLoop } from '../../../lib/testing/event-loop.js';
import { collectEvents } from '../../support/collect-events.js';
import { ClusterSet } from '../../support/cluster-set.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { healthy, l2At, useRig, type ServiceConfig } from './rig.js';

const rig = useRig();

/** Short, so that the pauses of this file are. */
const DEADLINE_MS = 200;

/** Longer than any command may take. */
const PAUSE_MS = DEADLINE_MS * 2.5;

type Settings = Readonly<Record<string, unknown>>;

function l2With(server: RedisServer, more: Settings = {}): Record<string, unknown> {
  return l2At(server, { command_timeout_ms: DEADLINE_MS, ...more });
}

function twoLevelAt(server: RedisServer, more: Settings = {}): ServiceConfig {
  return { cache_type: 'two-level', ttl: 600, l2: l2With(server), ...more };
}

function l2OnlyAt(server: RedisServer): ServiceConfig {
  return { cache_type: 'l2', ttl: 600, l2: l2With(server) };
}

/** Calls that ask Redis, the answer a well Redis gives, and what has to be there before. */
const CALLS: readonly (readonly [string, (client: CacheClient) => Promise<unknown>, unknown])[] = [
  ['get', (client) => client.get('there'), 'value'],
  ['getMany', (client) => client.getMany(['there', 'gone']), new Map([['there', 'value']])],
  ['lookup', async (client) => (await client.lookup('there')).status, 'fresh'],
  ['has', (client) => client.has('there'), true],
  ['getL2Only', (client) => client.getL2Only('there'), 'value'],
  ['getOrLoad', (client) => client.getOrLoad('there', () => 'loaded'), 'value'],
  [
    'getOrLoadMany',
    (client) => client.getOrLoadMany(['there'], (keys) => new Map(keys.map((key) => [key, 'loaded']))),
    new Map([['there', 'value']]),
  ],
  ['set', async (client) => (await client.set('new', 1)).l2, 'written'],
  ['setMany', async (client) => (await client.setMany([['new', 1]])).get('new')?.l2, 'written'],
  ['setL2Only', async (client) => (await client.setL2Only('new', 1)).l2, 'written'],
  ['delete', (client) => client.delete('there'), true],
  ['deleteMany', (client) => client.deleteMany(['there']), 1],
  ['expire', (client) => client.expire('there', '5m'), true],
  ['clear', (client) => client.clear(), undefined],
  ['invalidateTags', (client) => client.invalidateTags('tag'), undefined],
  ['lock', async (client) => (await client.lock('there', { ttl: '1m' })) !== undefined, true],
];

/** Makes a call and stands still before its answer can be read. */
async function callAndBlock(
  client: CacheClient,
  call: (client: CacheClient) => Promise<unknown>,
  pauseMs = PAUSE_MS,
): Promise<unknown> {
  const answer = call(client);
  // Reads leave at the end of the tick.
  await new Promise((resolve) => process.nextTick(resolve));
  blockEventLoop(pauseMs);
  return answer;
}

/** Expects that nothing was taken for an outage. */
function expectNoOutage(client: CacheClient): void {
  expect(client.metrics()).toMatchObject({ l2Timeouts: 0, l2Errors: 0, writesLogged: 0, writesFailed: 0, loads: 0 });
  expect(client.health().l2?.status).toBe('healthy');
}

describe('over one server', () => {
  let server: RedisServer;
  let manager: CacheManager;

  beforeEach(async () => {
    server = await rig.startRedis();
    const writer = await rig.open({ two: twoLevelAt(server), l2: l2OnlyAt(server) });
    for (const name of ['two', 'l2']) await writer.client(name).set('there', 'value');
    manager = await rig.open({ two: twoLevelAt(server), l2: l2OnlyAt(server) });
  });

  describe.each(['two', 'l2'])('the service %s', (name) => {
    test.each(CALLS)('%s gets its answer though the process stood still', async (_name, call, answer) => {
      const client = manager.client(name);
      const degrades = collectEvents(manager, 'degrade');
      expect(await callAndBlock(client, call)).toEqual(answer);
      expectNoOutage(client);
      expect(degrades).toEqual([]);
    });
  });

  test('many pauses in a row do not open the circuit', async () => {
    const client = manager.client('l2');
    const degrades = collectEvents(manager, 'degrade');
    for (let i = 0; i < 6; i++) {
      const answers = Promise.all(Array.from({ length: 40 }, () => client.get('there')));
      await new Promise((resolve) => process.nextTick(resolve));
      blockEventLoop(PAUSE_MS);
      expect(new Set(await answers)).toEqual(new Set(['value']));
    }
    expectNoOutage(client);
    expect(degrades).toEqual([]);
  });

  test('a connection that was handed in is judged alike', async () => {
    const redis = new Redis(server.url);
    rig.afterwards(() => {
      redis.disconnect();
    });
    const l2 = l2With(server, { connection_string: undefined }) as ServiceConfig['l2'];
    const given = await rig.open({ two: { cache_type: 'two-level', ttl: 600, l2 } }, { connections: redis });
    const client = given.client('two');
    expect(await callAndBlock(client, (view) => view.get('there'))).toBe('value');
    expectNoOutage(client);
  });

  test('a connection that was handed in with a time-out of its own is judged alike', async () => {
    const redis = new Redis(server.url, { commandTimeout: 1000 });
    rig.afterwards(() => {
      redis.disconnect();
    });
    const l2 = { command_timeout_ms: 1000 };
    const given = await rig.open({ two: { cache_type: 'two-level', ttl: 600, l2 } }, { connections: redis });
    const client = given.client('two');
    const errors = collectEvents(given, 'error');
    expect(await callAndBlock(client, (view) => view.get('there'), 1200)).toBe('value');
    expect(await callAndBlock(client, async (view) => (await view.set('new', 1)).l2, 1200)).toBe('written');
    expectNoOutage(client);
    expect(errors).toEqual([]);
  });

  test('a manager that opens meanwhile finds Redis', async () => {
    const opening = rig.open({ two: twoLevelAt(server) });
    // It connects after ioredis has been loaded and the log been read.
    for (let i = 0; i < 10; i++) {
      blockEventLoop(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const client = (await opening).client('two');
    expect(client.health().status).toBe('healthy');
    expect(await client.get('there')).toBe('value');
  });

  test('the link over which messages come stays up', async () => {
    const client = manager.client('two');
    await until(() => client.health().sync?.status === 'connected');
    const before = client.metrics().invalidationLinkLosses;
    blockEventLoop(3000);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(client.metrics().invalidationLinkLosses).toBe(before);
    expect(client.health().sync?.status).toBe('connected');
  });

  test('a Redis that hangs counts as down although the process stood still as well', async () => {
    const client = manager.client('two');
    server.freeze();
    rig.afterwards(() => {
      server.thaw();
    });
    expect(await callAndBlock(client, (view) => view.get('there'))).toBeUndefined();
    await until(() => client.health().status === 'degraded');
    expect(client.metrics().l2Timeouts).toBe(1);
  });
});

test('a loader that is done when the process can go on wins over its time-out', async () => {
  const server = await rig.startRedis();
  const manager = await rig.open({
    two: twoLevelAt(server, { load_timeout: 0.3 }),
    one: { cache_type: 'l1', load_timeout: 0.3 },
  });
  for (const name of ['two', 'one']) {
    const client = manager.client(name);
    // Redis itself is the source: its answer is in the socket while nothing can be read.
    const source = new Redis(server.url);
    await source.set('source', 'of truth');
    const loaded = client.getOrLoad('k', () => source.get('source'));
    await until(() => client.metrics().loadsInFlight === 1, { intervalMs: 0 });
    blockEventLoop(1000);
    expect(await loaded).toBe('of truth');
    expect(client.metrics()).toMatchObject({ loads: 1, loadTimeouts: 0 });
    source.disconnect();
  }
});

test('over a cluster that was handed in with a time-out of its own for the nodes', async () => {
  const set = await ClusterSet.start();
  rig.afterwards(() => set.stop());
  const [host = '', port = ''] = (set.nodes[0] ?? '').split(':');
  const cluster = new Cluster([{ host, port: Number(port) }], { redisOptions: { commandTimeout: 1000 } });
  rig.afterwards(() => {
    cluster.disconnect();
  });
  const given = await rig.open(
    { l2: { cache_type: 'l2', ttl: 600, l2: { command_timeout_ms: 1000 } } },
    { connections: cluster },
  );
  const client = given.client('l2');
  await healthy(client);
  await client.set('k1', 'k1');
  expect(await callAndBlock(client, (view) => view.get('k1'), 1200)).toBe('k1');
  expect(await callAndBlock(client, async (view) => (await view.set('k1', 2)).l2, 1200)).toBe('written');
  expectNoOutage(client);
});

test('over a cluster', async () => {
  const set = await ClusterSet.start();
  rig.afterwards(() => set.stop());
  const l2 = { mode: 'cluster', cluster: { nodes: set.nodes }, command_timeout_ms: DEADLINE_MS } as ServiceConfig['l2'];
  const manager = await rig.open({ l2: { cache_type: 'l2', ttl: 600, l2 } });
  const client = manager.client('l2');
  await healthy(client);
  const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
  await client.setMany(keys.map((key) => [key, key] as const));
  expect((await callAndBlock(client, (view) => view.getMany(keys))) as Map<string, string>).toHaveProperty('size', 50);
  expect(await callAndBlock(client, (view) => view.get('k1'))).toBe('k1');
  expect(await callAndBlock(client, async (view) => (await view.set('k1', 2)).l2)).toBe('written');
  expectNoOutage(client);
});
