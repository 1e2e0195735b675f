/** The bus over a cluster: one stream on one node, or a subscription at any of them (G5). */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster } from 'ioredis';
import { sealMessage } from '../../../lib/codec/invalidation-message.js';
import {
  makeClusterBus,
  RecordingFollower,
  sayText,
  TIMEOUT_MS,
  useBusBench,
  version,
  type Transport,
} from '../../support/bus-bench.js';
import { ClusterSet } from '../../support/cluster-set.js';

let set: ClusterSet;
let writer: Cluster;

beforeAll(async () => {
  set = await ClusterSet.start({ masters: 3 });
  writer = new Cluster(set.masters.map(({ port }) => ({ host: '127.0.0.1', port })));
  writer.on('error', () => undefined);
});
afterAll(async () => {
  writer.disconnect();
  await set.stop();
});

const bench = useBusBench();

async function say(transport: Transport, follower: RecordingFollower, key: string): Promise<void> {
  const server = { call: (name: string, ...args: readonly (string | number)[]) => writer.call(name, ...args) };
  await sayText(transport, server, follower, sealMessage('bbbbbbb', version(), 'k', [key]));
}

async function open(transport: Transport, follower: RecordingFollower): Promise<void> {
  const bus = bench.own(makeClusterBus(transport, set.masters[0] as { port: number }));
  bus.follow(follower);
  const startedMs = performance.now();
  await bus.start();
  expect(performance.now() - startedMs).toBeLessThan(TIMEOUT_MS + 500);
  await follower.told('restored');
}

async function killLinks(): Promise<void> {
  for (const server of set.masters) {
    const clients = String(await server.call('CLIENT', 'LIST')).split('\n');
    for (const line of clients.filter((text) => text.includes('name=bus')))
      await server.call('CLIENT', 'KILL', 'ID', /id=(\d+)/.exec(line)?.[1] ?? '');
  }
}

describe.each(['stream', 'pubsub'] as const)('G5: the %s transport over a cluster', (transport) => {
  test('delivers everything, wherever the service’s messages are', async () => {
    for (const service of ['a', 'b', 'c', 'd']) {
      const follower = new RecordingFollower(`${transport}-${service}`);
      await open(transport, follower);
      for (let i = 0; i < 20; i++) await say(transport, follower, `k${i}`);
      const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
      for (const key of keys) await follower.told(key);
      // What is published at different nodes has no order.
      const log = transport === 'stream' ? follower.log : [...follower.log.slice(0, 2), ...keys];
      expect(log).toEqual(['gap: connected', 'restored', ...keys]);
      expect(follower.log).toHaveLength(22);
    }
  });

  test('trusts nothing that was missed while its connections were cut', async () => {
    const follower = new RecordingFollower(`${transport}-cut`);
    await open(transport, follower);
    for (let round = 1; round <= 3; round++) {
      const from = follower.log.length;
      await killLinks();
      await say(transport, follower, `missed${round}`);
      if (transport === 'stream') await follower.told(`missed${round}`);
      else await follower.toldOfGap(from);
      await say(transport, follower, `later${round}`);
      await follower.told(`later${round}`);
    }
    expect(follower.log.filter((line) => line === 'lost').length).toBeLessThanOrEqual(3);
  });
});

test('G5: the stream is found again where its slot was moved to, and nothing is missed', async () => {
  const follower = new RecordingFollower('moved');
  await open('stream', follower);
  await say('stream', follower, 'before');
  await follower.told('before');
  const slot = Number(await writer.call('CLUSTER', 'KEYSLOT', follower.streamName));
  const from = await set.slotOwner(slot);
  const to = set.masters.find((server) => server !== from);
  if (to === undefined) throw new Error('no other master');
  await set.moveSlots(from, to, [slot]);
  for (let i = 0; i < 10; i++) await say('stream', follower, `k${i}`);
  await follower.told('k9');
  const keys = follower.log.filter((line) => line.startsWith('k'));
  expect(keys).toEqual(Array.from({ length: 10 }, (_, i) => `k${i}`));
});
