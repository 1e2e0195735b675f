/**
 * A clear by another process while nothing is heard (G4): the version it left in Redis is asked for again and again, so that what
 * was there before is served neither from Redis, where it may not have been removed yet, nor from L1.
 */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { FaultyTier } from '../../../lib/testing/faulty-tier.js';
import { until } from '../../support/until.js';
import { SERVICE, Workbench } from '../clients/workbench.js';

const bench = new Workbench();
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const ENTRY = `oxcache:${SERVICE}:k`;
const MARKS = `oxcache::${SERVICE}:marks`;
/** Redis is asked twice a second; the rest is for a busy machine. */
const SOON = { timeoutMs: 2500 } as const;
const LISTENING = new Set(['xread', 'xrange', 'xrevrange', 'subscribe', 'ping']);

interface Setting {
  readonly reader: CacheClient;
  readonly writer: CacheClient;
  /** The bytes in Redis of `k`, which is in the reader's L1 as well. */
  readonly old: string;
}

type Sync = readonly [transport: 'stream' | 'pubsub', onLinkLoss: 'serve' | 'bypass'];

/** A reader whose link is lost for good, with an entry of before. */
async function openDeaf([transport, on_link_loss]: Sync): Promise<Setting> {
  const service = { cache_type: 'two-level', ttl: 600, l1: { ttl: 600 }, sync: { transport, on_link_loss } } as const;
  const redis = new Redis(bench.server.url, { disconnectTimeout: 50 });
  redis.on('error', () => undefined);
  cleanups.push(() => redis.disconnect());
  const faulty = new FaultyTier(redis);
  const reader = (await bench.manager({ [SERVICE]: service }, { connections: faulty.connection })).client(SERVICE);
  await until(() => reader.health().sync?.status === 'connected');
  // With `bypass` nothing is kept in the first moments.
  await until(async () => (await reader.set('k', 'old')).l1);
  const links = String(await bench.server.call('CLIENT', 'LIST'));
  const ids = [...links.matchAll(/^id=(\d+) .*name=oxcache-bus /gm)].map(([, id = '']) => id);
  expect(ids).toHaveLength(1);
  faulty.failMatching((name) => (LISTENING.has(name) ? 'LOADING Redis is loading the dataset in memory' : undefined));
  await bench.server.call('CLIENT', 'KILL', 'ID', ids[0] as string);
  await until(() => reader.health().sync?.status === 'lost');
  const writer = (await bench.manager({ [SERVICE]: service })).client(SERVICE);
  return { reader, writer, old: String(await bench.server.call('GET', ENTRY)) };
}

/** A version of this moment, as a process would leave it that clears and dies before anything is removed. */
async function versionNow(): Promise<string> {
  const [seconds, micros] = (await bench.server.call('TIME')) as [string, string];
  return `${seconds}${micros.padStart(6, '0').slice(0, 3)}1023zzzzzzz`;
}

/** Nobody has told the reader, and still it does not serve what was there before. */
async function expectNotServed({ reader }: Setting): Promise<void> {
  expect(reader.health().sync?.status).toBe('lost');
  expect(await reader.get('k')).toBeUndefined();
  expect(await reader.getL2Only('k')).toBeUndefined();
  expect(await reader.getMany(['k'])).toEqual(new Map());
  expect(await reader.has('k')).toBe(false);
  expect(await reader.lookup('k')).toEqual({ status: 'miss' });
}

const SYNCS: readonly Sync[] = [
  ['stream', 'serve'],
  ['stream', 'bypass'],
  ['pubsub', 'serve'],
];

describe.each(SYNCS)('G4: a clear by another process while the link is lost (%s, %s)', (...sync) => {
  test('makes L1 drop its copies, and hides what comes back to Redis from before', async () => {
    const setting = await openDeaf(sync);
    const { reader, writer, old } = setting;
    await writer.clear();
    expect(await bench.server.call('EXISTS', ENTRY)).toBe(0);
    await until(() => reader.peek('k') === undefined && reader.metrics().l1Entries === 0, SOON);
    await bench.server.call('SET', ENTRY, old);
    await expectNotServed(setting);
    expect(reader.peek('k')).toBeUndefined();
  });

  test('is noticed by its mark alone, before anything is removed', async () => {
    const setting = await openDeaf(sync);
    const { reader } = setting;
    const cleared = await versionNow();
    await bench.server.call('HSET', MARKS, 'c', cleared, 'h', cleared);
    await until(() => reader.metrics().l1Entries === 0, SOON);
    await expectNotServed(setting);
    expect(await bench.server.call('EXISTS', ENTRY)).toBe(1);
  });

  test('leaves what is written after it alone', async () => {
    const { reader, writer } = await openDeaf(sync);
    await writer.clear();
    await until(() => reader.metrics().l1Entries === 0, SOON);
    await writer.set('k', 'new');
    expect(await reader.get('k')).toBe('new');
    await reader.set('l', 'new');
    expect(await writer.get('l')).toBe('new');
  });
});

test('G4: the second clear in one loss of the link is noticed like the first', async () => {
  const { reader, writer } = await openDeaf(['stream', 'serve']);
  await reader.delete('k');
  for (let round = 0; round < 2; round++) {
    await writer.set('k', round);
    expect(await reader.get('k')).toBe(round);
    expect(reader.peek('k')).toBe(round);
    await writer.clear();
    await until(() => reader.peek('k') === undefined, SOON);
    expect(await reader.get('k')).toBeUndefined();
  }
});

test('G4: a process that may not listen to the stream notices clears all the same', async () => {
  await bench.server.call('ACL', 'SETUSER', 'deaf', 'reset', 'on', '>secret', '~*', '&*', '+@all', '-xread');
  const connection_string = bench.server.url.replace('redis://', 'redis://deaf:secret@');
  const l1 = { ttl: 600 };
  const reader = await bench.client('two-level', { ttl: 600, l1, l2: { connection_string } });
  const writer = await bench.client('two-level', { ttl: 600, l1 });
  expect(await reader.set('k', 'old')).toEqual({ l1: true, l2: 'written' });
  expect(reader.health().sync?.status).toBe('lost');
  await writer.clear();
  await until(() => reader.peek('k') === undefined, SOON);
  expect(await reader.get('k')).toBeUndefined();
});
