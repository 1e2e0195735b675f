/** `single_flight = "cluster"` when Redis fails: nobody hangs or fails because of a lease (G6). */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import { COMMAND_TIMEOUT_MS, degraded, l2OnlyAt, passTime, timeOf, twoLevelAt, useRig } from '../outage/rig.js';
import { Gate } from './gate.js';

const rig = useRig();

/** What a busy machine adds to a deadline at most. */
const SLACK_MS = 800;

const KINDS = [
  ['l2', l2OnlyAt],
  ['two-level', twoLevelAt],
] as const;

describe.each(KINDS)('G6: services of type %s that take turns', (_kind, serviceAt) => {
  async function openTwo(place: { readonly port: number }): Promise<[CacheClient, CacheClient]> {
    const settings = { single_flight: 'cluster', load_timeout: '60s' };
    const open = async (): Promise<CacheClient> => (await rig.open({ s: serviceAt(place, settings) })).client('s');
    return [await open(), await open()];
  }

  test('load by themselves when Redis dies while they wait', async () => {
    const server = await rig.startRedis();
    const [one, other] = await openTwo(server);
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('v'));
    await gate.reached;
    const waiting = other.getOrLoad('k', () => 'mine');
    const many = other.getOrLoadMany(['k', 'm'], (keys) => keys.map(() => 'mine'));
    await passTime();
    await server.kill();
    expect(await waiting).toBe('mine');
    expect(await many).toEqual(new Map([['k', 'mine'], ['m', 'mine']])); // prettier-ignore
    gate.open();
    expect(await loading).toBe('v');
  });

  test('load by themselves when Redis freezes while they wait, after one deadline', async () => {
    const server = await rig.startRedis();
    const [one, other] = await openTwo(server);
    const gate = new Gate();
    const loading = one.getOrLoad('k', () => gate.pass('v'));
    await gate.reached;
    const waiting = other.getOrLoad('k', () => 'mine');
    await passTime();
    server.freeze();
    rig.afterwards(() => {
      server.thaw();
    });
    const ms = await timeOf(waiting);
    expect(await waiting).toBe('mine');
    expect(ms).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    gate.open();
    expect(await loading).toBe('v');
  });

  test('load at once while Redis is away', async () => {
    const server = await rig.startRedis();
    const [one] = await openTwo(server);
    await server.kill();
    await degraded(one);
    expect(await timeOf(one.getOrLoad('k', () => 'v'))).toBeLessThan(COMMAND_TIMEOUT_MS);
    expect(await timeOf(one.refresh('k', () => 'v'))).toBeLessThan(COMMAND_TIMEOUT_MS);
    expect(await one.getOrLoadMany(['k2'], () => ['v'])).toEqual(new Map([['k2', 'v']]));
  });

  test('G6: pay one deadline at most for a frozen Redis, whatever they ask it', async () => {
    const server = await rig.startRedis();
    const [one, other] = await openTwo(server);
    server.freeze();
    rig.afterwards(() => {
      server.thaw();
    });
    expect(await timeOf(one.getOrLoad('k', () => 'v'))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS / 2);
    expect(await timeOf(other.refresh('k', () => 'v'))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS / 2);
  });

  test('a lease whose answer was lost does not outlast the load', async () => {
    const server = await rig.startRedis();
    const proxy = await rig.startProxy(server);
    const [slow] = await openTwo(proxy);
    await slow.refresh('warm', () => 'up');
    proxy.setLatency(COMMAND_TIMEOUT_MS * 2);
    const [quick] = await openTwo(server);
    const loading = slow.refresh('k', () => 'v');
    expect(await loading).toBe('v');
    await until(async () => {
      const names = (await server.call('KEYS', '*:lock:*')) as string[];
      return names.length === 0;
    });
    await proxy.resume();
    expect(await quick.getOrLoad('k2', () => 'v')).toBe('v');
  });
});
