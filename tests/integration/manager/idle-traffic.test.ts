/** What an idle process sends to Redis: less than one command a second for each link, however many services share that. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { ConfigObject } from '../../../lib/index.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { ClusterSet } from '../../support/cluster-set.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

/** Waits of the bus that are counted before the traffic is judged. */
const WAITS = 4;
/** Commands that may fall into the time of counting though they recur more seldom: the health check, a check of a stream. */
const SELDOM = 4;

let server: RedisServer;
let watcher: Redis;
let folder: string;

beforeEach(async () => {
  server = await RedisServer.start();
  watcher = new Redis(server.url);
  folder = mkdtempSync(join(tmpdir(), 'oxcache-idle-'));
});
afterEach(async () => {
  watcher.disconnect();
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** Calls by command since the last reset, without those of the watcher. */
async function calls(node = watcher): Promise<Map<string, number>> {
  const counted = new Map<string, number>();
  for (const [, name = '', count] of (await node.info('commandstats')).matchAll(/cmdstat_(\S+):calls=(\d+)/g)) {
    if (!['info', 'config|resetstat'].includes(name)) counted.set(name, Number(count));
  }
  return counted;
}

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}

/** What services differ in, and how many links with a heartbeat they then have. */
const COMBINATIONS: readonly (readonly [string, number, (url: string) => Record<string, object>])[] = [
  [
    'another connection_timeout_ms',
    1,
    (connection_string) => ({ a: { l2: { connection_string } }, b: { l2: { connection_string, connection_timeout_ms: 3000 } } }),
  ],
  [
    'another transport',
    2,
    (connection_string) => ({
      a: { l2: { connection_string } },
      b: { l2: { connection_string }, sync: { transport: 'pubsub' } },
    }),
  ],
  ['another database', 2, (url) => ({ a: { l2: { connection_string: url } }, b: { l2: { connection_string: url, db: 1 } } })],
];

test.each(COMBINATIONS)(
  'services with %s: %i links, each with less than one command a second',
  async (_what, links, servicesAt) => {
    const services = Object.entries(servicesAt(server.url)).map(([name, more]) => [name, { cache_type: 'two-level', ...more }]);
    await using manager = await createManager({
      global: { log_level: 'silent', wal: { dir: folder } },
      services: Object.fromEntries(services) as ConfigObject['services'],
    });
    const beats = async (): Promise<number> => {
      const now = await calls();
      return (now.get('xread') ?? 0) + (now.get('ping') ?? 0);
    };
    await until(async () => (await beats()) >= 3 * links, { intervalMs: 100 });
    expect(String(await watcher.client('LIST')).split(' name=oxcache-bus ')).toHaveLength(links + 1);
    await watcher.config('RESETSTAT');
    const sinceMs = performance.now();
    await until(async () => (await beats()) >= WAITS * links, { intervalMs: 100 });
    expect(sum((await calls()).values())).toBeLessThan(links * ((performance.now() - sinceMs) / 1000 + SELDOM));
    expect(manager.health().status).toBe('healthy');
  },
);

describe.each([
  ['stream', 'xread'],
  ['pubsub', 'ping'],
] as const)('with sync.transport = "%s"', (transport, heartbeat) => {
  test.each([1, 25])('%i services send less than one command a second', async (count) => {
    const service = { cache_type: 'two-level', l2: { connection_string: server.url }, sync: { transport } } as const;
    await using manager = await createManager({
      global: { log_level: 'silent', wal: { dir: folder } },
      services: Object.fromEntries(Array.from({ length: count }, (_, i) => [`s${i}`, service])),
    });
    await until(async () => ((await calls()).get(heartbeat) ?? 0) >= 3, { intervalMs: 100 });
    await watcher.config('RESETSTAT');
    const sinceMs = performance.now();
    await until(async () => ((await calls()).get(heartbeat) ?? 0) >= WAITS, { intervalMs: 100 });
    const sent = sum((await calls()).values());
    expect(sent).toBeLessThan((performance.now() - sinceMs) / 1000 + SELDOM);
    expect(manager.health().status).toBe('healthy');
  });
});

describe('in a cluster of three masters, ten services', () => {
  const COUNT = 10;
  let cluster: ClusterSet;
  let watchers: Redis[];

  beforeEach(async () => {
    cluster = await ClusterSet.start();
    watchers = cluster.masters.map(({ url }) => new Redis(url));
  });
  afterEach(async () => {
    for (const each of watchers) each.disconnect();
    await cluster.stop();
  });

  /** What each node gets from an idle process in the time of so many heartbeats, and the subscribed connections of all. */
  async function watchIdle(
    transport: 'stream' | 'pubsub',
    heartbeat: string,
    beats: number,
  ): Promise<{ sent: number[]; seconds: number; subscriptions: number }> {
    const service = {
      cache_type: 'two-level',
      l2: { mode: 'cluster', cluster: { nodes: cluster.nodes } },
      sync: { transport },
    } as const;
    await using manager = await createManager({
      global: { log_level: 'silent', wal: { dir: folder } },
      services: Object.fromEntries(Array.from({ length: COUNT }, (_, i) => [`s${i}`, service])),
    });
    const heard = async (): Promise<number> =>
      sum((await Promise.all(watchers.map((node) => calls(node)))).map((counts) => counts.get(heartbeat) ?? 0));
    await until(async () => (await heard()) >= beats, { intervalMs: 100, timeoutMs: 20_000 });
    await Promise.all(watchers.map((node) => node.config('RESETSTAT')));
    const sinceMs = performance.now();
    await until(async () => (await heard()) >= beats, { intervalMs: 100, timeoutMs: 20_000 });
    const seconds = (performance.now() - sinceMs) / 1000;
    const stats = await Promise.all(watchers.map((node) => calls(node)));
    expect(manager.health().status).toBe('healthy');
    const links = await Promise.all(watchers.map((node) => node.client('LIST', 'TYPE', 'PUBSUB') as Promise<string>));
    const subscriptions = links
      .join('')
      .split('\n')
      .filter((line) => line !== '').length;
    return { sent: stats.map((counts) => sum(counts.values())), seconds, subscriptions };
  }

  test('send each master less than one command a second with Pub/Sub, over one link', async () => {
    const { sent, seconds, subscriptions } = await watchIdle('pubsub', 'ping', WAITS);
    expect(subscriptions).toBe(1);
    for (const count of sent) expect(count).toBeLessThan(seconds + SELDOM);
  });

  test('send less than one command a second each with streams', async () => {
    const { sent, seconds } = await watchIdle('stream', 'xread', COUNT * WAITS);
    expect(sum(sent)).toBeLessThan(COUNT * seconds + watchers.length * SELDOM);
  });
});
