/** G1 and G7: what is logged below a prefix is replayed below that prefix, and is readable there. */
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { CacheManager } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import { degraded, healthy, twoLevelAt, useRig } from './rig.js';

const rig = useRig();
const given: Redis[] = [];

afterEach(() => {
  for (const redis of given.splice(0)) redis.disconnect();
});

test('a prefix with ":": reads of what is logged, the takeover and the replay', async () => {
  const server = await rig.startRedis();
  const proxy = await rig.startProxy(server);
  const open = async (): Promise<CacheManager> => rig.open({ items: twoLevelAt(proxy) }, { global: { key_prefix: 'shop:cart' } });
  const first = await open();
  await first.client('items').set('changed', 'old');
  await proxy.refuse();
  proxy.drop();
  await degraded(first.client('items'));
  for (const key of ['new', 'changed']) {
    expect(await first.client('items').set(key, 'logged', { tags: ['t'] })).toEqual({ l1: true, l2: 'logged' });
    expect(await first.client('items').getL2Only(key)).toBe('logged');
  }
  await first.client('items').delete('deleted');
  await first.client('items').invalidateTags('other');
  await first.close({ deadline: '50ms' });
  await proxy.resume();

  const heir = (await open()).client('items');
  expect(await heir.getMany(['new', 'changed', 'deleted'])).toEqual(
    new Map([
      ['new', 'logged'],
      ['changed', 'logged'],
    ]),
  );
  await healthy(heir);
  await until(() => heir.metrics().loggedKeys === 0);
  expect(await heir.getL2Only('new')).toBe('logged');
  expect(await heir.getL2Only('changed')).toBe('logged');
  expect(heir.metrics().undecodable).toBe(0);
  expect(String(await server.call('GET', 'shop:cart:items:new'))).toMatch(/^OXa/);
});

test('an entry of another application at the name does not hide what is logged', async () => {
  const server = await rig.startRedis();
  const proxy = await rig.startProxy(server);
  const items = (await rig.open({ items: twoLevelAt(proxy) }, { global: { key_prefix: 'shop:cart' } })).client('items');
  const shop = (await rig.open({ cart: twoLevelAt(server) }, { global: { key_prefix: 'shop' } })).client('cart');
  await proxy.refuse();
  proxy.drop();
  await degraded(items);
  expect(await items.set('k', 'logged')).toMatchObject({ l2: 'logged' });
  await shop.set('items:k', 'of shop, and newer');
  await proxy.resume();
  await healthy(items);
  await until(() => items.metrics().loggedKeys === 0);
  expect(await items.getL2Only('k')).toBe('logged');
  expect(await shop.getL2Only('items:k')).toBeUndefined();
});

test('a log is not taken over for a connection with another prefix', async () => {
  const server = await rig.startRedis();
  const proxy = await rig.startProxy(server);
  const open = async (keyPrefix: string): Promise<CacheManager> => {
    const connections = new Redis({
      host: '127.0.0.1',
      port: proxy.port,
      keyPrefix,
      disconnectTimeout: 50,
      retryStrategy: () => 50,
    });
    connections.on('error', () => undefined);
    given.push(connections);
    return rig.open({ s: { cache_type: 'two-level', ttl: 600 } }, { connections });
  };
  const first = await open('one:');
  await proxy.refuse();
  proxy.drop();
  await degraded(first.client('s'));
  expect(await first.client('s').set('k', 'of one')).toMatchObject({ l2: 'logged' });
  await first.close({ deadline: '50ms' });
  await proxy.resume();

  const other = (await open('other:')).client('s');
  await healthy(other);
  expect(other.metrics().loggedKeys).toBe(0);
  expect(await other.get('k')).toBeUndefined();
  const heir = (await open('one:')).client('s');
  await until(async () => (await heir.getL2Only('k')) === 'of one');
  expect(await other.getL2Only('k')).toBeUndefined();
  expect(await server.call('EXISTS', 'other:oxcache:s:k')).toBe(0);
});
