/**
 * G17: a call that begins after a call of another process has resolved wins, whatever their clocks say: neither process hears of
 * the other in between, only the order of the calls tells. Each process estimates the server's clock by itself, so the versions of
 * two calls less than a round trip apart may be the wrong way round.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock, type Clock } from '../../../lib/base/clock.js';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import type { ServiceConfig } from '../../../lib/config/config-object.js';
import { ClusterSet } from '../../support/cluster-set.js';
import { RedisServer } from '../../support/redis-server.js';
import { startScript } from '../../support/spawn-script.js';
import { useRig } from '../outage/rig.js';

const rig = useRig();
const PAIRS = 60;
const OFF_MS = 5;

type Call = (client: CacheClient<string>, key: string, value: string) => Promise<unknown>;

const CALLS = {
  set: (client, key, value) => client.set(key, value),
  'a tagged set': (client, key, value) => client.set(key, value, { tags: ['t'] }),
  setMany: (client, key, value) => client.setMany([[key, value]]),
  setL2Only: (client, key, value) => client.setL2Only(key, value),
  delete: (client, key) => client.delete(key),
  deleteMany: (client, key) => client.deleteMany([key]),
  clear: (client) => client.clear(),
  invalidateTags: (client) => client.invalidateTags('t'),
} satisfies Record<string, Call>;

type CallName = keyof typeof CALLS;

/** Calls in turn, and whether a value is to be read after the second. */
const TURNS: readonly (readonly [first: CallName, second: CallName, isThere: boolean])[] = [
  ['set', 'set', true],
  ['set', 'setMany', true],
  ['setMany', 'setL2Only', true],
  ['set', 'delete', false],
  ['setL2Only', 'deleteMany', false],
  ['delete', 'set', true],
  ['clear', 'set', true],
  ['set', 'clear', false],
  ['a tagged set', 'invalidateTags', false],
  ['invalidateTags', 'a tagged set', true],
  ['clear', 'a tagged set', true],
];

/** A clock that goes off after it was compared with Redis's. */
class ShiftedClock implements Clock {
  shiftMs = 0;
  nowMs = (): number => systemClock.nowMs() + this.shiftMs;
  schedule = systemClock.schedule;
}

let server: RedisServer;
let cluster: ClusterSet;
beforeAll(async () => {
  [server, cluster] = await Promise.all([RedisServer.start(), ClusterSet.start({ masters: 3 })]);
});
afterAll(() => Promise.all([server.stop(), cluster.stop()]));

const SCENES: Readonly<Record<string, () => ServiceConfig>> = {
  'two-level, stream': () => ({ cache_type: 'two-level', ttl: 600, l2: { connection_string: server.url } }),
  'two-level, pubsub': () => ({
    cache_type: 'two-level',
    ttl: 600,
    l2: { connection_string: server.url },
    sync: { transport: 'pubsub' },
  }),
  'l2, nobody told': () => ({ cache_type: 'l2', ttl: 600, l2: { connection_string: server.url }, sync: { enabled: false } }),
  cluster: () => ({
    cache_type: 'two-level',
    ttl: 600,
    l2: { mode: 'cluster', cluster: { nodes: [...cluster.nodes] }, command_timeout_ms: 5000 },
  }),
};

async function checkTurns(
  clients: readonly [CacheClient<string>, CacheClient<string>],
  [first, second, isThere]: (typeof TURNS)[number],
): Promise<string[]> {
  const wrong: string[] = [];
  for (let i = 0; i < PAIRS; i++) {
    const [one, other] = i % 2 === 0 ? clients : [clients[1], clients[0]];
    const key = `k${i % 10}`;
    await CALLS[first](one, key, `first ${i}`);
    const result = await CALLS[second](other, key, `second ${i}`);
    const expected = isThere ? `second ${i}` : undefined;
    const told = JSON.stringify(result instanceof Map ? [...result] : result);
    const read = await other.getL2Only(key);
    if (read !== expected) wrong.push(`${i}: ${told}, then its caller reads ${String(read)}`);
    if (isThere && told.includes('none')) wrong.push(`${i}: ${told}`);
    // Of a clear or an invalidation the other one hears a moment later.
    if (isThere) {
      const elsewhere = await one.getL2Only(key);
      if (elsewhere !== expected) wrong.push(`${i}: ${told}, then the other one reads ${String(elsewhere)}`);
    }
  }
  return wrong;
}

describe.each(Object.keys(SCENES))('G17: %s:', (scene) => {
  const open = async (clock?: Clock): Promise<CacheClient<string>> => {
    const manager = await rig.open({ s: SCENES[scene]?.() as ServiceConfig }, clock === undefined ? {} : { clock });
    return manager.client<string>('s');
  };

  test.each(TURNS)(`%s, then %s by another process, ${PAIRS} times`, async (...turn) => {
    expect(await checkTurns([await open(), await open()], turn)).toEqual([]);
  });

  test.each([-OFF_MS, OFF_MS])(
    'one of the clocks goes off by %i ms after it was compared with that of Redis',
    async (shiftMs) => {
      const clock = new ShiftedClock();
      const clients = [await open(clock), await open()] as const;
      clock.shiftMs = shiftMs;
      for (const turn of TURNS) expect([turn, await checkTurns(clients, turn)]).toEqual([turn, []]);
    },
  );
});

describe.each(Object.keys(SCENES))('G17: %s: calls of a process that do not wait for each other', (scene) => {
  const open = async (clock: Clock): Promise<CacheClient<string>> =>
    (await rig.open({ s: SCENES[scene]?.() as ServiceConfig }, { clock })).client<string>('s');
  const nextTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

  async function openApart(): Promise<{ readonly ahead: CacheClient<string>; readonly behind: CacheClient<string> }> {
    const [ahead, behind] = [new ShiftedClock(), new ShiftedClock()];
    const clients = { ahead: await open(ahead), behind: await open(behind) };
    ahead.shiftMs = 4 * OFF_MS;
    return clients;
  }

  test('an invalidation that waits behind others, whose versions Redis raises, is raised as well', async () => {
    const { ahead, behind } = await openApart();
    for (let i = 0; i < PAIRS / 4; i++) {
      await ahead.set('k', 'old', { tags: [`t${i}`] });
      const calls: Promise<void>[] = [];
      for (let other = 0; other < 4; other++) {
        calls.push(behind.invalidateTags(`${i} ${other}`));
        await nextTick();
      }
      calls.push(behind.invalidateTags(`t${i}`));
      await Promise.all(calls);
      expect([i, await behind.getL2Only('k')]).toEqual([i, undefined]);
    }
  });

  test('a clear that waits behind an invalidation, whose version Redis raises, is raised as well', async () => {
    const { ahead, behind } = await openApart();
    for (let i = 0; i < PAIRS / 4; i++) {
      await ahead.set('k', 'old');
      await Promise.all([behind.invalidateTags('t'), behind.clear()]);
      expect([i, await behind.getL2Only('k')]).toEqual([i, undefined]);
    }
  });

  test('what is written after an invalidation that others make newer stays', async () => {
    const { ahead, behind } = await openApart();
    for (let i = 0; i < PAIRS / 4; i++) {
      await ahead.set('other', 'v', { tags: ['t'] });
      const calls: Promise<unknown>[] = [behind.invalidateTags('t')];
      if (i % 2 === 0) await nextTick();
      calls.push(behind.set('k', `new ${i}`, { tags: ['t'] }));
      await Promise.all(calls);
      for (const reader of [behind, ahead]) expect([i, await reader.getL2Only('k')]).toEqual([i, `new ${i}`]);
      expect([i, await behind.getL2Only('other')]).toEqual([i, undefined]);
    }
  });
});

describe('G17: two processes on a busy machine', () => {
  const SCRIPT = fileURLToPath(new URL('./calls-in-turn-script.mjs', import.meta.url));
  const BUSY = fileURLToPath(new URL('./busy-script.mjs', import.meta.url));
  const ROUNDS = 100;

  test.each([
    ['set', 'set', true],
    ['set', 'delete', false],
    ['delete', 'set', true],
    ['clear', 'set', true],
  ] as const)(`%s by one, then %s by the other, ${ROUNDS} times`, async (first, second, isThere) => {
    for (let i = 0; i < 3; i++) {
      const busy = startScript(BUSY, { deadlineMs: 60_000 });
      rig.afterwards(() => {
        busy.kill();
      });
    }
    const there = startScript(SCRIPT, { args: [server.url, rig.folder], deadlineMs: 60_000 });
    rig.afterwards(() => {
      there.kill();
    });
    await there.printed('ready.');
    const here = (await rig.open({ s: SCENES['two-level, stream']?.() as ServiceConfig })).client<string>('s');
    const callThere = async (name: string, key: string, value: string): Promise<void> => {
      await server.call('RPUSH', 'calls', JSON.stringify([name, key, value]));
      await server.call('BLPOP', 'answers', '10');
    };
    const callHere = (name: 'set' | 'delete' | 'clear', key: string, value: string): Promise<unknown> =>
      CALLS[name](here, key, value);
    const wrong: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const key = `k${round % 10}`;
      const calls = round % 2 === 0 ? [callHere, callThere] : [callThere, callHere];
      await calls[0]?.(first, key, `first ${round}`);
      await calls[1]?.(second, key, `second ${round}`);
      const read = await here.getL2Only(key);
      if (read !== (isThere ? `second ${round}` : undefined)) wrong.push(`${round}: ${String(read)}`);
    }
    expect(wrong).toEqual([]);
    await server.call('RPUSH', 'calls', '["end"]');
    expect((await there.done).code).toBe(0);
  });
});
