/** What only streams can do, and what can happen to them: nothing is missed without being told of (G5). */
import { afterEach, describe, expect, test } from '@jest/globals';
import { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import { makeBus, RecordingFollower, say, useBusBench } from '../../support/bus-bench.js';
import { RedisServer } from '../../support/redis-server.js';
import type { RedisServerOptions } from '../../support/redis-server-options.js';
import { until } from '../../support/until.js';

const bench = useBusBench();
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  cleanups.push(() => server.stop());
  return server;
}

async function startProxy(server: RedisServer): Promise<TcpFaultProxy> {
  const proxy = await TcpFaultProxy.start(server.port);
  cleanups.push(() => proxy.close());
  return proxy;
}

const gaps = (follower: RecordingFollower): number => follower.log.filter((line) => line.startsWith('gap')).length;

describe('G5: a link that was lost', () => {
  test('goes on where it was: everything missed comes in order, and there is no gap', async () => {
    const server = await startRedis();
    const proxy = await startProxy(server);
    const follower = new RecordingFollower();
    await bench.open('stream', proxy, follower);
    await say('stream', server, follower, ['before']);
    await follower.told('before');
    await proxy.refuse();
    proxy.drop();
    await follower.told('lost');
    const missed = Array.from({ length: 1234 }, (_, i) => `missed${i}`);
    await Promise.all(missed.map((key) => say('stream', server, follower, [key])));
    await proxy.resume();
    await follower.told('restored', 2);
    expect(follower.log.slice(3)).toEqual(['lost', ...missed, 'restored']);
  });

  test('goes on also when Redis was restarted with its data', async () => {
    const server = await startRedis({ appendonly: true });
    const follower = new RecordingFollower();
    await bench.open('stream', server, follower);
    await say('stream', server, follower, ['a']);
    await follower.told('a');
    await server.restart();
    await say('stream', server, follower, ['b']);
    await follower.told('restored', 2);
    await follower.told('b');
    expect(gaps(follower)).toBe(1);
  });

  test('is a gap when what was missed has been trimmed away', async () => {
    const server = await startRedis();
    const proxy = await startProxy(server);
    const follower = new RecordingFollower();
    await bench.open('stream', proxy, follower);
    await proxy.refuse();
    proxy.drop();
    await follower.told('lost');
    for (let i = 0; i < 20; i++) await say('stream', server, follower, [`missed${i}`]);
    await server.call('XTRIM', follower.streamName, 'MAXLEN', 5);
    await proxy.resume();
    await follower.told('restored', 2);
    expect(follower.log.slice(2)).toEqual(['lost', 'gap: the stream was trimmed, or its data replaced', 'restored']);
  });

  test('is a gap when the same place in the stream holds something else', async () => {
    const server = await startRedis();
    const proxy = await startProxy(server);
    const follower = new RecordingFollower();
    await bench.open('stream', proxy, follower);
    await say('stream', server, follower, ['a']);
    await follower.told('a');
    await proxy.refuse();
    proxy.drop();
    await follower.told('lost');
    const newest = (await server.call('XREVRANGE', follower.streamName, '+', '-', 'COUNT', 1)) as [string][];
    await server.flush();
    await server.call('XADD', follower.streamName, newest[0]?.[0] ?? '', 'm', 'another data set');
    await proxy.resume();
    await follower.told('restored', 2);
    expect(gaps(follower)).toBe(2);
  });
});

describe('a stream under a link that is up', () => {
  test('that was flushed away is a gap within two seconds, and messages come as before', async () => {
    const server = await startRedis();
    const follower = new RecordingFollower();
    await bench.open('stream', server, follower);
    const flushedMs = performance.now();
    await server.flush();
    await follower.toldOfGap(2);
    expect(performance.now() - flushedMs).toBeLessThan(2000);
    await until(async () => (await server.call('EXISTS', follower.streamName)) === 1);
    await say('stream', server, follower, ['k']);
    await follower.told('k');
    expect(follower.log).not.toContain('lost');
  });

  test('that was flushed away and written again is a gap behind the message', async () => {
    const server = await startRedis();
    const follower = new RecordingFollower();
    await bench.open('stream', server, follower);
    await server.flush();
    await say('stream', server, follower, ['k']);
    await follower.toldOfGap(2);
    await say('stream', server, follower, ['k2']);
    await follower.told('k2');
  });

  test('that is trimmed faster than it is read is a gap', async () => {
    const server = await startRedis();
    const proxy = await startProxy(server);
    const follower = new RecordingFollower();
    await bench.open('stream', proxy, follower);
    await say('stream', server, follower, ['a']);
    await follower.told('a');
    // Within one script nothing is read in between: the first of three messages is gone before anybody sees it.
    const add = `redis.call('XADD', KEYS[1], '*', 'm', 'x')`;
    await server.call('EVAL', `${add} ${add} ${add} redis.call('XTRIM', KEYS[1], 'MAXLEN', 1)`, 1, follower.streamName);
    await follower.toldOfGap(3);
    await say('stream', server, follower, ['b']);
    await follower.told('b');
    expect(follower.log).not.toContain('lost');
  });

  test('knows how late a message came', async () => {
    const server = await startRedis();
    const proxy = await startProxy(server);
    const follower = new RecordingFollower();
    await bench.open('stream', proxy, follower);
    await say('stream', server, follower, ['soon']);
    await follower.told('soon');
    proxy.setLatency(200);
    await say('stream', server, follower, ['late']);
    await follower.told('late');
    expect(follower.lags[0]).toBeGreaterThanOrEqual(0);
    expect(follower.lags[0]).toBeLessThan(150);
    expect(follower.lags[1]).toBeGreaterThanOrEqual(190);
  });

  test('is left as it is by readers, and holds one message of them at most', async () => {
    const server = await startRedis();
    const followers = [new RecordingFollower(), new RecordingFollower()];
    for (const follower of followers) await bench.open('stream', server, follower);
    expect(await server.call('XLEN', 't::svc:stream')).toBe(1);
  });
});

describe('a Redis that refuses', () => {
  /** The link goes down and stays calm: few commands, one word to the follower. */
  async function expectCalm(server: RedisServer, follower: RecordingFollower): Promise<void> {
    await follower.told('lost');
    const count = async (): Promise<number> =>
      Number(/total_commands_processed:(\d+)/.exec(String(await server.call('INFO', 'stats')))?.[1]);
    const before = await count();
    const startedMs = performance.now();
    await until(() => performance.now() - startedMs > 1500);
    expect((await count()) - before).toBeLessThan(40);
    expect(follower.log.filter((line) => line === 'lost')).toHaveLength(1);
  }

  test('because the stream is something else is tried again until it is a stream', async () => {
    const server = await startRedis();
    const follower = new RecordingFollower();
    await server.call('SET', follower.streamName, 'x');
    const bus = await bench.open('stream', server, follower);
    expect(bus.isUp).toBe(false);
    await expectCalm(server, follower);
    expect(follower.reasons[0]).toContain('WRONGTYPE');
    await server.call('DEL', follower.streamName);
    await follower.told('restored');
  });

  test('because the stream became something else loses the link, and restores it with a gap', async () => {
    const server = await startRedis();
    const follower = new RecordingFollower();
    await bench.open('stream', server, follower);
    await server.call('SET', follower.streamName, 'x');
    await expectCalm(server, follower);
    await server.call('DEL', follower.streamName);
    await follower.told('restored', 2);
    expect(gaps(follower)).toBeGreaterThan(1);
  });

  test('because the user lacks a right is tried again until it has it', async () => {
    const rules = 'on ~t:* +xread +xrange +xrevrange +ping +client';
    const server = await startRedis({ users: [{ name: 'app', password: 'secret', rules }] });
    const follower = new RecordingFollower();
    const bus = bench.own(makeBus('stream', server, { username: 'app', password: 'secret' }));
    bus.follow(follower);
    await bus.start();
    await expectCalm(server, follower);
    expect(follower.reasons[0]).toMatch(/NOPERM|no permissions/i);
    await server.call('ACL', 'SETUSER', 'app', '+xadd');
    await follower.told('restored');
    await say('stream', server, follower, ['k']);
    await follower.told('k');
  });

  test('because it is full is tried again until it has room', async () => {
    const server = await startRedis();
    await server.call('SET', 'ballast', 'x'.repeat(1_000_000));
    await server.call('CONFIG', 'SET', 'maxmemory', '100kb');
    const follower = new RecordingFollower();
    await bench.open('stream', server, follower);
    await expectCalm(server, follower);
    await server.call('CONFIG', 'SET', 'maxmemory', '0');
    await follower.told('restored');
  });

  test('the password is tried again until it is the right one', async () => {
    const server = await startRedis({ users: [{ name: 'app', password: 'right' }] });
    const follower = new RecordingFollower();
    const bus = bench.own(makeBus('stream', server, { username: 'app', password: 'wrong' }));
    bus.follow(follower);
    await bus.start();
    await follower.told('lost');
    expect(JSON.stringify(follower.reasons)).not.toContain('wrong');
    await server.call('ACL', 'SETUSER', 'app', '>wrong');
    await follower.told('restored');
  });
});

test('a server that accepts and never answers ends the first attempt in time, and is left for one that does', async () => {
  const server = await startRedis();
  const proxy = await startProxy(server);
  proxy.blackhole();
  const follower = new RecordingFollower();
  const startedMs = performance.now();
  await bench.open('stream', proxy, follower);
  expect(performance.now() - startedMs).toBeLessThan(1500);
  expect(follower.log).toEqual(['lost']);
  await proxy.resume();
  await follower.told('restored');
});

test('a flood of messages arrives whole and in order', async () => {
  const server = await startRedis();
  const follower = new RecordingFollower();
  await bench.open('stream', server, follower);
  const keys = Array.from({ length: 5000 }, (_, i) => `k${i}`);
  await Promise.all(keys.map((key) => say('stream', server, follower, [key])));
  await follower.told('k4999');
  expect(follower.log.slice(2)).toEqual(keys);
});
