/** G1: services do not see each other's keys, and a clear touches nothing but its service. */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from '@jest/globals';
import { until } from '../../support/until.js';
import { Workbench, defer } from './workbench.js';

const bench = new Workbench();
const given: Redis[] = [];

afterEach(() => {
  for (const redis of given.splice(0)) redis.disconnect();
});

const twoLevel = { cache_type: 'two-level' } as const;

describe('G1: services of one Redis', () => {
  test('keep the same key apart', async () => {
    const manager = await bench.manager({ users: twoLevel, orders: { cache_type: 'l2' } });
    await manager.client('users').set('1', 'a user');
    await manager.client('orders').set('1', 'an order');
    expect(await manager.client('users').get('1')).toBe('a user');
    expect(await manager.client('orders').getMany(['1'])).toEqual(new Map([['1', 'an order']]));
    expect(await bench.names()).toEqual(['oxcache:orders:1', 'oxcache:users:1']);
  });

  test('of applications with different prefixes keep the same key apart', async () => {
    const [one, other] = await Promise.all(
      ['one', 'other'].map((key_prefix) => bench.client('l2', {}, { global: { key_prefix } })),
    );
    await one?.set('a', 1);
    expect(await other?.get('a')).toBeUndefined();
    await other?.clear();
    expect(await one?.get('a')).toBe(1);
  });

  test('of the same name and prefix in two managers are the same cache', async () => {
    const [a, b] = await Promise.all([bench.client('two-level'), bench.client('l2')]);
    await a.set('k', 1);
    expect(await b.get('k')).toBe(1);
  });
});

describe('G1: clear', () => {
  test('removes the entries of its service and no others, in L1 and in Redis', async () => {
    const names = ['users', 'usersAbc', 'users.a', 'user'];
    const manager = await bench.manager(Object.fromEntries(names.map((name) => [name, twoLevel])));
    for (const name of names) await manager.client(name).setMany(Array.from({ length: 20 }, (_, i) => [`k${i}`, i] as const));
    await bench.server.call('SET', 'foreign', 'x');
    await bench.server.call('SET', 'oxcache:users', 'x');
    await bench.server.call('HSET', 'oxcache:usersX:1', 'a', '1');
    await manager.client('users').clear();
    const left = await bench.names();
    expect(left.filter((name) => name.startsWith('oxcache:users:'))).toEqual([]);
    expect(left).toHaveLength(3 * 20 + 3);
    expect(manager.client('usersAbc').peek('k1')).toBe(1);
    expect(await manager.client('user').get('k1')).toBe(1);
    expect(await manager.client('users').get('k1')).toBeUndefined();
  });

  test('takes the characters of patterns in a prefix as they are', async () => {
    const redis = new Redis(bench.server.url, { keyPrefix: 'a*[b]?\\\\:' });
    given.push(redis);
    const client = await bench.client('l2', {}, { connections: redis });
    await client.set('k', 1);
    const foreign = ['a*[b]?\\:oxcache:things:k', 'aXX[b]X\\\\:oxcache:things:k', 'aXXbX\\\\:oxcache:things:k'];
    for (const name of foreign) await bench.server.call('SET', name, 'foreign');
    expect(await bench.names()).toHaveLength(4);
    await client.clear();
    expect(await client.get('k')).toBeUndefined();
    expect(await bench.names()).toEqual(foreign.sort());
  });

  test('goes through a large service in steps, whatever else is there', async () => {
    const client = await bench.client('l2');
    const other = await bench.manager({ other: { cache_type: 'l2' } });
    for (const target of [client, other.client('other')]) {
      await target.setMany(Array.from({ length: 3000 }, (_, i) => [`k${i}`, i] as const));
    }
    const counts = await bench.countCommands(async () => {
      await client.clear();
      expect(await client.getMany(['k0', 'k2999'])).toEqual(new Map());
      // The memory is freed behind it. Two streams and two services' marks are there besides the other service's entries.
      await until(async () => (await bench.server.call('DBSIZE')) === 3004);
    });
    expect(counts).not.toHaveProperty('keys');
    expect(counts['scan']).toBeGreaterThan(3);
    expect((await bench.names()).filter((name) => name.startsWith('oxcache:things:'))).toEqual([]);
    expect(await bench.names()).toHaveLength(3000);
  });

  test('reaches what a prefix of a handed-in connection stands before, and nothing else', async () => {
    const redis = new Redis(bench.server.url, { keyPrefix: 'app:' });
    given.push(redis);
    const client = await bench.client('two-level', {}, { connections: redis });
    await client.set('a', 1);
    expect(await bench.names()).toEqual(['app:oxcache:things:a']);
    await bench.server.call('SET', 'oxcache:things:a', 'foreign');
    expect(await client.getL2Only('a')).toBe(1);
    await client.clear();
    expect(await client.get('a')).toBeUndefined();
    expect(await bench.names()).toEqual(['oxcache:things:a']);
  });

  test('is seen by other managers in Redis, and writes after it stay', async () => {
    const [a, b] = await Promise.all([bench.client('two-level'), bench.client('l2')]);
    await a.set('k', 1);
    await b.clear();
    await b.set('after', 2);
    expect(await a.getL2Only('k')).toBeUndefined();
    expect(await a.get('after')).toBe(2);
  });

  test('removes bytes under its names that are no entries', async () => {
    const client = await bench.client('l2');
    await bench.server.call('SET', 'oxcache:things:text', 'not ours');
    await bench.server.call('RPUSH', 'oxcache:things:list', 'not ours');
    await client.clear();
    expect(await bench.names()).toEqual([]);
  });

  test('removes writes that were still on their way', async () => {
    const settings = { two_level: { write_through: false, enable_batch_write: true, batch_interval_ms: 60_000 } } as const;
    const client = await bench.client('two-level', settings);
    expect(await client.set('a', 1)).toEqual({ l1: true, l2: 'queued' });
    await client.clear();
    await client.flush();
    expect(await bench.names()).toEqual([]);
    expect(await client.get('a')).toBeUndefined();
  });

  test('G4: a load that began before it is not kept', async () => {
    const client = await bench.client('two-level');
    const source = defer<string>();
    const loading = client.getOrLoad('a', () => source.promise);
    await client.clear();
    source.resolve('old');
    expect(await loading).toBe('old');
    expect(client.peek('a')).toBeUndefined();
    expect(await client.get('a')).toBeUndefined();
  });

  test('G4: what reads promoted while it was at work is not left in L1', async () => {
    const writer = await bench.client('two-level');
    const keys = Array.from({ length: 300 }, (_, i) => `k${i}`);
    await writer.setMany(keys.map((key) => [key, 1] as const));
    const client = await bench.client('two-level');
    const clearing = client.clear();
    const reads: Promise<unknown>[] = [];
    let isCleared = false;
    const readOn = async (): Promise<void> => {
      for (let i = 0; !isCleared && i < 10_000; i++) {
        reads.push(client.get(keys[i % keys.length] as string));
        if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const reading = readOn();
    await clearing;
    isCleared = true;
    await reading;
    await Promise.all(reads);
    expect(keys.filter((key) => client.peek(key) !== undefined)).toEqual([]);
  });
});
