/** The invalidation of a tag beats whatever began before it, in this process and in the others, in L1 and in L2 (G4). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import type { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { l2At, l2OnlyAt, passTime, twoLevelAt, useRig, type ServiceConfig } from '../outage/rig.js';
import { Gate } from '../races/gate.js';

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
const RED = { tags: ['red'] } as const;

async function open(config: ServiceConfig): Promise<CacheClient> {
  return (await rig.open({ s: config })).client('s');
}

/** Another process, whose writes are announced to all. */
function announcing(): Promise<CacheClient> {
  return open(l2OnlyAt(server));
}

/** A process that has nothing of its own, is told of nothing and announces nothing: it sees what Redis has. */
function another(): Promise<CacheClient> {
  return open(l2OnlyAt(server, { sync: { enabled: false } }));
}

/** Nobody sees the key, however long one looks. */
async function expectGone(client: CacheClient, key = 'k'): Promise<void> {
  const reader = await another();
  for (let i = 0; i < 3; i++) {
    expect([await client.get(key), await reader.get(key)]).toEqual([undefined, undefined]);
    await passTime(20);
  }
}

/** Everybody sees the value, from both tiers. */
async function expectThere(client: CacheClient, value: unknown, key = 'k'): Promise<void> {
  expect([await client.get(key), await client.get(key), await (await another()).get(key)]).toEqual([value, value, value]);
}

/** The ways to load `k`, with a gate in the loader. */
const LOADS: readonly (readonly [string, (client: CacheClient, gate: Gate) => Promise<unknown>])[] = [
  ['getOrLoad', (client, gate) => client.getOrLoad('k', () => gate.pass('old'), RED)],
  ['getOrLoadMany', (client, gate) => client.getOrLoadMany(['k', 'l'], () => gate.pass(['old', 'old']), RED)],
  ['refresh', (client, gate) => client.refresh('k', () => gate.pass('old'), RED)],
  ['a load without single flight', (client, gate) => client.getOrLoad('k', () => gate.pass('old'), RED)],
  ['a load of nothing', (client, gate) => client.getOrLoad('k', () => gate.pass(undefined), RED)],
];

describe.each(LOADS)('a tag that is invalidated during %s', (name, load) => {
  const more = name === 'a load without single flight' ? { single_flight: 'off' } : {};

  test.each(['two-level', 'l2'])('by the same process (%s): what was loaded is handed out and not kept', async (type) => {
    const client = await open(type === 'l2' ? l2OnlyAt(proxy, more) : twoLevelAt(proxy, more));
    const gate = new Gate();
    const loading = load(client, gate);
    await gate.reached;
    await client.invalidateTags('red');
    gate.open();
    await loading;
    await expectGone(client);
    expect((await client.lookup('k')).status).toBe('miss');
  });

  test.each(['two-level', 'l2'])('by another process (%s): the same', async (type) => {
    const client = await open(type === 'l2' ? l2OnlyAt(proxy, more) : twoLevelAt(proxy, more));
    const other = await announcing();
    const gate = new Gate();
    const loading = load(client, gate);
    await gate.reached;
    await passTime();
    await other.invalidateTags('red');
    await until(() => client.metrics().invalidationsReceived > 0);
    gate.open();
    await loading;
    await expectGone(client);
    expect((await client.lookup('k')).status).toBe('miss');
  });

  test('callers who come afterwards are given what is loaded then', async () => {
    const client = await open(twoLevelAt(proxy, more));
    const gate = new Gate();
    const loading = load(client, gate);
    await gate.reached;
    await client.invalidateTags('red');
    const late = client.getOrLoad('k', () => 'new', RED);
    gate.open();
    await loading;
    expect(await late).toBe('new');
    await expectThere(client, 'new');
  });
});

describe('a tag that is invalidated while L2 is read', () => {
  test.each([[false], [true]])('by the same process: what was read is not kept (compressed: %p)', async (isLarge) => {
    const client = await open(twoLevelAt(proxy, { l2: l2At(proxy, { compression: 'gzip' }) }));
    const value = isLarge ? 'large'.repeat(100_000) : 'old';
    await (await open(l2OnlyAt(server, { l2: l2At(server, { compression: 'gzip' }) }))).set('k', value, RED);
    await passTime();
    for (let delayMs = 0; delayMs <= 100; delayMs += 20) {
      proxy.setLatency(LATENCY_MS);
      const reading = client.get('k');
      await passTime(delayMs);
      await client.invalidateTags('red');
      await reading;
      proxy.setLatency(0);
      expect(await client.get('k')).toBeUndefined();
      expect(client.peek('k')).toBeUndefined();
      await (await another()).set('k', value, RED);
    }
  });

  test('by another process: what was read is not kept', async () => {
    const client = await open(twoLevelAt(proxy));
    const other = await announcing();
    for (let round = 0; round < 10; round++) {
      await other.set('k', round, RED);
      await passTime(5);
      const [value] = await Promise.all([client.get('k'), other.invalidateTags('red')]);
      expect([undefined, round]).toContain(value);
      await until(async () => (await client.get('k')) === undefined);
      await passTime(5);
      expect(await client.get('k')).toBeUndefined();
    }
  });

  test('a read that began before is not joined by one that begins afterwards', async () => {
    const client = await open(twoLevelAt(proxy));
    await (await another()).set('k', 'old', RED);
    await passTime();
    proxy.setLatency(LATENCY_MS);
    const early = client.get('k');
    const invalidated = client.invalidateTags('red');
    const late = client.get('k');
    expect(await late).toBeUndefined();
    await Promise.all([early, invalidated]);
    await expectGone(client);
  });

  test('a load that was still looking for what is cached keeps what it loads then', async () => {
    const client = await open(twoLevelAt(proxy));
    proxy.setLatency(LATENCY_MS);
    const load = client.getOrLoad('k', () => 'new', RED);
    await client.invalidateTags('red', 'blue');
    expect(await load).toBe('new');
    proxy.setLatency(0);
    await expectThere(client, 'new');
  });

  test('expire finds nothing, or has prolonged what is hidden all the same', async () => {
    const client = await open(twoLevelAt(proxy));
    for (let delayMs = 0; delayMs <= 120; delayMs += 20) {
      await client.set('k', 'old', { ttl: 60, tags: ['red'] });
      proxy.setLatency(LATENCY_MS);
      const expiring = client.expire('k', '1h');
      await passTime(delayMs);
      await client.invalidateTags('red');
      await expiring;
      proxy.setLatency(0);
      await expectGone(client);
    }
  });
});

describe('a tag that is invalidated while values are being written', () => {
  test('a value that waits for its batch is gone; one that is set afterwards, into the same batch, stays', async () => {
    const twoLevel = { write_through: false, enable_batch_write: true, batch_size: 1000, batch_interval_ms: 60_000 };
    const client = await open(twoLevelAt(proxy, { two_level: twoLevel }));
    expect(await client.set('k', 'old', RED)).toEqual({ l1: true, l2: 'queued' });
    const invalidated = client.invalidateTags('red');
    expect(client.peek('k')).toBeUndefined();
    await client.set('l', 'new', RED);
    expect(await client.get('k')).toBeUndefined();
    await client.flush();
    await invalidated;
    await expectGone(client);
    await expectThere(client, 'new', 'l');
  });

  test('a value that is on its way is gone', async () => {
    const client = await open(twoLevelAt(proxy));
    proxy.setLatency(LATENCY_MS);
    const setting = client.set('k', 'old', RED);
    await passTime(10);
    await client.invalidateTags('red');
    await setting;
    proxy.setLatency(0);
    await expectGone(client);
  });

  test('a value that is being compressed is not stored at all, one without the tag is', async () => {
    const client = await open(twoLevelAt(proxy, { l2: l2At(proxy, { compression: 'gzip' }) }));
    const large = 'large'.repeat(100_000);
    const [tagged, plain] = [client.set('k', large, RED), client.set('plain', large, { tags: ['blue'] })];
    await client.invalidateTags('red');
    expect(await tagged).toEqual({ l1: false, l2: 'none' });
    expect(await plain).toEqual({ l1: true, l2: 'written' });
    await expectGone(client);
    await expectThere(client, large, 'plain');
  });

  test('a value that waits for room behind others is not kept', async () => {
    const client = await open(twoLevelAt(proxy, { two_level: { max_pending: 1 } }));
    proxy.setLatency(LATENCY_MS);
    const first = client.set('first', 1);
    const waiting = client.set('k', 'old', RED);
    const invalidated = client.invalidateTags('red');
    const later = client.set('l', 'new', RED);
    await Promise.all([first, waiting, invalidated, later]);
    proxy.setLatency(0);
    await expectGone(client);
    await expectThere(client, 'new', 'l');
  });

  test('a loaded value that waits for room behind others is not kept', async () => {
    const client = await open(twoLevelAt(proxy, { two_level: { max_pending: 1 } }));
    const gate = new Gate();
    const loading = client.getOrLoad('k', () => gate.pass('old'), RED);
    await gate.reached;
    proxy.setLatency(LATENCY_MS);
    const first = client.set('first', 1);
    gate.open();
    await passTime(10);
    const invalidated = client.invalidateTags('red');
    await Promise.all([first, loading, invalidated]);
    proxy.setLatency(0);
    await expectGone(client);
  });

  test('of any number of writers and invalidators, what was written last before an invalidation is gone when all is quiet', async () => {
    const clients = [await open(twoLevelAt(server)), await open(twoLevelAt(proxy)), await announcing()];
    const work = Array.from({ length: 300 }, async (_, i) => {
      const client = clients[i % 3] as CacheClient;
      await passTime(i % 17);
      const key = `k${i % 5}`;
      if (i % 10 === 9) await client.invalidateTags('red');
      else if (i % 3 === 0) await client.getOrLoad(key, () => passTime(2).then(() => i), RED);
      else if (i % 4 === 0) await client.get(key);
      else await client.set(key, i, RED);
    });
    await Promise.all(work);
    await passTime();
    await clients[0]?.invalidateTags('red');
    const keys = ['k0', 'k1', 'k2', 'k3', 'k4'];
    for (const client of clients) await until(async () => (await client.getMany(keys)).size === 0);
    await passTime();
    for (const client of clients) expect(await client.getMany(keys)).toEqual(new Map());
  });
});

test('G8: a write that is called after an invalidation is there, though others wrote with versions that this process did not know of', async () => {
  const client = await open(twoLevelAt(server));
  await client.set('k', 'old', RED);
  // Neither is waited for before the other is called, so both may go in one batch.
  const ahead = `${String(Date.now() + 30_000)}0000othernd`;
  await server.call('HSET', 'oxcache::s:marks', 'h', ahead);
  const [, outcome] = await Promise.all([client.invalidateTags('red'), client.set('k', 'new', RED)]);
  expect(outcome.l2).toBe('written');
  expect(await client.get('k')).toBe('new');
  expect(await (await another()).get('k')).toBe('new');
});

test('G4: a write that is called before an invalidation is gone, though others wrote with versions that this process did not know of', async () => {
  const client = await open(twoLevelAt(server));
  await client.set('k', 'old', RED);
  const ahead = `${String(Date.now() + 30_000)}0000othernd`;
  await server.call('HSET', 'oxcache::s:marks', 'h', ahead);
  await Promise.all([client.set('k', 'new', RED), client.invalidateTags('red')]);
  expect(await client.get('k')).toBeUndefined();
  expect(await (await another()).get('k')).toBeUndefined();
});
