/** `await get` of what is in L1, and a hit of a function wrapped by `cached`, next to awaiting an async `Map.get`. */
import { makeKeys, makeValue, shuffle } from '../support/keys.mjs';
import { measureRounds } from '../support/micro-rounds.mjs';
import { createManager, oxcache } from '../support/package.mjs';
import { median, ratios } from '../support/statistics.mjs';

const KEYS = 10_000;

export async function run() {
  const keys = makeKeys(KEYS, 'getUser:');
  const numbers = Array.from({ length: KEYS }, (_, i) => i);
  const manager = await createManager({ c: { cache_type: 'l1', ttl: 600, l1: { max_capacity: 2 * KEYS, ttl: 300, tti: 180 } } });
  const client = manager.client('c');
  const map = new Map();
  for (const [i, key] of keys.entries()) {
    const value = makeValue(i);
    map.set(key, value);
    await client.set(key, value);
  }
  const getUser = oxcache.cached(client, async function getUser(id) {
    throw new Error(`${id} was not cached`);
  });
  const getFromMap = async (key) => map.get(key);
  const order = shuffle(keys);
  const numberOrder = shuffle(numbers);
  // The same few hundred arguments again and again, as a hot set is: the wrapper remembers the keys it made last.
  const hot = numberOrder.map((number) => number % 500);
  const ns = await measureRounds(
    {
      async map() {
        let misses = 0;
        for (let i = 0; i < KEYS; i++) if ((await getFromMap(order[i])) === undefined) misses++;
        if (misses > 0) throw new Error('missed');
      },
      async get() {
        let misses = 0;
        for (let i = 0; i < KEYS; i++) if ((await client.get(order[i])) === undefined) misses++;
        if (misses > 0) throw new Error('missed');
      },
      async wrapped() {
        let misses = 0;
        for (let i = 0; i < KEYS; i++) if ((await getUser(numberOrder[i])) === undefined) misses++;
        if (misses > 0) throw new Error('missed');
      },
      async wrappedHot() {
        let misses = 0;
        for (let i = 0; i < KEYS; i++) if ((await getUser(hot[i])) === undefined) misses++;
        if (misses > 0) throw new Error('missed');
      },
    },
    { operations: KEYS, isAsync: true },
  );
  await manager.close();
  const nsOf = (name) => `${median(ns[name]).toFixed(0)} ns`;
  return [
    {
      figure: 'await get, L1 hit / await async Map.get',
      goal: ['<=', 1.5],
      ...ratios(ns.get, ns.map),
      note: `${nsOf('get')}; reference ${nsOf('map')}`,
    },
    {
      figure: 'cached(number) hit / same, 10,000 arguments',
      goal: ['<=', 4],
      ...ratios(ns.wrapped, ns.map),
      note: nsOf('wrapped'),
    },
    { figure: 'cached(number) hit / same, 500 arguments', ...ratios(ns.wrappedHot, ns.map), note: nsOf('wrappedHot') },
  ];
}
