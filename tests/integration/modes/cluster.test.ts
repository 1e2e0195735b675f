/** A Redis Cluster: its slots move, its masters die and are replaced, and whoever uses it need not know. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster, Command, Redis } from 'ioredis';
import { createManager } from '../../../lib/index.js';
import { ClusterTransport } from '../../../lib/tiers/redis/cluster-transport.js';
import { KeySpace, slotTagOf } from '../../../lib/tiers/redis/key-space.js';
import { ClusterSet, type ClusterSetOptions } from '../../support/cluster-set.js';
import { findFreePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';
import { COMMAND_TIMEOUT_MS, unusable, usable, useEndpoints, worksAgain, type Endpoint, type L2 } from './endpoint.js';

const endpoints = useEndpoints();

async function startSet(options?: ClusterSetOptions): Promise<ClusterSet> {
  const set = await ClusterSet.start(options);
  endpoints.afterwards(() => set.stop());
  return set;
}

function l2Of(set: ClusterSet, more: L2 = {}): L2 {
  return { mode: 'cluster', cluster: { nodes: set.nodes.slice(0, 1) }, ...more };
}

/** Keys that fall into all masters. */
const KEYS = Array.from({ length: 30 }, (_, index) => `k${index}`);

async function allWork(endpoint: Endpoint): Promise<boolean> {
  return (await Promise.all(KEYS.map((key) => endpoint.works(key)))).every(Boolean);
}

function slotOf(key: string): number {
  return new Command('get', [key]).getSlot();
}

async function portsOfMasters(endpoint: Endpoint): Promise<string[]> {
  const infos = endpoint.connection.masters().map((node) => node.send<string>('info', ['server'], COMMAND_TIMEOUT_MS));
  return (await Promise.all(infos)).map((info) => /tcp_port:(\d+)/.exec(info)?.[1] ?? '').sort();
}

describe('connecting', () => {
  test('one node is enough to find all, with a password and as a user', async () => {
    const set = await startSet({ password: 'secret' });
    for (const server of set.masters) await server.call('ACL', 'SETUSER', 'app', 'on', '>pass', '~*', '+@all');
    const byPassword = await endpoints.open(l2Of(set, { password: 'secret' }));
    expect(await allWork(byPassword)).toBe(true);
    const byUser = await endpoints.open(l2Of(set, { username: 'app', password: 'pass' }));
    expect(await allWork(byUser)).toBe(true);
    expect(await portsOfMasters(byUser)).toEqual(set.masters.map(({ port }) => String(port)).sort());
    expect(byUser.connection.endpoint).toBe(`redis+cluster://${set.nodes[0] ?? ''}`);
    // G11: whatever is said of it.
    const wrong = await endpoints.open(l2Of(set, { password: 'wrong-one' }));
    expect(wrong.connection.health()).toMatchObject({ status: 'degraded', reason: expect.stringMatching(/WRONGPASS/) });
    expect(JSON.stringify([byPassword.lines, byUser.lines, wrong.lines, wrong.connection.health()])).not.toMatch(
      /secret|wrong-one/,
    );
  });

  test('the least a user needs at the nodes is what docs/redis-modes.md says', async () => {
    const set = await startSet();
    const rights = ['+time', '+getrange', '+unlink', '+get', '+set', '+cluster|slots', '+asking'];
    for (const server of set.masters) await server.call('ACL', 'SETUSER', 'app', 'on', '>pass', '~*', '-@all', ...rights);
    const endpoint = await endpoints.open(l2Of(set, { username: 'app', password: 'pass' }));
    const slot = slotOf('k1');
    const from = await set.slotOwner(slot);
    const move = await set.beginMove(from, set.masters.find((server) => server !== from) ?? from, slot);
    expect(await allWork(endpoint)).toBe(true);
    await move.finish();
    expect(await allWork(endpoint)).toBe(true);
  });

  test('speaks TLS to all nodes', async () => {
    const set = await startSet({ tls: true });
    const endpoint = await endpoints.open(l2Of(set, { tls: { ca_file: set.certificates?.caFile } }));
    expect(await allWork(endpoint)).toBe(true);
  });

  test('G6: without any node is degraded at once, and connects by itself when there is one', async () => {
    const set = await startSet({ appendonly: true });
    for (const server of set.masters) await server.kill();
    const before = performance.now();
    const endpoint = await endpoints.open({ mode: 'cluster', cluster: { nodes: set.nodes } });
    expect(performance.now() - before).toBeLessThan(1500);
    expect(endpoint.told).toEqual(['degrade']);
    expect(endpoint.connection.health().reason).toMatch(/no node says who has which slots: connect ECONNREFUSED/);
    await expect(endpoint.works('k')).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE' });
    await Promise.all(set.masters.map((server) => server.restart()));
    await usable(endpoint);
    // The masters come up one by one, and the set of them may change once more.
    expect(endpoint.told.filter((event) => event !== 'failover')).toEqual(['degrade', 'usable', 'recover']);
    await worksAgain(endpoint, 'k');
  });

  test('closing while nobody answers leaves nothing behind', async () => {
    const endpoint = await endpoints.open({ mode: 'cluster', cluster: { nodes: [`127.0.0.1:${await findFreePort()}`] } });
    endpoint.pool.close();
    expect(endpoint.connection.isUsable).toBe(false);
  });
});

describe('the lanes of reads', () => {
  let set: ClusterSet;
  beforeAll(async () => {
    // The nodes themselves take longer to notice that a master is gone, as they do with the defaults.
    set = await ClusterSet.start({ config: { 'cluster-node-timeout': '15000' } });
  });
  afterAll(() => set.stop());

  test('are those of the servers to which ioredis sends the keys', async () => {
    const [host = '', port = ''] = (set.nodes[0] ?? '').split(':');
    const client = new Cluster([{ host, port: Number(port) }]);
    endpoints.afterwards(() => {
      client.disconnect();
    });
    await until(() => client.status === 'ready');
    const transport = new ClusterTransport({ client, isOwned: false, Command, probeKey: 'probe' });
    const keySpace = new KeySpace('lanes', 's', '', true);
    for (let index = 0; index < 1000; index++) {
      const name = keySpace.nameOf(`k${index}`);
      expect(transport.serverOf(slotTagOf(name))).toBe(client.slots[slotOf(name)]?.[0]);
    }
  });

  test('do not let a frozen master take the reads of the others with it', async () => {
    const keys = Array.from({ length: 20_000 }, (_, index) => `key-${index}`);
    const keySpace = new KeySpace('oxcache', 's', '', true);
    const config = {
      global: { log_level: 'silent', wal: { enabled: false } },
      services: { s: { cache_type: 'l2', l2: { ...l2Of(set), command_timeout_ms: 1000 } } },
    } as const;
    await using manager = await createManager(config);
    const client = manager.client('s');
    await client.setMany(keys.map((key) => [key, key]));
    const frozen = await set.slotOwner(slotOf(keySpace.nameOf('key-0')));
    const owners = new Map<number, boolean>();
    const isFrozen = async (slot: number): Promise<boolean> => {
      const known = owners.get(slot) ?? (await set.slotOwner(slot)) === frozen;
      owners.set(slot, known);
      return known;
    };
    const expected: string[] = [];
    for (const key of keys) if (!(await isFrozen(slotOf(keySpace.nameOf(key))))) expected.push(key);
    frozen.freeze();
    endpoints.afterwards(() => {
      frozen.thaw();
    });
    const found = await client.getMany(keys);
    expect(expected.length).toBeGreaterThan(5000);
    expect([...found.keys()].sort()).toEqual(expected.sort());
  });
});

describe('slots that move', () => {
  let set: ClusterSet;
  beforeAll(async () => {
    set = await ClusterSet.start();
  });
  afterAll(() => set.stop());

  test('MOVED: a moved slot is followed without a failed command', async () => {
    const endpoint = await endpoints.open(l2Of(set));
    expect(await allWork(endpoint)).toBe(true);
    const slot = slotOf('k1');
    const from = await set.slotOwner(slot);
    const to = set.masters.find((server) => server !== from) ?? from;
    await set.moveSlots(from, to, [slot]);
    expect(await endpoint.works('k1')).toBe(true);
    expect(await to.call('GET', 'k1')).toBeTruthy();
    expect(endpoint.told).toEqual(['usable']);
  });

  test('ASK and TRYAGAIN: a slot that is on its way is followed, key by key, and a batch waits for the rest', async () => {
    const endpoint = await endpoints.open(l2Of(set));
    const names = ['{ask}1', '{ask}2', '{ask}3', '{ask}4'];
    const slot = slotOf('{ask}');
    for (const name of names) await endpoint.works(name);
    const from = await set.slotOwner(slot);
    const to = set.masters.find((server) => server !== from) ?? from;
    const move = await set.beginMove(from, to, slot);
    await move.moveKeys(2);
    for (const name of names) expect(await endpoint.works(name)).toBe(true);
    const batch = endpoint.connection.send<unknown[]>('mget', names, COMMAND_TIMEOUT_MS);
    await move.finish();
    expect((await batch).every((value) => value !== null)).toBe(true);
    expect(await endpoint.works('{ask}1')).toBe(true);
    expect(endpoint.connection.isUsable).toBe(true);
    expect(endpoint.told).toEqual(['usable']);
  });
});

describe('a failover', () => {
  test('that an operator asks for: the set of masters is another one, and is told so', async () => {
    const set = await startSet({ replicas: 1 });
    const endpoint = await endpoints.open(l2Of(set));
    expect(await allWork(endpoint)).toBe(true);
    await set.failover(0);
    await until(() => allWork(endpoint), { timeoutMs: 20_000, intervalMs: 20 });
    await until(() => endpoint.told.includes('failover'));
    expect(await portsOfMasters(endpoint)).toEqual(set.masters.map(({ port }) => String(port)).sort());
  });

  test('after kill -9 of a master', async () => {
    const set = await startSet({ replicas: 1 });
    const endpoint = await endpoints.open(l2Of(set));
    expect(await allWork(endpoint)).toBe(true);
    const taken = set.killMaster(1);
    await unusable(endpoint);
    // One gate for the whole cluster, and no call waits at it.
    await expect(endpoint.works('k')).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE' });
    await taken;
    await usable(endpoint);
    await until(() => allWork(endpoint), { timeoutMs: 20_000, intervalMs: 20 });
    expect(endpoint.told[0]).toBe('usable');
    expect(endpoint.told).toContain('failover');
    expect(endpoint.told.indexOf('failover')).toBeGreaterThan(endpoint.told.lastIndexOf('recover') - 2);
  });

  test('of a frozen master: its silence is noticed, and its successor used', async () => {
    const set = await startSet({ replicas: 1 });
    const endpoint = await endpoints.open(l2Of(set));
    expect(await allWork(endpoint)).toBe(true);
    const frozen = set.masters[0];
    if (frozen === undefined) throw new Error('The set has no master');
    frozen.freeze();
    endpoints.afterwards(() => {
      frozen.thaw();
    });
    await Promise.allSettled(KEYS.map((key) => endpoint.works(key)));
    await unusable(endpoint);
    await usable(endpoint, 30_000);
    await until(() => allWork(endpoint), { timeoutMs: 20_000, intervalMs: 20 });
    expect(endpoint.told).toContain('failover');
  });

  test('a master that hangs up and stays is connected again', async () => {
    const set = await startSet();
    const endpoint = await endpoints.open(l2Of(set));
    expect(await allWork(endpoint)).toBe(true);
    for (const server of set.masters) await server.call('CLIENT', 'KILL', 'TYPE', 'normal');
    await worksAgain(endpoint, 'k');
    await until(() => allWork(endpoint), { timeoutMs: 20_000, intervalMs: 20 });
  });
});

describe('clients', () => {
  let set: ClusterSet;
  beforeAll(async () => {
    set = await ClusterSet.start();
  });
  afterAll(() => set.stop());

  async function connections(): Promise<number> {
    const lists = await Promise.all(set.masters.map((server) => server.call('CLIENT', 'LIST', 'TYPE', 'normal')));
    return lists.map((list) => String(list).split('name=oxcache').length - 1).reduce((sum, count) => sum + count, 0);
  }

  test('a link for messages can block and publish, and is its own', async () => {
    const { openLink, works } = await endpoints.open(l2Of(set));
    const link = openLink() as Cluster;
    link.on('error', () => undefined);
    endpoints.afterwards(() => {
      link.disconnect();
    });
    await link.connect();
    const blocked = link.xread('BLOCK', 5000, 'STREAMS', 'stream', '$');
    const owner = await set.slotOwner(slotOf('stream'));
    await until(async () => String(await owner.call('CLIENT', 'LIST')).includes('cmd=xread'));
    expect(String(await owner.call('CLIENT', 'LIST'))).toContain('name=oxcache-bus');
    // What blocks the link blocks nobody else.
    expect(await works('{stream}')).toBe(true);
    await owner.call('XADD', 'stream', '*', 'm', '1');
    expect(await blocked).toMatchObject([['stream', [expect.anything()]]]);
  });

  test('G9: closing leaves no connection', async () => {
    await until(async () => (await connections()) === 0);
    const endpoint = await endpoints.open(l2Of(set));
    expect(await allWork(endpoint)).toBe(true);
    expect(await connections()).toBeGreaterThanOrEqual(3);
    endpoint.pool.close();
    await until(async () => (await connections()) === 0);
  });

  test('one that was handed in is used, and is neither closed nor reconnected', async () => {
    const [host = '', port = ''] = (set.nodes[0] ?? '').split(':');
    const client = new Cluster([{ host, port: Number(port) }], { keyPrefix: 'app:' });
    endpoints.afterwards(() => {
      client.disconnect();
    });
    const endpoint = await endpoints.open({}, client);
    expect(endpoint.connection.isCluster).toBe(true);
    expect(endpoint.connection.endpoint).toBe(`redis+cluster://${host}:${port}`);
    expect(await allWork(endpoint)).toBe(true);
    const link = endpoint.openLink() as Cluster;
    endpoints.afterwards(() => {
      link.disconnect();
    });
    await link.connect();
    expect(await link.get('k1')).not.toBeNull();
    endpoint.pool.close();
    expect(await client.set('still', 'there')).toBe('OK');
  });

  test('the time of all processes is that of the same master', async () => {
    // Each is asked once in a comparison, to find one that is ahead; the one whose time counts is asked again.
    const timesAsked = async (): Promise<Map<string, number>> => {
      const stats = await Promise.all(set.masters.map((server) => server.call('INFO', 'commandstats')));
      const counts = stats.map((text) => Number(/cmdstat_time:calls=(\d+)/.exec(String(text))?.[1] ?? 0));
      return new Map(set.masters.map(({ address }, index) => [address, counts[index] ?? 0]));
    };
    for (const server of set.masters) await server.call('CONFIG', 'RESETSTAT');
    for (let index = 0; index < 3; index++) await endpoints.open(l2Of(set, { cluster: { nodes: [set.nodes[index] ?? ''] } }));
    const asked = await timesAsked();
    const [first = '', ...others] = [...set.nodes].sort();
    for (const other of others) expect(asked.get(first)).toBeGreaterThanOrEqual(2 * (asked.get(other) ?? NaN));
  });
});

test('a plain Redis is no cluster, and is said to be none', async () => {
  const set = await startSet({ masters: 3 });
  const [host = '', port = ''] = (set.nodes[0] ?? '').split(':');
  const client = new Redis({ host, port: Number(port) });
  endpoints.afterwards(() => {
    client.disconnect();
  });
  expect((await endpoints.open({}, client)).connection.isCluster).toBe(false);
});
