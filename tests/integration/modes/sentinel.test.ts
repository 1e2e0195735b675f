/** A primary that sentinels name: found, lost, replaced, and found again without anybody's help. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { findFreePort } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis-server.js';
import { SentinelSet, type SentinelSetOptions } from '../../support/sentinel-set.js';
import { until } from '../../support/until.js';
import { unusable, usable, useEndpoints, worksAgain, type L2 } from './endpoint.js';
import { FakeSentinel } from './fake-sentinel.js';

const endpoints = useEndpoints();

async function startSet(options?: SentinelSetOptions): Promise<SentinelSet> {
  const set = await SentinelSet.start(options);
  endpoints.afterwards(() => set.stop());
  return set;
}

function l2Of(set: SentinelSet, more: L2 = {}): L2 {
  return { mode: 'sentinel', sentinel: { master_name: set.masterName, nodes: set.nodes }, ...more };
}

describe('connecting', () => {
  test('asks the sentinels for the primary, with a password there and another one here', async () => {
    const set = await startSet({ password: 'secret', sentinelPassword: 'guarded' });
    const sentinel = { master_name: set.masterName, nodes: set.nodes, password: 'guarded' };
    const endpoint = await endpoints.open(l2Of(set, { sentinel, password: 'secret', db: 3 }));
    expect(endpoint.connection.isUsable).toBe(true);
    expect(await endpoint.works('k')).toBe(true);
    expect(await set.master.call('INFO', 'keyspace')).toMatch(/db3:keys=1/);
    expect(endpoint.connection.endpoint).toBe(`redis+sentinel://${[...set.nodes].sort().join(',')}/primary/3`);
    // G11: whatever is said of it.
    expect(JSON.stringify([endpoint.connection.health(), endpoint.lines])).not.toMatch(/secret|guarded/);
  });

  test('logs in as a user of the access control list', async () => {
    const set = await startSet();
    for (const server of [set.master, ...set.replicas]) {
      await server.call('ACL', 'SETUSER', 'app', 'on', '>pass', '~*', '+@all');
    }
    const endpoint = await endpoints.open(l2Of(set, { username: 'app', password: 'pass' }));
    expect(await endpoint.works('k')).toBe(true);
    expect(await endpoint.connection.send('acl', ['WHOAMI'], 500)).toBe('app');
  });

  test('the least a user needs at the sentinels is what docs/redis-modes.md says', async () => {
    const set = await startSet();
    const rights = ['-@all', '+sentinel|get-master-addr-by-name', '+sentinel|sentinels'];
    for (const server of set.sentinels) await server.call('ACL', 'SETUSER', 'guard', 'on', '>pass', ...rights);
    const sentinel = { master_name: set.masterName, nodes: set.nodes, username: 'guard', password: 'pass' };
    const endpoint = await endpoints.open(l2Of(set, { sentinel }));
    expect(await endpoint.works('k')).toBe(true);
  });

  test('speaks TLS to the sentinels and to the primary', async () => {
    const set = await startSet({ tls: true });
    const tls = { ca_file: set.certificates?.caFile };
    const endpoint = await endpoints.open(l2Of(set, { tls }));
    expect(await endpoint.works('k')).toBe(true);
    expect(endpoint.connection.endpoint).toMatch(/^rediss\+sentinel:/);
  });

  test('a wrong password at the sentinels is said to be that', async () => {
    const set = await startSet({ sentinelPassword: 'guarded' });
    const sentinel = { master_name: set.masterName, nodes: set.nodes, password: 'wrong' };
    const endpoint = await endpoints.open(l2Of(set, { sentinel }));
    expect(endpoint.connection.isUsable).toBe(false);
    expect(endpoint.connection.health().reason).toMatch(/sentinel.*WRONGPASS/);
    expect(endpoint.lines.join()).not.toMatch(/guarded|wrong"/);
  });

  test('a name the sentinels do not know is said to be that', async () => {
    const set = await startSet();
    const endpoint = await endpoints.open({ mode: 'sentinel', sentinel: { master_name: 'other', nodes: set.nodes } });
    expect(endpoint.connection.health()).toMatchObject({
      status: 'degraded',
      reason: expect.stringMatching(/^no sentinel says where the primary is: ERR No such master/),
    });
  });
});

describe('G6: without sentinels', () => {
  test('is degraded at once, and connects by itself when they are there', async () => {
    const set = await startSet();
    for (const sentinel of set.sentinels) await sentinel.kill();
    const before = performance.now();
    const endpoint = await endpoints.open(l2Of(set));
    expect(performance.now() - before).toBeLessThan(1500);
    expect(endpoint.connection.isUsable).toBe(false);
    expect(endpoint.told).toEqual(['degrade']);
    for (const sentinel of set.sentinels) await sentinel.restart();
    await usable(endpoint);
    expect(endpoint.told).toEqual(['degrade', 'usable', 'recover']);
    expect(await endpoint.works('k')).toBe(true);
  });

  test('one sentinel that runs is enough', async () => {
    const set = await startSet();
    const nodes = [`127.0.0.1:${await findFreePort()}`, ...set.nodes];
    const endpoint = await endpoints.open({ mode: 'sentinel', sentinel: { master_name: set.masterName, nodes } });
    expect(await endpoint.works('k')).toBe(true);
  });

  test('closing while they are asked leaves nothing behind', async () => {
    const l2 = { mode: 'sentinel', sentinel: { master_name: 'm', nodes: [`127.0.0.1:${await findFreePort()}`] } } as const;
    const endpoint = await endpoints.open(l2);
    endpoint.pool.close();
    expect(endpoint.connection.isUsable).toBe(false);
  });
});

describe('a failover', () => {
  let set: SentinelSet;
  beforeAll(async () => {
    set = await SentinelSet.start();
  });
  afterAll(() => set.stop());

  test('that an operator asks for: the old primary refuses or hangs up, the new one is used', async () => {
    const endpoint = await endpoints.open(l2Of(set));
    expect(await endpoint.works('a')).toBe(true);
    const now = await set.failover();
    // Until the old one is told, it takes writes that nobody will ever see.
    await until(async () => (await endpoint.works('b')) && (await now.call('EXISTS', 'b')) === 1, { timeoutMs: 20_000 });
    await until(() => endpoint.told.includes('failover'));
    // While it can be used. The two connections may find the new primary one after the other, which is another change later.
    const before = endpoint.told.slice(0, endpoint.told.indexOf('failover'));
    expect(before.lastIndexOf('usable')).toBeGreaterThan(before.lastIndexOf('degrade'));
    expect(before.filter((event) => event === 'usable').length).toBeGreaterThan(1);
  });

  test('after kill -9 of the primary', async () => {
    const endpoint = await endpoints.open(l2Of(set));
    const [before] = [set.master];
    const now = await set.killMaster();
    await usable(endpoint);
    await worksAgain(endpoint, 'c');
    await until(async () => (await now.call('EXISTS', 'c')) === 1);
    expect(endpoint.told).toContain('failover');
    await before.restart();
    await until(async () => ((await before.call('ROLE')) as string[])[0] === 'slave', { timeoutMs: 20_000 });
  });

  test('of a frozen primary: its silence is noticed, and its successor used', async () => {
    const endpoint = await endpoints.open(l2Of(set));
    const before = set.master;
    before.freeze();
    endpoints.afterwards(() => {
      before.thaw();
    });
    await expect(endpoint.works('d')).rejects.toMatchObject({ code: 'CACHE_L2_TIMEOUT' });
    await unusable(endpoint);
    await worksAgain(endpoint, 'd');
    const now = await set.currentMaster();
    expect(now).not.toBe(before);
    expect(await now.call('EXISTS', 'd')).toBe(1);
    expect(endpoint.told).toContain('failover');
  });
});

describe('a sentinel that names the wrong server', () => {
  async function startTwo(): Promise<[RedisServer, RedisServer, FakeSentinel]> {
    const [first, second] = await Promise.all([RedisServer.start(), RedisServer.start()]);
    const sentinel = await FakeSentinel.start(first.port);
    endpoints.afterwards(() => Promise.all([first.stop(), second.stop(), sentinel.stop()]));
    return [first, second, sentinel];
  }

  test('READONLY: a primary that became a replica and kept its clients is left as soon as another one is named', async () => {
    const [first, second, sentinel] = await startTwo();
    const endpoint = await endpoints.open({ mode: 'sentinel', sentinel: { master_name: 'm', nodes: [sentinel.address] } });
    expect(await endpoint.works('a')).toBe(true);
    await first.call('REPLICAOF', '127.0.0.1', second.port);
    await expect(endpoint.works('a')).rejects.toThrow(/READONLY/);
    expect(endpoint.connection.isUsable).toBe(false);
    const { asked } = sentinel;
    await until(() => sentinel.asked > asked);
    // It still names the old one, which answers everything but writes, and is not used for that.
    expect(endpoint.connection.isUsable).toBe(false);
    sentinel.primaryPort = second.port;
    await worksAgain(endpoint, 'b');
    expect(await second.call('EXISTS', 'b')).toBe(1);
    expect(endpoint.told).toEqual(['usable', 'degrade', 'usable', 'recover', 'failover']);
  });

  test('a replica that is named from the start is not used, nor before it has become a primary', async () => {
    const [first, second, sentinel] = await startTwo();
    await first.call('REPLICAOF', '127.0.0.1', second.port);
    const endpoint = await endpoints.open({ mode: 'sentinel', sentinel: { master_name: 'm', nodes: [sentinel.address] } });
    expect(endpoint.connection.health()).toMatchObject({ status: 'degraded', reason: expect.stringMatching(/READONLY/) });
    await first.call('REPLICAOF', 'NO', 'ONE');
    await worksAgain(endpoint, 'a');
    expect(await first.call('EXISTS', 'a')).toBe(1);
  });
});

test('a link for messages leads to the primary too, and to its successor', async () => {
  const set = await startSet();
  const { openLink } = await endpoints.open(l2Of(set));
  const link = openLink() as Redis;
  link.on('error', () => undefined);
  endpoints.afterwards(() => {
    link.disconnect();
  });
  await link.connect();
  expect(await link.set('a', '1')).toBe('OK');
  expect(await link.client('GETNAME')).toBe('oxcache-bus');
  await set.killMaster();
  await until(() => link.set('b', '1'), { timeoutMs: 20_000, intervalMs: 20 });
});

test('a client that was handed in is used, and is neither closed nor reconnected', async () => {
  const set = await startSet();
  const [host = '', port = ''] = (set.nodes[0] ?? '').split(':');
  const client = new Redis({ sentinels: [{ host, port: Number(port) }], name: set.masterName, keyPrefix: 'app:' });
  endpoints.afterwards(() => {
    client.disconnect();
  });
  const { openLink, pool, works } = await endpoints.open({}, client);
  expect(await works('k')).toBe(true);
  // Names are complete where we make them; the prefix of the client is not put before them once more.
  const link = openLink() as Redis;
  endpoints.afterwards(() => {
    link.disconnect();
  });
  await link.connect();
  expect(await link.get('k')).not.toBeNull();
  pool.close();
  expect(await client.set('still', 'there')).toBe('OK');
});
