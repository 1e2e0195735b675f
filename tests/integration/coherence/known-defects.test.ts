/**
 * Defects that caches of two levels are known to have, one test each, as their users meet them: two processes over one Redis. Those
 * of races under way are in ../races, those of a lost link in bus-gap.test.ts, those of clusters in cluster.test.ts.
 */
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { FaultyTier } from '../../../lib/testing/faulty-tier.js';
import { until } from '../../support/until.js';
import { defer, KINDS_WITH_L2, SERVICE, Workbench, type ServiceSettings } from '../clients/workbench.js';
import { passTime } from '../outage/rig.js';
import { Gate } from '../races/gate.js';

const bench = new Workbench();
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

type Two = readonly [here: CacheClient, elsewhere: CacheClient];

async function openTwo(settings: ServiceSettings = {}): Promise<Two> {
  const service = { cache_type: 'two-level', ttl: 600, ...settings } as const;
  const [a, b] = [await bench.manager({ [SERVICE]: service }), await bench.manager({ [SERVICE]: service })];
  const two = [a.client(SERVICE), b.client(SERVICE)] as const;
  await until(() => two.every((client) => client.health().sync?.status !== 'lost'));
  return two;
}

/** A client of the test's own, to put faults in the way of. */
function faultyTier(): FaultyTier {
  const redis = new Redis(bench.server.url, { disconnectTimeout: 50 });
  redis.on('error', () => undefined);
  cleanups.push(() => redis.disconnect());
  return new FaultyTier(redis);
}

describe('lifetimes (G2)', () => {
  test('an entry with a TTL of its own lives in the L1 of another process for that time, not for the default of the service', async () => {
    const [here, elsewhere] = await openTwo({ ttl: '10m', l1: { ttl: '10m' } });
    await here.set('short', 'v', '20s');
    // A read that meets the message of the write keeps no copy; the next one does.
    await until(async () => (await elsewhere.get('short')) === 'v' && elsewhere.peek('short') === 'v');
    const { tier, ttlMs = Infinity } = await elsewhere.lookup('short');
    expect(tier).toBe('l1');
    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(20_000);
    await here.getOrLoad('loaded', () => 'v', { ttl: '20s' });
    await until(async () => (await elsewhere.get('loaded')) === 'v' && elsewhere.peek('loaded') === 'v');
    expect((await elsewhere.lookup('loaded')).ttlMs).toBeLessThanOrEqual(20_000);
  });
});

describe('single flight (G3)', () => {
  test('fifty callers at once of a loader that fails are one call of it, not fifty one after the other', async () => {
    const [here] = await openTwo();
    let calls = 0;
    const failure = new Error('the source is down');
    const ends = await Promise.allSettled(
      Array.from({ length: 50 }, () =>
        here.getOrLoad('k', async () => {
          calls++;
          await passTime(10);
          throw failure;
        }),
      ),
    );
    expect(calls).toBe(1);
    expect(ends.every((end) => end.status === 'rejected' && end.reason === failure)).toBe(true);
  });

  test('a loader that throws rejects its callers, instead of handing them undefined', async () => {
    const [here] = await openTwo();
    await expect(here.getOrLoad('k', () => Promise.reject(new TypeError('mine')))).rejects.toThrow('mine');
    await expect(
      here.getOrLoadMany(['k'], () => {
        throw new TypeError('mine');
      }),
    ).rejects.toThrow('mine');
  });

  test('callers in two processes are one load between them, with single_flight = "cluster"', async () => {
    const two = await openTwo({ single_flight: 'cluster' });
    const source = defer<string>();
    let calls = 0;
    const loads = two.flatMap((client) =>
      Array.from({ length: 25 }, () =>
        client.getOrLoad('k', () => {
          calls++;
          return source.promise;
        }),
      ),
    );
    await until(() => calls > 0);
    await passTime(100);
    source.resolve('v');
    expect(new Set(await Promise.all(loads))).toEqual(new Set(['v']));
    expect(calls).toBe(1);
  });
});

describe.each(KINDS_WITH_L2)('values in a service of type %s', (kind) => {
  test.each([0, '', false, null])('%p, written by another process, is found by every way of reading', async (value) => {
    const reader = async (): Promise<CacheClient> => bench.client(kind);
    await (await bench.client(kind)).set('k', value);
    expect(await (await reader()).get('k')).toBe(value);
    expect(await (await reader()).getMany(['k'])).toEqual(new Map([['k', value]]));
    expect(await (await reader()).lookup('k')).toMatchObject({ status: 'fresh', value, tier: 'l2' });
    expect(await (await reader()).has('k')).toBe(true);
    expect(await (await reader()).getL2Only('k')).toBe(value);
    const unwanted = (): never => {
      throw new Error('There is nothing to load');
    };
    expect(await (await reader()).getOrLoad('k', unwanted)).toBe(value);
    expect(await (await reader()).getOrLoadMany(['k'], unwanted)).toEqual(new Map([['k', value]]));
  });

  test('undefined from a background reload leaves no rejection behind, and what is there alone', async () => {
    const unheard: unknown[] = [];
    const listen = (reason: unknown): unknown => unheard.push(reason);
    process.on('unhandledRejection', listen);
    cleanups.push(() => process.off('unhandledRejection', listen));
    const client = await bench.client(kind, { refresh_ahead: 1, ttl: 600 });
    await client.set('k', 'v');
    await passTime();
    expect(await client.getOrLoad('k', () => undefined)).toBe('v');
    await until(() => client.metrics().loads === 1 && client.metrics().loadsInFlight === 0);
    await passTime();
    expect(unheard).toEqual([]);
  });
});

describe('what another process removed (G4)', () => {
  test.each([
    ['deleted', (client: CacheClient) => client.delete('k')],
    ['cleared', (client: CacheClient) => client.clear()],
    ['invalidated by its tag', (client: CacheClient) => client.invalidateTags('t')],
  ])('is not served as a stale value when it was %s, though the loader fails', async (_how, remove) => {
    const [here, elsewhere] = await openTwo({ ttl: 0.2, stale_ttl: 600 });
    await here.set('k', 'old', { tags: ['t'] });
    await until(async () => (await here.lookup('k')).status === 'stale');
    const failing = (): never => {
      throw new Error('the source is down');
    };
    expect(await here.getOrLoad('k', failing)).toBe('old');
    await remove(elsewhere);
    await until(() => here.metrics().invalidationsReceived > 0);
    await expect(here.getOrLoad('k', failing)).rejects.toThrow('the source is down');
    await expect(elsewhere.getOrLoad('k', failing)).rejects.toThrow('the source is down');
    expect(await here.lookup('k')).toEqual({ status: 'miss' });
  });
});

describe('clear (G1)', () => {
  test('removes no foreign key, whatever it is called, nor those of a service with a similar name or another prefix', async () => {
    const names = ['users', 'usersAbc', 'user', 'users.archive'];
    const services = Object.fromEntries(names.map((name) => [name, { cache_type: 'two-level' } as const]));
    const manager = await bench.manager(services);
    const other = await bench.manager({ users: { cache_type: 'two-level' } }, { global: { key_prefix: 'oxcache2' } });
    const longer = await bench.manager({ users: { cache_type: 'two-level' } }, { global: { key_prefix: 'my:oxcache' } });
    for (const name of names) await manager.client(name).set('k', name);
    await other.client('users').set('k', 'other prefix');
    await longer.client('users').set('k', 'longer prefix');
    const foreign = ['plain', 'oxcache', 'oxcache:usersk', 'oxcache:user', 'users:k', 'oxcache::users:own', 'undefinedprefix:k'];
    for (const name of foreign) await bench.server.call('SET', name, 'foreign');
    await manager.client('users').clear();
    await until(async () => !(await bench.names()).includes('oxcache:users:k'));
    expect(await manager.client('users').get('k')).toBeUndefined();
    for (const name of names.slice(1)) {
      expect(await manager.client(name).get('k')).toBe(name);
      expect(await manager.client(name).getL2Only('k')).toBe(name);
    }
    expect(await other.client('users').getL2Only('k')).toBe('other prefix');
    expect(await longer.client('users').getL2Only('k')).toBe('longer prefix');
    expect(await bench.names()).toEqual(expect.arrayContaining(foreign));
  });

  test('takes glob characters in the prefix for what they are, and asks for no KEYS', async () => {
    const redis = new Redis(bench.server.url, { keyPrefix: 'a*[b]?', disconnectTimeout: 50 });
    cleanups.push(() => redis.disconnect());
    const manager = await bench.manager({ s: { cache_type: 'two-level' } }, { connections: redis });
    await manager.client('s').set('k', 1);
    expect(await bench.server.call('EXISTS', 'a*[b]?oxcache:s:k')).toBe(1);
    await bench.server.call('SET', 'axxb?oxcache:s:k', 'foreign');
    await bench.server.call('SET', 'axbxoxcache:s:k', 'foreign');
    const commands = await bench.countCommands(async () => {
      await manager.client('s').clear();
      await until(async () => (await bench.server.call('EXISTS', 'a*[b]?oxcache:s:k')) === 0);
    });
    expect(commands['keys']).toBeUndefined();
    expect(commands['scan']).toBeGreaterThan(0);
    expect(await bench.server.call('EXISTS', 'axxb?oxcache:s:k', 'axbxoxcache:s:k')).toBe(2);
  });
});

describe.each(['stream', 'pubsub'] as const)('a load under way, over %s (G4)', (transport) => {
  test.each(['the same process', 'another process'])(
    'set(NEW) by %s while a loader of OLD runs: NEW in Redis and in both L1',
    async (who) => {
      const [here, elsewhere] = await openTwo({ sync: { transport } });
      const gate = new Gate();
      const load = here.getOrLoad('k', () => gate.pass('OLD'));
      await gate.reached;
      await passTime();
      await (who === 'the same process' ? here : elsewhere).set('k', 'NEW');
      gate.open();
      await load;
      await until(() => [here, elsewhere].every((client) => client.peek('k') !== 'OLD'));
      expect(await (await bench.client('l2')).get('k')).toBe('NEW');
      for (const client of [here, elsewhere]) {
        expect(await client.get('k')).toBe('NEW');
        expect(client.peek('k')).toBe('NEW');
      }
    },
  );

  test.each(['the same process', 'another process'])(
    'delete by %s while a loader of OLD runs: OLD never comes back',
    async (who) => {
      const [here, elsewhere] = await openTwo({ sync: { transport } });
      await elsewhere.set('k', 'older');
      const gate = new Gate();
      const load = here.refresh('k', () => gate.pass('OLD'));
      await gate.reached;
      await passTime();
      await (who === 'the same process' ? here : elsewhere).delete('k');
      gate.open();
      await load;
      await Promise.all([here.flush(), elsewhere.flush()]);
      expect(await (await bench.client('l2')).get('k')).toBeUndefined();
      for (const client of [here, elsewhere]) {
        await until(() => client.peek('k') === undefined);
        expect(await client.get('k')).toBeUndefined();
      }
    },
  );
});

describe.each(['stream', 'pubsub'] as const)('messages over %s (G5)', (transport) => {
  const say = (text: string): Promise<unknown> =>
    transport === 'stream'
      ? bench.server.call('XADD', `oxcache::${SERVICE}:stream`, '*', 'm', text)
      : bench.server.call('PUBLISH', `oxcache::${SERVICE}:bus`, text);

  test('that are malformed, foreign or of another format are counted and change nothing', async () => {
    const [here, elsewhere] = await openTwo({ sync: { transport } });
    await elsewhere.set('k', 'v');
    await until(async () => (await here.get('k')) === 'v' && here.peek('k') === 'v');
    const { invalidationsReceived } = here.metrics();
    const version = `17000000000000000abcdefg`;
    const texts = [
      '',
      '{"action":"clear"}',
      'OXM9abcdefg',
      `OXM1abcdefg${version}z`,
      `OXM1abcdefg${version}k`,
      `OXM1abcdefg${version}k{"k":1}`,
      `OXM1abcdefg${version}k[1,null]`,
      `OXM1abcdefg${version}cjunk`,
      '\u0000\uFFFF'.repeat(1000),
    ];
    for (const text of texts) await say(text);
    await until(() => here.metrics().invalidationsIgnored === texts.length);
    expect(here.peek('k')).toBe('v');
    expect(here.metrics().invalidationsReceived).toBe(invalidationsReceived);
    // And it goes on.
    await elsewhere.delete('k');
    await until(() => here.peek('k') === undefined);
  });

  test('of other services and other prefixes are none of its business', async () => {
    const settings = { cache_type: 'two-level', sync: { transport } } as const;
    const a = await bench.manager({ [SERVICE]: settings, other: settings });
    const b = await bench.manager({ [SERVICE]: settings, other: settings });
    const c = await bench.manager({ [SERVICE]: settings }, { global: { key_prefix: 'elsewhere' } });
    await a.client(SERVICE).set('k', 1);
    await b.client('other').set('k', 2);
    await b.client('other').clear();
    await c.client(SERVICE).clear();
    await c.client(SERVICE).set('k', 3);
    await until(() => a.client('other').metrics().invalidationsReceived === 2);
    expect(a.client(SERVICE).peek('k')).toBe(1);
    expect(a.client(SERVICE).metrics()).toMatchObject({ invalidationsReceived: 0, invalidationsIgnored: 0 });
  });

  test("that are a process's own change nothing in it, and what is received is not passed on", async () => {
    const [here, elsewhere] = await openTwo({ sync: { transport } });
    await here.set('k', 1);
    await here.setMany([['l', 2]]);
    await until(() => elsewhere.metrics().invalidationsReceived === 2);
    expect([here.peek('k'), here.peek('l')]).toEqual([1, 2]);
    await passTime();
    expect(here.metrics()).toMatchObject({ invalidationsReceived: 0, invalidationsIgnored: 0 });
    expect(elsewhere.metrics().invalidationsReceived).toBe(2);
  });

  test('are not sent of a set that Redis refused; they are when it is replayed (G7)', async () => {
    const faulty = faultyTier();
    const service = { cache_type: 'two-level', ttl: 600, sync: { transport } } as const;
    const writer = (await bench.manager({ [SERVICE]: service }, { connections: faulty.connection })).client(SERVICE);
    const reader = (await bench.manager({ [SERVICE]: service })).client(SERVICE);
    await writer.set('k', 'old');
    await until(async () => (await reader.get('k')) === 'old' && reader.peek('k') === 'old');
    const { invalidationsReceived } = reader.metrics();
    faulty.failMatching((name) =>
      name.startsWith('eval') ? "OOM command not allowed when used memory > 'maxmemory'." : undefined,
    );
    expect(await writer.set('k', 'new')).toMatchObject({ l2: 'logged' });
    expect(await writer.get('k')).toBe('new');
    await (await bench.client('l2', { sync: { transport } })).set('sign of life', 1);
    await until(() => reader.metrics().invalidationsReceived === invalidationsReceived + 1);
    expect(reader.peek('k')).toBe('old');
    faulty.recover();
    await until(() => reader.peek('k') === undefined, { timeoutMs: 20_000 });
    expect(await reader.get('k')).toBe('new');
    expect(await writer.get('k')).toBe('new');
  });

  test('are not listened to any more once it is closed, and a client that was handed in is never made to listen', async () => {
    const redis = new Redis(bench.server.url, { disconnectTimeout: 50 });
    cleanups.push(() => redis.disconnect());
    const service = { cache_type: 'two-level', sync: { transport } } as const;
    const manager = await bench.manager({ [SERVICE]: service }, { connections: redis });
    const links = async (): Promise<number> =>
      String(await bench.server.call('CLIENT', 'LIST')).split('name=oxcache-bus').length - 1;
    await until(() => manager.client(SERVICE).health().sync?.status === 'connected');
    expect(await links()).toBe(1);
    // Neither subscribed, which would refuse this, nor blocked, which would delay it.
    expect(await redis.echo('mine')).toBe('mine');
    await manager.close();
    await until(async () => (await links()) === 0);
    expect(await redis.echo('mine')).toBe('mine');
    expect(redis.listenerCount('message')).toBe(0);
  });
});
