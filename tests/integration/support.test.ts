/** The launcher other tests rely on: that it really does to a server what it says. */
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { transform } from '@swc/core';
import { Redis, type RedisOptions } from 'ioredis';
import type { Certificates } from '../support/certificates.js';
import { canListen, findFreePort } from '../support/free-port.js';
import { clientTls, RedisServer } from '../support/redis-server.js';
import type { RedisServerOptions } from '../support/redis-server-options.js';
import { spawnScript, startScript } from '../support/spawn-script.js';
import { until } from '../support/until.js';
import { watchCommands } from '../support/watch-commands.js';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startServer(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  cleanups.push(() => server.stop());
  return server;
}

function connectTo(port: number, options: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    retryStrategy: () => 10,
    maxRetriesPerRequest: 0,
    disconnectTimeout: 50,
    ...options,
  });
  redis.on('error', () => undefined);
  cleanups.push(() => {
    redis.disconnect();
  });
  return redis;
}

function certificatesOf({ certificates }: RedisServer): Certificates {
  if (certificates === undefined) throw new Error('The server has no certificates');
  return certificates;
}

async function connectSocket(port: number): Promise<Socket> {
  const socket = createConnection(port, '127.0.0.1');
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('RedisServer', () => {
  test('is ready for commands when start resolves', async () => {
    const server = await startServer();
    expect(await connectTo(server.port).ping()).toBe('PONG');
    await server.call('SET', 'a', '1', 'PX', 60_000);
    expect(await server.call('GET', 'a')).toBe('1');
    expect(await server.call('PTTL', 'a')).toBeGreaterThan(0);
    await server.flush();
    expect(await server.call('DBSIZE')).toBe(0);
  });

  test('two servers have ports and data of their own', async () => {
    const [one, two] = await Promise.all([startServer(), startServer()]);
    await one.call('SET', 'a', '1');
    expect(one.port).not.toBe(two.port);
    expect(await two.call('GET', 'a')).toBeNull();
  });

  test('kill ends the process at once and closes its port', async () => {
    const server = await startServer();
    const { pid } = server;
    await server.kill();
    expect(server.isRunning).toBe(false);
    expect(isAlive(pid)).toBe(false);
    expect(await canListen(server.port)).toBe(true);
  });

  test('restart keeps the port, and the data only where it was saved', async () => {
    const [plain, saved] = await Promise.all([startServer(), startServer({ appendonly: true })]);
    for (const server of [plain, saved]) {
      const { port, pid } = server;
      await server.call('SET', 'a', '1');
      await server.kill();
      await server.restart();
      expect(server.port).toBe(port);
      expect(server.pid).not.toBe(pid);
    }
    expect(await plain.call('GET', 'a')).toBeNull();
    expect(await saved.call('GET', 'a')).toBe('1');
    await saved.restart({ empty: true });
    expect(await saved.call('GET', 'a')).toBeNull();
  });

  test('a frozen server accepts connections and answers once it is thawed', async () => {
    const server = await startServer();
    server.freeze();
    const socket = await connectSocket(server.port);
    let answer = '';
    socket.on('data', (bytes) => (answer += bytes.toString()));
    socket.write('PING\r\n');
    await expect(connectTo(server.port, { commandTimeout: 150 }).ping()).rejects.toThrow('timed out');
    expect(answer).toBe('');
    server.thaw();
    await until(() => answer === '+PONG\r\n');
  });

  test('a frozen server can be stopped', async () => {
    const server = await startServer();
    const { pid } = server;
    server.freeze();
    await server.stop();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(server.dir)).toBe(false);
  });

  test('with TLS, clients that trust the authority connect and others do not', async () => {
    const server = await startServer({ tls: true });
    expect(server.url).toMatch(/^rediss:/);
    const { ca } = clientTls(certificatesOf(server));
    expect(await connectTo(server.port, { tls: { ca } }).ping()).toBe('PONG');
    await expect(connectTo(server.port, { tls: {}, retryStrategy: () => null }).ping()).rejects.toThrow();
  });

  test('with mutual TLS, a client needs a certificate', async () => {
    const server = await startServer({ tls: 'mutual' });
    const tls = clientTls(certificatesOf(server));
    expect(await connectTo(server.port, { tls }).ping()).toBe('PONG');
    await expect(connectTo(server.port, { tls: { ca: tls.ca }, retryStrategy: () => null }).ping()).rejects.toThrow();
  });

  test('the default password and ACL users are asked for', async () => {
    const server = await startServer({
      password: 'p w"\\',
      users: [{ name: 'reader', password: 'r', rules: '~app:* +@read +ping' }],
    });
    expect(await server.call('PING')).toBe('PONG');
    await expect(connectTo(server.port).ping()).rejects.toThrow('NOAUTH');
    const reader = connectTo(server.port, { username: 'reader', password: 'r', enableReadyCheck: false });
    expect(await reader.get('app:a')).toBeNull();
    await expect(reader.set('app:a', '1')).rejects.toThrow('NOPERM');
  });

  test('the Unix socket takes connections', async () => {
    const server = await startServer({ unixSocket: true });
    const redis = new Redis(server.socketPath);
    cleanups.push(() => {
      redis.disconnect();
    });
    expect(await redis.ping()).toBe('PONG');
  });

  test('a server that cannot start is an error that holds its log', async () => {
    await expect(startServer({ config: { 'no-such-directive': '1' } })).rejects.toThrow('Bad directive');
  });

  test('a server dies with the process that started it, even when that is killed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oxcache-reaper-'));
    cleanups.push(() => {
      rmSync(folder, { recursive: true });
    });
    // The reaper in a process of its own; its source is the module's, without the types.
    const script = join(folder, 'parent.mjs');
    const source = await readFile(new URL('../support/reaper.ts', import.meta.url), 'utf8');
    const { code } = await transform(source, {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
    });
    writeFileSync(join(folder, 'reaper.mjs'), code);
    writeFileSync(
      script,
      `import { spawn } from 'node:child_process';
       import { reapWithParent } from './reaper.mjs';
       const listen = "require('node:net').createServer().listen(" + process.argv[2] + ", '127.0.0.1')";
       reapWithParent(spawn(process.execPath, ['-e', listen], { stdio: 'ignore' }));
       setInterval(() => {}, 1000);`,
    );
    const port = await findFreePort();
    const parent = startScript(script, { args: [String(port)] });
    await until(async () => !(await canListen(port)), { describe: 'the child to listen' });
    parent.kill('SIGKILL');
    await until(() => canListen(port), { describe: 'the child to be killed' });
  });
});

describe('watchCommands', () => {
  test('reports what a busy server executes from its first moment on, scripts included', async () => {
    const { port } = await startServer();
    const redis = connectTo(port);
    const traffic = Array.from({ length: 100 }, () => connectTo(port));
    let isOver = false;
    const pinging = traffic.map(async (each) => {
      while (!isOver) await each.ping();
    });
    cleanups.push(() => {
      isOver = true;
      return Promise.all(pinging);
    });
    for (let round = 0; round < 30; round++) {
      const seen: string[][] = [];
      const stop = await watchCommands(port, (name, args) => {
        if (['eval', 'set', 'echo'].includes(name)) seen.push([name, ...args]);
      });
      await redis.eval(`return redis.call('SET', KEYS[1], ARGV[1])`, 1, `k${round}`, 'a "quoted"\r\nvalue');
      await redis.echo('end');
      await until(() => seen.some(([name]) => name === 'echo'));
      stop();
      const value = String.raw`a \"quoted\"\r\nvalue`;
      expect(seen).toEqual([
        ['eval', `return redis.call('SET', KEYS[1], ARGV[1])`, '1', `k${round}`, value],
        ['set', `k${round}`, value],
        ['echo', 'end'],
      ]);
    }
  });
});

describe('scripts', () => {
  test('resolve to their output and exit code, or are killed at the deadline', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oxcache-script-'));
    cleanups.push(() => {
      rmSync(folder, { recursive: true });
    });
    writeFileSync(
      join(folder, 'ends.mjs'),
      'console.log(process.argv[2], process.env.A); console.error("e"); process.exitCode = 3;',
    );
    writeFileSync(join(folder, 'hangs.mjs'), 'setInterval(() => {}, 1000);');
    const ended = await spawnScript(join(folder, 'ends.mjs'), { args: ['x'], env: { A: 'y' } });
    expect(ended).toEqual({ code: 3, signal: null, stdout: 'x y\n', stderr: 'e\n', timedOut: false });
    const hung = await spawnScript(join(folder, 'hangs.mjs'), { deadlineMs: 300 });
    expect(hung).toMatchObject({ code: null, signal: 'SIGKILL', timedOut: true });
  });

  test('until says what it waited for in vain', async () => {
    const waiting = until(() => false, { timeoutMs: 20, describe: 'Godot' });
    await expect(waiting).rejects.toThrow('Waited 20 ms in vain for: Godot');
  });
});
