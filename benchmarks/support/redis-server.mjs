/** A redis-server of the benchmarks' own, on a free port of the loopback, without persistence. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_DEADLINE_MS = 5000;

/** Starts the binary of `REDIS_SERVER` or of the PATH; `undefined` when there is none. */
export async function startRedis() {
  const binary = process.env.REDIS_SERVER ?? 'redis-server';
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'oxcache-bench-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const server = spawn(binary, args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => {
    server.once('error', resolve);
    server.once('exit', resolve);
  });
  const isUp = await Promise.race([answers(port), ended.then(() => false)]);
  const stop = async () => {
    server.kill();
    if (server.pid !== undefined) await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  if (isUp) return { url: `redis://127.0.0.1:${port}`, stop };
  await stop();
  return undefined;
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function answers(port) {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (performance.now() < deadline) {
    if (await isPong(port)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

function isPong(port) {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
