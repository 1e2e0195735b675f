/** A write beats every load and every promotion that began before it, in L1 and in L2 (G4), and a key has one load at a time (G3). */
import { beforeAll, afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { RedisServer } from '../../support/redis-server.js';
import type { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import { until } from '../../support/until.js';
import { l2OnlyAt, passTime, twoLevelAt, useRig } from '../outage/rig.js';
import { Gate } from './gate.js';

const rig = useRig();
let server: RedisServer;
let proxy: TcpFaultProxy;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  await server.flush();
  proxy = await rig.startProxy(server);
});

/** How far every message is delayed where a test needs time between sending and arriving. */
const LATENCY_MS = 30;

async function openTwoLevel(more: Readonly<Record<string, unknown>> = {}): Promise<CacheClient> {
  return (await rig.open({ s: twoLevelAt(proxy, more) })).client('s');
}

/** What is in Redis, seen by a process that has nothing of its own. */
async function inRedis(key: string): Promise<unknown> {
  const reader = (await rig.open({ s: l2OnlyAt(server) })).client('s');
  return reader.get(key);
}

/** A write of another process, some time ago. */
async function writeElsewhere(key: string, value: unknown): Promise<void> {
  await (await rig.open({ s: l2OnlyAt(server) })).client('s').set(key, value);
  await passTime();
}

async function expectEverywhere(client: CacheClient, key: string, value: unknown): Promise<void> {
  expect(await client.get(key)).toBe(value);
  expect(await inRedis(key)).toBe(value);
  expect(await client.get(key)).toBe(value);
}

describe('G4: a load that began earlier', () => {
  test('does not land over a set', async () => {
    const client = await openTwoLevel();
    const gate = new Gate();
    const load = client.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    await client.set('k', 'new');
    gate.open();
    expect(await load).toBe('old');
    await expectEverywhere(client, 'k', 'new');
  });

  test('does not land after a delete', async () => {
    const client = await openTwoLevel();
    const gate = new Gate();
    const load = client.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    await client.delete('k');
    gate.open();
    await load;
    await expectEverywhere(client, 'k', undefined);
  });

  test('does not land after a clear', async () => {
    const client = await openTwoLevel();
    const gate = new Gate();
    const load = client.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    await client.clear();
    gate.open();
    await load;
    await expectEverywhere(client, 'k', undefined);
  });

  test('does not land over a set, in an l1 service', async () => {
    const client = (await rig.open({ s: { cache_type: 'l1' } })).client('s');
    const gate = new Gate();
    const load = client.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    await client.set('k', 'new');
    gate.open();
    await load;
    expect(client.peek('k')).toBe('new');
  });

  test('is not handed to a caller who comes after an awaited delete', async () => {
    const client = await openTwoLevel();
    const gate = new Gate();
    const load = client.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    await client.delete('k');
    const later = client.getOrLoad('k', () => 'new');
    gate.open();
    expect(await load).toBe('old');
    expect(await later).toBe('new');
    await expectEverywhere(client, 'k', 'new');
  });

  test('does not land over a set, whichever call of several keys asked for it', async () => {
    const client = await openTwoLevel();
    const gate = new Gate();
    const load = client.getOrLoadMany(['a', 'b', 'c'], (keys) => gate.pass(new Map(keys.map((key) => [key, `old ${key}`]))));
    await gate.reached;
    await client.delete('a');
    await client.set('b', 'new b');
    gate.open();
    expect(await load).toEqual(
      new Map([
        ['a', 'old a'],
        ['b', 'old b'],
        ['c', 'old c'],
      ]),
    );
    await expectEverywhere(client, 'a', undefined);
    await expectEverywhere(client, 'b', 'new b');
    await expectEverywhere(client, 'c', 'old c');
  });

  test('does not land over a set when it was a refresh', async () => {
    const client = await openTwoLevel();
    await client.set('k', 'first');
    const gate = new Gate();
    const refresh = client.refresh('k', () => gate.pass('old'));
    await gate.reached;
    await client.set('k', 'new');
    gate.open();
    expect(await refresh).toBe('old');
    await expectEverywhere(client, 'k', 'new');
  });

  test('does not remove what a set wrote when it was a refresh that found nothing', async () => {
    const client = await openTwoLevel({ null_ttl: 0 });
    await client.set('k', 'first');
    const gate = new Gate();
    const refresh = client.refresh('k', () => gate.pass(undefined));
    await gate.reached;
    await client.set('k', 'new');
    gate.open();
    await refresh;
    await expectEverywhere(client, 'k', 'new');
  });

  test('does not land over a set in Redis when they are of different processes', async () => {
    const [a, b] = [await openTwoLevel(), await openTwoLevel()];
    const gate = new Gate();
    const load = b.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    await passTime();
    await a.set('k', 'new');
    gate.open();
    expect(await load).toBe('old');
    await expectEverywhere(a, 'k', 'new');
    // Redis told b that its value is an old one: b keeps no copy of it.
    expect(await b.get('k')).toBe('new');
  });

  test('does not land after a delete in Redis when they are of different processes', async () => {
    const [a, b] = [await openTwoLevel(), await openTwoLevel()];
    const gate = new Gate();
    const load = b.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    await passTime();
    await a.delete('k');
    gate.open();
    await load;
    await expectEverywhere(a, 'k', undefined);
    expect(await b.get('k')).toBeUndefined();
  });

  test('does not remove what another process wrote when it was a refresh that found nothing', async () => {
    const [a, b] = [await openTwoLevel({ null_ttl: 0 }), await openTwoLevel({ null_ttl: 0 })];
    const gate = new Gate();
    const refresh = b.refresh('k', () => gate.pass(undefined));
    await gate.reached;
    await passTime();
    await a.set('k', 'new');
    gate.open();
    await refresh;
    await expectEverywhere(a, 'k', 'new');
  });
});

describe('G4: a promotion that began earlier', () => {
  test('does not bring back what was deleted while the answer was on its way', async () => {
    const client = await openTwoLevel();
    await writeElsewhere('k', 'old');
    proxy.setLatency(LATENCY_MS);
    const read = client.get('k');
    const deletion = client.delete('k');
    // Reads and writes travel on connections of their own: Redis may see either first.
    expect(['old', undefined]).toContain(await read);
    expect(client.peek('k')).toBeUndefined();
    await deletion;
    await expectEverywhere(client, 'k', undefined);
  });

  test('does not land over a set', async () => {
    const client = await openTwoLevel();
    await writeElsewhere('k', 'old');
    proxy.setLatency(LATENCY_MS);
    const read = client.get('k');
    const write = client.set('k', 'new');
    await Promise.all([read, write]);
    expect(client.peek('k')).toBe('new');
    await expectEverywhere(client, 'k', 'new');
  });

  test('does not bring back what was cleared, also when it began while the clear was under way', async () => {
    const client = await openTwoLevel();
    await writeElsewhere('k', 'old');
    proxy.setLatency(LATENCY_MS);
    const clear = client.clear();
    const read = client.get('k');
    expect(['old', undefined]).toContain(await read);
    await clear;
    expect(client.peek('k')).toBeUndefined();
    await expectEverywhere(client, 'k', undefined);
  });
});

describe('G3: one load at a time', () => {
  test('a thousand callers of a cold key share one load', async () => {
    const client = await openTwoLevel();
    const gate = new Gate();
    const calls = Array.from({ length: 1000 }, () => client.getOrLoad('k', () => gate.pass('v')));
    await gate.reached;
    gate.open();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['v']));
    expect(gate.arrivals).toBe(1);
    expect(client.metrics().loadsInFlight).toBe(0);
  });

  test('a caller who gives up behind a load does not let the next one load beside it', async () => {
    const client = await openTwoLevel();
    let running = 0;
    let most = 0;
    const gate = new Gate();
    const loader = async (): Promise<string> => {
      most = Math.max(most, ++running);
      const value = await gate.pass('v');
      running--;
      return value;
    };
    const first = client.getOrLoad('k', loader);
    await gate.reached;
    await client.delete('k');
    // Waits behind the first load, and gives up there.
    await expect(client.getOrLoad('k', loader, { timeout: '20ms' })).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT' });
    const third = client.getOrLoad('k', loader);
    await expect(client.getOrLoad('other', () => 'x')).resolves.toBe('x');
    expect(gate.arrivals).toBe(1);
    gate.open();
    expect(await first).toBe('v');
    expect(await third).toBe('v');
    expect(most).toBe(1);
  });

  test('a load of several keys and a load of one of them share what they can', async () => {
    const client = await openTwoLevel();
    const gate = new Gate();
    const asked: string[][] = [];
    const many = client.getOrLoadMany(['a', 'b'], (keys) => {
      asked.push([...keys]);
      return gate.pass(keys.map((key) => `many ${key}`));
    });
    const single = client.getOrLoad('b', () => 'single b');
    const overlapping = client.getOrLoadMany(['b', 'c'], (keys) => {
      asked.push([...keys]);
      return gate.pass(keys.map((key) => `more ${key}`));
    });
    await until(() => asked.length === 2);
    gate.open();
    expect(await many).toEqual(
      new Map([
        ['a', 'many a'],
        ['b', 'many b'],
      ]),
    );
    expect(await single).toBe('many b');
    expect(await overlapping).toEqual(
      new Map([
        ['b', 'many b'],
        ['c', 'more c'],
      ]),
    );
    expect(asked).toEqual([['a', 'b'], ['c']]);
  });

  test('every caller gets the failure of a load, and the next caller loads again', async () => {
    const client = await openTwoLevel();
    const gate = new Gate();
    const failure = new Error('the source is down');
    const calls = Array.from({ length: 50 }, () =>
      client.getOrLoad('k', async () => {
        await gate.pass(undefined);
        throw failure;
      }),
    );
    await gate.reached;
    gate.open();
    const ends = await Promise.allSettled(calls);
    expect(ends.every((end) => end.status === 'rejected' && end.reason === failure)).toBe(true);
    expect(gate.arrivals).toBe(1);
    expect(await client.getOrLoad('k', () => 'again')).toBe('again');
  });
});
