/**
 * G1 and G5 in a cluster, with one node and with several: calls of many keys fall into many slots, a clear reaches every node, and
 * two processes hear of each other. Redis refuses what would cross slots, so nothing here could work by accident.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { ClusterSet } from '../../support/cluster-set.js';
import { until } from '../../support/until.js';
import { useRig } from '../outage/rig.js';

const rig = useRig();

/** Enough keys for nearly all buckets, and for every node. */
const KEYS = Array.from({ length: 300 }, (_, i) => `k${i}`);

describe.each([1, 3])('a cluster of %d', (masters) => {
  let set: ClusterSet;
  beforeAll(async () => {
    set = await ClusterSet.start({ masters });
  });
  afterAll(() => set.stop());
  beforeEach(async () => {
    for (const master of set.masters) await master.flush();
  });

  async function names(): Promise<string[]> {
    const all = await Promise.all(set.masters.map((master) => master.call('KEYS', '*') as Promise<string[]>));
    return all.flat();
  }

  async function setForeign(name: string): Promise<void> {
    for (const master of set.masters) {
      const isTaken = await master.call('SET', name, 'foreign').then(
        () => true,
        () => false,
      );
      if (isTaken) return;
    }
    throw new Error(`No node has the slot of ${name}`);
  }

  async function openTwo(transport: 'stream' | 'pubsub', more: object = {}): Promise<readonly [CacheClient, CacheClient]> {
    const l2 = { mode: 'cluster', cluster: { nodes: [...set.nodes] }, command_timeout_ms: 5000 } as const;
    const services = { s: { cache_type: 'two-level', ttl: 600, l2, sync: { transport }, ...more } } as const;
    const open = async (): Promise<CacheClient> => (await rig.open(services)).client('s');
    const two = [await open(), await open()] as const;
    await until(() => two.every((client) => client.health().sync?.status === 'connected'));
    return two;
  }

  /** The reader has all keys in its L1. */
  async function holdAll([writer, reader]: readonly CacheClient[], tags: string[] = []): Promise<void> {
    await writer?.setMany(
      KEYS.map((key) => [key, 'old'] as const),
      { tags },
    );
    await until(async () => {
      await reader?.getMany(KEYS);
      return KEYS.every((key) => reader?.peek(key) === 'old');
    });
  }

  describe.each(['stream', 'pubsub'] as const)('over %s', (transport) => {
    test('calls of many keys cross no slot (no CROSSSLOT), and the other process hears of each', async () => {
      const two = await openTwo(transport);
      const [writer, reader] = two;
      await holdAll(two);
      expect(await reader.getMany(KEYS)).toEqual(new Map(KEYS.map((key) => [key, 'old'])));
      await writer.setMany(KEYS.map((key) => [key, 'new'] as const));
      await until(() => KEYS.every((key) => reader.peek(key) !== 'old'));
      expect(await reader.getMany(KEYS)).toEqual(new Map(KEYS.map((key) => [key, 'new'])));
      expect(await writer.deleteMany(KEYS.slice(0, 200))).toBe(200);
      await until(() => KEYS.slice(0, 200).every((key) => reader.peek(key) === undefined));
      const loaded = await reader.getOrLoadMany(KEYS, (missing) => missing.map((key) => `loaded ${key}`));
      expect(loaded.size).toBe(300);
      expect(loaded.get('k0')).toBe('loaded k0');
      expect(loaded.get('k299')).toBe('new');
      expect(await writer.getMany(KEYS)).toEqual(loaded);
      expect(writer.metrics()).toMatchObject({ writesFailed: 0, writesLogged: 0, l2Errors: 0 });
      expect(reader.metrics()).toMatchObject({ writesFailed: 0, writesLogged: 0, l2Errors: 0 });
    });

    test('a clear leaves nothing on any node and serves nothing, and touches nobody else', async () => {
      const two = await openTwo(transport);
      const [writer, reader] = two;
      await holdAll(two);
      const foreign = ['plain', 'oxcache:sk', 'oxcache:ss:{1}:k0', 'undefinedprefix:k', '{x}y', 'oxcache2:s:{1}:k0'];
      for (const name of foreign) await setForeign(name);
      await writer.clear();
      expect((await writer.getMany(KEYS)).size).toBe(0);
      await until(() => KEYS.every((key) => reader.peek(key) === undefined));
      expect((await reader.getMany(KEYS)).size).toBe(0);
      // Also for a process that comes later and knows nothing of it.
      const [late] = await openTwo(transport);
      expect((await late.getMany(KEYS)).size).toBe(0);
      await until(async () => !(await names()).some((name) => name.startsWith('oxcache:s:')));
      expect(await names()).toEqual(expect.arrayContaining(foreign));
      await writer.set('k0', 'again');
      expect(await reader.get('k0')).toBe('again');
    });

    test('applications whose prefixes continue each other do not see or clear each other (G1)', async () => {
      const l2 = { mode: 'cluster', cluster: { nodes: [...set.nodes] }, command_timeout_ms: 5000 } as const;
      const service = { cache_type: 'two-level', ttl: 600, l2, sync: { transport } } as const;
      const open = async (key_prefix: string, name: string): Promise<CacheClient> =>
        (await rig.open({ [name]: service }, { global: { key_prefix } })).client(name);
      const clients = [await open('shop', 'cart'), await open('shop:cart', 'items')] as const;
      const awkward = KEYS.flatMap((key) => [key, `items:${key}`, `:items:lock:${key}`]);
      for (const client of clients)
        await client.setMany(
          awkward.map((key) => [key, key] as const),
          { tags: ['t'] },
        );
      const leases = await Promise.all(clients.map((client) => client.lock('k0', { ttl: '1m' })));
      for (const [i, client] of clients.entries()) {
        const other = clients[1 - i] as CacheClient;
        await client.setMany(awkward.map((key) => [key, `${i}`] as const));
        await client.invalidateTags('t');
        await client.clear();
        expect((await client.getMany(awkward)).size).toBe(0);
        const kept = new Map(awkward.map((key) => [key, key]));
        expect(await other.getMany(awkward)).toEqual(kept);
        expect(await other.getL2Only('items:k0')).toBe('items:k0');
        const fresh = await open(i === 0 ? 'shop:cart' : 'shop', i === 0 ? 'items' : 'cart');
        expect(await fresh.getMany(awkward)).toEqual(kept);
        await client.setMany(awkward.map((key) => [key, key] as const));
      }
      for (const lease of leases) expect(await lease?.extend('1m')).toBe(true);
    });

    test('a tag is invalidated in all slots', async () => {
      const two = await openTwo(transport);
      const [writer, reader] = two;
      await holdAll(two, ['t']);
      await writer.set('untagged', 1);
      await writer.invalidateTags('t');
      await until(() => KEYS.every((key) => reader.peek(key) === undefined));
      expect((await reader.getMany(KEYS)).size).toBe(0);
      expect((await writer.getMany(KEYS)).size).toBe(0);
      expect(await reader.get('untagged')).toBe(1);
    });
  });

  test('one load in two processes with single_flight = "cluster", also of many keys', async () => {
    const two = await openTwo('stream', { single_flight: 'cluster' });
    const loads: string[] = [];
    const load = async (keys: readonly string[]): Promise<string[]> => {
      loads.push(...keys);
      return Promise.resolve(keys.map((key) => `v ${key}`));
    };
    const results = await Promise.all(two.map((client) => client.getOrLoadMany(KEYS.slice(0, 50), load)));
    expect(results[0]).toEqual(results[1]);
    expect(loads.sort()).toEqual(KEYS.slice(0, 50).sort());
  });
});
