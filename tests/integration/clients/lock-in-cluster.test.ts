/** Locks and shared loads in a Redis Cluster: keys of all buckets, on all masters. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { ClusterSet } from '../../support/cluster-set.js';
import { until } from '../../support/until.js';
import { passTime, useRig } from '../outage/rig.js';

const rig = useRig();
let set: ClusterSet;

beforeAll(async () => {
  set = await ClusterSet.start();
});
afterAll(() => set.stop());

const KEYS = Array.from({ length: 100 }, (_, index) => `k${index}`);

async function open(): Promise<CacheClient> {
  const l2 = { mode: 'cluster', cluster: { nodes: set.nodes.slice(0, 1) } } as const;
  const s = { cache_type: 'two-level', single_flight: 'cluster', load_timeout: '60s', l2 } as const;
  return (await rig.open({ s })).client('s');
}

async function namesOfLocks(): Promise<string[]> {
  const names = await Promise.all(set.masters.map((master) => master.call('KEYS', '*:lock:*') as Promise<string[]>));
  return names.flat();
}

describe('in a cluster', () => {
  test('a lock has one holder at a time, whichever bucket its key is in', async () => {
    const clients = [await open(), await open()] as const;
    const locks = await Promise.all(KEYS.flatMap((key) => clients.map((client) => client.lock(key, { ttl: '10s' }))));
    expect(locks.filter((lock) => lock !== undefined)).toHaveLength(KEYS.length);
    const names = await namesOfLocks();
    expect(names).toHaveLength(KEYS.length);
    for (const name of names) expect(name).toMatch(/^oxcache::s:\{\d{1,2}\}:lock:k\d+$/);
    const ends = await Promise.all(locks.map(async (lock) => [await lock?.extend(), await lock?.release()]));
    expect(ends.filter(([extended, released]) => extended === true && released === true)).toHaveLength(KEYS.length);
    expect(await namesOfLocks()).toEqual([]);
  });

  test('G3: a cold key is loaded once in all processes', async () => {
    const clients = [await open(), await open(), await open()];
    const loads = new Map<string, number>();
    const load = async (key: string): Promise<string> => {
      loads.set(key, (loads.get(key) ?? 0) + 1);
      await passTime(20);
      return `v of ${key}`;
    };
    const single = clients.flatMap((client) => KEYS.map((key) => client.getOrLoad(key, () => load(key))));
    const many = clients.map((client) => client.getOrLoadMany(KEYS.map((key) => `many ${key}`), (keys) => Promise.all(keys.map(load)))); // prettier-ignore
    expect(new Set(await Promise.all(single)).size).toBe(KEYS.length);
    for (const values of await Promise.all(many)) expect(values.size).toBe(KEYS.length);
    expect([loads.size, new Set(loads.values())]).toEqual([2 * KEYS.length, new Set([1])]);
    await until(async () => (await namesOfLocks()).length === 0);
  });
});
