/**
 * G5 and G7 together: a process that takes over the log of one that is gone tells Redis and all others of what is in it. Nobody
 * tells the process itself, so it drops its own L1 copies: they had ten minutes to live.
 */
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { FaultyTier } from '../../../lib/testing/faulty-tier.js';
import { until } from '../../support/until.js';
import { SERVICE, Workbench } from '../clients/workbench.js';
import { degraded, passTime } from '../outage/rig.js';

const bench = new Workbench();
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A client of the test's own: who has one looks for the logs of the others who do. */
function connect(): Redis {
  const redis = new Redis(bench.server.url, { disconnectTimeout: 50 });
  redis.on('error', () => undefined);
  cleanups.push(() => redis.disconnect());
  return redis;
}

let heir: CacheClient;

beforeEach(async () => {
  heir = await bench.client(
    'two-level',
    { ttl: 600, l1: { ttl: 600 } },
    // How often it looks for logs that nobody owns, in seconds.
    { connections: connect(), global: { health_check_interval: 1 } },
  );
  await until(() => heir.health().sync?.status === 'connected');
  await heir.set('changed', 'old');
  await heir.set('deleted', 'old');
  await heir.set('tagged', 'old', { tags: ['t'] });
  await heir.set('otherwise tagged', 'old', { tags: ['u'] });
  await heir.set('untouched', 'old');
  await passTime();
});

/** A process that is cut off from Redis does some work that only its log has, and is gone. */
async function leaveLog(work: (client: CacheClient) => Promise<unknown>): Promise<void> {
  const faulty = new FaultyTier(connect());
  const manager = await bench.manager({ [SERVICE]: { cache_type: 'two-level', ttl: 600 } }, { connections: faulty.connection });
  const client = manager.client(SERVICE);
  faulty.disconnect();
  await degraded(client);
  await work(client);
  expect(heir.metrics().loggedKeys).toBe(0);
  expect(heir.peek('untouched')).toBe('old');
  await manager.close({ deadline: '50ms' });
}

test('keys, and what has a tag whose invalidation is replayed, go from the L1 of the process that replays them', async () => {
  await leaveLog(async (client) => {
    expect(await client.set('changed', 'new')).toMatchObject({ l2: 'logged' });
    await client.delete('deleted');
    await client.invalidateTags('t');
  });
  await until(() => heir.metrics().replayed === 1 && heir.metrics().replayedInvalidations === 2);
  for (const key of ['changed', 'deleted', 'tagged']) expect(heir.peek(key)).toBeUndefined();
  for (const key of ['otherwise tagged', 'untouched']) expect(heir.peek(key)).toBe('old');
  expect(await heir.get('changed')).toBe('new');
  expect(await heir.get('deleted')).toBeUndefined();
  expect(await heir.get('tagged')).toBeUndefined();
  expect(await heir.getL2Only('tagged')).toBeUndefined();
  expect(await heir.get('untouched')).toBe('old');
});

test('everything goes from the L1 of the process that replays a clear', async () => {
  await leaveLog((client) => client.clear());
  const keys = ['changed', 'deleted', 'tagged', 'otherwise tagged', 'untouched'];
  await until(() => keys.every((key) => heir.peek(key) === undefined), {
    describe: () => `nothing in L1; there is ${keys.filter((key) => heir.peek(key) !== undefined).join(', ')}`,
  });
  expect(await heir.getMany(keys)).toEqual(new Map());
  expect(await heir.set('changed', 'new')).toEqual({ l1: true, l2: 'written' });
  await until(() => heir.metrics().loggedKeys === 0);
  expect(heir.peek('changed')).toBe('new');
  expect(await heir.getL2Only('changed')).toBe('new');
});

test('what this process has written since stays', async () => {
  await leaveLog(async (client) => {
    await client.set('changed', 'left behind');
    await client.invalidateTags('t');
  });
  await passTime();
  await heir.set('changed', 'newer');
  await heir.set('tagged', 'newer', { tags: ['t'] });
  // The log is taken over as soon as its owner is gone: the value may have been replayed before it was superseded, or not at all.
  await until(() => heir.metrics().replayedInvalidations === 1 && heir.health().owed === 0);
  expect(await heir.get('changed')).toBe('newer');
  expect(await heir.get('tagged')).toBe('newer');
});
