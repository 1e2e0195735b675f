/** `set`, versioned and awaited, next to ioredis `set` and `JSON.stringify`. Above 1: the cache is faster. */
import { measureConcurrent } from '../support/concurrent-rounds.mjs';
import { makeKeys, makeValue, shuffle } from '../support/keys.mjs';
import { createManager, loadIoredis } from '../support/package.mjs';
import { median, ratios } from '../support/statistics.mjs';

const KEYS = 10_000;
const CALLERS = [{ callers: 1 }, { callers: 64, goal: ['>=', 1.3] }];

export async function run({ redisUrl }) {
  const { Redis } = loadIoredis();
  const redis = new Redis(redisUrl);
  const manager = await createManager({ c: { cache_type: 'l2', ttl: 600, l2: { connection_string: redisUrl } } });
  const client = manager.client('c');
  const keys = shuffle(makeKeys(KEYS));
  const values = keys.map((_, i) => makeValue(i));
  const contestants = {
    oxcache: async (i) => {
      if ((await client.set(keys[i % KEYS], values[i % KEYS])).l2 !== 'written') throw new Error('not written');
    },
    ioredis: async (i) => {
      if ((await redis.set(keys[i % KEYS], JSON.stringify(values[i % KEYS]))) !== 'OK') throw new Error('not written');
    },
    // With a lifetime, as a cache would write it.
    ioredisPx: async (i) => {
      if ((await redis.set(keys[i % KEYS], JSON.stringify(values[i % KEYS]), 'PX', 600_000)) !== 'OK')
        throw new Error('not written');
    },
  };
  const figures = [];
  for (const { callers, goal } of CALLERS) {
    const us = await measureConcurrent(contestants, {
      callers,
      roundMs: callers === 1 ? 150 : 120,
      rounds: callers === 1 ? 21 : 15,
    });
    const who = `L2 set, ${callers} caller${callers > 1 ? 's' : ''}`;
    const note = `${median(us.oxcache).toFixed(1)} µs per set; ioredis ${median(us.ioredis).toFixed(1)} µs`;
    figures.push({ figure: `${who} / ioredis SET`, goal, ...ratios(us.ioredis, us.oxcache), note });
    figures.push({ figure: `${who} / ioredis SET PX`, ...ratios(us.ioredisPx, us.oxcache) });
  }
  await manager.close();
  redis.disconnect();
  return figures;
}
