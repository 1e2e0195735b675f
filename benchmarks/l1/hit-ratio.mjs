/**
 * Hit ratios of L1's eviction policies on an access trace, next to exact LRU (lru-cache).
 *
 *   node benchmarks/l1/hit-ratio.mjs TRACE.gz
 *
 * A trace is the gzip of big-endian 32-bit key numbers, one per request. Each policy is given 1, 5, 10 and 25 % of the
 * trace's distinct keys as its capacity; every miss is followed by a write, as a loader would do.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import { createTier } from './tier.mjs';

const SHARES = [0.01, 0.05, 0.1, 0.25];

const file = process.argv[2];
if (file === undefined) {
  console.error('usage: node benchmarks/l1/hit-ratio.mjs TRACE.gz');
  process.exit(2);
}

const bytes = gunzipSync(readFileSync(file));
const requests = [];
for (let offset = 0; offset < bytes.length; offset += 4) requests.push(bytes.readUInt32BE(offset).toString(36));
const unique = new Set(requests).size;

const candidates = {
  s3fifo: (maxCapacity) => tierCache({ maxCapacity, eviction: 's3fifo' }),
  lru: (maxCapacity) => tierCache({ maxCapacity, eviction: 'lru' }),
  'lru-cache': (max) => {
    const cache = new LRUCache({ max });
    return { has: (key) => cache.get(key) !== undefined, add: (key) => cache.set(key, 1) };
  },
};

console.log(`${basename(file)}: ${requests.length} requests, ${unique} keys; hit ratio in %`);
console.log(['capacity'.padEnd(18), ...Object.keys(candidates).map((name) => name.padStart(10))].join(''));
for (const share of SHARES) {
  const capacity = Math.max(1, Math.round(unique * share));
  const ratios = Object.values(candidates).map((create) => hitRatio(create(capacity)));
  console.log(
    [`${share * 100} % (${capacity})`.padEnd(18), ...ratios.map((ratio) => (ratio * 100).toFixed(2).padStart(10))].join(''),
  );
}

function tierCache(config) {
  const { tier, write } = createTier(config);
  return { has: (key) => tier.read(key) !== undefined, add: (key) => write(key, 1) };
}

function hitRatio(cache) {
  let hits = 0;
  for (const key of requests) {
    if (cache.has(key)) hits++;
    else cache.add(key);
  }
  return hits / requests.length;
}
