/**
 * Bytes an entry takes beyond its key and value, each candidate in a process of its own.
 *
 *   node benchmarks/l1/memory.mjs [entries = 1000000]
 *
 * Keys and values exist before the first measurement, so the difference is what the cache itself needs. `churned` means that
 * as many other keys have passed through since, so that everything a policy remembers of evicted keys is there, these keys
 * included.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createTier } from './tier.mjs';

const TTL_MS = 300_000;
const CANDIDATES = {
  Map: async () => new Map(),
  'L1 s3fifo': async (max) => l1({ maxCapacity: max }),
  'L1 s3fifo, tti': async (max) => l1({ maxCapacity: max, ttiMs: 180_000 }),
  'L1 s3fifo, max_bytes': async (max) => l1({ maxCapacity: max, maxBytes: 1e12 }),
  'L1 lru': async (max) => l1({ maxCapacity: max, eviction: 'lru' }),
  'lru-cache, ttl': async (max) => {
    const { LRUCache } = await import('lru-cache');
    return new LRUCache({ max, ttl: TTL_MS });
  },
  'quick-lru': async (max) => {
    const { default: QuickLRU } = await import('quick-lru');
    return new QuickLRU({ maxSize: max });
  },
};

/** Keeps what is measured from being collected. */
let kept;

const [first, entryCount] = process.argv.slice(2);
if (entryCount === undefined) {
  const count = first ?? '1000000';
  console.log(`bytes per entry beyond key and value, ${count} entries`);
  for (const name of Object.keys(CANDIDATES)) {
    const child = spawnSync(
      process.execPath,
      ['--expose-gc', '--max-old-space-size=4096', fileURLToPath(import.meta.url), name, count],
      { encoding: 'utf8' },
    );
    if (child.status !== 0) throw new Error(child.stderr);
    process.stdout.write(child.stdout);
  }
} else {
  await measure(first, Number(entryCount));
}

async function measure(name, count) {
  const value = { shared: true };
  const keys = Array.from({ length: count }, (_, i) => `user:${i}`);
  await CANDIDATES[name](10);
  const before = await usedBytes();
  const cache = await CANDIDATES[name](count);
  kept = { cache, keys };
  for (const key of keys) cache.set(key, value);
  const full = (await usedBytes()) - before;
  let churned = '';
  if (name !== 'Map') {
    for (let i = 0; i < count; i++) cache.set(`other:${i}`, value);
    // The new keys belong to the cache alone; as many old ones are let go of here, so the difference stays its own.
    keys.fill(undefined);
    churned = `   churned ${(((await usedBytes()) - before) / count).toFixed(1).padStart(7)}`;
  }
  if (kept === undefined) throw new Error('the cache was collected');
  console.log(`  ${name.padEnd(22)} ${(full / count).toFixed(1).padStart(7)}${churned}`);
}

async function usedBytes() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function l1(config) {
  const { tier, write } = createTier(config);
  return { set: write, tier };
}
