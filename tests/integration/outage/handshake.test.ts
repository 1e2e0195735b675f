/**
 * What a connection has to prove before it is used: whose it is, and which database its commands land in. Whatever is refused
 * keeps the gate shut, with the reason in the health and in the log; nothing is sent (G1).
 */
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, jest, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { CacheManager, ConfigObject } from '../../../lib/index.js';
import { ClusterSet } from '../../support/cluster-set.js';
import type { RedisServer } from '../../support/redis-server.js';
import { SentinelSet } from '../../support/sentinel-set.js';
import { until } from '../../support/until.js';
import { COMMAND_TIMEOUT_MS, CONNECTION_TIMEOUT_MS, degraded, healthy, useRig } from './rig.js';

const rig = useRig();

type L2 = NonNullable<ConfigObject['services'][string]['l2']>;
type Sync = NonNullable<ConfigObject['services'][string]['sync']>;

interface Opened {
  readonly manager: CacheManager;
  readonly lines: string[];
}

/** Opens the service `s`, of type two-level, and collects what is logged. */
async function open(l2: L2, more: { given?: Redis; sync?: Sync; level?: 'silent' } = {}): Promise<Opened> {
  const lines: string[] = [];
  const log =
    (level: string) =>
    (line: string): void => {
      lines.push(`${level}: ${line}`);
    };
  const logger = { error: log('error'), warn: log('warn'), info: log('info'), debug: () => undefined };
  const deadlines = { command_timeout_ms: COMMAND_TIMEOUT_MS, connection_timeout_ms: CONNECTION_TIMEOUT_MS };
  const manager = await rig.open(
    { s: { cache_type: 'two-level', l2: { ...deadlines, ...l2 }, sync: more.sync } },
    {
      logger,
      global: { log_level: more.level ?? 'info' },
      ...(more.given === undefined ? {} : { connections: more.given }),
    },
  );
  return { manager, lines };
}

/** Does everything that would be sent, and looks for what arrived. */
async function expectNothingSent({ manager, lines }: Opened, server: RedisServer, reason: RegExp): Promise<void> {
  const client = manager.client('s');
  await until(() => reason.test(client.health().l2?.reason ?? ''), {
    describe: () => `the reason ${String(reason)} in ${JSON.stringify(client.health().l2)}`,
  });
  expect(client.health()).toMatchObject({ status: 'degraded', sync: { status: 'lost' } });
  expect(await client.set('k', 'v')).toEqual({ l1: true, l2: 'logged' });
  expect(await client.getL2Only('mine')).toBeUndefined();
  await client.clear();
  expect(await client.getOrLoad('other', () => 'loaded')).toBe('loaded');
  expect(lines.filter((line) => /^error: Redis at .* can't be used/.test(line) && reason.test(line))).toHaveLength(1);
  expect(await server.call('KEYS', '*')).toEqual(['oxcache:s:mine']);
  expect(await server.call('GET', 'oxcache:s:mine')).toBe('of another application');
}

async function startForeign(options?: Parameters<typeof rig.startRedis>[0]): Promise<RedisServer> {
  const server = await rig.startRedis(options);
  await server.call('SET', 'oxcache:s:mine', 'of another application');
  return server;
}

function handIn(redis: Redis): Redis {
  redis.on('error', () => undefined);
  rig.afterwards(() => {
    redis.disconnect();
  });
  return redis;
}

const NO_SELECT = { name: 'app', password: 'pw', rules: '~* &* +@all -select' };
const TRANSPORTS: readonly Sync[] = [{ transport: 'stream' }, { transport: 'pubsub' }];

describe('G1: a database that is refused', () => {
  test.each(TRANSPORTS)('because the server has fewer: nothing goes to database 0 (%j)', async (sync) => {
    const server = await startForeign({ config: { databases: '2' } });
    const opened = await open({ connection_string: `redis://${server.address}/7` }, { sync });
    await expectNothingSent(opened, server, /database 7 was refused: ERR DB index is out of range/);
  });

  test.each(TRANSPORTS)('because the user may not select: it is used once that is granted (%j)', async (sync) => {
    const server = await startForeign({ users: [NO_SELECT] });
    const opened = await open({ connection_string: `redis://app:pw@${server.address}/1` }, { sync });
    await expectNothingSent(opened, server, /database 1 was refused: NOPERM/);
    await server.call('ACL', 'SETUSER', 'app', '+select');
    const client = opened.manager.client('s');
    await healthy(client);
    await until(() => client.health().sync?.status === 'connected');
    await until(() => client.metrics().loggedKeys === 0);
    expect(await client.set('k', 'v')).toMatchObject({ l2: 'written' });
    expect(await server.call('KEYS', '*')).toEqual(['oxcache:s:mine']);
  });

  test('at a reconnect, when the server came back with fewer databases', async () => {
    // Written to its configuration file at each start.
    const config = { databases: '8' };
    const server = await startForeign({ config });
    const opened = await open({ connection_string: `redis://${server.address}/7` });
    await healthy(opened.manager.client('s'));
    config.databases = '2';
    await server.restart();
    await server.call('SET', 'oxcache:s:mine', 'of another application');
    await expectNothingSent(opened, server, /database 7 was refused/);
  });

  test('at a reconnect, when the right was taken away', async () => {
    const server = await startForeign({ users: [{ ...NO_SELECT, rules: '~* &* +@all' }] });
    const opened = await open({ connection_string: `redis://app:pw@${server.address}/1` });
    await healthy(opened.manager.client('s'));
    await server.call('ACL', 'SETUSER', 'app', '-select');
    await server.call('CLIENT', 'KILL', 'TYPE', 'normal');
    await expectNothingSent(opened, server, /database 1 was refused: NOPERM/);
  });

  test('by the primary that sentinels name', async () => {
    const set = await SentinelSet.start();
    rig.afterwards(() => set.stop());
    await set.master.call('SET', 'oxcache:s:mine', 'of another application');
    const sentinel = { master_name: set.masterName, nodes: set.nodes };
    const opened = await open({ mode: 'sentinel', sentinel, db: 99 });
    await expectNothingSent(opened, set.master, /database 99 was refused: ERR DB index is out of range/);
  });

  test('to a client that was handed in, which goes on in database 0 by itself', async () => {
    const server = await startForeign({ config: { databases: '2' } });
    const given = handIn(new Redis({ host: '127.0.0.1', port: server.port, db: 7 }));
    await expectNothingSent(await open({}, { given }), server, /database 7 was refused: ERR DB index is out of range/);
  });

  test('to a client that was handed in, at its reconnect: what it had under way is not sent again', async () => {
    const server = await startForeign({ users: [{ ...NO_SELECT, rules: '~* &* +@all' }] });
    const proxy = await rig.startProxy(server);
    const given = handIn(new Redis({ host: '127.0.0.1', port: proxy.port, username: 'app', password: 'pw', db: 1 }));
    const { manager } = await open({ command_timeout_ms: 5000 }, { given, sync: { enabled: false } });
    const client = manager.client('s');
    await healthy(client);
    proxy.blackhole();
    const writing = client.set('k', 'v');
    await server.call('ACL', 'SETUSER', 'app', '-select');
    // It connects anew, is refused the database, and sends what was not answered.
    proxy.drop();
    await proxy.resume();
    expect(await writing).toEqual({ l1: true, l2: 'logged' });
    await until(() => /database 1 was refused: NOPERM/.test(client.health().l2?.reason ?? ''));
    expect(await server.call('KEYS', '*')).toEqual(['oxcache:s:mine']);
  });
});

describe('a client that was handed in', () => {
  test('is used in the database it was in, also by the link for messages, and not while it is in another one', async () => {
    const server = await rig.startRedis();
    const given = handIn(new Redis({ host: '127.0.0.1', port: server.port }));
    await given.select(3);
    const { manager } = await open({}, { given });
    const client = manager.client('s');
    await healthy(client);
    expect(client.health().l2?.endpoint).toBe(`redis://127.0.0.1:${server.port}/3`);
    await until(async () => /name=oxcache-bus.* db=3/.test(String(await server.call('CLIENT', 'LIST'))));
    await given.select(5);
    expect(await client.set('k', 'v')).toEqual({ l1: true, l2: 'logged' });
    expect(client.health().l2?.reason).toMatch(/uses database 5 now, the cache has 3/);
    expect(String(await server.call('INFO', 'keyspace'))).not.toMatch(/db5/);
    await given.select(3);
    await healthy(client);
    await until(() => client.metrics().loggedKeys === 0);
    expect(await client.getL2Only('k')).toBe('v');
  });
});

/** A server that does with a connection what a test wants. */
async function listen(onConnection: Parameters<typeof createServer>[1]): Promise<number> {
  const server: Server = createServer(onConnection);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  rig.afterwards(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function expectReason({ manager, lines }: Opened, reason: RegExp): Promise<void> {
  const client = manager.client('s');
  await degraded(client);
  await until(() => reason.test(client.health().l2?.reason ?? ''), {
    describe: () => `the reason ${String(reason)} in ${JSON.stringify(client.health().l2)}`,
  });
  await until(() => lines.some((line) => reason.test(line)), { describe: () => `the reason in ${lines.join('\n')}` });
  for (const line of lines) expect(line).not.toMatch(/\.\.|\.:/);
}

describe('the reason is said, in the health and in the log, of', () => {
  const at = (port: number): L2 => ({ connection_string: `redis://127.0.0.1:${port}` });

  test('a server that hangs up at login', async () => {
    const port = await listen((socket) => socket.end());
    await expectReason(await open(at(port)), /the server closed the connection at login.*if the port expects TLS/);
  });

  test('a server that resets the connection at login', async () => {
    const port = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await expectReason(await open({ ...at(port), password: 'pw' }), /the server closed the connection at login \(.*ECONNRESET/);
  });

  test('a port where something else listens', async () => {
    const port = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expectReason(await open(at(port)), /does not speak the Redis protocol/);
  });

  test('a server without room for a further client', async () => {
    const server = await rig.startRedis({ config: { maxclients: '1' } });
    await server.call('PING');
    await expectReason(await open(at(server.port)), /max number of clients reached.*/);
  });

  test('a refused connection', async () => {
    await expectReason(await open(at(1)), /ECONNREFUSED/);
  });

  test('a name that does not exist', async () => {
    await expectReason(await open({ connection_string: 'redis://no-such-host.invalid:6379' }), /ENOTFOUND|EAI_AGAIN/);
  });

  test('a wrong password', async () => {
    const server = await rig.startRedis({ password: 'right' });
    await expectReason(await open({ ...at(server.port), password: 'wr0ng' }), /WRONGPASS/);
  });

  test('a wrong password of a cluster', async () => {
    const set = await ClusterSet.start({ password: 'right' });
    rig.afterwards(() => set.stop());
    const cluster = { nodes: [...set.nodes] };
    await expectReason(await open({ mode: 'cluster', cluster, password: 'wr0ng' }), /no node says.*: WRONGPASS/);
  });

  test('a cluster of which no node is there', async () => {
    await expectReason(await open({ mode: 'cluster', cluster: { nodes: ['127.0.0.1:1'] } }), /no node says.*ECONNREFUSED/);
  });

  test('sentinels that are not there', async () => {
    const sentinel = { master_name: 'm', nodes: ['127.0.0.1:1'] };
    await expectReason(await open({ mode: 'sentinel', sentinel }), /no sentinel says.*ECONNREFUSED/);
  });

  test('plain text at a port that speaks TLS', async () => {
    const server = await rig.startRedis({ tls: true });
    await expectReason(await open(at(server.port)), /TLS.*write `rediss:\/\/`/);
  });

  test('TLS at a port that speaks plain text', async () => {
    const server = await rig.startRedis();
    await expectReason(await open({ connection_string: `rediss://127.0.0.1:${server.port}` }), /TLS.*write `redis:\/\/`/);
  });

  test('the same for sentinels and for the nodes of a cluster', async () => {
    const server = await rig.startRedis({ tls: true });
    const nodes = [server.address];
    await expectReason(await open({ mode: 'sentinel', sentinel: { master_name: 'm', nodes } }), /TLS.*`l2.tls`/);
    await expectReason(await open({ mode: 'cluster', cluster: { nodes } }), /TLS.*`l2.tls`/);
  });
});

describe('a password for a server that has none', () => {
  const spies = (): { readonly calls: () => unknown[] } => {
    const all = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) =>
      jest.spyOn(console, name).mockImplementation(() => undefined),
    );
    rig.afterwards(() => {
      for (const spy of all) spy.mockRestore();
    });
    return { calls: () => all.flatMap((spy) => spy.mock.calls) };
  };
  const unused = (lines: readonly string[]): string[] => lines.filter((line) => line.includes('has no password'));

  test('is one line of the logger, and none of the console, for all connections and reconnects', async () => {
    const server = await rig.startRedis();
    const console = spies();
    const { manager, lines } = await open({ connection_string: `redis://:s3cret@${server.address}` });
    const client = manager.client('s');
    await healthy(client);
    await until(() => client.health().sync?.status === 'connected');
    await server.call('CLIENT', 'KILL', 'TYPE', 'normal');
    await until(() => client.metrics().invalidationLinkLosses === 1);
    await healthy(client);
    await until(() => client.health().sync?.status === 'connected');
    expect(unused(lines)).toHaveLength(1);
    expect(unused(lines)[0]).toMatch(/^warn: /);
    expect(lines.join()).not.toContain('s3cret');
    expect(console.calls()).toEqual([]);
  });

  test('is silent where the level says so', async () => {
    const server = await rig.startRedis();
    const console = spies();
    const { manager, lines } = await open({ connection_string: `redis://:s3cret@${server.address}` }, { level: 'silent' });
    await healthy(manager.client('s'));
    expect(lines).toEqual([]);
    expect(console.calls()).toEqual([]);
  });

  test('is a line for a cluster, and for the sentinels by themselves', async () => {
    const console = spies();
    const cluster = await ClusterSet.start();
    rig.afterwards(() => cluster.stop());
    const one = await open({ mode: 'cluster', cluster: { nodes: [...cluster.nodes] }, password: 's3cret' });
    await healthy(one.manager.client('s'));
    expect(unused(one.lines)).toHaveLength(1);
    const set = await SentinelSet.start({ password: 'pw' });
    rig.afterwards(() => set.stop());
    const sentinel = { master_name: set.masterName, nodes: [...set.nodes], password: 's3cret' };
    const other = await open({ mode: 'sentinel', sentinel, password: 'pw' });
    await healthy(other.manager.client('s'));
    expect(unused(other.lines)).toEqual([expect.stringContaining('`l2.sentinel.password`')]);
    expect(console.calls()).toEqual([]);
  });
});
