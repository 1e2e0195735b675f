/** `peek` of what is in L1, with TTL and TTI, next to a bare `Map.get` and to lru-cache with its `ttl`. */
import { LRUCache } from 'lru-cache';
import { makeKeys, makeValue, shuffle } from '../support/keys.mjs';
import { measureRounds } from '../support/micro-rounds.mjs';
import { createManager } from '../support/package.mjs';
import { median, ratios } from '../support/statistics.mjs';

const KEYS = 10_000;

export async function run() {
  const keys = makeKeys(KEYS);
  const manager = await createManager({ c: { cache_type: 'l1', ttl: 600, l1: { max_capacity: 2 * KEYS, ttl: 300, tti: 180 } } });
  const client = manager.client('c');
  const map = new Map();
  const lru = new LRUCache({ max: 2 * KEYS, ttl: 300_000 });
  for (const [i, key] of keys.entries()) {
    const value = makeValue(i);
    map.set(key, value);
    lru.set(key, value);
    await client.set(key, value);
  }
  const order = shuffle(keys);
  const ns = await measureRounds(
    {
      map() {
        let misses = 0;
        for (let i = 0; i < KEYS; i++) if (map.get(order[i]) === undefined) misses++;
        if (misses > 0) throw new Error('missed');
      },
      peek() {
        let misses = 0;
        for (let i = 0; i < KEYS; i++) if (client.peek(order[i]) === undefined) misses++;
        if (misses > 0) throw new Error('missed');
      },
      lru() {
        let misses = 0;
        for (let i = 0; i < KEYS; i++) if (lru.get(order[i]) === undefined) misses++;
        if (misses > 0) throw new Error('missed');
      },
    },
    { operations: KEYS },
  );
  await manager.close();
  const note = `${median(ns.peek).toFixed(0)} ns; Map.get ${median(ns.map).toFixed(0)} ns, lru-cache ${median(ns.lru).toFixed(0)} ns`;
  return [
    { figure: 'peek hit / Map.get', goal: ['<=', 1.7], ...ratios(ns.peek, ns.map), note },
    { figure: 'peek hit / lru-cache get (ttl)', goal: ['<=', 1], ...ratios(ns.peek, ns.lru) },
  ];
}
