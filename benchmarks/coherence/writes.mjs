/**
 * Acknowledged writes per second of a service that two processes share, next to ioredis pipelines of the same keys, values and
 * lifetimes. The versions and the announcements that let the other process drop its copies are part of what is measured.
 */
import { runRound } from '../support/concurrent-rounds.mjs';
import { startCompanions } from '../support/companions.mjs';
import { makeKeys, makeValue, shuffle } from '../support/keys.mjs';
import { loadIoredis } from '../support/package.mjs';
import { openShared } from '../support/shared-service.mjs';
import { median, quantile, ratios } from '../support/statistics.mjs';

const KEYS = 20_000;
const CALLERS = 2000;
const BATCH = 200;
const MANY = 1000;
const ROUND_MS = 300;
const ROUNDS = 9;
const WARM_UP_ROUNDS = 3;
const TTL_MS = 600_000;
const SETTINGS = { l1: { max_capacity: 2 * KEYS }, two_level: { enable_batch_write: true, batch_size: BATCH } };

/** See the file's header. */
export async function measureWrites(redisUrl) {
  const { Redis } = loadIoredis();
  const redis = new Redis(redisUrl);
  const [listener] = startCompanions(new URL('listener.mjs', import.meta.url), 1);
  await listener.ask('open', redisUrl, 'writes', SETTINGS);
  const { clients, close } = await openShared(redisUrl, { writes: SETTINGS });
  const client = clients.writes;
  const keys = shuffle(makeKeys(KEYS));
  const values = keys.map((_, i) => makeValue(i));
  let acknowledged = 0;

  const set = async (i) => {
    if ((await client.set(keys[i % KEYS], values[i % KEYS])).l2 !== 'written') throw new Error('not written');
    acknowledged++;
  };
  const setMany = async (i) => {
    const from = (i * MANY) % KEYS;
    const entries = [];
    for (let at = from; at < from + MANY; at++) entries.push([keys[at], values[at]]);
    for (const { l2 } of (await client.setMany(entries)).values()) if (l2 !== 'written') throw new Error('not written');
    acknowledged += MANY;
  };
  const pipeline = async (i) => {
    const from = (i * BATCH) % KEYS;
    const commands = redis.pipeline();
    for (let at = from; at < from + BATCH; at++) commands.set(keys[at], JSON.stringify(values[at]), 'PX', TTL_MS);
    for (const [error, reply] of await commands.exec()) if (error !== null || reply !== 'OK') throw new Error('not written');
  };
  const contestants = {
    set: async () => 1e6 / (await runRound(set, CALLERS, ROUND_MS)),
    pipeline1: async () => (BATCH * 1e6) / (await runRound(pipeline, 1, ROUND_MS)),
    oneByOne: async () => 1e6 / (await runRound(set, 1, ROUND_MS)),
    setMany: async () => (MANY * 1e6) / (await runRound(setMany, 2, ROUND_MS)),
    pipeline2: async () => (BATCH * 1e6) / (await runRound(pipeline, 2, ROUND_MS)),
  };
  const names = Object.keys(contestants);
  const perSecond = Object.fromEntries(names.map((name) => [name, []]));
  let batched = { writes: 0, batches: 0 };
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const before = { acknowledged, added: await messagesOf(redis) };
      const rate = await contestants[name]();
      if (round < 0) continue;
      perSecond[name].push(rate);
      if (name !== 'set') continue;
      const batches = batched.batches + (await messagesOf(redis)) - before.added;
      batched = { writes: batched.writes + acknowledged - before.acknowledged, batches };
    }
  }
  const { count, lag } = await listener.ask('heard', acknowledged);
  await close();
  await listener.stop();
  redis.disconnect();
  if (count < acknowledged) throw new Error(`the listener heard of ${count} of ${acknowledged} writes`);

  const pipelines = perSecond.pipeline1.map((rate, round) => Math.max(rate, perSecond.pipeline2[round]));
  const rate = (figure, numbers, goal, note) => ({
    figure,
    goal,
    unit: 'writes/s',
    measured: median(numbers),
    low: quantile(numbers, 0.25),
    high: quantile(numbers, 0.75),
    note,
  });
  const perBatch = `${(batched.writes / batched.batches).toFixed(0)} writes per batch; ioredis pipelines ${median(pipelines).toFixed(0)}/s`;
  return [
    rate(`set, ${CALLERS} callers, one process listens`, perSecond.set, ['>=', 200_000], perBatch),
    {
      figure: `the same / ioredis pipelines of ${BATCH}`,
      goal: ['>=', 1],
      ...ratios(perSecond.set, pipelines),
      note: 'above 1: the cache is faster',
    },
    {
      figure: 'the same / one caller, one by one',
      goal: ['>=', 10],
      ...ratios(perSecond.set, perSecond.oneByOne),
      note: `${median(perSecond.oneByOne).toFixed(0)} writes/s of one caller`,
    },
    rate(
      `setMany, ${MANY} entries a call`,
      perSecond.setMany,
      undefined,
      `the listener heard of each; p99 ${lag.p99Ms.toFixed(1)} ms`,
    ),
    { figure: `the same / ioredis pipelines of ${BATCH}`, ...ratios(perSecond.setMany, pipelines) },
  ];
}

/** Messages that were ever put on the service's stream: one per batch. */
async function messagesOf(redis) {
  const info = await redis.xinfo('STREAM', 'oxcache::writes:stream');
  return info[info.indexOf('entries-added') + 1];
}
