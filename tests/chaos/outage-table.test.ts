/**
 * What two instances see of an outage, however Redis went away: calls do not hang, what was acknowledged is there afterwards,
 * what was deleted is not, and nothing newer is lost (G2, G3, G6, G7, G8).
 */
import { describe, expect, test } from '@jest/globals';
import { COMMAND_TIMEOUT_MS, degraded, passTime, timeOf, useRig } from '../integration/outage/rig.js';
import { collectEvents } from '../support/collect-events.js';
import type { RedisServer } from '../support/redis-server.js';
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

describe.each(OUTAGES)('in an outage by $name', ({ begin, end }) => {
  test('G6: an L1 hit is answered at once, before the outage is known and after', async () => {
    const { server, a } = await openWarmPair(rig, await startDurableRedis(rig));
    await begin(server);
    expect(await timeOf(a.get('k'))).toBeLessThan(AT_ONCE_MS);
    const asked = a.get('cold');
    expect(await timeOf(a.get('k'))).toBeLessThan(AT_ONCE_MS);
    await asked;
    await degraded(a);
    expect(await timeOf(a.get('k'))).toBeLessThan(AT_ONCE_MS);
    expect(await a.get('k')).toBe('v1');
    expect(a.peek('d')).toBe('d1');
  });

  test('G6: an L1 miss waits for no longer than command_timeout_ms, and not at all once the circuit is open', async () => {
    const { server, a, b } = await openWarmPair(rig, await startDurableRedis(rig));
    await begin(server);
    for (const client of [a, b]) {
      let found: unknown = 'nothing was said';
      expect(await timeOf(client.get('cold').then((value) => (found = value)))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
      expect(found).toBeUndefined();
    }
    for (const client of [a, b]) {
      await degraded(client);
      for (let i = 0; i < 20; i++) expect(await timeOf(client.get(`cold${i}`))).toBeLessThan(AT_ONCE_MS);
    }
  });

  test('G3: a load of a new key works, once for all its callers, and is kept', async () => {
    const { server, a } = await openWarmPair(rig, await startDurableRedis(rig));
    await begin(server);
    let loads = 0;
    const load = (): Promise<number> => Promise.resolve(++loads);
    const first = Array.from({ length: 50 }, () => a.getOrLoad('new', load));
    expect(await timeOf(Promise.all(first))).toBeLessThan(2 * COMMAND_TIMEOUT_MS + SLACK_MS);
    expect(new Set(await Promise.all(first))).toEqual(new Set([1]));
    await degraded(a);
    const second = Array.from({ length: 50 }, () => a.getOrLoad('newer', load));
    expect(await timeOf(Promise.all(second))).toBeLessThan(AT_ONCE_MS);
    expect(await a.getOrLoad('new', load)).toBe(1);
    expect(loads).toBe(2);
    await end(server);
    await replayed(a);
    expect([await a.getL2Only('new'), await a.getL2Only('newer')]).toEqual([1, 2]);
  });

  test('G7: set says that its value is logged, delete resolves; afterwards Redis and both instances have what was last said', async () => {
    const { server, a, b } = await openWarmPair(rig, await startDurableRedis(rig));
    await begin(server);
    let told: unknown;
    expect(await timeOf(a.set('k', 'v2').then((result) => (told = result)))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    expect(told).toEqual({ l1: true, l2: 'logged' });
    expect(await timeOf(a.delete('d').then((result) => (told = result)))).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    expect(told).toBe(true);
    await degraded(a);
    expect(await timeOf(a.set('k2', 'w'))).toBeLessThan(AT_ONCE_MS);
    expect(await timeOf(a.delete('k2'))).toBeLessThan(AT_ONCE_MS);
    expect([await a.get('k'), await a.get('d'), await a.get('k2')]).toEqual(['v2', undefined, undefined]);
    await end(server);
    await replayed(a, b);
    expect([await b.getL2Only('k'), await b.getL2Only('d')]).toEqual(['v2', undefined]);
    for (const client of [a, b]) await client.setL1Only('d', 'a copy from before', '50ms');
    for (const client of [a, b]) {
      expect(await readAfresh(client, 'd')).toBeUndefined();
      expect(await client.get('k2')).toBeUndefined();
    }
    expect([await a.get('k'), await readAfresh(b, 'k')]).toEqual(['v2', 'v2']);
    // A second look, after everything that could still be on its way.
    await Promise.all([a.flush(), b.flush()]);
    expect([await a.getL2Only('d'), await b.getL2Only('d'), await a.getL2Only('k')]).toEqual([undefined, undefined, 'v2']);
  });

  test.each([
    ['is told of it', true],
    ['hears of nothing', false],
  ])(
    'G4, G7: what another instance, which %s, began to load before a deletion does not bring the key back',
    async (_name, enabled) => {
      const { server, a, b } = await openWarmPair(rig, await startDurableRedis(rig), { ofB: { sync: { enabled } } });
      await b.getL2Only('d');
      let finish: (value: string) => void = () => undefined;
      let hasBegun = false;
      const loading = b.refresh('d', () => {
        hasBegun = true;
        return new Promise<string>((resolve) => (finish = resolve));
      });
      await until(() => hasBegun);
      await passTime();
      await begin(server);
      expect(await a.delete('d')).toBe(true);
      await end(server);
      await replayed(a, b);
      // The two writes it began with, and the deletion.
      if (enabled) await until(() => b.metrics().invalidationsReceived >= 3);
      finish('d1');
      expect(await loading).toBe('d1');
      await b.flush();
      expect([await a.get('d'), await b.getL2Only('d'), await readAfresh(b, 'd')]).toEqual([undefined, undefined, undefined]);
      // Who is told does not send it; else Redis refuses it.
      expect(b.metrics().writesSuperseded).toBe(enabled ? 0 : 1);
    },
  );

  test('G8: a process reads its own writes and deletions, also those that L1 has evicted, until Redis has them', async () => {
    const { server, a } = await openWarmPair(rig, await startDurableRedis(rig), { ofA: { l1: { max_capacity: 2 } } });
    await begin(server);
    const keys = Array.from({ length: 30 }, (_, i) => `own${i}`);
    for (const key of keys) expect(await a.set(key, key)).toMatchObject({ l2: 'logged' });
    await a.set('k', 'v2');
    await a.delete('d');
    const look = async (): Promise<void> => {
      expect(a.metrics().l1Entries).toBeLessThanOrEqual(2);
      for (const key of keys) expect(await a.get(key)).toBe(key);
      expect(await a.getMany([...keys, 'd'])).toEqual(new Map(keys.map((key) => [key, key])));
      expect(await a.lookup('own3')).toMatchObject({ status: 'fresh', value: 'own3' });
      expect([await a.has('own7'), await a.has('d')]).toEqual([true, false]);
      expect(await a.getOrLoad('own9', () => 'never called')).toBe('own9');
      expect([await a.get('k'), await a.get('d')]).toEqual(['v2', undefined]);
    };
    await look();
    await end(server);
    // From the first moment that Redis is in use: what is not replayed yet is read from the log.
    await until(() => a.health().status !== 'degraded');
    await look();
    await replayed(a);
    await look();
  });

  test('G2, G7: no lifetime is lengthened, and what expired meanwhile is not revived, nor what it replaced', async () => {
    const { server, a, b } = await openWarmPair(rig, await startDurableRedis(rig));
    await begin(server);
    const fromMs = performance.now();
    await Promise.all([a.set('k', 'v2', '400ms'), a.set('short', 1, '400ms'), a.set('long', 2, '30s')]);
    await degraded(a);
    await until(async () => (await a.get('k')) === undefined && (await a.get('short')) === undefined);
    await end(server);
    await replayed(a, b);
    expect(await a.getMany(['k', 'short', 'long'])).toEqual(new Map([['long', 2]]));
    for (const key of ['k', 'short']) expect([await b.getL2Only(key), await readAfresh(b, key)]).toEqual([undefined, undefined]);
    await until(() => a.metrics().replayed > 0);
    expect(a.metrics()).toMatchObject({ replayed: 1, replayedInvalidations: 2 });
    const leftMs = await pttl(server, 'long');
    const agoMs = performance.now() - fromMs;
    expect(leftMs).toBeLessThanOrEqual(30_000 - agoMs + 50);
    expect(leftMs).toBeGreaterThan(30_000 - agoMs - 1000);
    expect((await a.lookup('long')).ttlMs).toBeLessThanOrEqual(leftMs + 50);
  });

  test('G7: a set after a delete stays, a delete after a set stays, a set after a clear stays', async () => {
    const { server, a, b } = await openWarmPair(rig, await startDurableRedis(rig));
    await a.set('e', 'e1');
    await begin(server);
    await a.delete('k');
    await a.set('k', 'v2');
    await a.set('d', 'd2');
    await a.delete('d');
    await end(server);
    await replayed(a, b);
    expect(await readManyAfresh(b, ['k', 'd', 'e'])).toEqual(
      new Map([
        ['k', 'v2'],
        ['e', 'e1'],
      ]),
    );
    await begin(server);
    await a.clear();
    await a.set('d', 'd3');
    expect(await a.getMany(['k', 'd', 'e'])).toEqual(new Map([['d', 'd3']]));
    await end(server);
    await replayed(a, b);
    for (const key of ['k', 'e']) expect([await a.get(key), await b.getL2Only(key)]).toEqual([undefined, undefined]);
    expect([await a.get('d'), await b.getL2Only('d')]).toEqual(['d3', 'd3']);
  });

  test('G6, G7: an instance that starts without Redis works, and Redis gets what it wrote', async () => {
    const server = await startDurableRedis(rig);
    await begin(server);
    const { a, b } = await openPair(rig, server);
    expect(a.health().status).toBe('degraded');
    expect(await timeOf(a.get('cold'))).toBeLessThan(AT_ONCE_MS);
    expect(await a.set('k', 'v')).toEqual({ l1: true, l2: 'logged' });
    expect(await a.getOrLoad('loaded', () => 'l')).toBe('l');
    await a.delete('d');
    await end(server);
    await replayed(a, b);
    expect(await readManyAfresh(b, ['k', 'loaded', 'd'])).toEqual(
      new Map([
        ['k', 'v'],
        ['loaded', 'l'],
      ]),
    );
  });

  test('G6: the circuit opens once, lets nothing through but a probe, and closes; services tell of it and of the replay', async () => {
    const { server, a } = await openWarmPair(rig, await startDurableRedis(rig));
    const events = collectEvents(a, 'degrade', 'recover', 'replay', 'error');
    const states: unknown[] = [];
    a.on('replay', ({ phase }) => states.push([phase, a.health().status]));
    await begin(server);
    await a.get('cold');
    await degraded(a);
    const failed = events.filter(({ event }) => event === 'error').length;
    for (let i = 0; i < 300; i++) await a.set(`key${i}`, i);
    await a.delete('d');
    await end(server);
    await replayed(a);
    const replays = (): unknown[] => events.flatMap(({ event, payload }) => (event === 'replay' ? [payload] : []));
    await until(() => (replays().at(-1) as { readonly phase: string }).phase === 'finished');
    expect(states[0]).toEqual(['started', 'replaying']);
    expect(states.at(-1)).toEqual(['finished', 'healthy']);
    const told = events.filter(({ event }) => event === 'degrade' || event === 'recover').map(({ event }) => event);
    expect(told).toEqual(['degrade', 'recover']);
    expect(replays()[0]).toMatchObject({ service: SERVICE, phase: 'started', restored: 0, pending: 301 });
    expect(replays().at(-1)).toMatchObject({ phase: 'finished', restored: 300, invalidated: 1, superseded: 0, pending: 0 });
    expect(a.metrics()).toMatchObject({ replayed: 300, replayedInvalidations: 1, writesLogged: 301, writesFailed: 0 });
    // What was logged was no failure, and nobody waited: no errors but those of the calls that met the beginning.
    expect(events.filter(({ event }) => event === 'error')).toHaveLength(failed);
    expect(await a.getL2Only('key299')).toBe(299);
  });
});

/** Ways for A alone to lose Redis, which B goes on using. */
const CUTS = [
  {
    name: 'reset and refused',
    cut: async (proxy: Awaited<ReturnType<typeof rig.startProxy>>): Promise<void> => {
      await proxy.refuse();
      proxy.drop();
    },
  },
  {
    name: 'a black hole',
    cut: (proxy: Awaited<ReturnType<typeof rig.startProxy>>): Promise<void> => {
      proxy.blackhole();
      return Promise.resolve();
    },
  },
] as const;

describe.each(CUTS)('G7: while A alone is cut off ($name)', ({ cut }) => {
  async function open(server: RedisServer) {
    const proxy = await rig.startProxy(server);
    return { proxy, ...(await openWarmPair(rig, server, { placeOfA: proxy })) };
  }

  test('what B writes later is not overwritten by the replay, and A reads it afterwards', async () => {
    const { proxy, a, b } = await open(await startDurableRedis(rig));
    await cut(proxy);
    for (const key of ['k', 'd', 'other']) await a.set(key, 'of A');
    await passTime();
    await b.set('k', 'of B');
    await b.delete('d');
    await proxy.resume();
    await replayed(a);
    expect([await b.getL2Only('k'), await b.getL2Only('d'), await b.getL2Only('other')]).toEqual(['of B', undefined, 'of A']);
    expect([await a.get('k'), await a.get('d'), await a.get('other')]).toEqual(['of B', undefined, 'of A']);
    await until(() => a.metrics().replayed > 0);
    expect(a.metrics()).toMatchObject({ replayed: 1, replaySuperseded: 2 });
  });

  test('what B wrote before is overwritten by it, and a deletion by A removes it', async () => {
    const { proxy, a, b } = await open(await startDurableRedis(rig));
    await cut(proxy);
    for (const key of ['k', 'd']) await b.set(key, 'of B');
    await passTime();
    await a.set('k', 'of A');
    await a.delete('d');
    await proxy.resume();
    await replayed(a);
    expect([await b.getL2Only('k'), await b.getL2Only('d')]).toEqual(['of A', undefined]);
  });

  test('whatever both do in whatever order, the last one to speak of a key is right', async () => {
    const random = announceRandom('two writers, one cut off');
    const { proxy, a, b } = await open(await startDurableRedis(rig));
    const expected = new Map<string, string | undefined>([
      ['k', 'v1'],
      ['d', 'd1'],
    ]);
    await cut(proxy);
    await a.get('cold');
    await degraded(a);
    for (let i = 0; i < 30; i++) {
      const key = random.pick(['k', 'd', 'x', 'y']);
      const client = random.pick([a, b]);
      const value = random.chance(0.3) ? undefined : `${client === a ? 'A' : 'B'}${i}`;
      if (value === undefined) await client.delete(key);
      else await client.set(key, value);
      expected.set(key, value);
      await passTime(20);
    }
    await proxy.resume();
    await replayed(a);
    for (const [key, value] of expected) {
      expect([key, await b.getL2Only(key), await a.getL2Only(key), await readAfresh(b, key)]).toEqual([key, value, value, value]);
    }
  });
});
