/**
 * How the health of a real Redis is judged: what ends its use and what does not, how soon that is noticed, and that each change
 * is one line in the log, however many calls and attempts it meets (G6).
 */
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { collectEvents } from '../../support/collect-events.js';
import { findFreePort } from '../../support/free-port.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { COMMAND_TIMEOUT_MS, healthy, l2At, l2OnlyAt, passTime, twoLevelAt, useRig, type ServiceConfig } from './rig.js';

const rig = useRig();

/** What a busy machine adds to a figure. */
const SLACK_MS = 400;

/** The client of a service, and what has been logged about its Redis. */
async function open(
  service: ServiceConfig,
  global: Readonly<Record<string, unknown>> = {},
): Promise<{ client: CacheClient; lines: string[] }> {
  const lines: string[] = [];
  const say =
    (level: string) =>
    (message: string): void => {
      // The log of writes has lines of its own.
      if (message.startsWith('Redis at ')) lines.push(`${level}: ${message}`);
    };
  const logger = { error: say('error'), warn: say('warn'), info: say('info'), debug: say('debug') };
  const manager = await rig.open({ s: service }, { logger, global: { log_level: 'info', ...global } });
  return { client: manager.client('s'), lines };
}

/** Calls of every kind, none of which may fail or be worth a line in the log. */
async function useALot(client: CacheClient): Promise<void> {
  for (let i = 0; i < 30; i++) {
    await client.set(`k${i}`, i);
    await client.get(`cold${i}`);
    await client.getOrLoad(`load${i}`, () => i);
  }
}

async function timeUntil(condition: () => boolean): Promise<number> {
  const fromMs = performance.now();
  await until(condition);
  return performance.now() - fromMs;
}

const isDegraded = (client: CacheClient) => (): boolean => client.health().status === 'degraded';
const isHealthy = (client: CacheClient) => (): boolean => client.health().status === 'healthy';
const reasonOf = (client: CacheClient): string => client.health().l2?.reason ?? '';

/** The identifier of our connection at the server. */
async function connectionId(server: RedisServer): Promise<string | undefined> {
  const list = String(await server.call('CLIENT', 'LIST')).split('\n');
  return /^id=(\d+)/.exec(list.find((line) => line.includes(' name=oxcache ')) ?? '')?.[1];
}

describe('G6: an outage', () => {
  test('by kill -9 is noticed at once, its end with the first new connection, and each is one line', async () => {
    const server = await rig.startRedis();
    const { client, lines } = await open(twoLevelAt(server));
    expect(client.health().l2).toMatchObject({ status: 'healthy' });
    await server.kill();
    expect(await timeUntil(isDegraded(client))).toBeLessThan(SLACK_MS);
    await useALot(client);
    expect(lines).toEqual([expect.stringMatching(/^warn: Redis at .* can't be used: connection lost\. Check that it runs/)]);
    expect(['degraded', 'recovering']).toContain(client.health().l2?.status);
    await server.restart();
    // The pause between two attempts to connect is at most 1.25 s.
    expect(await timeUntil(isHealthy(client))).toBeLessThan(1250 + SLACK_MS);
    await useALot(client);
    expect(lines.slice(1)).toEqual([expect.stringMatching(/^info: Redis at .* is back after [\d.]+ s\.$/)]);
  });

  test('from the start is one line, however many attempts are refused', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    await server.kill();
    const { client, lines } = await open(twoLevelAt(proxy));
    await until(() => proxy.accepted >= 5);
    await useALot(client);
    expect(lines).toHaveLength(1);
  });

  test('of a frozen Redis is noticed by one command and one probe, and its end with the first answer', async () => {
    const server = await rig.startRedis();
    const { client, lines } = await open(twoLevelAt(server));
    server.freeze();
    rig.afterwards(() => {
      if (server.isRunning) server.thaw();
    });
    void client.get('cold');
    expect(await timeUntil(isDegraded(client))).toBeLessThan(2 * COMMAND_TIMEOUT_MS + SLACK_MS);
    await useALot(client);
    server.thaw();
    await healthy(client);
    expect(lines.map((line) => line.slice(0, 5))).toEqual(['warn:', 'info:']);
  });

  test('of a Redis that loads its data is told apart from one that is not there', async () => {
    const server = await rig.startRedis({
      appendonly: true,
      // Loading takes 0.2 ms a key, and the server looks up from it every kilobyte.
      config: { 'enable-debug-command': 'yes', 'key-load-delay': '200', 'loading-process-events-interval-bytes': '1024' },
    });
    const { client, lines } = await open(twoLevelAt(server));
    await client.set('k', 'v');
    await server.call('DEBUG', 'POPULATE', '3000', 'filler', '10');
    await server.call('BGREWRITEAOF');
    await until(async () => String(await server.call('INFO', 'persistence')).includes('aof_rewrite_in_progress:0'));
    await server.kill();
    const restarting = server.restart();
    await until(() => reasonOf(client).includes('LOADING'));
    await useALot(client);
    await restarting;
    expect(await timeUntil(isHealthy(client))).toBeLessThan(1000 + SLACK_MS);
    expect(await client.getL2Only('k')).toBe('v');
    expect(lines).toEqual([
      expect.stringMatching(/^warn: .*connection lost/),
      expect.stringMatching(/^warn: .*another reason: LOADING .* It is loading its data/),
      expect.stringMatching(/^info: /),
    ]);
  });
});

describe('G6: a Redis that refuses writes', () => {
  test('as a replica is not used until it takes writes, over a new connection each time', async () => {
    const server = await rig.startRedis();
    const { client, lines } = await open(twoLevelAt(server));
    await client.set('k', 'v');
    const before = await connectionId(server);
    await server.call('REPLICAOF', '127.0.0.1', await findFreePort());
    expect((await client.set('k', 'w')).l2).not.toBe('written');
    expect(client.health()).toMatchObject({ status: 'degraded', l2: { reason: expect.stringContaining('READONLY') } });
    const ids = new Set([before]);
    await until(async () => ids.add(await connectionId(server)).size >= 4);
    expect(client.health().status).toBe('degraded');
    await useALot(client);
    await server.call('REPLICAOF', 'NO', 'ONE');
    await healthy(client);
    expect(await client.set('k', 'w')).toEqual({ l1: true, l2: 'written' });
    expect(lines).toEqual([
      expect.stringMatching(/^warn: .*READONLY.* It is a replica/),
      expect.stringMatching(/^info: .* is back after/),
    ]);
  });

  test('because it cannot save is used for reads until it takes them', async () => {
    const server = await rig.startRedis({ config: { 'enable-protected-configs': 'yes' } });
    const { client, lines } = await open(twoLevelAt(server));
    const folder = join(server.dir, 'gone');
    mkdirSync(folder);
    await server.call('CONFIG', 'SET', 'dir', folder, 'save', '3600 1');
    rmdirSync(folder);
    await server.call('BGSAVE');
    await until(async () => String(await server.call('INFO', 'persistence')).includes('rdb_last_bgsave_status:err'));
    expect((await client.set('k', 'v')).l2).not.toBe('written');
    const l2 = { traffic: 'reads', reason: expect.stringContaining('MISCONF') };
    expect(client.health()).toMatchObject({ status: 'degraded', l2 });
    await passTime(1000);
    expect(client.health().status).toBe('degraded');
    await useALot(client);
    await server.call('CONFIG', 'SET', 'dir', server.dir);
    await server.call('BGSAVE');
    await healthy(client);
    expect(await client.set('k', 'v')).toEqual({ l1: true, l2: 'written' });
    expect(lines).toEqual([
      expect.stringMatching(/^warn: .*MISCONF.* It cannot save to disk/),
      expect.stringMatching(/^info: .* takes writes again after/),
    ]);
  });

  test('because too few replicas are there is used for reads until it takes them', async () => {
    const server = await rig.startRedis();
    const { client, lines } = await open(twoLevelAt(server));
    await server.call('CONFIG', 'SET', 'min-replicas-to-write', '1');
    await client.set('k', 'v');
    expect(reasonOf(client)).toContain('NOREPLICAS');
    await server.call('CONFIG', 'SET', 'min-replicas-to-write', '0');
    expect(await timeUntil(isHealthy(client))).toBeLessThan(1000 + SLACK_MS);
    expect(lines.map((line) => line.slice(0, 5))).toEqual(['warn:', 'info:']);
  });

  test('for want of room is used for everything else, and that is one line', async () => {
    const server = await rig.startRedis();
    const { client, lines } = await open(twoLevelAt(server));
    await client.set('k', 'v');
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1mb');
    for (let i = 0; i < 50; i++) {
      expect((await client.set(`k${i}`, 'x'.repeat(100))).l2).not.toBe('written');
      expect(await client.getL2Only('k')).toBe('v');
    }
    expect(await client.delete('k')).toBe(true);
    expect((await client.set('k2', 'v')).l2).not.toBe('written');
    // What was refused is tried again now and then, which health calls a replay.
    await until(() => client.health().status === 'healthy' && client.health().l2?.status === 'healthy');
    await server.call('CONFIG', 'SET', 'maxmemory', '0');
    await until(async () => (await client.set('k', 'v')).l2 === 'written');
    expect(lines).toEqual([expect.stringMatching(/^warn: .*refuses commands.*OOM.*raise maxmemory/)]);
  });
});

describe('G6: a Redis that refuses us', () => {
  test('with a new password is an error for a person, once, and used when the password is right', async () => {
    const server = await rig.startRedis({ users: [{ name: 'app', password: 'old' }] });
    const { client, lines } = await open(twoLevelAt(server, { l2: l2At(server, { username: 'app', password: 'old' }) }));
    await server.call('ACL', 'SETUSER', 'app', '<old', '>new');
    await server.call('CLIENT', 'KILL', 'USER', 'app');
    await until(() => reasonOf(client).includes('WRONGPASS'));
    const attempts = await received(server);
    await until(async () => (await received(server)) >= attempts + 4);
    await useALot(client);
    await server.call('ACL', 'SETUSER', 'app', '>old');
    await healthy(client);
    expect(lines).toEqual([
      expect.stringMatching(/^warn: .*connection lost/),
      expect.stringMatching(/^error: .*another reason: WRONGPASS.*l2\.password/),
      expect.stringMatching(/^info: /),
    ]);
  });

  test('because it wants a password now', async () => {
    const server = await rig.startRedis();
    const { client, lines } = await open(twoLevelAt(server));
    await server.call('CONFIG', 'SET', 'requirepass', 'new');
    await server.call('AUTH', 'new');
    await server.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until(() => reasonOf(client).includes('NOAUTH'));
    await useALot(client);
    await server.call('CONFIG', 'SET', 'requirepass', '');
    expect(await timeUntil(isHealthy(client))).toBeLessThan(1000 + SLACK_MS);
    expect(lines.map((line) => line.slice(0, 5))).toEqual(['warn:', 'error', 'info:']);
  });

  test('for single commands goes on with the others, and says which', async () => {
    const server = await rig.startRedis({ users: [{ name: 'app', password: 'pw' }] });
    const { client, lines } = await open(l2OnlyAt(server, { l2: l2At(server, { username: 'app', password: 'pw' }) }));
    await server.call('ACL', 'SETUSER', 'app', '-get');
    for (let i = 0; i < 50; i++) {
      if (i % 10 === 0) expect(await client.set('k', i)).toMatchObject({ l2: 'written' });
      expect(await client.get('k')).toBeUndefined();
    }
    expect(client.health()).toMatchObject({ status: 'degraded', l2: { traffic: 'all', reason: expect.stringMatching(/'get'/) } });
    expect(lines).toEqual([expect.stringMatching(/^error: .*refuses commands, and the others go on: NOPERM/)]);
    await server.call('ACL', 'SETUSER', 'app', '+get');
    expect(await client.get('k')).toBe(40);
    expect(client.health().status).toBe('healthy');
    expect(lines.slice(1)).toEqual([expect.stringMatching(/^info: .*refuses no commands any more/)]);
  });
});

test('G6: a Redis that comes and goes every 200 ms changes the state ever less often, and says little of it', async () => {
  const server = await rig.startRedis();
  const proxy = await rig.startProxy(server);
  const { client, lines } = await open(twoLevelAt(proxy));
  const changes = collectEvents(client, 'degrade', 'recover');
  await client.set('warm', 'v');
  for (let flap = 0; flap < 30; flap++) {
    await proxy.refuse();
    proxy.drop();
    await passTime(100);
    await proxy.resume();
    expect(await client.get('warm')).toBe('v');
    expect(await client.getOrLoad(`load${flap}`, () => flap)).toBe(flap);
    await passTime(100);
  }
  await healthy(client);
  // Back at once twice, then after 0.25, 0.5, 1 and 2 s: in six seconds that is six times, and once at the end.
  expect(changes.filter(({ event }) => event === 'recover').length).toBeLessThanOrEqual(7);
  expect(changes.length).toBeGreaterThanOrEqual(4);
  for (const [i, { event }] of changes.entries()) expect(event).toBe(i % 2 === 0 ? 'degrade' : 'recover');
  expect(lines).toHaveLength(5);
  expect(lines.at(-1)).toMatch(/^warn: .*keeps coming and going/);
  expect(await client.set('k', 1)).toMatchObject({ l2: 'written' });
});

test('G6: a half-open connection is noticed by the health check when nobody calls', async () => {
  const server = await rig.startRedis();
  const proxy = await rig.startProxy(server);
  const { client } = await open(twoLevelAt(proxy), { health_check_interval: 1 });
  proxy.blackhole();
  expect(await timeUntil(isDegraded(client))).toBeLessThan(1000 + COMMAND_TIMEOUT_MS + SLACK_MS);
  await proxy.resume();
  await healthy(client);
});

async function received(server: RedisServer): Promise<number> {
  return Number(/total_connections_received:(\d+)/.exec(String(await server.call('INFO', 'stats')))?.[1]);
}
