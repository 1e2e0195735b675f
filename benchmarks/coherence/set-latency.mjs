/**
 * What one caller waits for `set`, next to a bare `SET PX` of the same JSON: in blocks that take turns. Beside the defaults the
 * same without announcements, and with another process that listens, to see what each costs.
 */
import { startCompanions } from '../support/companions.mjs';
import { makeKeys, makeValue, shuffle } from '../support/keys.mjs';
import { loadIoredis } from '../support/package.mjs';
import { openShared } from '../support/shared-service.mjs';
import { median, ratios } from '../support/statistics.mjs';

const KEYS = 10_000;
const BLOCK = 200;
const ROUNDS = 41;
const WARM_UP_ROUNDS = 8;
const L1 = { l1: { max_capacity: 2 * KEYS } };

/** See the file's header. */
export async function measureSetLatency(redisUrl) {
  const { Redis } = loadIoredis();
  const redis = new Redis(redisUrl);
  const [listener] = startCompanions(new URL('listener.mjs', import.meta.url), 1);
  await listener.ask('open', redisUrl, 'heard', L1);
  const { clients, close } = await openShared(redisUrl, { alone: L1, heard: L1, silent: { ...L1, sync: { enabled: false } } });
  const keys = shuffle(makeKeys(KEYS));
  const values = keys.map((_, i) => makeValue(i));
  // A call site of its own each.
  const contestants = {
    ioredis: async (i) => {
      if ((await redis.set(keys[i], JSON.stringify(values[i]), 'PX', 600_000)) !== 'OK') throw new Error('not written');
    },
    alone: async (i) => {
      if ((await clients.alone.set(keys[i], values[i])).l2 !== 'written') throw new Error('not written');
    },
    heard: async (i) => {
      if ((await clients.heard.set(keys[i], values[i])).l2 !== 'written') throw new Error('not written');
    },
    silent: async (i) => {
      if ((await clients.silent.set(keys[i], values[i])).l2 !== 'written') throw new Error('not written');
    },
  };
  const names = Object.keys(contestants);
  const us = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const medianUs = await timeBlock(contestants[name], (round + WARM_UP_ROUNDS) * BLOCK);
      if (round >= 0) us[name].push(medianUs);
    }
  }
  await close();
  await listener.stop();
  redis.disconnect();
  const note = `${median(us.alone).toFixed(0)} µs; ioredis ${median(us.ioredis).toFixed(0)} µs`;
  return [
    { figure: 'set, one caller / ioredis SET PX', goal: ['<=', 1.3], ...ratios(us.alone, us.ioredis), note },
    { figure: 'the same, one other process listens', ...ratios(us.heard, us.ioredis) },
    { figure: 'the same, `sync.enabled = false`', ...ratios(us.silent, us.ioredis) },
  ];
}

/** The median of the microseconds of one call each. */
async function timeBlock(operate, first) {
  const us = [];
  for (let i = first; i < first + BLOCK; i++) {
    const started = process.hrtime.bigint();
    await operate(i % KEYS);
    us.push(Number(process.hrtime.bigint() - started) / 1000);
  }
  return median(us);
}
