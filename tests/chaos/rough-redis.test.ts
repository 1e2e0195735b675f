/**
 * A Redis that is not simply away: it refuses, is slow, is cut off in the middle of a sentence, comes and goes. Whatever it
 * does, what was acknowledged is there in the end (G7, G8), nobody waits (G6), and nothing grows (G14).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import type { CacheClient, SetResult } from '../../lib/index.js';
import { COMMAND_TIMEOUT_MS, degraded, healthy, passTime, timeOf, twoLevelAt, useRig } from '../integration/outage/rig.js';
import { until } from '../support/until.js';
import {
  announceRandom,
  AT_ONCE_MS,
  openPair,
  openWarmPair,
  OUTAGES,
  pttl,
  readAfresh,
  readManyAfresh,
  replayed,
  SERVICE,
  SLACK_MS,
  startDurableRedis,
} from './support/outage-bench.js';

const rig = useRig();

/** Bytes in use after everything that can be collected was. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

describe.each(OUTAGES)('in an outage by $name', ({ begin, end }) => {
  test('G14: 100,000 sets of 100 keys are 100 keys to replay, few bytes on the disk, and no memory', async () => {
    const { server, a, b } = await openWarmPair(rig, await startDurableRedis(rig), { ofA: { wal: { max_bytes: 4_000_000 } } });
    await begin(server);
    await a.get('cold');
    await degraded(a);
    const value = 'x'.repeat(200);
    const write = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        const results = await Promise.all(Array.from({ length: 100 }, (_, i) => a.set(`key${i}`, `${round}${value}`)));
        expect(results.every(({ l2 }) => l2 === 'logged')).toBe(true);
      }
    };
    await write(20);
    const beforeBytes = heapInUse();
    await write(980);
    expect(heapInUse() - beforeBytes).toBeLessThan(20_000_000);
    expect(a.metrics()).toMatchObject({ loggedKeys: 100, writesLogged: 100_000, valuesGivenUp: 0, pendingWrites: 0 });
    expect(a.metrics().logBytes).toBeLessThanOrEqual(4_000_000);
    await end(server);
    await replayed(a, b);
    await until(() => a.metrics().replayed > 0);
    expect(a.metrics()).toMatchObject({ replayed: 100, replayedInvalidations: 0, replaySuperseded: 0 });
    expect(
      new Set(
        (
          await readManyAfresh(
            b,
            Array.from({ length: 100 }, (_, i) => `key${i}`),
          )
        ).values(),
      ),
    ).toEqual(new Set([`979${value}`]));
  });
});

describe('G8: a connection that breaks', () => {
  test.each(['toServer', 'toClient'] as const)(
    'in the middle of many writes (%s) loses none, and lengthens no life',
    async (direction) => {
      const random = announceRandom(`a connection cut ${direction}`);
      const server = await startDurableRedis(rig);
      const proxy = await rig.startProxy(server);
      const { a, b } = await openPair(rig, server, { placeOfA: proxy });
      const expected = new Map<string, number | undefined>();
      for (let round = 0; round < 5; round++) {
        await healthy(a);
        proxy.cutAfter(random.between(0, direction === 'toServer' ? 20_000 : 800), direction);
        const ends: Promise<unknown>[] = [];
        for (let i = 0; i < 150; i++) {
          const key = `key${random.between(0, 99)}`;
          const isSet = random.chance(0.8);
          ends.push(isSet ? a.set(key, round * 1000 + i, '60s') : a.delete(key));
          expected.set(key, isSet ? round * 1000 + i : undefined);
        }
        for (const told of await Promise.all(ends)) {
          if (typeof told === 'object') expect(['written', 'logged']).toContain((told as SetResult).l2);
        }
      }
      await proxy.resume();
      await replayed(a);
      for (const [key, value] of expected) {
        expect([key, await a.get(key), await b.getL2Only(key)]).toEqual([key, value, value]);
        if (value !== undefined) expect(await pttl(server, key)).toBeLessThanOrEqual(60_000);
      }
    },
  );
});

describe('G6, G7: a Redis that answers after 2 s', () => {
  test('counts as away: what it carried out all the same and what was logged agree in the end', async () => {
    const server = await startDurableRedis(rig);
    const proxy = await rig.startProxy(server);
    const { a, b } = await openWarmPair(rig, server, { placeOfA: proxy });
    // It hears at once and answers late: it does what it is asked, and A does not learn of it.
    proxy.setLatency(2000, { direction: 'toClient' });
    let told: unknown;
    expect(await timeOf(a.set('k', 'v2').then((result) => (told = result)))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    expect(told).toEqual({ l1: true, l2: 'logged' });
    await until(async () => (await b.getL2Only('k')) === 'v2');
    await passTime();
    await b.set('k', 'v3');
    await a.delete('d');
    await degraded(a);
    expect(await timeOf(a.get('cold'))).toBeLessThan(AT_ONCE_MS);
    expect(await timeOf(a.set('new', 'n'))).toBeLessThan(AT_ONCE_MS);
    await proxy.resume();
    await replayed(a);
    for (const [key, value] of [
      ['k', 'v3'],
      ['d', undefined],
      ['new', 'n'],
    ] as const)
      expect([key, await a.get(key), await b.getL2Only(key)]).toEqual([key, value, value]);
  });
});

describe('G6: a circuit that is half open', () => {
  test('lets one probe through and nothing else: no call waits for its answer, writes are logged', async () => {
    const server = await startDurableRedis(rig);
    const proxy = await rig.startProxy(server);
    const { a, b } = await openWarmPair(rig, server, { placeOfA: proxy });
    await proxy.refuse();
    proxy.drop();
    await degraded(a);
    const commands = async (): Promise<string> => String(await server.call('INFO', 'commandstats'));
    await server.call('CONFIG', 'RESETSTAT');
    await proxy.resume();
    // The probe's answer takes its time, so that there is a moment to look at.
    proxy.setLatency(150, { direction: 'toClient' });
    await until(() => a.health().l2?.status === 'recovering');
    expect(a.health().status).toBe('degraded');
    expect(await timeOf(a.get('cold'))).toBeLessThan(AT_ONCE_MS);
    expect(await timeOf(a.set('k', 'v2'))).toBeLessThan(AT_ONCE_MS);
    expect(a.health().l2?.status).toBe('recovering');
    expect(await commands()).not.toMatch(/cmdstat_(set|mget):/);
    await proxy.resume();
    await replayed(a);
    expect(await b.getL2Only('k')).toBe('v2');
  });
});

describe('G6, G7: a Redis that refuses', () => {
  test('because it became a replica: reads go on until a write is refused, which is logged and replayed after the promotion', async () => {
    const { server, a, b } = await openWarmPair(rig, await startDurableRedis(rig));
    const primary = await rig.startRedis();
    await server.call('CONFIG', 'SET', 'replica-serve-stale-data', 'yes');
    await primary.kill();
    await server.call('REPLICAOF', '127.0.0.1', primary.port);
    expect(await b.getL2Only('k')).toBe('v1');
    expect(await a.set('k', 'v2')).toEqual({ l1: true, l2: 'logged' });
    await degraded(a);
    expect(a.health().l2?.reason).toContain('READONLY');
    expect(await a.delete('d')).toBe(true);
    await server.call('REPLICAOF', 'NO', 'ONE');
    await replayed(a, b);
    expect([await b.getL2Only('k'), await b.getL2Only('d')]).toEqual(['v2', undefined]);
  });

  test('because it loads its data: writes are logged, and what it loaded does not win over them', async () => {
    const { server, a, b } = await openWarmPair(rig, await startDurableRedis(rig));
    await server.call('DEBUG', 'POPULATE', '20000', 'filler', '10');
    await server.call('CONFIG', 'SET', 'aof-use-rdb-preamble', 'no');
    await server.call('BGREWRITEAOF');
    await until(async () => String(await server.call('INFO', 'persistence')).includes('aof_rewrite_in_progress:0'));
    await server.call('CONFIG', 'SET', 'key-load-delay', '100');
    await server.call('CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024');
    const reload = server.call('DEBUG', 'LOADAOF');
    await until(async () => (await a.set('k', 'v2')).l2 === 'logged');
    expect(await a.delete('d')).toBe(true);
    await degraded(a);
    expect(await timeOf(a.get('cold'))).toBeLessThan(AT_ONCE_MS);
    await server.call('CONFIG', 'SET', 'key-load-delay', '0').catch(() => undefined);
    await reload;
    await replayed(a, b);
    expect([await a.get('k'), await b.getL2Only('k'), await b.getL2Only('d')]).toEqual(['v2', 'v2', undefined]);
  });

  test('because its memory is full: reads and deletions go on, writes are logged, nothing old is served, all of it is replayed', async () => {
    const { server, a, b } = await openWarmPair(rig, await startDurableRedis(rig));
    await a.set('untouched', 'u');
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await server.call('CONFIG', 'SET', 'maxmemory', '1');
    expect(await a.set('k', 'v2')).toEqual({ l1: true, l2: 'logged' });
    expect(await a.delete('d')).toBe(true);
    for (const key of ['x', 'y']) expect(await a.set(key, 1)).toEqual({ l1: true, l2: 'logged' });
    expect(a.health().status).not.toBe('degraded');
    expect([await b.getL2Only('untouched'), await b.getL2Only('k'), await b.getL2Only('d')]).toEqual(['u', undefined, undefined]);
    expect([await a.get('k'), await a.getL2Only('k'), await a.get('x')]).toEqual(['v2', 'v2', 1]);
    await server.call('CONFIG', 'SET', 'maxmemory', '0');
    await replayed(a);
    expect(await readManyAfresh(b, ['k', 'd', 'x', 'y', 'untouched'])).toEqual(
      new Map<string, unknown>([
        ['k', 'v2'],
        ['x', 1],
        ['y', 1],
        ['untouched', 'u'],
      ]),
    );
  });
});

describe('G7, G8: a Redis that comes and goes every 200 ms', () => {
  /** Writes and deletes keys that nobody else does; returns what each should be in the end. */
  async function write(
    client: CacheClient,
    id: number,
    isOver: () => boolean,
    choose: () => number,
  ): Promise<Map<string, unknown>> {
    const expected = new Map<string, unknown>();
    for (let n = 0; !isOver(); n++) {
      const key = `w${id}k${Math.floor(choose() * 20)}`;
      if (choose() < 0.2) {
        await client.delete(key);
        expected.set(key, undefined);
      } else {
        const { l2 } = await client.set(key, n);
        expect(['written', 'logged']).toContain(l2);
        expected.set(key, n);
      }
      // What Redis has and L1 does not is a miss while Redis is away. Anything else would be a value from before.
      expect([undefined, expected.get(key)]).toContain(await client.get(key));
      await new Promise((resolve) => setImmediate(resolve));
    }
    return expected;
  }

  test('loses nothing that was acknowledged, and a writer never reads what it has replaced', async () => {
    const random = announceRandom('flapping');
    const server = await startDurableRedis(rig);
    const proxy = await rig.startProxy(server);
    const { a, b } = await openPair(rig, server, { placeOfA: proxy, ofA: { l1: { max_capacity: 10 } } });
    let isOver = false;
    const writers = Array.from({ length: 8 }, (_, id) => write(a, id, () => isOver, random.next));
    for (let flap = 0; flap < 10; flap++) {
      await passTime(random.between(50, 200));
      if (random.chance(0.3)) proxy.blackhole();
      else {
        await proxy.refuse();
        proxy.drop();
      }
      await passTime(random.between(50, 200));
      await proxy.resume();
    }
    isOver = true;
    const expected = new Map((await Promise.all(writers)).flatMap((each) => [...each]));
    await replayed(a);
    for (const [key, value] of expected) expect([key, await a.get(key), await b.getL2Only(key)]).toEqual([key, value, value]);
    expect(a.metrics()).toMatchObject({ writesFailed: 0, valuesGivenUp: 0, pendingWrites: 0 });
  });
});

describe('G7: a Redis that restarts', () => {
  async function loseEverything(replay: 'restore' | 'safe') {
    const server = await startDurableRedis(rig);
    const { a, b } = await openPair(rig, server, { ofA: { wal: { replay } } });
    // The mark by which "safe" knows its data again is left when all is well.
    if (replay === 'safe') await until(async () => ((await server.call('KEYS', '*oxcache:dataset')) as string[]).length > 0);
    await a.set('k', 'v1');
    await a.set('d', 'd1');
    await a.set('before', 'b');
    await server.kill();
    await degraded(a);
    await a.set('k', 'v2');
    await a.set('new', 'n');
    await a.delete('d');
    return { server, a, b };
  }

  test('empty is filled from the log with replay = "restore": with what was logged, and nothing else', async () => {
    const { server, a, b } = await loseEverything('restore');
    await server.restart({ empty: true });
    await replayed(a, b);
    expect(await readManyAfresh(b, ['k', 'new', 'd', 'before'])).toEqual(
      new Map([
        ['k', 'v2'],
        ['new', 'n'],
      ]),
    );
    expect(await a.getMany(['k', 'new', 'd'])).toEqual(
      new Map([
        ['k', 'v2'],
        ['new', 'n'],
      ]),
    );
  });

  test('empty is only told what is invalid with replay = "safe"', async () => {
    const { server, a, b } = await loseEverything('safe');
    await server.restart({ empty: true });
    await replayed(a, b);
    expect(await readManyAfresh(b, ['k', 'new', 'd', 'before'])).toEqual(new Map());
    expect(await a.getL2Only('k')).toBeUndefined();
    await until(() => a.metrics().replayedInvalidations > 0);
    expect(a.metrics()).toMatchObject({ replayed: 0, replayedInvalidations: 3 });
    // From then on it is used as ever, also over the next outage, which it survives with its data.
    await a.set('k', 'v3');
    await server.kill();
    await degraded(a);
    await a.set('k', 'v4');
    await server.restart();
    await replayed(a, b);
    expect(await readAfresh(b, 'k')).toBe('v4');
  });

  test('with its data is told everything with replay = "safe", too', async () => {
    const { server, a, b } = await loseEverything('safe');
    await server.restart();
    await replayed(a, b);
    expect(await readManyAfresh(b, ['k', 'new', 'd', 'before'])).toEqual(
      new Map([
        ['k', 'v2'],
        ['new', 'n'],
        ['before', 'b'],
      ]),
    );
  });

  test('with another password is away until that is right again; then it is told what was logged', async () => {
    const server = await rig.startRedis({ appendonly: true, users: [{ name: 'app', password: 'right' }] });
    const proxy = await rig.startProxy(server);
    const login = { username: 'app', password: 'right' };
    const { l2, ...rest } = twoLevelAt(proxy);
    const service = { ...rest, l2: { ...l2, ...login } };
    const a = (await rig.open({ [SERVICE]: service })).client(SERVICE);
    await a.set('k', 'v1');
    await a.set('d', 'd1');
    await proxy.refuse();
    await server.kill();
    await degraded(a);
    await server.restart();
    await server.call('ACL', 'SETUSER', 'app', 'resetpass', '>another');
    await proxy.resume();
    await until(() => a.health().l2?.reason?.includes('WRONGPASS') === true);
    expect(await timeOf(a.get('cold'))).toBeLessThan(AT_ONCE_MS);
    expect(await a.set('k', 'v2')).toEqual({ l1: true, l2: 'logged' });
    expect(await a.delete('d')).toBe(true);
    await server.call('ACL', 'SETUSER', 'app', '>right');
    await replayed(a);
    expect([await a.getL2Only('k'), await a.getL2Only('d')]).toEqual(['v2', undefined]);
    expect(await pttl(server, 'k')).toBeGreaterThan(0);
  });
});
