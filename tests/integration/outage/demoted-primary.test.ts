/**
 * A primary that becomes a replica and keeps its clients. It goes on answering reads, from data that grow old, and a process that
 * only reads gets no refusal: every probe finds it out, and nothing is read there any more.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { CacheClient, CacheManager, ConfigObject } from '../../../lib/index.js';
import { ClusterSet } from '../../support/cluster-set.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { FakeSentinel } from '../modes/fake-sentinel.js';
import { COMMAND_TIMEOUT_MS, CONNECTION_TIMEOUT_MS, degraded, healthy, useRig } from './rig.js';

const rig = useRig();

type Service = ConfigObject['services'][string];

const DEADLINES = { command_timeout_ms: COMMAND_TIMEOUT_MS, connection_timeout_ms: CONNECTION_TIMEOUT_MS };

/** Opens the service `s` with a look at Redis every second. */
async function open(l2: NonNullable<Service['l2']>, more: Partial<Service> = {}, connections?: Redis): Promise<CacheManager> {
  const service = { cache_type: 'two-level', ttl: 600, ...more, l2: { ...DEADLINES, ...l2 } } as const;
  const options = { global: { health_check_interval: 1 }, ...(connections === undefined ? {} : { connections }) };
  return rig.open({ s: service }, options);
}

/** An address that leads to whichever server it is made to point at, as a name does. Open connections stay where they are. */
class Signpost {
  target: number;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    const onward = connect(this.target, '127.0.0.1');
    for (const each of [socket, onward]) {
      this.#sockets.add(each);
      each.on('error', () => undefined);
    }
    socket.pipe(onward).pipe(socket);
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
  });

  private constructor(target: number) {
    this.target = target;
  }

  static async start(target: { readonly port: number }): Promise<Signpost> {
    const post = new Signpost(target.port);
    await new Promise<void>((resolve) => post.#server.listen(0, '127.0.0.1', resolve));
    rig.afterwards(() => {
      for (const socket of post.#sockets) socket.destroy();
      post.#server.close();
    });
    return post;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
}

async function follow(server: RedisServer, primary: RedisServer): Promise<void> {
  await server.call('REPLICAOF', '127.0.0.1', primary.port);
}

async function readsOnly(client: CacheClient, key: string, value: unknown): Promise<void> {
  await until(async () => (await client.getL2Only(key)) === value, { describe: `${key} to be ${String(value)}` });
}

describe('a primary that is demoted, while the process only reads', () => {
  test.each(['stream', 'pubsub'] as const)('is left for the server that the name leads to (%s)', async (transport) => {
    const [old, next] = [await rig.startRedis(), await rig.startRedis()];
    const post = await Signpost.start(old);
    const manager = await open({ connection_string: post.url }, { sync: { transport } });
    const client = manager.client('s');
    await client.set('k', 'v1');
    // The other one has taken over: whoever knows that writes there.
    await follow(next, old);
    await until(async () => (await next.call('EXISTS', 'oxcache:s:k')) === 1);
    await next.call('REPLICAOF', 'NO', 'ONE');
    const other = (await open({ connection_string: `redis://${next.address}` }, { sync: { transport } })).client('s');
    await old.call('CONFIG', 'SET', 'replica-serve-stale-data', 'yes');
    await follow(old, await rig.startRedis());
    await degraded(client);
    expect(client.health().l2?.reason).toMatch(/READONLY it says that it is a replica/);
    expect(await client.getL2Only('k')).toBeUndefined();
    await until(() => client.health().sync?.status === 'lost');
    post.target = next.port;
    await healthy(client);
    await until(() => client.health().sync?.status === 'connected');
    await other.set('k', 'v2');
    await readsOnly(client, 'k', 'v2');
    await client.get('k');
    await other.set('k', 'v3');
    await until(() => client.peek('k') !== 'v2');
    expect(String(await old.call('CLIENT', 'LIST', 'TYPE', 'normal'))).not.toMatch(/name=oxcache/);
  });

  test('is used again, over a new connection, once it has been promoted', async () => {
    const [server, other] = [await rig.startRedis(), await rig.startRedis()];
    const proxy = await rig.startProxy(server);
    const client = (await open({ connection_string: `redis://127.0.0.1:${proxy.port}` })).client('s');
    const before = proxy.accepted;
    await follow(server, other);
    await degraded(client);
    // The name is looked up again and again, with pauses.
    await until(() => proxy.accepted > before + 1);
    await server.call('REPLICAOF', 'NO', 'ONE');
    await healthy(client);
    expect(await client.set('k', 'v')).toMatchObject({ l2: 'written' });
  });

  test('is found out by the link for messages, long before the next look', async () => {
    const [server, other] = [await rig.startRedis(), await rig.startRedis()];
    const l2 = { ...DEADLINES, connection_string: `redis://${server.address}` };
    const client = (await rig.open({ s: { cache_type: 'two-level', l2 } })).client('s');
    await until(() => client.health().sync?.status === 'connected');
    await follow(server, other);
    await degraded(client, 5000);
    expect(client.health().l2?.reason).toMatch(/READONLY/);
  });

  test('is found out also where it takes writes as a replica', async () => {
    const [server, other] = [await rig.startRedis({ config: { 'replica-read-only': 'no' } }), await rig.startRedis()];
    const client = (await open({ connection_string: `redis://${server.address}` })).client('s');
    await client.set('k', 'v');
    await follow(server, other);
    await degraded(client);
    expect(await client.getL2Only('k')).toBeUndefined();
  });

  test('is found out by a write, where its role may not be asked for', async () => {
    const [server, other] = [await rig.startRedis({ config: { 'rename-command': 'HELLO ""' } }), await rig.startRedis()];
    const client = (await open({ connection_string: `redis://${server.address}` })).client('s');
    await healthy(client);
    await follow(server, other);
    await degraded(client);
    expect(client.health().l2?.reason).toMatch(/READONLY/);
  });

  test('is not read through a client that was handed in, until it is the primary again', async () => {
    const [server, other] = [await rig.startRedis(), await rig.startRedis()];
    const given = new Redis({ host: '127.0.0.1', port: server.port });
    rig.afterwards(() => {
      given.disconnect();
    });
    const client = (await open({}, {}, given)).client('s');
    await client.set('k', 'v');
    await follow(server, other);
    await degraded(client);
    expect(await client.getL2Only('k')).toBeUndefined();
    expect(given.status).toBe('ready');
    await server.call('REPLICAOF', 'NO', 'ONE');
    await healthy(client);
  });

  test('is left for the one that the sentinels name', async () => {
    const [old, next] = [await rig.startRedis(), await rig.startRedis()];
    const sentinel = await FakeSentinel.start(old.port);
    rig.afterwards(() => sentinel.stop());
    const client = (await open({ mode: 'sentinel', sentinel: { master_name: 'm', nodes: [sentinel.address] } })).client('s');
    await healthy(client);
    await follow(old, next);
    await degraded(client);
    sentinel.primaryPort = next.port;
    await healthy(client);
    expect(await client.set('k', 'v')).toMatchObject({ l2: 'written' });
    expect(await next.call('EXISTS', 'oxcache:s:k')).toBe(1);
  });

  test('of a cluster answers with the address of its successor, which is read from then on', async () => {
    const set = await ClusterSet.start({ replicas: 1 });
    rig.afterwards(() => set.stop());
    const client = (await open({ mode: 'cluster', cluster: { nodes: [...set.nodes] } }, { cache_type: 'l2' })).client('s');
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
    for (const key of keys) await client.set(key, 'v1');
    const other = (await open({ mode: 'cluster', cluster: { nodes: [...set.nodes] } }, { cache_type: 'l2' })).client('s');
    await Promise.all(set.replicas.map((server) => server.call('CLUSTER', 'FAILOVER')));
    await Promise.all(
      set.masters.map((server) => until(async () => String(await server.call('INFO', 'replication')).includes('role:slave'))),
    );
    for (const key of keys) await until(async () => (await other.set(key, 'v2')).l2 === 'written');
    for (const key of keys) await readsOnly(client, key, 'v2');
    await healthy(client);
  });
});
