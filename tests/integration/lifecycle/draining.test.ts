/** Between the beginning of closing and its end, work that is under way in the program may still end in the cache (G9). */
import { describe, expect, test } from '@jest/globals';
import { cached, type CacheClient } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import { l2OnlyAt, twoLevelAt, useRig } from '../outage/rig.js';
import { Gate } from '../races/gate.js';

const rig = useRig();
const closed = { name: 'CacheError', code: 'CACHE_CLOSED' };

/** Something under way that keeps a client from being closed, until it is let go. */
async function occupy(client: CacheClient): Promise<{ letGo(): Promise<void> }> {
  const gate = new Gate();
  const load = client.getOrLoad('a load under way', () => gate.pass('loaded'));
  await gate.reached;
  return {
    async letGo() {
      gate.open();
      expect(await load).toBe('loaded');
    },
  };
}

describe.each(['two-level', 'l2'] as const)('G9: while a manager with a service of type %s drains', (kind) => {
  async function open() {
    const server = await rig.startRedis();
    const service = kind === 'l2' ? l2OnlyAt(server) : twoLevelAt(server);
    const manager = await rig.open({ s: service, busy: { cache_type: 'l1' } });
    const other = await rig.open({ s: service });
    return { server, manager, client: manager.client('s'), other: other.client('s') };
  }

  test('writes, deletions and invalidations are accepted, and reach the other processes', async () => {
    const { manager, client, other } = await open();
    await client.setMany(['deleted', 'kept'].map((key) => [key, 'old']));
    await client.set('tagged', 'old', { tags: ['t'] });
    for (const key of ['deleted', 'kept', 'tagged']) expect(await other.get(key)).toBe('old');
    const work = await occupy(manager.client('busy'));
    const closing = manager.close();
    expect(manager.health()).toMatchObject({ status: 'draining', services: { s: { status: 'draining' } } });
    expect(await client.set('kept', 'new')).toMatchObject({ l2: 'written' });
    expect((await client.setMany([['more', 1]])).get('more')).toMatchObject({ l2: 'written' });
    expect(await client.delete('deleted')).toBe(true);
    expect(await client.deleteMany(['absent'])).toBe(0);
    expect(await client.expire('kept', '5m')).toBe(true);
    await client.invalidateTags('t');
    await client.flush();
    await work.letGo();
    await closing;
    expect(manager.health().status).toBe('closed');
    await expect(client.delete('deleted')).rejects.toMatchObject(closed);
    expect(await other.getL2Only('kept')).toBe('new');
    expect(await other.get('deleted')).toBeUndefined();
    expect(await other.get('tagged')).toBeUndefined();
    expect(await other.get('more')).toBe(1);
  });

  test('what is cached is answered, and what is loaded is handed out and not kept', async () => {
    const { manager, client, other } = await open();
    await client.set('cached', 'v');
    const work = await occupy(manager.client('busy'));
    const closing = manager.close();
    expect(await client.get('cached')).toBe('v');
    if (kind === 'two-level') expect(client.peek('cached')).toBe('v');
    expect(await client.getOrLoad('cached', () => 'not called')).toBe('v');
    let runs = 0;
    const load = (): number => ++runs;
    expect(await client.getOrLoad('cold', load)).toBe(1);
    expect(await client.getOrLoadMany(['cold'], () => [load()])).toEqual(new Map([['cold', 2]]));
    expect(await client.refresh('cold', load)).toBe(3);
    expect(await cached(client, load, { key: 'cold{0}' })()).toBe(4);
    expect(await client.get('cold')).toBeUndefined();
    await work.letGo();
    await closing;
    expect(await other.get('cold')).toBeUndefined();
    expect(await other.get('cached')).toBe('v');
    await expect(client.get('cached')).rejects.toMatchObject(closed);
  });

  test('a lock that is held can be extended and given back, and none is handed out', async () => {
    const { manager, client, other } = await open();
    const lock = await client.lock('k', { ttl: '30s' });
    const work = await occupy(manager.client('busy'));
    const closing = manager.close();
    expect(await lock?.extend()).toBe(true);
    await expect(client.lock('free', { ttl: '1s' })).rejects.toMatchObject(closed);
    expect(await lock?.release()).toBe(true);
    await work.letGo();
    await closing;
    await expect(lock?.release()).rejects.toMatchObject(closed);
    expect(await other.lock('k', { ttl: '1s' })).toBeDefined();
  });

  test('a caller whose load has just ended may still write, to any of the services', async () => {
    const { manager, client, other } = await open();
    await client.set('row', 'old');
    const gate = new Gate();
    const request = async (): Promise<boolean> => {
      await manager.client('busy').getOrLoad('database', () => gate.pass('updated'));
      for (let i = 0; i < 20; i++) await Promise.resolve();
      return client.delete('row');
    };
    const serving = request();
    await gate.reached;
    const closing = manager.close();
    gate.open();
    expect(await serving).toBe(true);
    await closing;
    expect(await other.get('row')).toBeUndefined();
  });

  test('invalidations by other processes are obeyed', async () => {
    const { manager, client, other } = await open();
    await client.set('k', 'old');
    const work = await occupy(manager.client('busy'));
    const closing = manager.close();
    await other.set('k', 'new');
    await until(async () => (await client.get('k')) === 'new');
    await work.letGo();
    await closing;
  });
});

test('G9: draining ends at its deadline, whatever is still accepted', async () => {
  const manager = await rig.open({ s: { cache_type: 'l1' } });
  const client = manager.client('s');
  const work = async (i: number): Promise<never> => {
    await client.getOrLoad(`k${i}`, () => new Promise((resolve) => setTimeout(resolve, 5, i)));
    return work(i + 1);
  };
  const busy = expect(work(0)).rejects.toMatchObject(closed);
  await manager.close({ deadline: '100ms' });
  await busy;
});

test('G9: an idle manager is closed at once', async () => {
  const manager = await rig.open({ s: { cache_type: 'l1' } });
  const startedMs = performance.now();
  await manager.close({ deadline: '1h' });
  expect(performance.now() - startedMs).toBeLessThan(500);
});
