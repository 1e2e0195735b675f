/** A Redis that is there and does not answer counts as down (G6): no read waits longer than its deadline, and soon none waits at all. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { cached, type CacheClient } from '../../../lib/index.js';
import { collectEvents } from '../../support/collect-events.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { Gate } from '../races/gate.js';
import { COMMAND_TIMEOUT_MS, degraded, healthy, l2At, l2OnlyAt, timeOf, twoLevelAt, useRig, WITHOUT_LOG } from './rig.js';

const rig = useRig();
let server: RedisServer;

/** What a busy machine adds to a deadline. */
const SLACK_MS = 300;
/** A call that does not wait for Redis. */
const AT_ONCE_MS = 100;

beforeEach(async () => {
  server = await rig.startRedis({ config: { 'enable-debug-command': 'yes' } });
});

async function open(more: Readonly<Record<string, unknown>> = {}): Promise<{ two: CacheClient; l2: CacheClient }> {
  const manager = await rig.open({ two: twoLevelAt(server, more), l2: l2OnlyAt(server, more) });
  return { two: manager.client('two'), l2: manager.client('l2') };
}

function freeze(): void {
  server.freeze();
  rig.afterwards(() => {
    if (server.isRunning) server.thaw();
  });
}

/** What every kind of read does when there is nothing in L1. */
const READS: readonly (readonly [string, (client: CacheClient) => Promise<unknown>, unknown])[] = [
  ['get', (client) => client.get('cold'), undefined],
  ['lookup', (client) => client.lookup('cold'), { status: 'miss' }],
  ['has', (client) => client.has('cold'), false],
  ['getMany', (client) => client.getMany(['cold', 'colder']), new Map()],
  ['getL2Only', (client) => client.getL2Only('cold'), undefined],
  ['getOrLoad that only looks', (client) => client.getOrLoad('cold', () => 'loaded', { disableLoad: true }), undefined],
];

describe('G6: a frozen Redis', () => {
  test.each(READS)('holds %s up for no longer than command_timeout_ms, and then not at all', async (_name, read, answer) => {
    const { two } = await open();
    freeze();
    let result: unknown;
    expect(await timeOf(read(two).then((value) => (result = value)))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    expect(result).toEqual(answer);
    await degraded(two);
    expect(await timeOf(read(two).then((value) => (result = value)))).toBeLessThan(AT_ONCE_MS);
    expect(result).toEqual(answer);
  });

  test('holds a read of a service without L1 up no longer', async () => {
    const { l2 } = await open();
    freeze();
    expect(await timeOf(l2.get('cold'))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    await degraded(l2);
    expect(await timeOf(l2.get('cold'))).toBeLessThan(AT_ONCE_MS);
    expect(await l2.get('cold')).toBeUndefined();
  });

  test('does not concern what is in L1', async () => {
    const { two } = await open();
    await two.set('warm', 'v');
    freeze();
    const slow = two.get('cold');
    expect(await timeOf(two.get('warm'))).toBeLessThan(AT_ONCE_MS);
    expect(await two.get('warm')).toBe('v');
    expect(two.peek('warm')).toBe('v');
    expect((await two.getMany(['warm'])).get('warm')).toBe('v');
    expect(await two.getOrLoad('warm', () => 'loaded')).toBe('v');
    expect(await slow).toBeUndefined();
  });

  test('delays a load by no more than one deadline', async () => {
    const { two, l2 } = await open();
    freeze();
    for (const client of [two, l2]) {
      let value: unknown;
      const call = client.getOrLoad('cold', () => 'loaded').then((loaded) => (value = loaded));
      expect(await timeOf(call)).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
      expect(value).toBe('loaded');
    }
    await degraded(two);
    expect(await timeOf(two.getOrLoad('colder', () => 'loaded'))).toBeLessThan(AT_ONCE_MS);
    expect(await two.get('colder')).toBe('loaded');
  });

  test('still means one load for a thousand callers (G3)', async () => {
    const { two } = await open();
    freeze();
    const gate = new Gate();
    const calls = Array.from({ length: 1000 }, () => two.getOrLoad('cold', () => gate.pass('v')));
    await gate.reached;
    gate.open();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['v']));
    expect(gate.arrivals).toBe(1);
    expect(two.metrics().loadsInFlight).toBe(0);
  });

  test('lets cached functions go on', async () => {
    const { two } = await open();
    const double = cached(two, async (n: number) => n * 2, { key: (n) => `n${n}` });
    expect(await double(1)).toBe(2);
    freeze();
    expect(await double(1)).toBe(2);
    expect(await double(2)).toBe(4);
    await degraded(two);
    expect(await timeOf(double(3))).toBeLessThan(AT_ONCE_MS);
    expect(await double(3)).toBe(6);
  });

  test('holds a write up for no longer than its deadline: it is logged, with an L1 or without (G7)', async () => {
    const { two, l2 } = await open();
    const errors = collectEvents(two, 'error');
    freeze();
    for (const client of [two, l2]) {
      let result: unknown;
      expect(await timeOf(client.set('k', 'v').then((told) => (result = told)))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
      expect(result).toEqual({ l1: client === two, l2: 'logged' });
      expect(await client.get('k')).toBe('v');
    }
    await degraded(two);
    expect(await timeOf(two.set('k2', 'v'))).toBeLessThan(AT_ONCE_MS);
    expect(await two.getL2Only('k2')).toBe('v');
    expect(two.metrics()).toMatchObject({ writesLogged: 2, writesFailed: 0, loggedKeys: 2 });
    expect(errors).toEqual([]);
    server.thaw();
    for (const client of [two, l2]) await until(() => client.metrics().loggedKeys === 0);
    expect(await server.call('EXISTS', 'oxcache:two:k', 'oxcache:two:k2', 'oxcache:l2:k')).toBe(3);
  });

  test('holds up delete and clear for no longer, and what is gone stays gone (G7); expire is refused', async () => {
    const { two } = await open();
    await two.set('deleted', 'v');
    await two.set('cleared', 'v');
    freeze();
    let existed: unknown;
    const deletion = two.delete('deleted').then((told) => (existed = told));
    expect(await timeOf(deletion)).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    expect(existed).toBe(true);
    expect(await two.get('deleted')).toBeUndefined();
    expect(await timeOf(two.clear())).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    expect(await two.get('cleared')).toBeUndefined();
    await degraded(two);
    await expect(two.expire('cleared', 10)).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE', key: 'cleared' });
    expect(await timeOf(two.clear())).toBeLessThan(AT_ONCE_MS);
    await two.deleteMany(['deleted', 'cleared']);
    server.thaw();
    await until(() => two.metrics().loggedKeys === 0 && two.health().status === 'healthy');
    for (const key of ['deleted', 'cleared']) {
      expect(await two.get(key)).toBeUndefined();
      expect(await two.getL2Only(key)).toBeUndefined();
    }
  });

  test('without a log leaves a write in L1 and says so; without L1 the write fails', async () => {
    const { two, l2 } = await open(WITHOUT_LOG);
    const errors = collectEvents(two, 'error');
    freeze();
    expect(await two.set('k', 'v')).toEqual({ l1: true, l2: 'none' });
    expect(two.peek('k')).toBe('v');
    expect(errors.length).toBeGreaterThan(0);
    expect(['CACHE_L2_TIMEOUT', 'CACHE_L2_UNAVAILABLE']).toContain(errors[0]?.payload.error.code);
    await expect(l2.set('k', 'v')).rejects.toMatchObject({
      name: 'CacheError',
      code: expect.stringMatching(/^CACHE_L2_(TIMEOUT|UNAVAILABLE)$/),
      service: 'l2',
      key: 'k',
    });
    await degraded(two);
    expect(await two.set('k2', 'v')).toEqual({ l1: true, l2: 'none' });
    await expect(l2.set('k2', 'v')).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE' });
  });

  test('without a log refuses delete, clear and expire, having dropped what was in L1', async () => {
    const { two } = await open(WITHOUT_LOG);
    await two.set('deleted', 'v');
    await two.set('cleared', 'v');
    freeze();
    const refused = { name: 'CacheError', code: expect.stringMatching(/^CACHE_L2_(TIMEOUT|UNAVAILABLE)$/) };
    await expect(two.expire('cleared', 10)).rejects.toMatchObject(refused);
    await expect(two.delete('deleted')).rejects.toMatchObject(refused);
    expect(two.peek('deleted')).toBeUndefined();
    await expect(two.clear()).rejects.toMatchObject(refused);
    expect(two.peek('cleared')).toBeUndefined();
    await degraded(two);
    await expect(two.delete('deleted')).rejects.toMatchObject(refused);
    await expect(two.clear()).rejects.toMatchObject(refused);
    await expect(two.deleteMany(['deleted', 'cleared'])).rejects.toMatchObject(refused);
  });

  test('is used again once it goes on, and every queue is empty', async () => {
    const { two, l2 } = await open();
    await two.set('k', 'before');
    const changes = collectEvents(two, 'degrade', 'recover');
    freeze();
    await two.set('k', 'meanwhile');
    await degraded(two);
    server.thaw();
    await healthy(two);
    await healthy(l2);
    expect(changes.map(({ event }) => event)).toEqual(['degrade', 'recover']);
    expect(await two.set('k', 'after')).toEqual({ l1: true, l2: 'written' });
    expect(await two.getL2Only('k')).toBe('after');
    expect(await l2.set('x', 1)).toEqual({ l1: false, l2: 'written' });
    for (const { pendingWrites, loadsInFlight } of [two.metrics(), l2.metrics()])
      expect([pendingWrites, loadsInFlight]).toEqual([0, 0]);
  });

  test('at the start is found out within connection_timeout_ms, and is used when it goes on', async () => {
    freeze();
    const opening = rig.open({ s: twoLevelAt(server) });
    expect(await timeOf(opening)).toBeLessThan(1000 + 2 * SLACK_MS);
    const client = (await opening).client('s');
    expect(client.health().status).toBe('degraded');
    expect(await timeOf(client.get('cold'))).toBeLessThan(AT_ONCE_MS);
    expect(await client.set('k', 'v')).toEqual({ l1: true, l2: 'logged' });
    server.thaw();
    await healthy(client);
    expect(await client.set('k', 'v')).toEqual({ l1: true, l2: 'written' });
  });

  test('that only sleeps for a while is the same', async () => {
    const { two } = await open();
    await server.call('PING');
    const asleep = server.call('DEBUG', 'SLEEP', '1.5');
    // Reads go on until one meets the sleeping server.
    await until(async () => (await timeOf(two.get('cold'))) > AT_ONCE_MS);
    expect(await timeOf(two.get('cold'))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    await degraded(two);
    expect(await timeOf(two.get('cold'))).toBeLessThan(AT_ONCE_MS);
    await asleep;
    await healthy(two);
    expect(await two.set('k', 'v')).toEqual({ l1: true, l2: 'written' });
  });
});

describe('G6: a slow network', () => {
  test('slower than the deadline counts as down; a quick one again is used', async () => {
    const proxy = await rig.startProxy(server);
    const client = (await rig.open({ s: twoLevelAt(proxy) })).client('s');
    await client.set('k', 'v');
    proxy.setLatency(COMMAND_TIMEOUT_MS);
    expect(await timeOf(client.get('cold'))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    await degraded(client);
    expect(await timeOf(client.get('cold'))).toBeLessThan(AT_ONCE_MS);
    expect(await client.get('k')).toBe('v');
    await proxy.resume();
    await healthy(client);
    expect(await client.getL2Only('k')).toBe('v');
  });

  test('slower than one service allows does not concern a patient service of the same Redis', async () => {
    const proxy = await rig.startProxy(server);
    const manager = await rig.open({
      quick: l2OnlyAt(proxy, { l2: l2At(proxy, { command_timeout_ms: 50 }) }),
      patient: l2OnlyAt(proxy, { l2: l2At(proxy, { command_timeout_ms: 5000 }) }),
    });
    const patient = manager.client('patient');
    await patient.set('k', 'v');
    proxy.setLatency(100);
    expect(await manager.client('quick').get('k')).toBeUndefined();
    expect(await patient.get('k')).toBe('v');
    await manager.client('quick').get('k');
    expect(await patient.get('k')).toBe('v');
  });
});
