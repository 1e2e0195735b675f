/** The proxy other tests rely on: that it really does to a connection what it says. Loopback only, no Redis. */
import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { TcpFaultProxy, type TcpFaultProxyOptions } from '../../../lib/testing/index.js';
import { findFreePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** One end of a connection and all that has happened to it. */
class End {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  chunks = 0;
  hasEnded = false;
  isClosed = false;
  errorCode: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.chunks++;
    });
    socket.on('end', () => (this.hasEnded = true));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.errorCode = error.code));
    socket.on('close', () => (this.isClosed = true));
    cleanups.push(() => socket.destroy());
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  send(text: string): void {
    this.socket.write(text);
  }
}

/** A server that keeps what comes and says what it is told to. */
class Target {
  readonly server: Server;
  readonly ends: End[] = [];

  constructor(server: Server) {
    this.server = server;
    server.on('connection', (socket) => {
      socket.setNoDelay(true);
      this.ends.push(new End(socket));
    });
  }

  static async start(port = 0): Promise<Target> {
    const target = new Target(createServer({ allowHalfOpen: true }));
    target.server.listen(port, '127.0.0.1');
    await once(target.server, 'listening');
    cleanups.push(() => target.server.close());
    return target;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
}

async function connectTo(port: number): Promise<End> {
  const end = new End(createConnection({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }));
  await once(end.socket, 'connect');
  return end;
}

/** A proxy before a target, and a connection through it with both of its ends. */
async function setUp({ random }: Pick<TcpFaultProxyOptions, 'random'> = {}): Promise<{
  proxy: TcpFaultProxy;
  target: Target;
  client: End;
  server: End;
}> {
  const target = await Target.start();
  const proxy = await TcpFaultProxy.start(target.port, random === undefined ? {} : { random });
  cleanups.push(() => proxy.close());
  return { proxy, target, ...(await connectThrough(proxy, target)) };
}

async function connectThrough(proxy: TcpFaultProxy, target: Target): Promise<{ client: End; server: End }> {
  const before = target.ends.length;
  const client = await connectTo(proxy.port);
  await until(() => target.ends.length > before);
  return { client, server: target.ends[before]! };
}

/** Options of a proxy that tell when something has arrived in it: under jitter it asks for a number then. */
function countArrivals(): { count: number; random: () => number } {
  const arrivals = {
    count: 0,
    random: () => {
      arrivals.count++;
      return 0;
    },
  };
  return arrivals;
}

/** Shows that nothing came: what is sent the other way, or past the proxy, arrives meanwhile. */
async function roundTrip(port: number, target: Target): Promise<void> {
  const before = target.ends.length;
  const direct = await connectTo(port);
  direct.send('x');
  await until(() => target.ends[before]?.text === 'x');
  target.ends[before]!.send('y');
  await until(() => direct.text === 'y');
}

describe('TcpFaultProxy', () => {
  test('passes bytes and ends on in both directions, and counts connections', async () => {
    const { proxy, client, server } = await setUp();
    const large = 'abcdefghij'.repeat(300_000);
    client.send(large);
    await until(() => server.received.length === large.length);
    expect(server.text === large).toBe(true);
    client.socket.end();
    await until(() => server.hasEnded);
    server.send('still heard');
    server.socket.end();
    await until(() => client.isClosed);
    expect(client.text).toBe('still heard');
    expect(client.errorCode).toBeUndefined();
    await until(() => proxy.connections === 0);
    expect(proxy.accepted).toBe(1);
  });

  test('a target that refuses resets the client, and is found when it is there', async () => {
    const port = await findFreePort();
    const proxy = await TcpFaultProxy.start(port);
    cleanups.push(() => proxy.close());
    const refused = await connectTo(proxy.port);
    await until(() => refused.errorCode === 'ECONNRESET');
    const target = await Target.start(port);
    await connectThrough(proxy, target);
  });

  describe('blackhole', () => {
    test('swallows what open and new connections send, and resume resets them', async () => {
      const { proxy, target, client, server } = await setUp();
      proxy.blackhole();
      client.send('lost');
      server.send('lost');
      const late = await connectTo(proxy.port);
      late.send('lost');
      await roundTrip(target.port, target);
      expect([client.text, server.text, late.text]).toEqual(['', '', '']);
      expect(target.ends).toHaveLength(2);
      await proxy.resume();
      await until(() => client.errorCode === 'ECONNRESET' && server.isClosed && late.isClosed);
      await roundTrip(proxy.port, target);
    });

    test('takes what is on its way as well', async () => {
      const arrivals = countArrivals();
      const { proxy, client, server } = await setUp(arrivals);
      proxy.setLatency(3_600_000, { jitterMs: 1 });
      client.send('on its way');
      await until(() => arrivals.count === 1);
      proxy.blackhole();
      await proxy.resume();
      await until(() => client.isClosed && server.isClosed);
      expect(server.text).toBe('');
    });

    test('tells nobody that the other side has gone', async () => {
      const { proxy, target, client, server } = await setUp();
      proxy.blackhole();
      server.socket.resetAndDestroy();
      await roundTrip(target.port, target);
      expect([client.isClosed, client.hasEnded]).toEqual([false, false]);
      client.socket.end();
      await roundTrip(target.port, target);
      expect(client.hasEnded).toBe(false);
    });

    test('leaves a connection alone that lost nothing', async () => {
      const { proxy, client, server } = await setUp();
      proxy.blackhole();
      await proxy.resume();
      client.send('unharmed');
      await until(() => server.text === 'unharmed');
    });
  });

  describe('halfOpen', () => {
    test('toClient: the server hears the client, the client hears nothing, not even that the server closes', async () => {
      const { proxy, target, client, server } = await setUp();
      proxy.halfOpen('toClient');
      client.send('question');
      await until(() => server.text === 'question');
      server.send('answer');
      server.socket.end();
      await roundTrip(target.port, target);
      client.send(' another');
      await until(() => server.text === 'question another');
      expect([client.text, client.hasEnded, client.isClosed]).toEqual(['', false, false]);
      client.socket.end();
      await until(() => server.hasEnded);
      await proxy.resume();
      await until(() => client.isClosed);
    });

    test('toServer: the client hears the server, the server hears nothing, not even that the client is gone', async () => {
      const { proxy, target, client, server } = await setUp();
      proxy.halfOpen('toServer');
      client.send('question');
      server.send('news');
      await until(() => client.text === 'news');
      client.socket.resetAndDestroy();
      await roundTrip(target.port, target);
      expect([server.text, server.hasEnded, server.isClosed]).toEqual(['', false, false]);
      await proxy.resume();
      await until(() => server.errorCode === 'ECONNRESET');
    });

    test('holds for new connections, which reach the server', async () => {
      const { proxy, target } = await setUp();
      proxy.halfOpen('toClient');
      const { client, server } = await connectThrough(proxy, target);
      client.send('question');
      await until(() => server.text === 'question');
      server.send('answer');
      await roundTrip(target.port, target);
      expect(client.text).toBe('');
    });
  });

  describe('drop and refuse', () => {
    test('drop resets open connections on both sides and takes new ones', async () => {
      const { proxy, target, client, server } = await setUp();
      proxy.drop();
      expect(proxy.connections).toBe(0);
      await until(() => client.errorCode === 'ECONNRESET' && server.errorCode === 'ECONNRESET');
      await roundTrip(proxy.port, target);
    });

    test('refuse closes the port, leaves open connections, and resume opens the same port again', async () => {
      const { proxy, target, client, server } = await setUp();
      const { port } = proxy;
      await proxy.refuse();
      await proxy.refuse();
      client.send('open');
      await until(() => server.text === 'open');
      await expect(connectTo(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await Promise.all([proxy.resume(), proxy.resume()]);
      expect(proxy.port).toBe(port);
      await roundTrip(port, target);
      await Promise.all([proxy.refuse(), proxy.resume(), proxy.refuse()]);
      await expect(connectTo(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await Promise.all([proxy.resume(), proxy.refuse(), proxy.resume()]);
      await roundTrip(port, target);
    });
  });

  describe('latency', () => {
    test('delays what arrives, in its order, also when it is lowered meanwhile', async () => {
      const { proxy, client, server } = await setUp();
      proxy.setLatency(80);
      const startedMs = performance.now();
      client.send('1');
      await until(() => performance.now() - startedMs > 20);
      proxy.setLatency(0);
      client.send('2');
      await until(() => server.text === '12');
      expect(performance.now() - startedMs).toBeGreaterThanOrEqual(79);
    });

    test('is of one direction when that is said', async () => {
      const { proxy, target, client, server } = await setUp();
      proxy.setLatency(3_600_000, { direction: 'toClient' });
      client.send('question');
      await until(() => server.text === 'question');
      server.send('answer');
      await roundTrip(target.port, target);
      expect(client.text).toBe('');
      await proxy.resume();
      await until(() => client.text === 'answer');
    });

    test('resume lets what waits go at once, ends included', async () => {
      const arrivals = countArrivals();
      const { proxy, client, server } = await setUp(arrivals);
      proxy.setLatency(3_600_000, { jitterMs: 1 });
      client.send('waits');
      await until(() => arrivals.count === 1);
      client.socket.end();
      await until(() => arrivals.count === 2);
      expect(server.text).toBe('');
      await proxy.resume();
      await until(() => server.hasEnded);
      expect(server.text).toBe('waits');
    });

    test('jitter comes from the source it is given and keeps the order', async () => {
      const numbers = [0.9, 0];
      const { proxy, client, server } = await setUp({ random: () => numbers.shift() ?? 0 });
      proxy.setLatency(0, { jitterMs: 100 });
      const startedMs = performance.now();
      client.send('1');
      await until(() => numbers.length === 1);
      client.send('2');
      await until(() => server.text === '12');
      expect(performance.now() - startedMs).toBeGreaterThanOrEqual(89);
      expect(numbers).toEqual([]);
    });
  });

  describe('slowDrip', () => {
    test('lets only a few bytes at a time through, in their order', async () => {
      const { proxy, client, server } = await setUp();
      proxy.slowDrip({ bytes: 3, everyMs: 20, direction: 'toServer' });
      const startedMs = performance.now();
      client.send('abcdefghij');
      await until(() => server.received.length > 0);
      expect(server.text).toMatch(/^(abc)(def)?$/);
      await until(() => server.text === 'abcdefghij');
      expect(performance.now() - startedMs).toBeGreaterThanOrEqual(59);
      expect(server.chunks).toBeGreaterThan(1);
    });

    test('resume lets the rest go at once', async () => {
      const { proxy, client, server } = await setUp();
      proxy.slowDrip({ bytes: 1, everyMs: 3_600_000 });
      client.send('abcdef');
      await until(() => server.text === 'a');
      await proxy.resume();
      await until(() => server.text === 'abcdef');
    });
  });

  describe('back-pressure (G14)', () => {
    const MEGABYTE = 1024 * 1024;

    /** Sends until nothing is taken any more. */
    async function flood(end: End, bytes: number): Promise<void> {
      const piece = Buffer.alloc(64 * 1024, 'x');
      for (let sent = 0; sent < bytes; sent += piece.length) end.socket.write(piece);
      let last = -1;
      // What the kernel still takes it takes at once: two looks at the same state, some turns apart.
      await until(
        () => {
          const isStill = end.socket.writableLength === last;
          last = end.socket.writableLength;
          return isStill;
        },
        { intervalMs: 100 },
      );
    }

    test.each([
      ['latency', (proxy: TcpFaultProxy) => proxy.setLatency(3_600_000)],
      ['slow drip', (proxy: TcpFaultProxy) => proxy.slowDrip({ bytes: 1, everyMs: 3_600_000 })],
    ])('under %s the sender has to wait, and all arrives in the end', async (_name, apply) => {
      const { proxy, client, server } = await setUp();
      apply(proxy);
      const total = 64 * MEGABYTE;
      await flood(client, total);
      // The rest is in the proxy and in the kernel's buffers, which have bounds of their own.
      expect(client.socket.writableLength).toBeGreaterThan(total / 2);
      let received = 0;
      server.socket.removeAllListeners('data');
      server.socket.on('data', (bytes) => (received += bytes.length));
      const before = server.received.length;
      await proxy.resume();
      await until(() => before + received === total);
    });

    test('a receiver that does not read holds the sender up', async () => {
      const { client, server } = await setUp();
      server.socket.pause();
      const total = 64 * MEGABYTE;
      await flood(client, total);
      expect(client.socket.writableLength).toBeGreaterThan(total / 2);
      server.socket.removeAllListeners('data');
      let received = 0;
      server.socket.on('data', (bytes) => (received += bytes.length));
      server.socket.resume();
      await until(() => received === total);
    });
  });

  describe('cutAfter', () => {
    test('ends the connection that carries the last byte, once', async () => {
      const { proxy, target, client, server } = await setUp();
      proxy.cutAfter(8);
      server.send('abc');
      await until(() => client.text === 'abc');
      server.send('defghij');
      await until(() => client.isClosed || client.hasEnded);
      expect(client.text).toBe('abcdefgh');
      await until(() => server.errorCode === 'ECONNRESET');
      await roundTrip(proxy.port, target);
    });

    test('toServer cuts what is asked; with 0 nothing of it arrives', async () => {
      const { proxy, client, server } = await setUp();
      proxy.cutAfter(0, 'toServer');
      server.send('unharmed');
      await until(() => client.text === 'unharmed');
      client.send('never');
      await until(() => client.errorCode === 'ECONNRESET' && server.hasEnded);
      expect(server.text).toBe('');
    });

    test('counts under slow drip and latency as well', async () => {
      const { proxy, client, server } = await setUp();
      proxy.setLatency(5);
      proxy.slowDrip({ bytes: 2, everyMs: 1 });
      proxy.cutAfter(5, 'toServer');
      client.send('abcdefghij');
      await until(() => server.hasEnded);
      expect(server.text).toBe('abcde');
    });

    test('is given up by resume', async () => {
      const { proxy, client, server } = await setUp();
      proxy.cutAfter(2, 'toServer');
      await proxy.resume();
      client.send('abcdef');
      await until(() => server.text === 'abcdef');
    });
  });

  describe('close', () => {
    test('resets connections, frees the port, may be called twice, and there is no resume after it', async () => {
      const arrivals = countArrivals();
      const { proxy, client } = await setUp(arrivals);
      proxy.setLatency(3_600_000, { jitterMs: 1 });
      client.send('never arrives');
      await until(() => arrivals.count === 1);
      await Promise.all([proxy.close(), proxy.close()]);
      await proxy.close();
      await until(() => client.isClosed);
      expect(proxy.connections).toBe(0);
      await Target.start(proxy.port);
      await expect(proxy.resume()).rejects.toThrow('closed');
    });

    test('comes by itself at the end of an `await using`', async () => {
      const target = await Target.start();
      let port: number;
      {
        await using proxy = await TcpFaultProxy.start(target.port);
        ({ port } = proxy);
        await roundTrip(port, target);
      }
      await expect(connectTo(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    });
  });

  describe('misuse is a TypeError (G12)', () => {
    test.each([
      ['a port that is none', [70_000]],
      ['a port that is text', ['6379']],
      ['a port to listen on that is none', [6379, { port: -1 }]],
      ['an empty host', [6379, { targetHost: '' }]],
      ['a random that is no function', [6379, { random: 0.5 }]],
      ['options that are no object', [6379, 5]],
    ])('%s', async (_name, args) => {
      await expect(TcpFaultProxy.start(...(args as [number]))).rejects.toThrow(TypeError);
    });

    test('an unknown option names the nearest', async () => {
      await expect(TcpFaultProxy.start(6379, { targethost: 'x' } as object)).rejects.toThrow('did you mean `targetHost`?');
    });

    test('of a fault changes nothing', async () => {
      const { proxy, client, server } = await setUp();
      const calls: (() => void)[] = [
        () => proxy.setLatency(-1),
        () => proxy.setLatency(Number.NaN),
        () => proxy.setLatency(5, { jitterMs: -1 }),
        () => proxy.setLatency(5, { jitter: 1 } as object),
        () => proxy.setLatency(5, { direction: 'up' as never }),
        () => proxy.slowDrip({ bytes: 0, everyMs: 1 }),
        () => proxy.slowDrip({ bytes: 1, everyMs: -1 }),
        () => proxy.slowDrip(undefined as never),
        () => proxy.halfOpen(undefined as never),
        () => proxy.cutAfter(-1),
        () => proxy.cutAfter(1.5),
        () => proxy.cutAfter(5, 'both' as never),
      ];
      for (const call of calls) expect(call).toThrow(TypeError);
      client.send('abcdef');
      await until(() => server.text === 'abcdef');
    });
  });
});
