/**
 * Other caches at the same three tasks, for information: each is set up as its manual shows, over the same Redis, with the
 * clients it supports. They promise different things, so the table says what a call costs, not which library is better.
 */
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisDriver } from 'bentocache/drivers/redis';
import { Cacheable } from 'cacheable';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import KeyvRedis from '@keyv/redis';
import { LRUCache } from 'lru-cache';
import { measureConcurrent } from '../support/concurrent-rounds.mjs';
import { makeKeys, makeValue, shuffle } from '../support/keys.mjs';
import { createManager, loadIoredis } from '../support/package.mjs';
import { format } from '../support/figure.mjs';
import { median } from '../support/statistics.mjs';

const KEYS = 2000;
const TTL_MS = 600_000;
const CALLERS = 64;
const COLD_CALLERS = 1000;
const PASSES = 15;

export async function run({ redisUrl }) {
  const { hostname: host, port } = new URL(redisUrl);
  const peers = { oxcache: await oxcachePeer(redisUrl), bentocache: bentocachePeer(host, Number(port)) };
  peers.cacheable = cacheablePeer(redisUrl);
  peers['cache-manager'] = cacheManagerPeer(redisUrl);
  peers['lru-cache (L1 only)'] = lruPeer();
  peers['ioredis get + JSON.parse'] = ioredisPeer(redisUrl);

  const keys = makeKeys(KEYS);
  for (const [i, key] of keys.entries()) {
    for (const peer of Object.values(peers)) {
      await peer.l1?.set(key, makeValue(i));
      await peer.l2?.set(key, makeValue(i));
    }
  }
  const order = shuffle(keys);
  const l1 = await measureL1(peers, order);
  const l2 = await measureL2(peers, order);
  const rows = [];
  for (const [name, peer] of Object.entries(peers)) {
    const loads = peer.getOrLoad === undefined ? '-' : String(await countLoads(peer.getOrLoad));
    rows.push([
      name,
      name in l1 ? `${format(median(l1[name]))} ns` : '-',
      name in l2 ? `${format(median(l2[name]))} µs` : '-',
      loads,
    ]);
  }
  for (const peer of Object.values(peers)) await peer.close();
  return {
    table: {
      head: ['', 'await get, L1 hit', `get, L2 hit, ${CALLERS} callers`, `loads of ${COLD_CALLERS} getOrSet of a cold key`],
      rows,
    },
  };
}

/** Nanoseconds per awaited L1 hit. */
async function measureL1(peers, order) {
  const results = {};
  for (let pass = -3; pass < PASSES; pass++) {
    for (const [name, { l1 }] of Object.entries(peers)) {
      if (l1 === undefined) continue;
      const startedMs = performance.now();
      for (const key of order) if ((await l1.get(key)) === undefined) throw new Error(`${name} missed`);
      if (pass >= 0) (results[name] ??= []).push(((performance.now() - startedMs) * 1e6) / order.length);
    }
  }
  return results;
}

/** Microseconds per L2 hit with many callers. */
function measureL2(peers, order) {
  const contestants = {};
  for (const [name, { l2 }] of Object.entries(peers)) {
    if (l2 === undefined) continue;
    contestants[name] = async (i) => {
      if ((await l2.get(order[i % KEYS])) === undefined) throw new Error(`${name} missed`);
    };
  }
  return measureConcurrent(contestants, { callers: CALLERS, roundMs: 60, rounds: 11 });
}

/** How often a loader of 5 ms runs when a thousand callers ask for a key that nobody has. */
async function countLoads(getOrLoad) {
  let loads = 0;
  const load = async () => {
    loads++;
    await new Promise((resolve) => setTimeout(resolve, 5));
    return makeValue(1);
  };
  await Promise.all(Array.from({ length: COLD_CALLERS }, () => getOrLoad('cold', load)));
  return loads;
}

async function oxcachePeer(redisUrl) {
  const l2 = { connection_string: redisUrl };
  const manager = await createManager({
    one: { cache_type: 'l1', ttl: 600 },
    two: { cache_type: 'l2', ttl: 600, l2 },
    both: { cache_type: 'two-level', ttl: 600, l2 },
  });
  const both = manager.client('both');
  return {
    l1: manager.client('one'),
    l2: manager.client('two'),
    getOrLoad: (key, load) => both.getOrLoad(key, load),
    close: () => manager.close(),
  };
}

function bentocachePeer(host, port) {
  const redis = () => redisDriver({ connection: { host, port } });
  const cache = new BentoCache({
    default: 'both',
    ttl: TTL_MS,
    stores: {
      one: bentostore().useL1Layer(memoryDriver({ maxItems: 2 * KEYS })),
      two: bentostore().useL2Layer(redis()),
      both: bentostore()
        .useL1Layer(memoryDriver({ maxItems: 2 * KEYS }))
        .useL2Layer(redis()),
    },
  });
  const store = (name) => ({
    get: (key) => cache.use(name).get({ key }),
    set: (key, value) => cache.use(name).set({ key, value }),
  });
  return {
    l1: store('one'),
    l2: store('two'),
    getOrLoad: (key, load) => cache.use('both').getOrSet({ key, factory: load }),
    close: () => cache.disconnectAll(),
  };
}

function cacheablePeer(redisUrl) {
  const one = new Cacheable({ ttl: TTL_MS });
  const two = new Cacheable({ primary: new Keyv({ store: new KeyvRedis(redisUrl), namespace: 'cacheable' }), ttl: TTL_MS });
  const both = new Cacheable({ secondary: new Keyv({ store: new KeyvRedis(redisUrl), namespace: 'both' }), ttl: TTL_MS });
  const store = (cache) => ({ get: (key) => cache.get(key), set: (key, value) => cache.set(key, value) });
  return {
    l1: store(one),
    l2: store(two),
    getOrLoad: (key, load) => both.getOrSet(key, load),
    close: () => Promise.all([one, two, both].map((cache) => cache.disconnect())),
  };
}

function cacheManagerPeer(redisUrl) {
  const redis = (namespace) => new Keyv({ store: new KeyvRedis(redisUrl), namespace });
  const one = createCache({ ttl: TTL_MS });
  const two = createCache({ stores: [redis('cache-manager')], ttl: TTL_MS });
  const both = createCache({ stores: [new Keyv(), redis('cache-manager-both')], ttl: TTL_MS });
  return {
    l1: one,
    l2: two,
    getOrLoad: (key, load) => both.wrap(key, load),
    close: () => Promise.all([two.disconnect(), both.disconnect()]),
  };
}

function lruPeer() {
  const cache = new LRUCache({ max: 2 * KEYS, ttl: TTL_MS, fetchMethod: (_key, _stale, { context }) => context() });
  return { l1: cache, getOrLoad: (key, load) => cache.fetch(key, { context: load }), close: () => undefined };
}

function ioredisPeer(redisUrl) {
  const { Redis } = loadIoredis();
  const redis = new Redis(redisUrl, { keyPrefix: 'plain:' });
  const l2 = {
    get: async (key) => JSON.parse(await redis.get(key)),
    set: (key, value) => redis.set(key, JSON.stringify(value), 'PX', TTL_MS),
  };
  return { l2, close: () => redis.disconnect() };
}
