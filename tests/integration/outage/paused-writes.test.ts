/**
 * A server that holds writes back (`CLIENT PAUSE … WRITE`), as providers do before a failover: reads are served, and writes go to
 * the log without waiting, until one is taken again.
 */
import { describe, expect, test } from '@jest/globals';
import { ClusterSet } from '../../support/cluster-set.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { collectEvents } from '../../support/collect-events.js';
import { COMMAND_TIMEOUT_MS, l2At, l2OnlyAt, passTime, useRig, type ServiceConfig } from './rig.js';

const rig = useRig();

/** Longer than any of these tests; each ends it by itself. */
const PAUSE_MS = '60000';

/** A read that waits for nothing, on a busy machine. */
const QUICK_MS = COMMAND_TIMEOUT_MS / 2;

const KEYS = Array.from({ length: 50 }, (_, i) => `k${i}`);

/** Redis whose writes are paused: one server, or all masters of a cluster. */
interface Place {
  readonly servers: readonly RedisServer[];
  readonly settings: Partial<ServiceConfig>;
}

async function startServer(): Promise<Place> {
  const server = await rig.startRedis();
  return { servers: [server], settings: { l2: l2At(server) } };
}

async function startCluster(): Promise<Place> {
  const set = await ClusterSet.start({ masters: 3 });
  rig.afterwards(() => set.stop());
  return { servers: set.masters, settings: settingsOf(set) };
}

function settingsOf(set: ClusterSet): Partial<ServiceConfig> {
  return { l2: { mode: 'cluster', cluster: { nodes: [...set.nodes] }, command_timeout_ms: COMMAND_TIMEOUT_MS } };
}

/** How many of these keys are in Redis, whichever server has them. */
async function countOf(servers: readonly RedisServer[], service: string, keys: readonly string[]): Promise<number> {
  const names = await Promise.all(servers.map((server) => server.call('KEYS', `*:${service}:*`) as Promise<string[]>));
  return names.flat().filter((name) => keys.some((key) => name.endsWith(`:${key}`))).length;
}

const callAll = (servers: readonly RedisServer[], ...command: [string, ...string[]]): Promise<unknown> =>
  Promise.all(servers.map((server) => server.call(...command)));

describe.each([
  ['l2', 'stream', 'a server', startServer],
  ['l2', 'pubsub', 'a server', startServer],
  ['two-level', 'stream', 'a server', startServer],
  ['two-level', 'pubsub', 'a server', startServer],
  ['l2', 'stream', 'a cluster', startCluster],
  ['two-level', 'pubsub', 'a cluster', startCluster],
] as const)('G6: a service of type %s over %s, while the writes of %s are paused,', (kind, transport, _what, startPlace) => {
  async function open() {
    const { servers, settings } = await startPlace();
    const service = { cache_type: kind, ttl: 600, sync: { transport }, ...settings } as ServiceConfig;
    const lines: string[] = [];
    const take = (message: string): void => {
      lines.push(message);
    };
    const logger = { error: take, warn: take, info: take, debug: () => undefined };
    const manager = await rig.open({ s: service }, { logger, global: { log_level: 'info' } });
    const client = manager.client('s');
    await client.setMany(KEYS.map((key) => [key, 'v'] as const));
    return { servers, client, lines, events: collectEvents(client, 'degrade', 'recover') };
  }

  test('serves every read from L2, quickly, and logs every write at once after the first', async () => {
    const { servers, client, lines, events } = await open();
    await callAll(servers, 'CLIENT', 'PAUSE', PAUSE_MS, 'WRITE');
    const stop = new AbortController();
    let reads = 0;
    let slowestMs = 0;
    const missed: string[] = [];
    const reading = (async () => {
      for (let i = 0; !stop.signal.aborted; i++) {
        const key = KEYS[i % KEYS.length] as string;
        const startedMs = performance.now();
        if ((await client.getL2Only(key)) !== 'v') missed.push(key);
        slowestMs = Math.max(slowestMs, performance.now() - startedMs);
        reads++;
        if (i % 10 === 0) await passTime(1);
      }
    })();
    expect(await client.set('first', 'v')).toMatchObject({ l2: 'logged' });
    const startedMs = performance.now();
    for (let i = 0; i < 20; i++) expect(await client.set(`w${i}`, i)).toMatchObject({ l2: 'logged' });
    // What L1 had is known to have been there.
    expect(await client.delete('k49')).toBe(kind === 'two-level');
    await client.invalidateTags('t');
    expect(performance.now() - startedMs).toBeLessThan(COMMAND_TIMEOUT_MS);
    await until(() => client.health().l2?.traffic === 'reads', { timeoutMs: 10_000 });
    expect(client.health()).toMatchObject({ status: 'degraded', l2: { reason: expect.stringMatching(/takes no writes/) } });
    const lockMs = performance.now();
    await expect(client.lock('k', { ttl: '1s' })).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE' });
    expect(performance.now() - lockMs).toBeLessThan(QUICK_MS);
    await passTime(4 * COMMAND_TIMEOUT_MS);
    expect(client.health().l2?.traffic).toBe('reads');
    stop.abort();
    await reading;
    // Deleted here meanwhile.
    expect(missed.filter((key) => key !== 'k49')).toEqual([]);
    expect(reads).toBeGreaterThan(100);
    expect(slowestMs).toBeLessThan(COMMAND_TIMEOUT_MS);
    await callAll(servers, 'CLIENT', 'UNPAUSE');
    await until(() => client.health().status === 'healthy' && client.metrics().loggedKeys === 0, { timeoutMs: 10_000 });
    expect(await countOf(servers, 's', ['first', 'w19'])).toBe(2);
    expect(await client.get('w19')).toBe(19);
    expect(await client.getL2Only('k49')).toBeUndefined();
    expect(await client.set('after', 'v')).toMatchObject({ l2: 'written' });
    expect(events.map(({ event }) => event)).toEqual(['degrade', 'recover']);
    expect(lines.filter((line) => line.includes('takes'))).toEqual([
      expect.stringMatching(/takes no writes: .*CLIENT PAUSE.*Reads go on/),
      expect.stringMatching(/takes writes again after \d+\.\d s/),
    ]);
  });
});

test('G6: while one master of a cluster takes no writes, reads go on everywhere, and writes that wait hold none of them up', async () => {
  const set = await ClusterSet.start({ masters: 3 });
  rig.afterwards(() => set.stop());
  const client = (await rig.open({ s: { cache_type: 'l2', ttl: 600, ...settingsOf(set) } })).client('s');
  await client.setMany(KEYS.map((key) => [key, 'v'] as const));
  const paused = set.masters[0] as RedisServer;
  await paused.call('CLIENT', 'PAUSE', PAUSE_MS, 'WRITE');
  const events = collectEvents(client, 'degrade', 'recover');
  let rounds = 0;
  const useAll = async (): Promise<void> => {
    const round = ++rounds;
    const writes = KEYS.map((key) => client.set(`w${key}`, round));
    // A read behind a write that waits would be a miss, after its deadline.
    expect((await client.getMany(KEYS)).size).toBe(KEYS.length);
    for (const key of KEYS) expect(await client.get(key)).toBe('v');
    expect((await Promise.all(writes)).every(({ l2 }) => l2 === 'written' || l2 === 'logged')).toBe(true);
  };
  // The first write without an answer stops the writes; why, the next probe finds out, which takes as long once more.
  while (client.health().l2?.traffic !== 'reads') await useAll();
  // The other masters take what the probes write: no sign that this one does.
  const untilMs = performance.now() + 5 * COMMAND_TIMEOUT_MS;
  while (performance.now() < untilMs) {
    await useAll();
    expect(client.health().l2?.traffic).toBe('reads');
  }
  expect(events.map(({ event }) => event)).toEqual(['degrade']);
  await paused.call('CLIENT', 'UNPAUSE');
  await until(() => client.health().status === 'healthy' && client.metrics().loggedKeys === 0, { timeoutMs: 10_000 });
  expect(await client.getMany(KEYS.map((key) => `w${key}`))).toEqual(new Map(KEYS.map((key) => [`w${key}`, rounds])));
});

describe('G6: the connections for writes', () => {
  /** Whether every server has one such connection, and its last write came over that. */
  const usesLanes = async (servers: readonly RedisServer[]): Promise<boolean> => {
    const lists = await Promise.all(servers.map((server) => server.call('CLIENT', 'LIST')));
    const lanes = lists.map((list) => String(list).match(/ name=oxcache-writes .* cmd=\S+/g) ?? []);
    return lanes.every((found) => found.length === 1 && /(evalsha|xadd)$/.test(found[0]));
  };

  test.each([
    ['a server', startServer],
    ['a cluster', startCluster],
  ] as const)('to %s are made anew when they are lost, and writes meanwhile go with the reads', async (_what, startPlace) => {
    const { servers, settings } = await startPlace();
    const service = { cache_type: 'l2', ttl: 600, ...settings } as ServiceConfig;
    const client = (await rig.open({ s: service })).client('s');
    const isUsed = async (): Promise<boolean> => {
      const ends = await Promise.all(KEYS.map((key) => client.set(`kept ${key}`, 'v')));
      return ends.every(({ l2 }) => l2 === 'written') && (await usesLanes(servers));
    };
    await until(isUsed, { timeoutMs: 10_000, describe: 'the connections for writes' });
    for (const server of servers) {
      const list = String(await server.call('CLIENT', 'LIST'));
      const [, id = ''] = /^id=(\d+) .* name=oxcache-writes /m.exec(list) ?? [];
      await server.call('CLIENT', 'KILL', 'ID', id);
    }
    await until(isUsed, { timeoutMs: 10_000, describe: 'the connections for writes to be back' });
    await callAll(servers, 'CLIENT', 'PAUSE', PAUSE_MS, 'WRITE');
    const writes = KEYS.map((key) => client.set(key, 'w'));
    for (const key of KEYS) expect(await client.get(`kept ${key}`)).toBe('v');
    expect((await Promise.all(writes)).every(({ l2 }) => l2 === 'logged')).toBe(true);
    await callAll(servers, 'CLIENT', 'UNPAUSE');
  });
});

test('G6: a server that holds everything back is an outage', async () => {
  const server = await rig.startRedis();
  const client = (await rig.open({ s: l2OnlyAt(server) })).client('s');
  await client.set('k', 'v');
  // It ends by itself: not even the command that would end it is answered.
  await server.call('CLIENT', 'PAUSE', '3000', 'ALL');
  expect(await client.get('k')).toBeUndefined();
  await until(() => client.health().l2?.traffic === 'none', { timeoutMs: 10_000 });
  expect(await client.set('k2', 'v')).toMatchObject({ l2: 'logged' });
  await until(() => client.health().status === 'healthy', { timeoutMs: 10_000 });
});
