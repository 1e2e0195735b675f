/** Sentinel sets and clusters other tests rely on: that they really do what they say. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { ClusterSet, type ClusterSetOptions } from '../support/cluster-set.js';
import { clientTls, type RedisServer } from '../support/redis-server.js';
import { roleOf, SentinelSet, type SentinelSetOptions } from '../support/sentinel-set.js';
import { until } from '../support/until.js';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const endpoint = (address: string): { host: string; port: number } => ({
  host: '127.0.0.1',
  port: Number(address.split(':')[1]),
});

async function startSentinels(options?: SentinelSetOptions): Promise<SentinelSet> {
  const set = await SentinelSet.start(options);
  cleanups.push(() => set.stop());
  return set;
}

async function startCluster(options?: ClusterSetOptions): Promise<ClusterSet> {
  const set = await ClusterSet.start(options);
  cleanups.push(() => set.stop());
  return set;
}

describe('SentinelSet', () => {
  test('a client that asks the sentinels follows a failover and the death of a master', async () => {
    const set = await startSentinels();
    const redis = new Redis({
      sentinels: set.nodes.map(endpoint),
      name: set.masterName,
      maxRetriesPerRequest: null,
      disconnectTimeout: 50,
      retryStrategy: () => 20,
      sentinelRetryStrategy: () => 20,
    });
    cleanups.push(() => {
      redis.disconnect();
    });
    redis.on('error', () => undefined);
    const isWrittenTo = async (server: RedisServer, value: string): Promise<boolean> => {
      await redis.set('a', value);
      return (await server.call('GET', 'a')) === value;
    };
    await redis.set('a', '1');
    const first = set.master;
    expect(await first.call('GET', 'a')).toBe('1');
    const second = await set.failover();
    expect(second).not.toBe(first);
    expect(set.master).toBe(second);
    await until(() => isWrittenTo(second, '2'));
    const third = await set.killMaster();
    expect(third).toBe(first);
    expect(set.replicas).toEqual([second]);
    await until(() => isWrittenTo(third, '3'));
    await second.restart();
    await until(async () => (await second.call('GET', 'a')) === '3', { timeoutMs: 20_000 });
  });

  test('with passwords and TLS everywhere, two replicas', async () => {
    const set = await startSentinels({ password: 'data', sentinelPassword: 'watch', tls: true, replicas: 2 });
    const { certificates } = set;
    if (certificates === undefined) throw new Error('The set has no certificates');
    const tls = clientTls(certificates);
    const redis = new Redis({
      sentinels: set.nodes.map(endpoint),
      name: set.masterName,
      password: 'data',
      sentinelPassword: 'watch',
      tls,
      sentinelTLS: tls,
      enableTLSForSentinelMode: true,
      disconnectTimeout: 50,
    });
    redis.on('error', () => undefined);
    cleanups.push(() => {
      redis.disconnect();
    });
    await redis.set('a', '1');
    // Replication does not wait: whichever replica is promoted is to have it.
    expect(await set.master.call('WAIT', 2, 10_000)).toBe(2);
    const before = set.master;
    expect(await set.killMaster()).not.toBe(before);
    expect(await set.master.call('GET', 'a')).toBe('1');
    const stranger = new Redis({ port: set.master.port, tls, enableReadyCheck: false, disconnectTimeout: 50 });
    stranger.on('error', () => undefined);
    cleanups.push(() => {
      stranger.disconnect();
    });
    await expect(stranger.get('a')).rejects.toThrow('NOAUTH');
  });
});

describe('ClusterSet', () => {
  function connect(set: ClusterSet): Cluster {
    const cluster = new Cluster(set.nodes.map(endpoint), { redisOptions: { disconnectTimeout: 50 } });
    cleanups.push(() => {
      cluster.disconnect();
    });
    cluster.on('error', () => undefined);
    return cluster;
  }

  /** `{a}` and all names in its braces are in this slot. */
  const SLOT = 15_495;

  test('slots move key by key: ASK, TRYAGAIN and MOVED are what clients are answered', async () => {
    const set = await startCluster();
    const cluster = connect(set);
    const from = await set.slotOwner(SLOT);
    const to = set.masters.find((master) => master !== from);
    if (to === undefined) throw new Error('One master only');
    await cluster.mset('{a}1', '1', '{a}2', '2');
    expect(await from.call('CLUSTER', 'COUNTKEYSINSLOT', SLOT)).toBe(2);

    const move = await set.beginMove(from, to, SLOT);
    await move.moveKeys(1);
    expect(await to.call('CLUSTER', 'COUNTKEYSINSLOT', SLOT)).toBe(1);
    await expect(from.call('MGET', '{a}1', '{a}2')).rejects.toThrow('TRYAGAIN');
    await expect(from.call('GET', '{a}new')).rejects.toThrow(`ASK ${SLOT} ${to.address}`);
    expect(await Promise.all(['{a}1', '{a}2'].map((key) => cluster.get(key)))).toEqual(['1', '2']);
    expect(await set.slotOwner(SLOT)).toBe(from);

    await move.finish();
    expect(await set.slotOwner(SLOT)).toBe(to);
    await expect(from.call('GET', '{a}1')).rejects.toThrow(`MOVED ${SLOT} ${to.address}`);
    expect(await cluster.mget('{a}1', '{a}2')).toEqual(['1', '2']);

    expect(await set.moveSlots(to, from, [SLOT])).toEqual([SLOT]);
    expect(await set.slotOwner(SLOT)).toBe(from);
    const [first = -1] = await set.moveSlots(from, to, 5);
    expect(await set.slotOwner(first)).toBe(to);
  });

  test('a replica takes over from a killed master, which comes back as its replica', async () => {
    const set = await startCluster({ replicas: 1 });
    const cluster = connect(set);
    const owner = await set.slotOwner(SLOT);
    const index = set.masters.indexOf(owner);
    await cluster.set('{a}1', '1');
    await until(async () => (await owner.call('WAIT', 1, 1000)) === 1);
    const promoted = await set.killMaster(index);
    expect(await set.slotOwner(SLOT)).toBe(promoted);
    expect(set.masters[index]).toBe(promoted);
    expect(await promoted.call('GET', '{a}1')).toBe('1');
    await owner.restart();
    await until(async () => (await roleOf(owner)) === 'slave');
    expect(await set.failover(index)).toBe(owner);
    expect(await set.slotOwner(SLOT)).toBe(owner);
  });

  test('with a password and TLS everywhere, slots move too', async () => {
    const set = await startCluster({ password: 'data', tls: true, replicas: 1 });
    const owner = await set.slotOwner(SLOT);
    const other = set.masters.find((master) => master !== owner);
    if (other === undefined) throw new Error('One master only');
    await owner.call('SET', '{a}1', '1');
    await set.moveSlots(owner, other, [SLOT]);
    expect(await other.call('GET', '{a}1')).toBe('1');
  });
});
