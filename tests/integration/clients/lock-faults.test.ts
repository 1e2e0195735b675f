/** `lock` with a Redis that is away, does not answer, or whose answers are lost. */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import {
  COMMAND_TIMEOUT_MS,
  CONNECTION_TIMEOUT_MS,
  degraded,
  healthy,
  l2OnlyAt,
  timeOf,
  twoLevelAt,
  useRig,
} from '../outage/rig.js';

const rig = useRig();

/** Redis knows a script from its first use on: after this a lock is one command. */
async function teachScripts(client: CacheClient): Promise<void> {
  await (await client.lock('another', { ttl: '1s' }))?.release();
}

/** What a busy machine adds to a deadline at most. */
const SLACK_MS = 600;
const LOCK_NAME = 'oxcache::s:lock:k';

describe('G6: a lock while Redis is away', () => {
  test('is refused at once without `wait`, and when its time is up with it', async () => {
    const server = await rig.startRedis();
    const client = (await rig.open({ s: twoLevelAt(server) })).client('s');
    await server.kill();
    await degraded(client);
    const unavailable = { code: 'CACHE_L2_UNAVAILABLE', service: 's', key: 'k' };
    await expect(client.lock('k', { ttl: '1s' })).rejects.toMatchObject(unavailable);
    expect(await timeOf(client.lock('k', { ttl: '1s' }))).toBeLessThan(50);
    const waiting = client.lock('k', { ttl: '1s', wait: '300ms' });
    const ended = expect(waiting).rejects.toMatchObject(unavailable);
    const ms = await timeOf(waiting);
    await ended;
    expect(ms).toBeGreaterThan(250);
    expect(ms).toBeLessThan(300 + SLACK_MS);
  });

  test('is had by one who waits when Redis is back', async () => {
    const server = await rig.startRedis();
    const client = (await rig.open({ s: twoLevelAt(server) })).client('s');
    await server.kill();
    await degraded(client);
    const waiting = client.lock('k', { ttl: '10s', wait: '20s' });
    await server.restart();
    expect((await waiting)?.token).toHaveLength(23);
  });

  test('extend and release say so', async () => {
    const server = await rig.startRedis();
    const client = (await rig.open({ s: twoLevelAt(server) })).client('s');
    const lock = await client.lock('k', { ttl: '10s' });
    await server.kill();
    await degraded(client);
    await expect(lock?.extend()).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE', key: 'k' });
    await expect(lock?.release()).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE', key: 'k' });
  });

  test('ends within its wait and one deadline where Redis is frozen', async () => {
    const server = await rig.startRedis();
    const client = (await rig.open({ s: l2OnlyAt(server) })).client('s');
    server.freeze();
    rig.afterwards(() => {
      server.thaw();
    });
    expect(await timeOf(client.lock('k', { ttl: '1s', wait: '300ms' }))).toBeLessThan(300 + COMMAND_TIMEOUT_MS + SLACK_MS);
  });
});

describe('a lock whose answer was lost', () => {
  test('is found again by the same call while it waits', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    const client = (await rig.open({ s: l2OnlyAt(proxy) })).client('s');
    await teachScripts(client);
    proxy.halfOpen('toClient');
    const waiting = client.lock('k', { ttl: '30s', wait: '20s' });
    await until(async () => (await server.call('EXISTS', LOCK_NAME)) === 1);
    const held = String(await server.call('GET', LOCK_NAME));
    await until(() => client.health().status === 'degraded', { timeoutMs: 10_000 });
    await proxy.resume();
    const lock = await waiting;
    // Not another lock after the time of the first one: the same.
    expect(held.startsWith(lock?.token ?? 'none')).toBe(true);
    expect(Number(await server.call('PTTL', LOCK_NAME))).toBeGreaterThan(20_000);
    expect(await lock?.release()).toBe(true);
  });

  test('is given back where the call has ended without it', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    const client = (await rig.open({ s: l2OnlyAt(proxy) })).client('s');
    await teachScripts(client);
    proxy.setLatency(COMMAND_TIMEOUT_MS * 2);
    const waiting = client.lock('k', { ttl: '60s' });
    const ended = expect(waiting).rejects.toMatchObject({ code: 'CACHE_L2_TIMEOUT', key: 'k' });
    await until(async () => (await server.call('EXISTS', LOCK_NAME)) === 1);
    await ended;
    await until(async () => (await server.call('EXISTS', LOCK_NAME)) === 0, { timeoutMs: 2 * CONNECTION_TIMEOUT_MS });
    await proxy.resume();
    await healthy(client);
  });
});
