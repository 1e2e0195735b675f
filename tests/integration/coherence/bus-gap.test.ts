/**
 * G5: a process whose link was lost serves nothing stale once it is back, whatever it missed, though its L1 copies had ten minutes
 * to live. The link is cut and kept from coming back until everything to be missed has happened; Redis is there all the time.
 */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { FaultyTier } from '../../../lib/testing/faulty-tier.js';
import { until } from '../../support/until.js';
import { Gate } from '../races/gate.js';
import { SERVICE, Workbench, type ServiceSettings } from '../clients/workbench.js';

const bench = new Workbench();
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const LISTENING = new Set(['xread', 'xrange', 'xrevrange', 'subscribe', 'ping']);

interface Setting {
  readonly reader: CacheClient;
  readonly writer: CacheClient;
  /** Ends the reader's link for good. */
  readonly cut: () => Promise<void>;
  /** Lets it come back; resolves when it has. */
  readonly mend: () => Promise<void>;
}

async function listeners(): Promise<string[]> {
  const list = String(await bench.server.call('CLIENT', 'LIST'));
  return [...list.matchAll(/^id=(\d+) .*name=oxcache-bus /gm)].map(([, id = '']) => id);
}

async function open(transport: 'stream' | 'pubsub', sync: ServiceSettings['sync'] = {}): Promise<Setting> {
  const service = { cache_type: 'two-level', ttl: '10m', l1: { ttl: '10m' }, sync: { transport, ...sync } } as const;
  const writer = (await bench.manager({ [SERVICE]: service })).client(SERVICE);
  const others = await listeners();
  const redis = new Redis(bench.server.url, { disconnectTimeout: 50 });
  redis.on('error', () => undefined);
  cleanups.push(() => redis.disconnect());
  const faulty = new FaultyTier(redis);
  const reader = (await bench.manager({ [SERVICE]: service }, { connections: faulty.connection })).client(SERVICE);
  const isUp = (): boolean => reader.health().sync?.status === 'connected';
  await until(() => isUp() && writer.health().sync?.status === 'connected');
  return {
    reader,
    writer,
    cut: async () => {
      faulty.failMatching((name) => (LISTENING.has(name) ? 'LOADING Redis is loading the dataset in memory' : undefined));
      const own = (await listeners()).filter((id) => !others.includes(id));
      expect(own).toHaveLength(1);
      await bench.server.call('CLIENT', 'KILL', 'ID', own[0] as string);
      await until(() => !isUp());
    },
    mend: async () => {
      faulty.recover();
      await until(isUp);
    },
  };
}

const KEYS = ['set', 'deleted', 'expired', 'tagged', 'untouched'];

async function holdAll({ reader, writer }: Setting): Promise<void> {
  await writer.setMany(KEYS.map((key) => [key, 'old'] as const));
  await writer.set('tagged', 'old', { tags: ['t'] });
  await until(async () => {
    await reader.getMany(KEYS);
    return KEYS.every((key) => reader.peek(key) === 'old');
  });
}

describe.each(['stream', 'pubsub'] as const)('G5: what happens while the link is lost (%s)', (transport) => {
  test('is known when it is back: a set, a delete, an expiry, a tag', async () => {
    const setting = await open(transport);
    const { reader, writer } = setting;
    await holdAll(setting);
    await setting.cut();
    await writer.set('set', 'new');
    await writer.delete('deleted');
    await writer.expire('expired', '20s');
    await writer.invalidateTags('t');
    // This is what was missed.
    for (const key of KEYS) expect(reader.peek(key)).toBe('old');
    await setting.mend();
    expect(await reader.getMany(KEYS)).toEqual(new Map(Object.entries({ set: 'new', expired: 'old', untouched: 'old' })));
    expect((await reader.lookup('expired')).ttlMs).toBeLessThanOrEqual(20_000);
    expect(reader.metrics().invalidationLinkLosses).toBe(1);
  });

  test('is known when it is back: a clear, and what was written after it', async () => {
    const setting = await open(transport);
    const { reader, writer } = setting;
    await holdAll(setting);
    await setting.cut();
    await writer.clear();
    await writer.set('set', 'new');
    expect(reader.peek('untouched')).toBe('old');
    await setting.mend();
    expect(await reader.getMany(KEYS)).toEqual(new Map([['set', 'new']]));
  });

  test('is not lost on copies that were read meanwhile', async () => {
    const setting = await open(transport);
    const { reader, writer } = setting;
    await writer.set('k', 'old');
    await setting.cut();
    expect(await reader.get('k')).toBe('old');
    expect(reader.peek('k')).toBe('old');
    await writer.set('k', 'new');
    await setting.mend();
    expect(await reader.get('k')).toBe('new');
  });

  test('is not undone by a load that began before, and ends when the link is back', async () => {
    const setting = await open(transport);
    const { reader, writer } = setting;
    const gate = new Gate();
    const load = reader.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    await setting.cut();
    await writer.set('k', 'new');
    await setting.mend();
    gate.open();
    expect(await load).toBe('old');
    expect(reader.peek('k')).toBeUndefined();
    expect([await reader.get('k'), await writer.getL2Only('k')]).toEqual(['new', 'new']);
  });

  test('is not undone by a load that ended before the link was back', async () => {
    const setting = await open(transport);
    const { reader, writer } = setting;
    const gate = new Gate();
    const load = reader.getOrLoad('k', () => gate.pass('old'));
    await gate.reached;
    await setting.cut();
    await writer.set('k', 'new');
    gate.open();
    expect(await load).toBe('old');
    // Redis has said that there is something newer.
    expect(reader.peek('k')).toBeUndefined();
    await reader.set('later', 'old');
    await writer.set('later', 'new');
    expect(reader.peek('later')).toBe('old');
    await setting.mend();
    expect([await reader.get('k'), await reader.get('later')]).toEqual(['new', 'new']);
  });

  test('is never stale with on_link_loss = "bypass", once the link has shown no life for 2 s', async () => {
    const setting = await open(transport, { on_link_loss: 'bypass' });
    const { reader, writer } = setting;
    await holdAll(setting);
    await setting.cut();
    await writer.set('set', 'new');
    await until(async () => (await reader.get('set')) === 'new', { timeoutMs: 3000 });
    expect(reader.peek('set')).toBeUndefined();
    expect(reader.peek('untouched')).toBeUndefined();
    await reader.set('own', 1);
    expect(reader.peek('own')).toBeUndefined();
    expect(await reader.get('own')).toBe(1);
    await setting.mend();
    await until(async () => (await reader.get('set')) === 'new' && reader.peek('set') === 'new');
    await reader.set('own', 2);
    expect(reader.peek('own')).toBe(2);
  });
});

test('G5: what was trimmed from the stream while the link was lost is a gap: L1 is dropped', async () => {
  const setting = await open('stream');
  const { reader, writer } = setting;
  await holdAll(setting);
  const { invalidationGaps } = reader.metrics();
  await setting.cut();
  await writer.set('set', 'new');
  await bench.server.call('XTRIM', `oxcache::${SERVICE}:stream`, 'MAXLEN', 0);
  await setting.mend();
  expect(reader.metrics().invalidationGaps).toBe(invalidationGaps + 1);
  expect(reader.peek('untouched')).toBeUndefined();
  expect(await reader.get('set')).toBe('new');
});

test('G5: over a stream, L1 stays for what nobody touched while the link was lost', async () => {
  const setting = await open('stream');
  const { reader, writer } = setting;
  await holdAll(setting);
  await setting.cut();
  await writer.set('set', 'new');
  await setting.mend();
  expect(reader.peek('set')).toBeUndefined();
  expect(reader.peek('untouched')).toBe('old');
});
