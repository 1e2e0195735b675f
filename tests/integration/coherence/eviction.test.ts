/**
 * A Redis that evicts: whatever it takes of what invalidations rely on, nothing that was invalidated comes back, neither in a process that
 * runs nor in one that starts afterwards; and who operates it is told.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import type { ServiceConfig } from '../../../lib/config/config-object.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { RedisServer } from '../../support/redis-server.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { until } from '../../support/until.js';

const MARKS = 'oxcache::s:marks';
const PAGES = Array.from({ length: 300 }, (_, i) => `page${i}`);
const ALL = ['allkeys-lru', 'allkeys-lfu', 'allkeys-random'] as const;
const VOLATILE = ['volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'] as const;
const FILLER = 'x'.repeat(2000);

const folder = useTemporaryFolder();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(policy: string): Promise<RedisServer> {
  const server = await RedisServer.start({ config: { maxmemory: '6mb', 'maxmemory-policy': policy } });
  cleanups.push(() => server.stop());
  return server;
}

interface Opened {
  readonly client: CacheClient;
  readonly warnings: string[];
}

async function open(server: RedisServer, settings: Partial<ServiceConfig> = {}): Promise<Opened> {
  const warnings: string[] = [];
  const ignore = (): void => undefined;
  const logger = { error: ignore, warn: (line: string) => void warnings.push(line), info: ignore, debug: ignore };
  const service = { cache_type: 'two-level', ttl: 3600, ...settings, l2: { connection_string: server.url } } as ServiceConfig;
  const manager = await createManager({ global: { wal: { dir: folder.path } }, services: { s: service } }, { logger });
  cleanups.push(() => manager.close({ deadline: '1s' }));
  return { client: manager.client('s'), warnings };
}

/**
 * Rounds of 100 keys at most, until the marks are evicted. `allkeys-random` takes a bucket of the hash table by chance, and then a key
 * of that bucket: where the marks share theirs, one time in a hundred they outlast 15,000 evictions of a Redis with room for 2,300 keys.
 */
const MAX_ROUNDS = 2000;

/** Fills Redis with what is somebody else's, while the pages are in use, until it has evicted the marks, or much else. */
async function fill(server: RedisServer, isEnough: () => Promise<boolean>): Promise<void> {
  for (let round = 0; !(await isEnough()); round++) {
    if (round === MAX_ROUNDS) throw new Error('Redis does not evict');
    const writes: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++) writes.push(server.call('SET', `filler:${round}:${i}`, FILLER, 'EX', 7200));
    for (const page of PAGES) writes.push(server.call('GET', `oxcache:s:${page}`));
    await Promise.all(writes);
  }
}

async function evicted(server: RedisServer): Promise<number> {
  return Number(/evicted_keys:(\d+)/.exec((await server.call('INFO', 'stats')) as string)?.[1]);
}

/** Pages that are in Redis, and how many of them a process finds. */
async function left(server: RedisServer): Promise<number> {
  return Number(await server.call('EXISTS', ...PAGES.map((page) => `oxcache:s:${page}`)));
}

async function found(client: CacheClient): Promise<number> {
  const one = await Promise.all(PAGES.slice(0, 150).map((page) => client.get(page)));
  return one.filter((value) => value !== undefined).length + (await client.getMany(PAGES.slice(150))).size;
}

const INVALIDATIONS = {
  'invalidated by tag': (client: CacheClient) => client.invalidateTags('t'),
  // As a clear whose dead entries are not removed yet.
  cleared: async (client: CacheClient, server: RedisServer) => {
    const old = (await Promise.all(PAGES.map((page) => server.call('GET', `oxcache:s:${page}`)))) as string[];
    await client.clear();
    await Promise.all(PAGES.map((page, i) => server.call('SET', `oxcache:s:${page}`, old[i] ?? '', 'EX', 3600)));
  },
} as const;

describe.each(['stream', 'pubsub'] as const)('over %s', (transport) => {
  describe.each([...ALL, ...VOLATILE])('G17: with maxmemory-policy %s', (policy) => {
    test.each(Object.entries(INVALIDATIONS))('what was %s does not come back', async (_what, invalidate) => {
      const server = await start(policy);
      const { client: writer } = await open(server, { sync: { transport } });
      await writer.setMany(
        PAGES.map((page) => [page, 'old'] as const),
        { tags: ['t'] },
      );
      await invalidate(writer, server);
      const isGone = async (): Promise<boolean> => (await server.call('EXISTS', MARKS)) === 0;
      const takesMarks = policy.startsWith('allkeys');
      const mayKeep = policy === 'allkeys-lfu';
      await fill(server, async () => (takesMarks && !mayKeep ? isGone() : (await evicted(server)) > 3000));
      // What is used most often may stay for longer than a test lasts.
      if (mayKeep) await server.call('DEL', MARKS);
      expect(await isGone()).toBe(takesMarks);
      const { client: fresh } = await open(server, { sync: { transport } });
      expect(await found(fresh)).toBe(0);
      expect(await found(writer)).toBe(0);
      const { client: deaf } = await open(server, { cache_type: 'l2', sync: { enabled: false } });
      expect(await found(deaf)).toBe(0);
      await server.call('CONFIG', 'SET', 'maxmemory', '0');
      for (const client of [writer, fresh, deaf]) {
        expect((await client.set('new', 'new', { tags: ['t'] })).l2).toBe('written');
        for (const reader of [writer, fresh, deaf]) await until(async () => (await reader.get('new')) === 'new');
      }
    });
  });
});

test('whoever finds that the marks are gone tells the others, which drop their copies', async () => {
  const server = await start('allkeys-lru');
  const { client: writer } = await open(server);
  await writer.setMany(
    PAGES.map((page) => [page, 'old'] as const),
    { tags: ['t'] },
  );
  const { client: reader } = await open(server, { sync: { enabled: false } });
  expect(await found(reader)).toBe(PAGES.length);
  await writer.invalidateTags('t');
  await server.call('DEL', MARKS);
  const { client: other } = await open(server, { cache_type: 'l2' });
  expect(await left(server)).toBe(PAGES.length);
  expect(await found(other)).toBe(0);
  expect(await found(reader)).toBe(PAGES.length);
  await until(() => writer.metrics().invalidationsReceived > 0, { describe: 'the others to hear of it' });
});

test("without eviction, or where marks can't be evicted, marks that are missing were never made: nothing is dropped", async () => {
  for (const policy of ['noeviction', 'volatile-lru']) {
    const server = await start(policy);
    const { client: writer } = await open(server);
    await writer.setMany(
      PAGES.map((page) => [page, 'old'] as const),
      { tags: ['t'] },
    );
    await server.call('DEL', MARKS);
    expect(await found((await open(server, { cache_type: 'l2' })).client)).toBe(PAGES.length);
  }
});

test.each<readonly string[]>([
  ['SET', MARKS, 'x'],
  ['HSET', MARKS, 'c', 'x'],
])('marks that somebody else has overwritten (%s) count as lost, though nothing is evicted', async (...command) => {
  const server = await start('noeviction');
  const { client: writer } = await open(server);
  await writer.setMany(
    PAGES.map((page) => [page, 'old'] as const),
    { tags: ['t'] },
  );
  await writer.invalidateTags('t');
  await server.call(command[0] ?? '', ...command.slice(1));
  const { client: reader } = await open(server, { cache_type: 'l2' });
  expect(await found(reader)).toBe(0);
  expect((await reader.set('new', 'new', { tags: ['t'] })).l2).toBe('written');
  expect(await reader.get('new')).toBe('new');
});

test('a Redis that came back empty is filled from the log though it evicts, because nothing can be old there', async () => {
  const server = await start('allkeys-lru');
  const { client } = await open(server);
  await client.set('before', 1);
  await server.kill();
  await until(() => client.health().l2?.status === 'degraded');
  expect((await client.set('k', 'v')).l2).toBe('logged');
  await server.restart({ empty: true });
  await until(() => client.metrics().loggedKeys === 0, { timeoutMs: 20_000 });
  expect(await (await open(server, { cache_type: 'l2' })).client.get('k')).toBe('v');
});

describe('who operates it is told', () => {
  test.each([...ALL, ...VOLATILE])('of %s, once for each connection, and in health', async (policy) => {
    const server = await start(policy);
    const { client, warnings } = await open(server);
    await until(() => warnings.length > 0);
    expect(warnings).toEqual([expect.stringContaining(`maxmemory-policy ${policy}`)]);
    expect(client.health().l2).toMatchObject({ evictionPolicy: policy });
  });

  test('of nothing with noeviction, or without maxmemory', async () => {
    const server = await start('noeviction');
    const unbounded = await RedisServer.start({ config: { 'maxmemory-policy': 'allkeys-lru' } });
    cleanups.push(() => unbounded.stop());
    for (const one of [server, unbounded]) {
      const { client, warnings } = await open(one);
      await client.set('k', 1);
      expect(warnings).toEqual([]);
      expect(client.health().l2).not.toHaveProperty('evictionPolicy');
    }
  });

  test('of nothing where the user may not ask, and marks that are missing count as lost', async () => {
    const server = await RedisServer.start({
      users: [{ name: 'app', password: 'secret', rules: '~* &* +@all -info' }],
      config: { 'maxmemory-policy': 'noeviction' },
    });
    cleanups.push(() => server.stop());
    const url = `redis://app:secret@${server.address}`;
    const app = { url } as unknown as RedisServer;
    const { client, warnings } = await open(app);
    await client.setMany(
      PAGES.map((page) => [page, 'old'] as const),
      { tags: ['t'] },
    );
    await client.invalidateTags('t');
    await server.call('DEL', MARKS);
    expect(await found((await open(app)).client)).toBe(0);
    expect(warnings).toEqual([]);
  });
});
