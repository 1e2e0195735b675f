/** Invalidations of tags while Redis is away: this process obeys them at once, the log keeps them, and Redis is told (G7). */
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { VERSION_LENGTH } from '../../../lib/base/hybrid-clock.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { degraded, healthy, l2OnlyAt, passTime, twoLevelAt, useRig, WITHOUT_LOG, type ServiceConfig } from '../outage/rig.js';

const rig = useRig();
let server: RedisServer;
const RED = { tags: ['red'] } as const;

beforeEach(async () => {
  server = await rig.startRedis({ appendonly: true });
});

async function open(config: ServiceConfig, more: Parameters<typeof rig.open>[1] = {}): Promise<CacheClient> {
  return (await rig.open({ s: config }, more)).client('s');
}

/** Another process, which has nothing of its own. */
function another(): Promise<CacheClient> {
  return open(l2OnlyAt(server));
}

/** Ends the outage, and waits until Redis has been told what happened meanwhile. */
async function recover(client: CacheClient): Promise<void> {
  await server.restart();
  await healthy(client);
  await until(() => client.metrics().loggedKeys === 0);
}

const OPENERS = { 'two-level': twoLevelAt, l2: l2OnlyAt } as const;

describe.each(Object.keys(OPENERS) as (keyof typeof OPENERS)[])('a service of type %s', (type) => {
  const openOne = (): Promise<CacheClient> => open(OPENERS[type](server));

  test('G7: an invalidation in an outage is obeyed at once, logged, and replayed for everybody', async () => {
    const client = await openOne();
    await client.set('k', 'old', RED);
    await client.set('plain', 'old');
    await server.kill();
    await degraded(client);
    await client.invalidateTags('red');
    expect(client.metrics()).toMatchObject({ loggedKeys: 1, writesLogged: 1 });
    expect(await client.get('k')).toBeUndefined();
    await recover(client);
    const reader = await another();
    for (const who of [client, reader]) expect([await who.get('k'), await who.get('plain')]).toEqual([undefined, 'old']);
    expect(await server.call('HGET', 'oxcache::s:marks', 'tred')).toHaveLength(VERSION_LENGTH);
  });

  test('G8: what is written with the tag in the outage is seen by its own process until the tag is invalidated', async () => {
    const client = await openOne();
    await client.set('k', 'old', RED);
    await server.kill();
    await degraded(client);
    await client.invalidateTags('red');
    await client.set('k', 'new', RED);
    await client.set('l', 'gone', RED);
    expect(await client.getL2Only('k')).toBe('new');
    await client.invalidateTags('red');
    expect([await client.get('k'), await client.get('l'), await client.getL2Only('k')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await client.set('k', 'newest', RED);
    expect([await client.get('k'), await client.getL2Only('k')]).toEqual(['newest', 'newest']);
    await recover(client);
    for (const who of [client, await another()]) expect([await who.get('k'), await who.get('l')]).toEqual(['newest', undefined]);
  });

  test('G7: the next process replays what the last one could not', async () => {
    const first = await rig.open({ s: OPENERS[type](server) });
    const client = first.client('s');
    await client.set('k', 'old', RED);
    await server.kill();
    await degraded(client);
    await client.invalidateTags('red');
    await first.close();
    await server.restart();
    const successor = await openOne();
    expect(await successor.get('k')).toBeUndefined();
    await until(() => successor.metrics().loggedKeys === 0);
    expect(await (await another()).get('k')).toBeUndefined();
  });

  test('G7: the next process obeys what the last one logged while Redis is still away', async () => {
    const first = await rig.open({ s: OPENERS[type](server) });
    const client = first.client('s');
    await server.kill();
    await degraded(client);
    await client.set('k', 'old', RED);
    await client.invalidateTags('red');
    await client.set('l', 'new', RED);
    await first.close();
    const successor = await openOne();
    expect([await successor.get('k'), await successor.get('l')]).toEqual([undefined, 'new']);
    await recover(successor);
    for (const who of [successor, await another()]) expect([await who.get('k'), await who.get('l')]).toEqual([undefined, 'new']);
  });

  test('a process that never reached Redis is obeyed too, by its own clock until it does', async () => {
    const writer = await another();
    await writer.set('k', 'old', RED);
    await server.kill();
    const client = await openOne();
    await client.set('mine', 'old', RED);
    await client.invalidateTags('red');
    expect(await client.get('mine')).toBeUndefined();
    await client.set('mine', 'new', RED);
    expect(await client.get('mine')).toBe('new');
    await recover(client);
    for (const who of [client, await another()]) expect([await who.get('k'), await who.get('mine')]).toEqual([undefined, 'new']);
  });

  test('without a log an invalidation is refused, though this process obeys it', async () => {
    const client = await open(OPENERS[type](server, WITHOUT_LOG));
    await client.set('k', 'old', RED);
    await server.kill();
    await degraded(client);
    const refusal = await client.invalidateTags('red').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'CACHE_L2_UNAVAILABLE', service: 's' });
    expect(await client.get('k')).toBeUndefined();
    await server.restart();
    await healthy(client);
    expect(await client.get('k')).toBeUndefined();
    await client.invalidateTags('red');
    expect(await (await another()).get('k')).toBeUndefined();
  });

  test('G6: tagged reads do not wait for a Redis that is away, and are no failures', async () => {
    const client = await openOne();
    await client.set('k', 'old', RED);
    server.freeze();
    rig.afterwards(() => {
      server.thaw();
    });
    const startedMs = performance.now();
    await client.getL2Only('k');
    await degraded(client);
    expect(await client.getOrLoad('l', () => 'loaded', RED)).toBe('loaded');
    expect(await client.getL2Only('k')).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });
});

test('G5: a tag invalidated by others while the link was lost is obeyed once it is back', async () => {
  const proxy = await rig.startProxy(server);
  const client = await open(twoLevelAt(proxy));
  const other = await another();
  await client.set('k', 'old', RED);
  await client.set('late', 'old', { tags: ['blue'] });
  await proxy.refuse();
  proxy.drop();
  await degraded(client);
  await other.invalidateTags('red');
  expect(await client.get('k')).toBe('old');
  await passTime();
  await client.set('mine', 'new', RED);
  await proxy.resume();
  await healthy(client);
  await until(async () => (await client.get('k')) === undefined);
  await until(() => client.metrics().loggedKeys === 0);
  expect([await client.get('mine'), await client.get('late'), await other.get('mine')]).toEqual(['new', 'old', 'new']);
});
