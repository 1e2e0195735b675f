/** Who says where Redis is has little time to do so, and a process that stands still meanwhile blames nobody for it (G16). */
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { blockEventLoop } from '../../../lib/testing/event-loop.js';
import { ClusterSet } from '../../support/cluster-set.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { usable, useEndpoints, type L2 } from './endpoint.js';
import { FakeSentinel } from './fake-sentinel.js';

const endpoints = useEndpoints();

/** Longer than a look at one sentinel or node may take. */
const PAUSE_MS = 1200;

/** In how many turns of the event loop after the start of a connection the process stands still, each time anew. */
const TURNS = [0, 1, 2, 3, 4, 5, 6, 8, 10];

let server: RedisServer;
let sentinel: FakeSentinel;
let set: ClusterSet;
let silent: { readonly address: string; close(): void };

beforeAll(async () => {
  server = await RedisServer.start();
  sentinel = await FakeSentinel.start(server.port);
  set = await ClusterSet.start();
  silent = await startSilent();
});
afterAll(async () => {
  silent.close();
  await sentinel.stop();
  await set.stop();
  await server.stop();
});

/** Accepts connections and answers nothing. */
async function startSilent(): Promise<typeof silent> {
  const listener = createServer((socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${(listener.address() as AddressInfo).port}`, close: () => listener.close() };
}

const MODES = ['sentinel', 'cluster'] as const;

function l2Of(mode: (typeof MODES)[number], ...before: readonly string[]): L2 {
  return mode === 'sentinel'
    ? { mode, sentinel: { master_name: 'primary', nodes: [...before, sentinel.address] } }
    : { mode, cluster: { nodes: [...before, ...set.nodes.slice(0, 1)] } };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe.each(MODES)('in mode %s', (mode) => {
  test.each(TURNS)('G16: a process that stands still %i turns after it began to open finds Redis at once', async (turns) => {
    const opening = endpoints.open({ ...l2Of(mode), connection_timeout_ms: 5000 });
    // Nothing is asked before ioredis has been loaded.
    await new Promise((resolve) => process.nextTick(resolve));
    for (let i = 0; i < turns; i++) await turn();
    blockEventLoop(PAUSE_MS);
    const endpoint = await opening;
    expect(endpoint.lines).toEqual([]);
    expect(endpoint.told).toEqual(['usable']);
  });

  test('G6: one that accepts connections and answers nothing is passed over after a second', async () => {
    const endpoint = await endpoints.open({ ...l2Of(mode, silent.address), connection_timeout_ms: 5000 });
    await usable(endpoint, 6000);
    expect(endpoint.told).not.toContain('degrade');
  });

  test('when none answers, that is the reason', async () => {
    const nodes = [silent.address];
    const l2: L2 = mode === 'sentinel' ? { mode, sentinel: { master_name: 'primary', nodes } } : { mode, cluster: { nodes } };
    const endpoint = await endpoints.open({ ...l2, connection_timeout_ms: 500 });
    await until(() => /no answer within 500 ms/.test(endpoint.connection.health().reason ?? ''));
  });
});
