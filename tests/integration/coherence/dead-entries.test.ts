/**
 * What a clear has made invisible gives its memory back: in the background, a chunk at a time, whatever comes in between; and it
 * takes with it nothing that is not older, and nobody else's (G1).
 */
import { Redis } from 'ioredis';
import { afterEach, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { FaultyTier } from '../../../lib/testing/faulty-tier.js';
import { until } from '../../support/until.js';
import { SERVICE, Workbench } from '../clients/workbench.js';

const bench = new Workbench({ appendonly: true });
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const COUNT = 5000;
const KEYS = Array.from({ length: COUNT }, (_, i) => `k${i}`);
const FOREIGN = ['plain', `oxcache:${SERVICE}x:k1`, `oxcache:${SERVICE}`, `other:oxcache:${SERVICE}:k1`];

async function openFilled(): Promise<{ client: CacheClient; faulty: FaultyTier }> {
  const redis = new Redis(bench.server.url, { disconnectTimeout: 50 });
  redis.on('error', () => undefined);
  cleanups.push(() => redis.disconnect());
  const faulty = new FaultyTier(redis);
  const client = await bench.client('two-level', { ttl: 600 }, { connections: faulty.connection });
  await client.setMany(KEYS.map((key) => [key, 'x'.repeat(200)] as const));
  for (const name of FOREIGN) await bench.server.call('SET', name, 'foreign');
  return { client, faulty };
}

/** Entries of the service in Redis. */
async function entries(): Promise<string[]> {
  return (await bench.names()).filter((name) => name.startsWith(`oxcache:${SERVICE}:`));
}

async function usedMemory(): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(String(await bench.server.call('INFO', 'memory')))?.[1]);
}

test('a clear does not wait for the memory, which is freed a chunk at a time', async () => {
  const { client } = await openFilled();
  const before = await usedMemory();
  const commands = await bench.countCommands(async () => {
    await client.clear();
    expect(await client.get('k1')).toBeUndefined();
    await client.set('after', 'kept');
    await until(async () => (await entries()).length === 1);
  });
  expect(commands['scan']).toBeGreaterThanOrEqual(COUNT / 500);
  // One call for each chunk, and no other way of removing.
  expect(commands['unlink']).toBeGreaterThanOrEqual(COUNT / 500);
  expect(commands['unlink']).toBeLessThan(COUNT / 50);
  expect(commands['del']).toBeUndefined();
  expect(commands['flushdb']).toBeUndefined();
  await until(async () => before - (await usedMemory()) > COUNT * 200, { timeoutMs: 5000 });
  expect(await bench.names()).toEqual(expect.arrayContaining([...FOREIGN, `oxcache:${SERVICE}:after`]));
});

test('nothing of it is served while the memory cannot be freed; what is written after the clear stays', async () => {
  const { client, faulty } = await openFilled();
  let isRefused = true;
  let scans = 0;
  faulty.failMatching((name) =>
    name === 'scan' && isRefused ? (scans++, 'LOADING Redis is loading the dataset in memory') : undefined,
  );
  await client.clear();
  const other = await bench.client('two-level');
  expect((await client.getMany(KEYS)).size + (await other.getMany(KEYS)).size).toBe(0);
  await until(() => scans > 0);
  expect(await entries()).toHaveLength(COUNT);
  await other.set('k1', 'newer');
  await client.set('k2', 'newer');
  isRefused = false;
  await until(async () => (await entries()).length === 2, { timeoutMs: 20_000 });
  expect(await client.getMany(KEYS)).toEqual(
    new Map([
      ['k1', 'newer'],
      ['k2', 'newer'],
    ]),
  );
  expect(await bench.names()).toEqual(expect.arrayContaining(FOREIGN));
});

test('a Redis that is killed in the middle of it is asked again when it is back', async () => {
  const { client, faulty } = await openFilled();
  let scans = 0;
  let killed: Promise<void> | undefined;
  faulty.failMatching((name) => {
    if (name === 'scan' && ++scans === 3) killed = bench.server.kill();
    return undefined;
  });
  await client.clear();
  await until(() => killed !== undefined);
  await killed;
  await until(() => client.health().status === 'degraded');
  expect((await client.getMany(KEYS)).size).toBe(0);
  await client.set('k1', 'newer');
  await bench.server.restart();
  // The kill came when some had been removed, and before all were.
  expect((await entries()).length).toBeGreaterThan(1000);
  await until(async () => (await entries()).length === 1, { timeoutMs: 25_000 });
  await until(() => client.health().status === 'healthy', { timeoutMs: 20_000 });
  expect(await client.getMany(KEYS)).toEqual(new Map([['k1', 'newer']]));
  expect(await client.getL2Only('k1')).toBe('newer');
  expect(await bench.names()).toEqual(expect.arrayContaining(FOREIGN));
});
