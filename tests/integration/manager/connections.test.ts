/** Who shares a connection with whom, and how a connection that was handed in is treated. */
import { Redis, type RedisOptions } from 'ioredis';
import { afterEach, describe, expect, test } from '@jest/globals';
import { until } from '../../support/until.js';
import { Workbench } from '../clients/workbench.js';

const bench = new Workbench();
const given: Redis[] = [];

afterEach(() => {
  for (const redis of given.splice(0)) redis.disconnect();
});

function connect(options: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
  const redis = new Redis(bench.server.url, options);
  redis.on('error', () => undefined);
  given.push(redis);
  return redis;
}

/** Connections of ours: those that entries are read and written over. */
const countOwned = (): Promise<number> => countNamed('oxcache');

/** Connections of ours over which the writes of other processes are heard of. */
const countLinks = (): Promise<number> => countNamed('oxcache-bus');

async function countNamed(name: string): Promise<number> {
  const list = String(await bench.server.call('CLIENT', 'LIST'));
  return list.split('\n').filter((line) => line.includes(` name=${name} `)).length;
}

const l2 = { cache_type: 'l2' } as const;
const twoLevel = { cache_type: 'two-level' } as const;

describe('connections of a manager', () => {
  test('are shared by services that use the same Redis in the same way', async () => {
    const manager = await bench.manager({ a: l2, b: twoLevel, c: l2 });
    for (const name of manager.services) await manager.client(name).set('k', 1);
    expect(await countOwned()).toBe(1);
    expect(await countLinks()).toBe(1);
    await manager.close();
    await until(async () => (await countOwned()) + (await countLinks()) === 0);
  });

  test('are apart for different databases', async () => {
    const at = (db: number): typeof twoLevel & { l2: object } => ({
      ...twoLevel,
      l2: { connection_string: bench.server.url, db },
    });
    const manager = await bench.manager({ a: at(0), b: at(1), c: at(1) });
    expect(await countOwned()).toBe(2);
    expect(await countLinks()).toBe(2);
    await manager.client('b').set('k', 'in 1');
    expect(await manager.client('c').get('k')).toBeUndefined();
    expect(await bench.names()).toEqual([]);
  });

  test('are not opened for a service without Redis', async () => {
    await bench.manager({ a: { cache_type: 'l1' } });
    expect(await countOwned()).toBe(0);
    expect(await countLinks()).toBe(0);
  });

  test('are one fewer where no service listens to other processes', async () => {
    const manager = await bench.manager({ a: twoLevel }, { global: { sync: { enabled: false } } });
    await manager.client('a').set('k', 1);
    expect(await countOwned()).toBe(1);
    expect(await countLinks()).toBe(0);
    expect(await bench.commonNames()).toEqual(['oxcache::a:marks']);
  });

  test('stay open for the others when one service is closed', async () => {
    const manager = await bench.manager({ a: l2, b: l2 });
    await manager.client('a').close();
    expect(await manager.client('b').set('k', 1)).toMatchObject({ l2: 'written' });
    await expect(manager.client('a').get('k')).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
  });
});

describe('a connection that is handed in', () => {
  test('is used by all services, and no other is opened, but one like it to listen', async () => {
    const redis = connect({ connectionName: 'given' });
    const manager = await bench.manager({ a: l2, b: twoLevel }, { connections: redis });
    await manager.client('a').set('k', 1);
    await manager.client('b').set('k', 1);
    expect(await countOwned()).toBe(0);
    expect(await countNamed('given')).toBe(1);
    expect(await countLinks()).toBe(1);
    expect(await bench.names()).toEqual(['oxcache:a:k', 'oxcache:b:k']);
  });

  test('is used by the services it is named for', async () => {
    const redis = connect({ db: 7 });
    const services = { a: l2, b: { ...l2, l2: { connection_string: bench.server.url } } };
    const manager = await bench.manager(services, { connections: { a: redis } });
    await manager.client('a').set('k', 1);
    await manager.client('b').set('k', 1);
    expect(await countOwned()).toBe(1);
    expect(await bench.names()).toEqual(['oxcache:b:k']);
    expect((await redis.keys('*')).sort()).toEqual(['oxcache::a:marks', 'oxcache::a:stream', 'oxcache:a:k']);
  });

  test('is not closed, and nothing of ours is left on it', async () => {
    const redis = connect();
    await redis.ping();
    const events = ['connect', 'ready', 'close', 'error', 'end', 'reconnecting'];
    const before = events.map((event) => redis.listenerCount(event));
    const manager = await bench.manager({ a: twoLevel }, { connections: redis });
    await manager.client('a').set('k', 1);
    await manager.close();
    expect(redis.status).toBe('ready');
    expect(await redis.ping()).toBe('PONG');
    expect(events.map((event) => redis.listenerCount(event))).toEqual(before);
    await until(async () => (await countLinks()) === 0);
  });

  test('may have a keyPrefix, which stands before ours', async () => {
    const redis = connect({ keyPrefix: 'app:' });
    const [first, second] = [
      await bench.client('two-level', {}, { connections: redis }),
      await bench.client('two-level', {}, { connections: redis }),
    ];
    await first.set('k', 'v');
    expect(await bench.names()).toEqual(['app:oxcache:things:k']);
    expect(await bench.commonNames()).toEqual(['app:::oxcache::things:marks', 'app:::oxcache::things:stream']);
    expect(await second.get('k')).toBe('v');
    expect(await second.getMany(['k', 'x'])).toEqual(new Map([['k', 'v']]));
    expect(await first.expire('k', 10)).toBe(true);
    expect(await first.delete('k')).toBe(true);
    expect(await second.getL2Only('k')).toBeUndefined();
  });

  test.each(['::', ':a:', 'a::', 'a::b:', 'x:'.repeat(21)])(
    'G1: may not have the keyPrefix %j, with which names of other applications could be the same',
    async (keyPrefix) => {
      const connections = connect({ keyPrefix, lazyConnect: true });
      for (const handedIn of [connections, { a: connections }]) {
        const opening = bench.manager({ a: twoLevel }, { connections: handedIn });
        await expect(opening).rejects.toThrow(/`keyPrefix` that begins with `:`/);
        await expect(opening).rejects.toBeInstanceOf(TypeError);
      }
      expect(connections.status).toBe('wait');
    },
  );

  test('may have a keyPrefix with as many ":" as an entry can tell', async () => {
    const client = await bench.client('two-level', {}, { connections: connect({ keyPrefix: 'x:'.repeat(20) }) });
    await client.set('k', 'v');
    expect(await client.getL2Only('k')).toBe('v');
    expect(String(await bench.server.call('GET', `${'x:'.repeat(20)}oxcache:things:k`))).toMatch(/^OXt/);
  });

  test('may still be on its way, or be connected lazily', async () => {
    const lazy = connect({ lazyConnect: true });
    const client = await bench.client('l2', {}, { connections: lazy });
    expect(await client.set('k', 1)).toMatchObject({ l2: 'written' });
    const early = await bench.client('l2', {}, { connections: connect() });
    expect(await early.get('k')).toBe(1);
  });

  test.each(['stream', 'pubsub'] as const)(
    'that was selected into another database hears of those who are configured for it, and they of it, over %s',
    async (transport) => {
      const sync = { transport };
      const redis = connect();
      await redis.select(3);
      const here = await bench.client('two-level', { sync }, { connections: redis });
      const there = await bench.client('two-level', { sync, l2: { connection_string: `${bench.server.url}/3` } });
      for (const client of [here, there]) await until(() => client.health().sync?.status === 'connected');
      await here.set('k', 1);
      expect(await there.get('k')).toBe(1);
      await here.set('k', 2);
      await until(() => there.peek('k') === undefined);
      expect(await there.get('k')).toBe(2);
      await there.set('k', 3);
      await until(() => here.peek('k') === undefined);
      expect(await here.get('k')).toBe(3);
    },
  );

  test('goes on to serve its owner, options and all', async () => {
    const redis = connect({ keyPrefix: 'app:', commandTimeout: 5000 });
    const options = { ...redis.options };
    const client = await bench.client('l2', {}, { connections: redis });
    await client.set('k', 1);
    await redis.set('own', 'x');
    expect(await redis.get('own')).toBe('x');
    expect(redis.options).toEqual(options);
  });

  test.each([
    ['something else', () => ({ connections: { a: {} as never } }), 'ioredis client'],
    ['a client for a service that is unknown', () => ({ connections: { b: connect() } }), '"b"'],
    ['an unknown option', (): object => ({ conections: connect() }), '`connections`'],
  ])('that is %s is a TypeError', async (_name, options, text) => {
    await expect(bench.manager({ a: { ...l2, l2: { connection_string: bench.server.url } } }, options())).rejects.toThrow(
      TypeError,
    );
    await expect(bench.manager({ a: { ...l2, l2: { connection_string: bench.server.url } } }, options())).rejects.toThrow(text);
  });
});
