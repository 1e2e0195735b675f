/**
 * Writes under load while Redis fails over: what was acknowledged is there afterwards, also where the old primary alone had it,
 * and what was removed is not back (G4, G7, G8). Every call ends within its deadlines and none is refused (G6).
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Command } from 'ioredis';
import { useRig } from '../integration/outage/rig.js';
import { ClusterSet } from '../support/cluster-set.js';
import type { RedisServer } from '../support/redis-server.js';
import { isFollowing, roleOf, SentinelSet } from '../support/sentinel-set.js';
import { until } from '../support/until.js';
import { FAILOVER_SERVICES } from './support/failover-load.js';
import { FailoverScene } from './support/failover-scene.js';

const SEED = Number(process.env.OXCACHE_CHAOS_SEED ?? 7);
const LONG_MS = 90_000;

const rig = useRig();

function slotOf(name: string): number {
  return new Command('get', [name]).getSlot();
}

describe('sentinel: no acknowledged write is lost', () => {
  let set: SentinelSet;
  beforeAll(async () => {
    set = await SentinelSet.start();
    // A replica is taken when it was heard of in the last five such periods, and it is asked once a second.
    await Promise.all(set.sentinels.map((sentinel) => sentinel.call('SENTINEL', 'DEBUG', 'ping-period', 250)));
  });
  afterAll(() => set.stop());

  function open(): Promise<FailoverScene> {
    return FailoverScene.open(rig, { mode: 'sentinel', sentinel: { master_name: set.masterName, nodes: set.nodes } }, SEED);
  }

  function only(servers: readonly RedisServer[]): RedisServer {
    const [server] = servers;
    if (server === undefined) throw new Error('The primary has no replica');
    return server;
  }

  test(
    'when an operator makes a replica the primary (G8)',
    async () => {
      const scene = await open();
      const failover = set.failover();
      await scene.load.more(400);
      await scene.load.quietHalf();
      await failover;
      await scene.load.more(1000);
      await scene.judge();
    },
    LONG_MS,
  );

  test(
    'when the primary is killed that alone had the last writes and a clear (G4, G8)',
    async () => {
      const scene = await open();
      const before = set.master;
      const lacking = await scene.killAhead(before, only(set.replicas), () => set.killMaster());
      expect(lacking.writes).toBeGreaterThan(20);
      expect(lacking.clears).toBeGreaterThan(0);
      await before.restart();
      await scene.load.more(1000);
      await scene.judge();
    },
    LONG_MS,
  );

  test(
    'when the primary stands still until it was replaced, and comes back (G8)',
    async () => {
      const scene = await open();
      const before = set.master;
      const replica = only(set.replicas);
      await until(() => isFollowing(replica));
      before.freeze();
      rig.afterwards(() => {
        before.thaw();
      });
      await until(async () => (await roleOf(replica)) === 'master', { timeoutMs: 30_000, intervalMs: 20 });
      await scene.load.more(500);
      await scene.load.quietHalf();
      before.thaw();
      await scene.load.more(1000);
      await until(async () => (await roleOf(before)) === 'slave', { timeoutMs: 20_000, intervalMs: 20 });
      await scene.judge();
    },
    LONG_MS,
  );
});

describe('cluster: no acknowledged write is lost', () => {
  let set: ClusterSet;
  beforeAll(async () => {
    set = await ClusterSet.start({ replicas: 1 });
  });
  afterAll(() => set.stop());

  function open(prefix?: string): Promise<FailoverScene> {
    return FailoverScene.open(rig, { mode: 'cluster', cluster: { nodes: set.nodes.slice(0, 3) } }, SEED, prefix);
  }

  async function prefixWithMessagesElsewhere(master: RedisServer): Promise<string> {
    for (let n = 0; ; n++) {
      const prefix = `elsewhere${n}`;
      if ((await set.slotOwner(slotOf(`${prefix}::${FAILOVER_SERVICES.busy}:stream`))) !== master) return prefix;
    }
  }

  test(
    'when slots move, whole and by halves (G8)',
    async () => {
      const scene = await open();
      const { load } = scene;
      for (let bucket = 0; bucket < 6; bucket++) {
        const slot = slotOf(`{${bucket}}`);
        const from = await set.slotOwner(slot);
        const to = set.masters.find((master) => master !== from) ?? from;
        if (bucket % 2 === 0) {
          await set.moveSlots(from, to, [slot]);
          await load.more(100);
          continue;
        }
        const move = await set.beginMove(from, to, slot);
        await load.more(200);
        await move.moveKeys(3);
        await load.more(400);
        await move.finish();
        await load.more(100);
      }
      await scene.judge();
    },
    LONG_MS,
  );

  test(
    'when a master is killed that alone had the last writes and a clear (G4, G8)',
    async () => {
      // The one that is asked about clears, and not the one that has the messages: nothing tells the processes to drop what
      // they read meanwhile.
      const owner = await set.slotOwner(slotOf('{0}'));
      const index = set.masters.indexOf(owner);
      const [before, replica] = [set.masters[index], set.replicas[index]];
      if (before === undefined || replica === undefined) throw new Error('The cluster is too small');
      const scene = await open(await prefixWithMessagesElsewhere(before));
      const lacking = await scene.killAhead(before, replica, () => set.killMaster(index));
      expect(lacking.writes).toBeGreaterThan(10);
      expect(lacking.clears).toBeGreaterThan(10);
      await before.restart();
      await scene.load.more(1000);
      await scene.judge();
    },
    LONG_MS,
  );
});
