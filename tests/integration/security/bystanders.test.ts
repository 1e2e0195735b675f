/** Listeners, loggers, loaders and values that misbehave hurt nobody but themselves (G10). */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CACHE_EVENTS, type CacheClient, type CacheManager, type Logger } from '../../../lib/index.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { degraded, healthy, twoLevelAt, useRig } from '../outage/rig.js';

const rig = useRig();
let server: RedisServer;

beforeEach(async () => {
  server = await rig.startRedis();
});

/** Makes everything happen that there is an event for, and checks every result on the way. */
async function expectEverythingToWork(client: CacheClient): Promise<void> {
  expect(await client.set('k', 'v')).toEqual({ l1: true, l2: 'written' });
  expect(await client.set('k2', 'v')).toEqual({ l1: true, l2: 'written' });
  expect(await client.get('k2')).toBe('v');
  expect(await client.get('k')).toBe('v');
  expect(await client.get('nothing')).toBeUndefined();
  expect(client.peek('k')).toBe('v');
  expect(await client.getOrLoad('l', () => 'loaded')).toBe('loaded');
  expect(await client.getOrLoadMany(['l', 'm'], (keys) => keys.map((key) => `${key}!`))).toEqual(
    new Map([
      ['l', 'loaded'],
      ['m', 'm!'],
    ]),
  );
  await server.call('SET', 'oxcache:s:foreign', 'bytes');
  expect(await client.get('foreign')).toBeUndefined();
  await expect(client.getOrLoad('failing', () => Promise.reject(new Error('source')))).rejects.toThrow('source');
  expect(await client.delete('k')).toBe(true);
  expect(await client.get('k')).toBeUndefined();
  await client.clear();
  await server.kill();
  await degraded(client);
  expect(await client.set('k', 'alone')).toEqual({ l1: true, l2: 'logged' });
  expect(await client.get('k')).toBe('alone');
  await server.restart();
  await healthy(client);
  expect(await client.set('k', 'again')).toEqual({ l1: true, l2: 'written' });
}

describe('G10: listeners', () => {
  const BAD: readonly (readonly [string, () => unknown])[] = [
    [
      'throw',
      () => {
        throw new Error('from a listener');
      },
    ],
    [
      'throw undefined',
      () => {
        throw undefined;
      },
    ],
    ['reject', () => Promise.reject(new Error('from a listener'))],
    ['reject late', () => new Promise((_resolve, reject) => setImmediate(() => reject(new Error('late'))))],
    [
      'return a thenable that rejects',
      () => ({
        then: (_resolve: unknown, reject: (error: Error) => void) => {
          reject(new Error('thenable'));
        },
      }),
    ],
  ];

  test.each(BAD)('that %s change nothing, for any event', async (_name, misbehave) => {
    const manager = await rig.open({ s: twoLevelAt(server, { l1: { max_capacity: 1 } }) });
    const client = manager.client('s');
    const seen = new Set<string>();
    for (const event of CACHE_EVENTS) {
      for (const source of [client, manager]) {
        source.on(event, () => {
          seen.add(event);
          return misbehave() as undefined;
        });
      }
    }
    await expectEverythingToWork(client);
    expect([...seen].sort()).toEqual([...CACHE_EVENTS].sort());
  });

  test('that throw do not keep the event from the others', async () => {
    const manager = await rig.open({ s: { cache_type: 'l1' } });
    const client = manager.client('s');
    const heard: string[] = [];
    client.on('write', () => {
      throw new Error('first');
    });
    client.on('write', ({ key }) => heard.push(`client ${key}`));
    manager.on('write', () => {
      throw new Error('second');
    });
    manager.on('write', ({ key }) => heard.push(`manager ${key}`));
    await client.set('k', 1);
    expect(heard).toEqual(['client k', 'manager k']);
  });

  test('that use the cache find it whole', async () => {
    const client = (await rig.open({ s: twoLevelAt(server, { l1: { max_capacity: 2 } }) })).client('s');
    const work: Promise<unknown>[] = [];
    client.on('evict', ({ key }) => {
      work.push(client.get(key));
    });
    client.on('write', ({ key }) => {
      if (!key.startsWith('copy')) work.push(client.set(`copy ${key}`, 1));
    });
    await Promise.all(Array.from({ length: 20 }, (_, i) => client.set(`k${i}`, i)));
    await Promise.all(work);
    expect(client.metrics().l1Entries).toBeLessThanOrEqual(2);
    expect((await client.getMany(Array.from({ length: 20 }, (_, i) => `k${i}`))).size).toBe(20);
  });

  test('that remove themselves or others while an event is on its way are no trouble', async () => {
    const client = (await rig.open({ s: { cache_type: 'l1' } })).client('s');
    let calls = 0;
    const once = (): void => {
      calls++;
      client.off('write', once);
      client.off('write', never);
    };
    const never = (): void => undefined;
    client.on('write', once);
    client.on('write', never);
    await client.set('k', 1);
    await client.set('k', 2);
    expect(calls).toBe(1);
  });
});

describe('G10: loggers', () => {
  const loggerOf = (log: () => unknown): Logger => ({ error: log, warn: log, info: log, debug: log });

  test.each<readonly [string, () => unknown]>([
    [
      'throw',
      () => {
        throw new Error('from a logger');
      },
    ],
    [
      'reject',
      async () => {
        throw new Error('from a logger');
      },
    ],
  ])('that %s change nothing', async (_name, log) => {
    let lines = 0;
    const counting = (): unknown => {
      lines++;
      return log();
    };
    const manager: CacheManager = await rig.open(
      { s: twoLevelAt(server) },
      { logger: loggerOf(counting), global: { log_level: 'silly' } },
    );
    await expectEverythingToWork(manager.client('s'));
    expect(lines).toBeGreaterThan(2);
    await manager.close();
  });
});

describe('G10: loaders', () => {
  let client: CacheClient;
  beforeEach(async () => {
    client = (await rig.open({ s: twoLevelAt(server, { load_timeout: '100ms' }) })).client('s');
  });

  /** The key is free, and nothing of the failed load is left. */
  async function expectToBeOver(): Promise<void> {
    await until(() => client.metrics().loadsInFlight === 0);
    expect(await client.getOrLoad('k', () => 'next')).toBe('next');
  }

  test.each<readonly [string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a string', 'a string'],
    ['an object', { not: 'an error' }],
  ])('that throw %s are passed on as they are', async (_name, thrown) => {
    const loaders: (() => never | Promise<never>)[] = [
      () => {
        throw thrown;
      },
      async () => {
        throw thrown;
      },
    ];
    for (const loader of loaders) {
      const ends = await Promise.allSettled([
        client.getOrLoad('k', loader),
        client.getOrLoad('k', loader),
        client.refresh('r', loader),
        client.getOrLoadMany(['m', 'n'], loader),
      ]);
      for (const end of ends) expect(end).toEqual({ status: 'rejected', reason: thrown });
    }
    await expectToBeOver();
    expect(client.metrics().loadErrors).toBeGreaterThan(0);
  });

  test('that never settle are given up after load_timeout', async () => {
    const thenable = { then: () => undefined } as unknown as PromiseLike<string>;
    await expect(client.getOrLoad('k', () => thenable)).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT', key: 'k' });
    await expect(client.getOrLoadMany(['k', 'l'], () => thenable as never)).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT' });
    await expectToBeOver();
  });

  test('that end after they were given up are not kept', async () => {
    let end: (value: string) => void = () => undefined;
    let signal: AbortSignal | undefined;
    const load = client.getOrLoad('k', (context) => {
      ({ signal } = context);
      return new Promise<string>((resolve) => (end = resolve));
    });
    await expect(load).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT' });
    expect(signal?.aborted).toBe(true);
    end('late');
    expect(await client.get('k')).toBeUndefined();
    await expectToBeOver();
  });

  test('that fail after they were given up are heard by nobody', async () => {
    let fail: (error: Error) => void = () => undefined;
    const load = client.getOrLoad('k', () => new Promise<string>((_resolve, reject) => (fail = reject)));
    await expect(load).rejects.toMatchObject({ code: 'CACHE_LOAD_TIMEOUT' });
    fail(new Error('late'));
    await expectToBeOver();
  });

  test('that resolve to a thenable are followed to its end', async () => {
    const thenable = {
      then: (resolve: (value: string) => void) => {
        resolve('followed');
      },
    } as unknown as PromiseLike<string>;
    expect(await client.getOrLoad('k', () => thenable)).toBe('followed');
    expect(await client.getL2Only('k')).toBe('followed');
  });

  test('that use the cache themselves, also for other keys, do not wait for ever', async () => {
    const value = await client.getOrLoad('outer', async () => {
      await client.set('other', 1);
      return `outer of ${String(await client.getOrLoad('inner', () => 'inner'))}`;
    });
    expect(value).toBe('outer of inner');
  });
});
