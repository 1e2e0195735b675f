/**
 * More than one server, and more than one clock (G17): one master of a cluster whose clock is set, a failover to a server whose clock is
 * slow, and a cluster that loses the marks of a bucket. What was cleared or invalidated stays gone, and what follows is there.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import type { ServiceConfig } from '../../../lib/config/config-object.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { ClusterSet, type ClusterSetOptions } from '../../support/cluster-set.js';
import { SentinelSet } from '../../support/sentinel-set.js';
import { SteppedClock } from '../../support/stepped-clock.js';
import { until } from '../../support/until.js';

const STEPS = { 'back by 2 min': -120_000, 'back by 1 h': -3_600_000, 'forward by 1 h': 3_600_000 };
/** Enough keys for nearly all buckets. */
const KEYS = Array.from({ length: 300 }, (_, i) => `k${i}`);
const OLD = KEYS.map((key) => [key, 'old'] as const);

const INVALIDATIONS = {
  'a clear': (client: CacheClient) => client.clear(),
  'the invalidation of a tag': (client: CacheClient) => client.invalidateTags('t'),
} as const;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type L2 = NonNullable<ServiceConfig['l2']>;

async function open(l2: L2): Promise<CacheClient> {
  const manager = await createManager({
    global: { log_level: 'silent', health_check_interval: 1, wal: { enabled: false } },
    services: { s: { cache_type: 'two-level', ttl: 7200, l2: { ...l2, command_timeout_ms: 5000 } } },
  });
  cleanups.push(() => manager.close({ deadline: '1s' }));
  const client = manager.client('s');
  await until(() => client.health().sync?.status === 'connected', { describe: 'the link', timeoutMs: 10_000 });
  return client;
}

function clock(): SteppedClock {
  const made = new SteppedClock();
  cleanups.push(() => made.remove());
  return made;
}

async function expectGone(clients: readonly CacheClient[]): Promise<void> {
  for (const client of clients) {
    await until(() => KEYS.every((key) => client.peek(key) === undefined), { describe: 'L1 to be dropped' });
    expect((await client.getMany(KEYS)).size).toBe(0);
  }
}

/** Every process writes all keys with the tag, and every process reads what the last one wrote. */
async function expectKept(clients: readonly CacheClient[]): Promise<void> {
  for (const [who, writer] of clients.entries()) {
    const value = `new ${who}`;
    for (const { l2 } of await Promise.all(KEYS.map((key) => writer.set(key, value, { tags: ['t'] }))))
      expect(l2).toBe('written');
    for (const reader of clients) {
      const hasAll = async (): Promise<boolean> => {
        const found = await reader.getMany(KEYS);
        return KEYS.every((key) => found.get(key) === value);
      };
      await until(hasAll, { describe: `"${value}" to be read`, timeoutMs: 10_000 });
    }
  }
}

describe.each(Object.entries(INVALIDATIONS))('%s', (_what, invalidate) => {
  async function startCluster(options: ClusterSetOptions): Promise<L2> {
    const set = await ClusterSet.start(options);
    cleanups.push(() => set.stop());
    return { mode: 'cluster', cluster: { nodes: [...set.nodes] } };
  }

  describe.each(Object.entries(STEPS))('while the clock of one master of a cluster is set %s', (_step, ms) => {
    test.each(['running', 'fresh'] as const)('by a %s process leaves nothing, and what follows is there', async (who) => {
      const stepped = clock();
      const l2 = await startCluster({ masters: 3, clocks: [undefined, stepped] });
      const first = await open(l2);
      await first.setMany(OLD, { tags: ['t'] });
      stepped.step(ms);
      const fresh = await open(l2);
      await invalidate(who === 'running' ? first : fresh);
      const all = [first, fresh, await open(l2)];
      await expectGone(all);
      await expectKept(all);
    });
  });

  test('in a cluster that has lost the marks of every bucket since leaves nothing, and what follows is there', async () => {
    const set = await ClusterSet.start({ masters: 3, config: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' } });
    cleanups.push(() => set.stop());
    const l2: L2 = { mode: 'cluster', cluster: { nodes: [...set.nodes] } };
    const writer = await open(l2);
    await writer.setMany(OLD, { tags: ['t'] });
    const old = await Promise.all(set.masters.map((master) => entriesOf(master)));
    await invalidate(writer);
    for (const [i, master] of set.masters.entries()) {
      // As a clear whose dead entries are not removed yet.
      for (const [name, bytes] of old[i] ?? []) await master.call('SET', name, bytes, 'EX', 3600);
      for (const name of await namesOf(master, 'oxcache::s:*:marks')) await master.call('DEL', name);
    }
    const all = [await open(l2), writer];
    await expectGone(all);
    await expectKept(all);
  });

  test.each([-120_000, -3_600_000])('after a failover to a server whose clock is %d ms off leaves nothing', async (ms) => {
    const slow = clock();
    slow.step(ms);
    const set = await SentinelSet.start({ clocks: [undefined, slow] });
    cleanups.push(() => set.stop());
    const l2: L2 = { mode: 'sentinel', sentinel: { master_name: set.masterName, nodes: [...set.nodes] } };
    const first = await open(l2);
    await first.setMany(OLD, { tags: ['t'] });
    await set.failover();
    await until(() => first.set('ready', 1).then(({ l2: end }) => end === 'written'), {
      timeoutMs: 20_000,
      describe: 'the new master',
    });
    const fresh = await open(l2);
    await invalidate(fresh);
    const all = [first, fresh];
    await expectGone(all);
    await expectKept(all);
  });
});

interface Callable {
  call(name: string, ...args: (string | number)[]): Promise<unknown>;
}

async function namesOf(master: Callable, pattern: string): Promise<string[]> {
  return (await master.call('KEYS', pattern)) as string[];
}

async function entriesOf(master: Callable): Promise<[string, string][]> {
  const names = await namesOf(master, 'oxcache:s:*');
  return Promise.all(names.map(async (name) => [name, (await master.call('GET', name)) as string] as [string, string]));
}
