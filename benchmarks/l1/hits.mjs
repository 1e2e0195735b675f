/**
 * Micro-benchmarks of L1: hits, inserts that evict, and a Zipf mix, next to a bare `Map`, lru-cache and quick-lru.
 *
 *   node benchmarks/l1/hits.mjs [keys = 10000]
 *
 * Only ratios are worth comparing between machines. Every candidate gets its own copy of the loop, so that one candidate's
 * types do not slow another's; rounds alternate between the candidates and the best round of each counts, so that a busy
 * machine does little harm.
 */
import Benchmark from 'benchmark';
import { LRUCache } from 'lru-cache';
import QuickLRU from 'quick-lru';
import { createTier } from './tier.mjs';

const KEYS = Number(process.argv[2] ?? 10_000);
const BATCH = 1 << 16;
const ROUNDS = 5;
const TTL_MS = 300_000;
const TTI_MS = 180_000;

const keys = Array.from({ length: KEYS }, (_, i) => `user:${i}`);
const uniform = Array.from({ length: BATCH }, () => keys[Math.floor(Math.random() * KEYS)]);
const zipf = zipfSequence(KEYS * 10, BATCH * 4);

await compare(
  `hits, ${KEYS} string keys in random order`,
  'Map',
  uniform,
  {
    Map: () => filled(new Map()),
    'L1 s3fifo, ttl': () => filled(l1({ maxCapacity: KEYS })),
    'L1 s3fifo, ttl and tti': () => filled(l1({ maxCapacity: KEYS, ttiMs: TTI_MS })),
    'L1 lru, ttl': () => filled(l1({ maxCapacity: KEYS, eviction: 'lru' })),
    'lru-cache, ttl': () => filled(new LRUCache({ max: KEYS, ttl: TTL_MS })),
    'quick-lru': () => filled(new QuickLRU({ maxSize: KEYS })),
  },
  'n += cache.get(key) === undefined ? 0 : 1;',
);

const fresh = Array.from({ length: KEYS * 4 }, (_, i) => `fresh:${i}`);
await compare(
  `inserts that evict, capacity ${KEYS}`,
  'L1 s3fifo, ttl',
  fresh,
  {
    'L1 s3fifo, ttl': () => filled(l1({ maxCapacity: KEYS })),
    'L1 lru, ttl': () => filled(l1({ maxCapacity: KEYS, eviction: 'lru' })),
    'lru-cache, ttl': () => filled(new LRUCache({ max: KEYS, ttl: TTL_MS })),
    'quick-lru': () => filled(new QuickLRU({ maxSize: KEYS })),
  },
  'cache.set(key, 1); n++;',
);

await compare(
  `Zipf 1.0 over ${KEYS * 10} keys, capacity ${KEYS}, misses are written`,
  'L1 s3fifo, ttl',
  zipf,
  {
    'L1 s3fifo, ttl': () => l1({ maxCapacity: KEYS }),
    'L1 lru, ttl': () => l1({ maxCapacity: KEYS, eviction: 'lru' }),
    'lru-cache, ttl': () => new LRUCache({ max: KEYS, ttl: TTL_MS }),
    'quick-lru': () => new QuickLRU({ maxSize: KEYS }),
  },
  'if (cache.get(key) === undefined) cache.set(key, 1); else n++;',
);

function l1(config) {
  const { tier, write } = createTier(config);
  return { get: (key) => tier.read(key), set: write };
}

function filled(cache) {
  for (const key of keys) cache.set(key, { key });
  return cache;
}

async function compare(title, baseline, sequence, candidates, body) {
  const best = {};
  const prepared = Object.entries(candidates).map(([name, create]) => {
    const loop = new Function(
      'cache',
      'sequence',
      `/* ${name} */ let n = 0; for (let i = 0; i < sequence.length; i++) { const key = sequence[i]; ${body} } return n;`,
    );
    return { name, loop, cache: create() };
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, loop, cache } of prepared) {
      const benchmark = new Benchmark(name, () => loop(cache, sequence), { maxTime: 0.15, minSamples: 5 });
      benchmark.run();
      if (benchmark.error) throw benchmark.error;
      const ns = (Math.min(...benchmark.stats.sample) * 1e9) / sequence.length;
      best[name] = Math.min(best[name] ?? Infinity, ns);
      // A turn of the event loop between the candidates, as a server has between requests.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  console.log(`\n${title}`);
  for (const [name, ns] of Object.entries(best)) {
    console.log(`  ${name.padEnd(24)} ${ns.toFixed(1).padStart(7)} ns   ${(ns / best[baseline]).toFixed(2)} x ${baseline}`);
  }
}

function zipfSequence(keyCount, length) {
  const cumulative = new Float64Array(keyCount);
  let sum = 0;
  for (let i = 0; i < keyCount; i++) cumulative[i] = sum += 1 / (i + 1);
  const names = Array.from({ length: keyCount }, (_, i) => `zipf:${i}`);
  return Array.from({ length }, () => {
    const wanted = Math.random() * sum;
    let low = 0;
    let high = keyCount - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return names[low];
  });
}
