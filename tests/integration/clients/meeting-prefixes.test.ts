/**
 * G1: two applications whose names in Redis meet. `shop:cart:items:1` is the key `items:1` of the service `cart` under `shop`, and
 * the key `1` of `items` under `shop:cart`. Neither sees or clears what the other wrote; where both write a name, it is the last
 * writer's, and a miss for the other (G13).
 */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { until } from '../../support/until.js';
import { KINDS_WITH_L2, Workbench, type Kind, type ServiceSettings } from './workbench.js';

const bench = new Workbench();

/** One of the two applications, and what it calls the names that both have. */
interface Application {
  readonly client: CacheClient;
  readonly keyOf: (name: string) => string;
}

async function openApplication(key_prefix: string, service: string, kind: Kind, settings: ServiceSettings): Promise<CacheClient> {
  const manager = await bench.manager({ [service]: { cache_type: kind, ttl: 600, ...settings } }, { global: { key_prefix } });
  return manager.client(service);
}

async function openShop(kind: Kind, settings: ServiceSettings = {}): Promise<Application> {
  return { client: await openApplication('shop', 'cart', kind, settings), keyOf: (name) => `items:${name}` };
}

async function openItems(kind: Kind, settings: ServiceSettings = {}): Promise<Application> {
  return { client: await openApplication('shop:cart', 'items', kind, settings), keyOf: (name) => name };
}

const pairs = KINDS_WITH_L2.flatMap((kind) =>
  (['json', 'msgpack'] as const).flatMap((serialization) => [
    {
      what: `shop writes, shop:cart reads, ${kind}, ${serialization}`,
      kind,
      serialization,
      open: [openShop, openItems] as const,
    },
    {
      what: `shop:cart writes, shop reads, ${kind}, ${serialization}`,
      kind,
      serialization,
      open: [openItems, openShop] as const,
    },
  ]),
);

describe.each(pairs)('$what', ({ kind, serialization, open: [openFirst, openSecond] }) => {
  async function openBoth(): Promise<readonly [Application, Application]> {
    return [await openFirst(kind, { serialization }), await openSecond(kind, { serialization })];
  }

  test('no read finds what the other wrote, and nothing of it is promoted', async () => {
    const [writer, reader] = await openBoth();
    await writer.client.set(writer.keyOf('1'), 'of the writer');
    const { client } = reader;
    const key = reader.keyOf('1');
    expect(await client.get(key)).toBeUndefined();
    expect(client.metrics()).toMatchObject({ undecodable: 1, misses: 1 });
    expect(await client.getMany([key])).toEqual(new Map());
    expect(await client.getL2Only(key)).toBeUndefined();
    expect(await client.lookup(key)).toEqual({ status: 'miss' });
    expect(await client.has(key)).toBe(false);
    expect(client.peek(key)).toBeUndefined();
    expect(await writer.client.getL2Only(writer.keyOf('1'))).toBe('of the writer');
  });

  test('a write, a load or a deletion of the other replaces it, and each reads its own value or none', async () => {
    const [writer, other] = await openBoth();
    const replacements: readonly ((key: string) => Promise<unknown>)[] = [
      (key) => other.client.set(key, 'of the other'),
      (key) => other.client.setMany([[key, 'of the other']]),
      (key) => other.client.getOrLoad(key, () => Promise.resolve('of the other')),
      (key) => other.client.getOrLoad(key, () => Promise.resolve(null)),
      (key) => other.client.delete(key),
    ];
    for (const [i, replace] of replacements.entries()) {
      await writer.client.set(writer.keyOf(`${i}`), 'of the writer');
      await replace(other.keyOf(`${i}`));
      expect(await writer.client.getL2Only(writer.keyOf(`${i}`))).toBeUndefined();
      expect([undefined, null, 'of the other']).toContain(await other.client.getL2Only(other.keyOf(`${i}`)));
      expect(await writer.client.setL2Only(writer.keyOf(`${i}`), 'again')).toMatchObject({ l2: 'written' });
      expect(await writer.client.getL2Only(writer.keyOf(`${i}`))).toBe('again');
    }
    expect(other.client.metrics().undecodable + writer.client.metrics().undecodable).toBeGreaterThan(0);
  });

  test('delete knows of nothing there, and expire changes nothing', async () => {
    const [writer, other] = await openBoth();
    await writer.client.setMany([
      [writer.keyOf('kept'), 1],
      [writer.keyOf('deleted'), 1],
    ]);
    expect(await other.client.expire(other.keyOf('kept'), 10)).toBe(false);
    expect(await writer.client.getL2Only(writer.keyOf('kept'))).toBe(1);
    expect(Number(await bench.server.call('PTTL', 'shop:cart:items:kept'))).toBeGreaterThan(500_000);
    expect(await other.client.delete(other.keyOf('deleted'))).toBe(false);
  });

  test('a clear leaves all that the other has: entries, marks of deletions, tags, stream, locks', async () => {
    const [clearing, other] = await openBoth();
    const keys = Array.from({ length: 700 }, (_, i) => `${i}`);
    await clearing.client.setMany(keys.map((key) => [clearing.keyOf(`mine ${key}`), key] as const));
    await other.client.setMany(
      keys.map((key) => [other.keyOf(key), key] as const),
      { tags: ['valid'] },
    );
    await other.client.set(other.keyOf('deleted'), 1);
    await other.client.delete(other.keyOf('deleted'));
    await other.client.set(other.keyOf('invalid'), 1, { tags: ['invalid'] });
    await other.client.invalidateTags('invalid');
    const lease = await other.client.lock(other.keyOf('job'), { ttl: '1m' });
    const common = await bench.commonNames();
    const deleted = await bench.server.call('GET', 'shop:cart:items:deleted');
    expect(deleted).not.toBeNull();

    await clearing.client.clear();
    await until(async () => (await bench.names()).every((name) => !name.includes('mine')));
    expect(await other.client.getMany(keys.map(other.keyOf))).toEqual(new Map(keys.map((key) => [other.keyOf(key), key])));
    for (const key of ['0', '699']) expect(await other.client.getL2Only(other.keyOf(key))).toBe(key);
    expect(await other.client.getL2Only(other.keyOf('invalid'))).toBeUndefined();
    expect(await bench.server.call('GET', 'shop:cart:items:deleted')).toBe(deleted);
    expect(await bench.commonNames()).toEqual(common);
    expect(await lease?.extend('1m')).toBe(true);
    const fresh = await openSecond(kind, { serialization });
    expect(await fresh.client.getMany(keys.map(fresh.keyOf))).toHaveProperty('size', keys.length);
  });

  test('an invalidated tag is that of one application', async () => {
    const [one, other] = await openBoth();
    await one.client.set(one.keyOf('1'), 1, { tags: ['t'] });
    await other.client.set(other.keyOf('2'), 2, { tags: ['t'] });
    await one.client.invalidateTags('t');
    expect(await one.client.getL2Only(one.keyOf('1'))).toBeUndefined();
    expect(await other.client.getL2Only(other.keyOf('2'))).toBe(2);
  });

  test('a lock of the same key is had by both', async () => {
    const [one, other] = await openBoth();
    const leases = [
      await one.client.lock(one.keyOf('1'), { ttl: '1m' }),
      await other.client.lock(other.keyOf('1'), { ttl: '1m' }),
    ];
    expect(leases).not.toContain(undefined);
    for (const lease of leases) expect(await lease?.release()).toBe(true);
  });
});

describe('what belongs to a service as a whole', () => {
  const awkward = [
    ':items:marks',
    ':items:stream',
    ':items:lock:job',
    ':items:bus',
    '::probe',
    ':probe',
    ':cart:marks',
    '::items:marks',
  ];

  test.each(KINDS_WITH_L2)('is out of reach of the keys and clears of another application, %s', async (kind) => {
    const [shop, items] = [await openShop(kind), await openItems(kind)];
    await shop.client.setMany(awkward.map((key) => [key, key] as const));
    await items.client.set('1', 'kept');
    await items.client.set('gone', 'tagged', { tags: ['t'] });
    await items.client.invalidateTags('t');
    const lease = await items.client.lock('job', { ttl: '1m' });
    await shop.client.setMany(awkward.map((key) => [key, `again ${key}`] as const));
    for (const key of awkward) expect(await shop.client.getL2Only(key)).toBe(`again ${key}`);
    await shop.client.clear();
    await until(async () => (await bench.names()).every((name) => !name.startsWith('shop:cart::')));
    for (const key of awkward) expect(await shop.client.get(key)).toBeUndefined();
    expect(await lease?.extend('1m')).toBe(true);
    const fresh = await openItems(kind);
    expect(await fresh.client.get('1')).toBe('kept');
    expect(await fresh.client.get('gone')).toBeUndefined();
    expect(await items.client.set('2', 'written')).toMatchObject({ l2: 'written' });
  });

  test.each(['stream', 'pubsub'] as const)('carries no message from one to the other, over %s', async (transport) => {
    const settings = { sync: { transport } } as const;
    const [shop, items, heard] = [
      await openShop('two-level', settings),
      await openItems('two-level', settings),
      await openItems('two-level', settings),
    ];
    await until(() => [shop, items, heard].every(({ client }) => client.health().sync?.status === 'connected'));
    await shop.client.set(shop.keyOf('1'), 'of shop');
    await heard.client.set('2', 'old');
    await until(async () => (await items.client.get('2')) === 'old' && items.client.peek('2') === 'old');
    await shop.client.set('2', 'another key');
    await shop.client.clear();
    await heard.client.set('2', 'new');
    await until(() => items.client.peek('2') === undefined);
    expect(shop.client.metrics().invalidationsReceived).toBe(0);
  });
});

test('a prefix with ":" needs the rights that the pages name, and is refused nothing with them', async () => {
  const rights =
    'resetchannels -@all +get +mget +set +getrange +eval +evalsha +time +scan +unlink +hmget +hget +hset +hdel +hlen +hscan';
  const more = '+dbsize +xadd +xread +xrange +xrevrange +pexpire +del +info +client|setname';
  const keys = '~shop:cart:* ~shop:::cart::*';
  await bench.server.call('ACL', 'SETUSER', 'items', 'on', '>secret', ...`${keys} ${rights} ${more}`.split(' '));
  await bench.server.call('ACL', 'LOG', 'RESET');
  const l2 = { connection_string: bench.server.url, username: 'items', password: 'secret' };
  const { client } = await openItems('two-level', { l2 });
  await until(() => client.health().sync?.status === 'connected');
  expect(await client.set('1', 'v', { tags: ['t'] })).toMatchObject({ l2: 'written' });
  expect(await client.lock('1', { ttl: '1m' })).toBeDefined();
  await client.invalidateTags('t');
  await client.clear();
  expect(client.health().status).toBe('healthy');
  expect(await bench.server.call('ACL', 'LOG')).toEqual([]);
});

test('prefixes that continue each other twice stay apart, three applications at one name', async () => {
  const open = async (key_prefix: string, service: string): Promise<CacheClient> =>
    openApplication(key_prefix, service, 'l2', {});
  const clients = [await open('a', 'b'), await open('a:b', 'c'), await open('a:b:c', 'd')] as const;
  const keys = ['c:d:k', 'd:k', 'k'] as const;
  for (const writer of [0, 1, 2] as const) {
    await clients[writer].set(keys[writer], writer);
    for (const reader of [0, 1, 2] as const)
      expect(await clients[reader].get(keys[reader])).toBe(reader === writer ? writer : undefined);
    for (const clearing of [0, 1, 2] as const) if (clearing !== writer) await clients[clearing].clear();
    expect(await clients[writer].get(keys[writer])).toBe(writer);
  }
});
