/** `get` of what is in L2 only, next to ioredis `get` and `JSON.parse`. Above 1: the cache is faster. */
import { measureConcurrent } from '../support/concurrent-rounds.mjs';
import { makeKeys, makeValue, shuffle } from '../support/keys.mjs';
import { createManager, loadIoredis } from '../support/package.mjs';
import { median, ratios } from '../support/statistics.mjs';

const KEYS = 10_000;
const CALLERS = [{ callers: 1, goal: ['>=', 0.9] }, { callers: 64, goal: ['>=', 2.5] }, { callers: 200 }];

export async function run({ redisUrl }) {
  const { Redis } = loadIoredis();
  const redis = new Redis(redisUrl);
  const manager = await createManager({ c: { cache_type: 'l2', ttl: 600, l2: { connection_string: redisUrl } } });
  const client = manager.client('c');
  const keys = makeKeys(KEYS);
  const entries = keys.map((key, i) => [key, makeValue(i)]);
  await client.setMany(entries);
  await redis.mset(entries.flatMap(([key, value]) => [key, JSON.stringify(value)]));
  const order = shuffle(keys);
  const contestants = {
    oxcache: async (i) => {
      if ((await client.get(order[i % KEYS])).id === undefined) throw new Error('missed');
    },
    ioredis: async (i) => {
      if (JSON.parse(await redis.get(order[i % KEYS])).id === undefined) throw new Error('missed');
    },
  };
  const figures = [];
  for (const { callers, goal } of CALLERS) {
    const us = await measureConcurrent(contestants, {
      callers,
      roundMs: callers === 1 ? 150 : 120,
      rounds: callers === 1 ? 31 : 15,
    });
    const note = `${median(us.oxcache).toFixed(1)} µs per get; ioredis ${median(us.ioredis).toFixed(1)} µs`;
    figures.push({
      figure: `L2 get, ${callers} caller${callers > 1 ? 's' : ''} / ioredis`,
      goal,
      ...ratios(us.ioredis, us.oxcache),
      note,
    });
  }
  await manager.close();
  redis.disconnect();
  return figures;
}
