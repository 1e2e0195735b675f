/** A companion that reads what has no tags, from L1 and from L2. */
import { runRound } from '../support/concurrent-rounds.mjs';
import { makeKeys, makeValue, shuffle } from '../support/keys.mjs';
import { openShared } from '../support/shared-service.mjs';

const KEYS = 10_000;
const CALLERS = 64;

let client;
let opened;
const order = shuffle(makeKeys(KEYS));

/** Opens the service and fills both tiers: with what is read, and with as much beside it, tagged where `isTagged`. */
export async function open(url, service, isTagged) {
  opened = await openShared(url, { [service]: { l1: { max_capacity: 4 * KEYS } } });
  client = opened.clients[service];
  await client.setMany(makeKeys(KEYS).map((key, i) => [key, makeValue(i)]));
  const others = makeKeys(KEYS, 'other:').map((key, i) => client.set(key, makeValue(i), isTagged ? { tags: tagsOf(i) } : {}));
  await Promise.all(others);
}

const tagsOf = (i) => [`item:${i}`, `group:${i % 100}`];

/** Nanoseconds of an L1 hit, over about `roundMs`; between two passes over the keys the process hears of invalidations. */
export async function readL1(roundMs) {
  const started = performance.now();
  let passes = 0;
  for (; performance.now() - started < roundMs; passes++) {
    let misses = 0;
    for (let i = 0; i < KEYS; i++) if ((await client.get(order[i])) === undefined) misses++;
    if (misses > 0) throw new Error('missed');
    await new Promise(setImmediate);
  }
  return ((performance.now() - started) * 1e6) / (passes * KEYS);
}

/** Nanoseconds per read from L2, 64 callers. */
export async function readL2(roundMs) {
  const read = async (i) => {
    if ((await client.getL2Only(order[i % KEYS])) === undefined) throw new Error('missed');
  };
  return (await runRound(read, CALLERS, roundMs)) * 1000;
}

/** What this process heard of. */
export const heard = () => client.metrics().invalidationsReceived;

export const close = () => opened?.close();
