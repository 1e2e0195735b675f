/**
 * Two processes write the same keys while one of them is cut off from Redis. When it is back, Redis has the newest write of
 * each key, whoever made it and wherever it waited (G7). Newer is what was made at least 50 ms later: the processes' clocks
 * agree by way of the Redis server's, however wrong their own are.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ConfigObject } from '../../lib/index.js';
import { openEnvelope } from '../../lib/codec/envelope.js';
import type { TcpFaultProxy } from '../../lib/testing/tcp-fault-proxy.js';
import { l2OnlyAt, passTime, twoLevelAt, useRig } from '../integration/outage/rig.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { seededRandom } from './support/crash-random.mjs';
import { PartitionProcess } from './support/partition-process.js';

/** How the link of one process to Redis fails. */
const FAULTS = {
  blackhole: (proxy: TcpFaultProxy) => proxy.blackhole(),
  /** Reset, and every new connection is reset, too. */
  refuse: async (proxy: TcpFaultProxy) => {
    await proxy.refuse();
    proxy.drop();
  },
  /** Writes arrive, answers do not. */
  'lost answers': (proxy: TcpFaultProxy) => proxy.halfOpen('toClient'),
};

interface Scenario {
  readonly fault: keyof typeof FAULTS;
  readonly withDeletes?: boolean;
  /** The one that is cut off starts without ever having seen Redis. */
  readonly startsCutOff?: boolean;
  /** How wrong the clocks of the two are: first the one that is cut off. */
  readonly clockOffsetsMs?: readonly [number, number];
  /** The one that is cut off is killed; the other one takes over its log. */
  readonly dies?: boolean;
  readonly kind?: 'two-level' | 'l2';
}

/** What was done to a key. */
interface Step {
  readonly who: 'cut off' | 'connected';
  readonly n: number | null;
  readonly result: string;
  readonly beganAtMs: number;
  readonly ackedAtMs: number;
}

const MINUTES_MS = 60_000;
const ROUNDS = 5;
const KEYS = Array.from({ length: 12 }, (_, index) => `k${index}`);
const REPEATS = Number(process.env.OXCACHE_CHAOS_REPEATS ?? 1);
const SEED = Number(process.env.OXCACHE_CHAOS_SEED ?? 7);

const SCENARIOS: readonly [string, Scenario][] = [
  ['hears nothing', { fault: 'blackhole' }],
  ['is refused', { fault: 'refuse' }],
  ['hears no answers', { fault: 'lost answers' }],
  ['deletes', { fault: 'refuse', withDeletes: true }],
  ['deletes and hears no answers', { fault: 'lost answers', withDeletes: true, kind: 'l2' }],
  ['has never seen Redis', { fault: 'refuse', withDeletes: true, startsCutOff: true }],
  ['has a clock 10 minutes ahead', { fault: 'blackhole', withDeletes: true, clockOffsetsMs: [10 * MINUTES_MS, 0] }],
  ['has a clock 10 minutes behind', { fault: 'refuse', withDeletes: true, clockOffsetsMs: [-10 * MINUTES_MS, 0] }],
  [
    'has never seen Redis, and a clock 10 minutes ahead',
    { fault: 'refuse', withDeletes: true, startsCutOff: true, clockOffsetsMs: [10 * MINUTES_MS, 0] },
  ],
  [
    'has never seen Redis, and a clock 10 minutes behind',
    { fault: 'blackhole', withDeletes: true, startsCutOff: true, clockOffsetsMs: [-10 * MINUTES_MS, 0] },
  ],
  [
    'has the right clock, unlike the other one',
    { fault: 'refuse', withDeletes: true, startsCutOff: true, clockOffsetsMs: [0, 10 * MINUTES_MS] },
  ],
  ['is killed', { fault: 'refuse', withDeletes: true, dies: true }],
  ['hears no answers and is killed', { fault: 'lost answers', withDeletes: true, dies: true, kind: 'l2' }],
  // Its log is on its own clock, which is the machine's, like that of the one who takes it over.
  ['has never seen Redis and is killed', { fault: 'refuse', withDeletes: true, startsCutOff: true, dies: true }],
];

const rig = useRig();
let redis: RedisServer;
let scenes = 0;

beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

test.each(SCENARIOS)(
  'the newest write of each key is in Redis after a partition in which the process that is cut off %s (G7)',
  async (_, scenario) => {
    for (let repeat = 0; repeat < REPEATS; repeat++) await play(scenario, SEED + repeat);
  },
  30_000 * (1 + REPEATS),
);

async function play(scenario: Scenario, seed: number): Promise<void> {
  const { fault, withDeletes = false, startsCutOff = false, clockOffsetsMs = [0, 0], dies = false } = scenario;
  const random = seededRandom(seed * 1009 + scenes);
  const proxies = [await rig.startProxy(redis), await rig.startProxy(redis)] as const;
  const dir = mkdtempSync(join(tmpdir(), 'oxcache-partition-'));
  rig.afterwards(() => rmSync(dir, { recursive: true, force: true }));
  const prefix = `partition${scenes++}`;
  const config = configFor(scenario.kind ?? 'two-level', prefix, dir);
  const start = async (which: 0 | 1): Promise<PartitionProcess> => {
    const routePort = proxies[which].port;
    const started = await PartitionProcess.start({
      config,
      knownPort: redis.port,
      routePort,
      clockOffsetMs: clockOffsetsMs[which],
    });
    rig.afterwards(() => started.kill());
    return started;
  };
  const steps = new Map<string, Step[]>(KEYS.map((key) => [key, []]));
  let values = 0;
  /** One write of each key, by one process or the other; conflicting ones are far enough apart to be told apart. */
  const round = async (cutOff: PartitionProcess, connected: PartitionProcess): Promise<void> => {
    const write = async (key: string): Promise<void> => {
      const isCutOff = random.chance(0.5);
      const who = isCutOff ? cutOff : connected;
      const n = withDeletes && random.chance(0.3) ? null : ++values;
      const beganAtMs = Date.now();
      const result = await (n === null ? who.delete(key) : who.set(key, n));
      steps.get(key)?.push({ who: isCutOff ? 'cut off' : 'connected', n, result, beganAtMs, ackedAtMs: Date.now() });
    };
    await Promise.all(KEYS.map(write));
    await passTime();
  };

  const connected = await start(1);
  if (startsCutOff) await FAULTS[fault](proxies[0]);
  const cutOff = await start(0);
  if (!startsCutOff) {
    await isQuiet(cutOff, 'before the partition');
    await isQuiet(connected, 'before the partition');
    await round(cutOff, connected);
    await FAULTS[fault](proxies[0]);
  }
  for (let left = ROUNDS; left > 0; left--) await round(cutOff, connected);
  // What was done in the partition is where it was said to be.
  const all = [...steps.values()].flat();
  expect(all.some(({ who, result }) => who === 'cut off' && result === 'logged')).toBe(true);
  expect(all.filter(({ who, result }) => who === 'connected' && !['written', 'deleted'].includes(result))).toEqual([]);

  if (dies) await cutOff.kill();
  await proxies[0].resume();
  if (dies) await until(() => isAllReplayed(dir), { describe: 'the log of the process that was killed to be replayed' });
  else await isQuiet(cutOff, 'after the partition');
  await isQuiet(connected, 'after the partition');

  const expected = new Map([...steps].map(([key, done]) => [key, done.at(-1)?.n ?? null]));
  const found = new Map<string, number | null>();
  for (const key of KEYS) found.set(key, await valueInRedis(`${prefix}:shared:${key}`));
  const wrong = [...expected].filter(([key, n]) => found.get(key) !== n);
  expect(wrong.map(([key]) => ({ key, found: found.get(key), seed, history: steps.get(key) }))).toEqual([]);
  for (const each of dies ? [connected] : [connected, cutOff]) {
    for (const [key, n] of expected) expect([key, await each.read(key)]).toEqual([key, n]);
    await each.close();
    expect(each.stderr).toBe('');
  }
  expect(readdirSync(dir)).toEqual([]);
}

function configFor(kind: 'two-level' | 'l2', prefix: string, dir: string): ConfigObject {
  const shared = (kind === 'l2' ? l2OnlyAt : twoLevelAt)(redis, { wal: { dir } });
  return { global: { key_prefix: prefix, log_level: 'silent', health_check_interval: 1 }, services: { shared } };
}

/** Whether there is one process left, and no log that it took over: such a log goes when Redis has all of it. */
function isAllReplayed(dir: string): boolean {
  const [home = '', ...others] = readdirSync(dir);
  return others.length === 0 && !readdirSync(join(dir, home)).some((name) => name.includes('.from-'));
}

/** Waits until a process uses Redis and has told it everything. */
async function isQuiet(member: PartitionProcess, when: string): Promise<void> {
  let last = '';
  const isSo = async (): Promise<boolean> => {
    const { status, owed } = await member.state();
    last = `${status}, ${owed} owed`;
    return status === 'healthy' && owed === 0;
  };
  await until(isSo, { describe: () => `a process to be quiet ${when}; it is ${last}`, timeoutMs: 15_000 });
}

/** The number in an entry; `null` where there is none, or the mark of a deletion. */
async function valueInRedis(name: string): Promise<number | null> {
  const raw = (await redis.call('GET', name)) as string | null;
  if (raw === null) return null;
  const entry = openEnvelope(Buffer.from(raw));
  if (typeof entry === 'string') throw new Error(`${name} holds what is no entry: ${entry}`);
  return entry.kind === 'v' ? (JSON.parse(entry.payload.toString('utf8')) as { n: number }).n : null;
}
