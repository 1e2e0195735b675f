/**
 * G5: whatever one process writes, in whatever way, the others drop their L1 copies. Two managers are two processes here: they
 * share nothing but Redis.
 */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import type { SyncConfig } from '../../../lib/config/config-object.js';
import { until } from '../../support/until.js';
import { SERVICE, Workbench } from '../clients/workbench.js';

const bench = new Workbench();

interface Pair {
  readonly writer: CacheClient;
  readonly reader: CacheClient;
}

async function open(sync: SyncConfig = {}, settings: object = {}): Promise<Pair> {
  const service = { cache_type: 'two-level', sync, ...settings } as const;
  const [a, b] = [await bench.manager({ [SERVICE]: service }), await bench.manager({ [SERVICE]: service })];
  const pair = { writer: a.client(SERVICE), reader: b.client(SERVICE) };
  await until(() => pair.reader.health().sync?.status === 'connected' && pair.writer.health().sync?.status === 'connected');
  return pair;
}

/** The reader has a copy of `k` in its L1. */
async function hold({ writer, reader }: Pair, key = 'k', options?: { tags: string[] }): Promise<void> {
  await writer.set(key, 'old', options);
  await until(async () => {
    await reader.get(key);
    return reader.peek(key) === 'old';
  });
}

const WAYS: Readonly<Record<string, (pair: Pair) => Promise<unknown>>> = {
  set: ({ writer }) => writer.set('k', 'new'),
  setMany: ({ writer }) => writer.setMany([['k', 'new']]),
  setL2Only: ({ writer }) => writer.setL2Only('k', 'new'),
  delete: ({ writer }) => writer.delete('k'),
  deleteMany: ({ writer }) => writer.deleteMany(['k', 'other']),
  refresh: ({ writer }) => writer.refresh('k', () => 'new'),
  'refresh to nothing': ({ writer }) => writer.refresh('k', () => undefined),
  expire: ({ writer }) => writer.expire('k', '1s'),
  clear: ({ writer }) => writer.clear(),
  invalidateTags: ({ writer }) => writer.invalidateTags('t'),
};

describe.each(['stream', 'pubsub'] as const)('G5: over %s', (transport) => {
  test.each(Object.keys(WAYS))('%s makes the others drop their copies', async (way) => {
    const pair = await open({ transport });
    await hold(pair, 'k', { tags: ['t'] });
    await hold(pair, 'untouched');
    await WAYS[way]!(pair);
    await until(() => pair.reader.peek('k') === undefined);
    if (way !== 'clear') expect(pair.reader.peek('untouched')).toBe('old');
    if (['delete', 'deleteMany', 'clear', 'invalidateTags', 'refresh to nothing'].includes(way)) {
      expect(await pair.reader.get('k')).toBeUndefined();
    } else if (way !== 'expire') expect(await pair.reader.get('k')).toBe('new');
  });

  test('a batch that is written behind is told of when it is written', async () => {
    const pair = await open(
      { transport },
      { two_level: { write_through: false, enable_batch_write: true, batch_interval_ms: 60_000, batch_size: 1000 } },
    );
    await pair.writer.set('k', 'old');
    await pair.writer.flush();
    await until(async () => (await pair.reader.get('k')) === 'old' && pair.reader.peek('k') === 'old');
    expect(await pair.writer.set('k', 'new')).toMatchObject({ l2: 'queued' });
    expect(pair.reader.peek('k')).toBe('old');
    await pair.writer.flush();
    await until(() => pair.reader.peek('k') === undefined);
    expect(await pair.reader.get('k')).toBe('new');
  });

  test('what was logged in an outage is told of when it is replayed (G7)', async () => {
    const pair = await open({ transport });
    await hold(pair);
    await hold(pair, 'gone');
    await bench.server.kill();
    await until(() => pair.writer.health().status === 'degraded' && pair.reader.health().status === 'degraded');
    expect(await pair.writer.set('k', 'new')).toMatchObject({ l2: 'logged' });
    await pair.writer.delete('gone');
    // L1 does not depend on Redis.
    expect(pair.reader.peek('k')).toBe('old');
    await bench.server.restart();
    await until(() => pair.reader.peek('k') === undefined && pair.reader.peek('gone') === undefined, { timeoutMs: 15_000 });
    await until(async () => (await pair.reader.get('k')) === 'new', { timeoutMs: 15_000 });
    expect(await pair.reader.get('gone')).toBeUndefined();
  });
});

describe('G5: a receiver', () => {
  test('ignores its own messages: what it wrote stays in its L1', async () => {
    const { writer } = await open();
    await writer.set('k', 1);
    await writer.set('other', 2);
    expect(writer.peek('k')).toBe(1);
    expect(writer.metrics().invalidationsReceived).toBe(0);
  });

  test('only ever touches its own L1: Redis is asked for nothing but the messages', async () => {
    const pair = await open();
    await hold(pair);
    await pair.writer.set('k', 'new');
    await until(() => pair.reader.peek('k') === undefined);
    expect(await bench.server.call('GETRANGE', `oxcache:${SERVICE}:k`, 80, -1)).toBe('"new"');
    expect(pair.reader.metrics()).toMatchObject({ writes: 0, deletes: 0, invalidationsReceived: expect.any(Number) });
  });

  test('counts, and goes on, when a message is foreign or malformed', async () => {
    const pair = await open();
    const stream = `oxcache::${SERVICE}:stream`;
    await bench.server.call('XADD', stream, '*', 'm', 'OXM9 from the future');
    await bench.server.call('XADD', stream, '*', 'something', 'else', 'm', 'x');
    await until(() => pair.reader.metrics().invalidationsIgnored === 2);
    await hold(pair);
    await pair.writer.set('k', 'new');
    await until(() => pair.reader.peek('k') === undefined);
  });

  test('measures how late messages come', async () => {
    const pair = await open();
    await pair.writer.set('k', 'new');
    await until(() => pair.reader.metrics().invalidationsReceived > 0);
    expect(pair.reader.metrics().invalidationLag).toMatchObject({ count: expect.any(Number), p50Ms: expect.any(Number) });
  });

  test('of an l2 service tells the others, and hears of clears', async () => {
    const [a, b] = [
      await bench.manager({ [SERVICE]: { cache_type: 'l2' } }),
      await bench.manager({ [SERVICE]: { cache_type: 'two-level' } }),
    ];
    const pair = { writer: a.client(SERVICE), reader: b.client(SERVICE) };
    await hold(pair);
    await pair.writer.set('k', 'new');
    await until(() => pair.reader.peek('k') === undefined);
    await pair.reader.clear();
    await until(async () => (await pair.writer.get('k')) === undefined);
  });
});

describe('sync.enabled = false', () => {
  test('tells nobody, and leaves no stream behind', async () => {
    const service = { cache_type: 'two-level', sync: { enabled: false } } as const;
    const [a, b] = [await bench.manager({ [SERVICE]: service }), await bench.manager({ [SERVICE]: service })];
    await a.client(SERVICE).set('k', 'old');
    expect(await b.client(SERVICE).get('k')).toBe('old');
    await a.client(SERVICE).set('k', 'new');
    expect(b.client(SERVICE).peek('k')).toBe('old');
    expect(a.client(SERVICE).health().sync).toBeUndefined();
    expect(((await bench.server.call('KEYS', '*')) as string[]).sort()).toEqual(
      [`oxcache:${SERVICE}:k`, `oxcache::${SERVICE}:marks`].sort(),
    );
  });

  test('a clear removes what it clears before it resolves', async () => {
    const manager = await bench.manager({ [SERVICE]: { cache_type: 'two-level', sync: { enabled: false } } });
    const client = manager.client(SERVICE);
    await client.setMany(Array.from({ length: 1500 }, (_, i) => [`k${i}`, i] as const));
    await client.clear();
    expect(await bench.server.call('KEYS', `oxcache:${SERVICE}:*`)).toEqual([]);
  });
});
