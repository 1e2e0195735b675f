/** A Redis that answers and refuses: read-only, loading, out of memory, without the script, with another password (G6, G8). */
import { describe, expect, test } from '@jest/globals';
import { collectEvents } from '../../support/collect-events.js';
import { until } from '../../support/until.js';
import { degraded, healthy, l2OnlyAt, timeOf, twoLevelAt, useRig, WITHOUT_LOG } from './rig.js';

const rig = useRig();

describe('G6: a Redis that refuses', () => {
  test('as a replica: it is not read, because its data may be old; writes stay in L1 and say why; all works after its promotion', async () => {
    const primary = await rig.startRedis();
    const replica = await rig.startRedis({ config: { replicaof: `127.0.0.1 ${primary.port}` } });
    await (await rig.open({ s: l2OnlyAt(primary) })).client('s').set('k', 'v');
    await until(async () => (await replica.call('EXISTS', 'oxcache:s:k')) === 1);
    const manager = await rig.open({ s: twoLevelAt(replica, WITHOUT_LOG), logged: twoLevelAt(replica) });
    const client = manager.client('s');
    const errors = collectEvents(client, 'error');
    expect(await client.get('k')).toBeUndefined();
    expect(await client.set('k', 'w')).toEqual({ l1: true, l2: 'none' });
    expect(errors).toMatchObject([
      { payload: { key: 'k', error: { code: 'CACHE_L2_UNAVAILABLE', message: expect.stringContaining('READONLY') } } },
    ]);
    await expect(client.delete('k')).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE' });
    expect(client.peek('k')).toBeUndefined();
    expect(client.health().status).toBe('degraded');
    expect(await manager.client('logged').set('k', 'w')).toEqual({ l1: true, l2: 'logged' });
    await replica.call('REPLICAOF', 'NO', 'ONE');
    await healthy(client);
    expect(await client.set('k', 'w')).toEqual({ l1: true, l2: 'written' });
    await until(async () => (await replica.call('EXISTS', 'oxcache:logged:k')) === 1);
  });

  test('while it loads its data: degraded, and used once it has loaded', async () => {
    const server = await rig.startRedis({
      appendonly: true,
      config: { 'enable-debug-command': 'yes', 'aof-use-rdb-preamble': 'no' },
    });
    const client = (await rig.open({ s: twoLevelAt(server) })).client('s');
    await client.set('k', 'v');
    await server.call('DEBUG', 'POPULATE', '20000', 'filler', '10');
    await server.call('BGREWRITEAOF');
    await until(async () => String(await server.call('INFO', 'persistence')).includes('aof_rewrite_in_progress:0'));
    await server.call('CONFIG', 'SET', 'key-load-delay', '100');
    await server.call('CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024');
    const reload = server.call('DEBUG', 'LOADAOF');
    await until(async () => (await timeOf(client.getL2Only('k'))) >= 0 && (await client.set('during', 1)).l2 === 'logged');
    expect(await client.get('k')).toBe('v');
    await server.call('CONFIG', 'SET', 'key-load-delay', '0').catch(() => undefined);
    await reload;
    await healthy(client);
    expect(await client.getL2Only('k')).toBe('v');
    await until(async () => (await server.call('EXISTS', 'oxcache:s:during')) === 1);
    expect(await client.set('after', 1)).toEqual({ l1: true, l2: 'written' });
  });

  test('for want of memory: each key for itself, and no older value is left to be served', async () => {
    const server = await rig.startRedis();
    const manager = await rig.open({
      s: twoLevelAt(server, WITHOUT_LOG),
      l2: l2OnlyAt(server, WITHOUT_LOG),
      logged: twoLevelAt(server),
    });
    const client = manager.client('s');
    const logged = manager.client('logged');
    const errors = collectEvents(client, 'error');
    await client.set('k', 'old');
    await logged.set('k', 'old');
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await server.call('CONFIG', 'SET', 'maxmemory', '1');
    expect(await client.set('k', 'new')).toEqual({ l1: true, l2: 'none' });
    expect(errors).toMatchObject([
      { payload: { key: 'k', error: { code: 'CACHE_L2_UNAVAILABLE', message: expect.stringContaining('OOM') } } },
    ]);
    expect(await client.get('k')).toBe('new');
    expect(await client.getL2Only('k')).toBeUndefined();
    await expect(manager.client('l2').set('k', 'v')).rejects.toMatchObject({
      code: 'CACHE_L2_UNAVAILABLE',
      message: expect.stringContaining('OOM'),
    });
    expect(await logged.set('k', 'new')).toEqual({ l1: true, l2: 'logged' });
    expect(await logged.getL2Only('k')).toBe('new');
    expect(await server.call('EXISTS', 'oxcache:logged:k')).toBe(0);
    expect(client.health().status).toBe('healthy');
    await server.call('CONFIG', 'SET', 'maxmemory', '0');
    expect(await client.set('k', 'newer')).toEqual({ l1: true, l2: 'written' });
    await until(async () => (await server.call('EXISTS', 'oxcache:logged:k')) === 1);
  });

  test('for want of memory: a delete is carried out all the same', async () => {
    const server = await rig.startRedis();
    const client = (await rig.open({ s: twoLevelAt(server) })).client('s');
    await client.set('k', 'v');
    await server.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await server.call('CONFIG', 'SET', 'maxmemory', '1');
    expect(await client.delete('k')).toBe(true);
    expect(await client.get('k')).toBeUndefined();
    expect(await server.call('EXISTS', 'oxcache:s:k')).toBe(0);
  });

  test('connections without a password that it has since been given: degraded until that is over', async () => {
    const server = await rig.startRedis();
    const client = (await rig.open({ s: twoLevelAt(server) })).client('s');
    await client.set('k', 'v');
    await server.call('CONFIG', 'SET', 'requirepass', 'new');
    await server.call('AUTH', 'new');
    await server.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await degraded(client);
    await until(() => client.health().l2?.reason?.includes('NOAUTH') === true);
    expect(await client.get('k')).toBe('v');
    expect(await client.set('k2', 'v')).toEqual({ l1: true, l2: 'logged' });
    await server.call('CONFIG', 'SET', 'requirepass', '');
    await healthy(client);
    expect(await client.set('k2', 'v')).toEqual({ l1: true, l2: 'written' });
  });

  test('commands that its user may not give: reads miss and say so', async () => {
    const server = await rig.startRedis({ users: [{ name: 'app', password: 'pw', rules: '~* &* +@all -get -mget' }] });
    const client = (
      await rig.open({ s: { ...twoLevelAt(server), l2: { connection_string: `redis://app:pw@127.0.0.1:${server.port}` } } })
    ).client('s');
    const errors = collectEvents(client, 'error');
    expect(await client.get('cold')).toBeUndefined();
    expect(errors).toMatchObject([
      { payload: { error: { code: 'CACHE_L2_UNAVAILABLE', message: expect.stringContaining('NOPERM') } } },
    ]);
    expect(await client.getOrLoad('cold', () => 'loaded')).toBe('loaded');
  });

  test('to know the script after SCRIPT FLUSH is sent it again', async () => {
    const server = await rig.startRedis();
    const client = (await rig.open({ s: twoLevelAt(server) })).client('s');
    await client.set('k', 1);
    await server.call('SCRIPT', 'FLUSH');
    expect(await client.set('k', 2)).toEqual({ l1: true, l2: 'written' });
    await server.call('SCRIPT', 'FLUSH');
    expect(await client.expire('k', 100)).toBe(true);
    await server.call('SCRIPT', 'FLUSH');
    expect(await client.delete('k')).toBe(true);
    await client.set('k', 3);
    await server.call('SCRIPT', 'FLUSH');
    await client.clear();
    expect(await server.call('EXISTS', 'oxcache:s:k')).toBe(0);
  });

  test('nothing after FLUSHALL: what is gone there is a miss there', async () => {
    const server = await rig.startRedis();
    const manager = await rig.open({ s: twoLevelAt(server), l2: l2OnlyAt(server) });
    await manager.client('s').set('k', 1);
    await manager.client('l2').set('k', 1);
    await server.flush();
    expect(await manager.client('l2').get('k')).toBeUndefined();
    expect(await manager.client('s').get('k')).toBe(1);
    expect(await manager.client('s').set('k', 2)).toEqual({ l1: true, l2: 'written' });
  });
});
