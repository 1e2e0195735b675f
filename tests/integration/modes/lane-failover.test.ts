/** The connection for writes is cut alone, and finds another server: reads and writes must not be at two of them. */
import { connect, createServer, type AddressInfo } from 'node:net';
import { beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { COMMAND_TIMEOUT_MS, usable, useEndpoints, type Endpoint, type L2 } from './endpoint.js';
import { FakeSentinel } from './fake-sentinel.js';

const endpoints = useEndpoints();
let before: RedisServer;
let after: RedisServer;

beforeEach(async () => {
  [before, after] = await Promise.all([RedisServer.start(), RedisServer.start()]);
  for (const server of [before, after]) endpoints.afterwards(() => server.stop());
});

/** The connections of a name at a server, as their ids. */
async function idsOf(server: RedisServer, name: string): Promise<string[]> {
  const list = String(await server.call('CLIENT', 'LIST')).split('\n');
  return list.filter((line) => line.includes(` name=${name} `)).map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '');
}

/** Writes a key, as services do, and reads it; resolves to whether that has what was written. */
async function works({ connection }: Endpoint, key: string): Promise<boolean> {
  const value = String(performance.now());
  const script = "return redis.call('set', KEYS[1], ARGV[1])";
  await connection.send('eval', [script, '1', key, value], COMMAND_TIMEOUT_MS);
  return (await connection.send<string>('get', [key], COMMAND_TIMEOUT_MS)) === value;
}

/** Waits until writes go over their own connection. */
async function laneInUse(endpoint: Endpoint): Promise<void> {
  const wrote = async (): Promise<boolean> => {
    await works(endpoint, 'warm');
    const list = String(await before.call('CLIENT', 'LIST'));
    return / name=oxcache-writes .* cmd=eval /.test(list);
  };
  await until(wrote);
}

async function cutLane(): Promise<void> {
  for (const id of await idsOf(before, 'oxcache-writes')) await before.call('CLIENT', 'KILL', 'ID', id);
}

/** Works until both connections are at the other server; what was written has to be read all the while. */
async function movesWhole(endpoint: Endpoint): Promise<void> {
  const results: boolean[] = [];
  const isThere = async (): Promise<boolean> => {
    results.push(await works(endpoint, 'k').catch(() => true));
    const [reads, writes] = await Promise.all([idsOf(after, 'oxcache'), idsOf(after, 'oxcache-writes')]);
    return reads.length === 1 && writes.length === 1;
  };
  await until(isThere, { timeoutMs: 15_000, intervalMs: 20 });
  await usable(endpoint);
  expect(await works(endpoint, 'k')).toBe(true);
  expect(results).not.toContain(false);
  expect(await after.call('EXISTS', 'k')).toBe(1);
}

/** A name in front of servers that leads to one of them: each new connection to whichever it is then. */
async function startName(): Promise<{ readonly port: number; leadTo(server: RedisServer): void }> {
  let { port } = before;
  const listener = createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  endpoints.afterwards(() => listener.close());
  const leadTo = (server: RedisServer): void => void ({ port } = server);
  return { port: (listener.address() as AddressInfo).port, leadTo };
}

test('behind sentinels both go to the new primary, though the old one still answers as one', async () => {
  const sentinel = await FakeSentinel.start(before.port);
  endpoints.afterwards(() => sentinel.stop());
  const l2: L2 = { mode: 'sentinel', sentinel: { master_name: 'primary', nodes: [sentinel.address] } };
  const endpoint = await endpoints.open(l2);
  await laneInUse(endpoint);
  // Two that are found in the same seconds are taken for one name with two addresses.
  const openedMs = performance.now();
  await until(() => performance.now() - openedMs > 10_100, { timeoutMs: 15_000, intervalMs: 200 });
  sentinel.primaryPort = after.port;
  await cutLane();
  await movesWhole(endpoint);
}, 60_000);

test('behind one name both go to the new primary, once the old one is a replica', async () => {
  const name = await startName();
  const endpoint = await endpoints.open({ connection_string: `redis://127.0.0.1:${name.port}` });
  await laneInUse(endpoint);
  await before.call('REPLICAOF', '127.0.0.1', after.port);
  name.leadTo(after);
  await cutLane();
  // Nobody sends anything that the replica would refuse.
  await until(async () => (await idsOf(after, 'oxcache')).length === 1, { timeoutMs: 15_000 });
  await movesWhole(endpoint);
});

test('a connection for writes that leads to a replica is not used', async () => {
  const name = await startName();
  const endpoint = await endpoints.open({ connection_string: `redis://127.0.0.1:${name.port}` });
  await laneInUse(endpoint);
  await after.call('REPLICAOF', '127.0.0.1', before.port);
  name.leadTo(after);
  await cutLane();
  await until(async () => (await idsOf(after, 'oxcache-writes')).length > 0);
  for (let i = 0; i < 50; i++) expect(await works(endpoint, `k${i}`)).toBe(true);
  name.leadTo(before);
  await until(async () => (await idsOf(before, 'oxcache-writes')).length === 1, { timeoutMs: 15_000 });
  await laneInUse(endpoint);
  expect(endpoint.told).toEqual(['usable']);
});

test('with a client that was handed in, writes stay with its reads', async () => {
  const name = await startName();
  const given = new Redis({ host: '127.0.0.1', port: name.port });
  given.on('error', () => undefined);
  endpoints.afterwards(() => {
    given.disconnect();
  });
  const endpoint = await endpoints.open({}, given);
  await laneInUse(endpoint);
  await before.call('REPLICAOF', '127.0.0.1', after.port);
  name.leadTo(after);
  await cutLane();
  await until(async () => (await idsOf(after, 'oxcache-writes')).length === 1, { timeoutMs: 15_000 });
  await works(endpoint, 'k').catch(() => undefined);
  expect(await after.call('EXISTS', 'k')).toBe(0);
  expect(given.status).toBe('ready');
});
