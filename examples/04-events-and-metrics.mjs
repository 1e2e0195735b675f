// @ts-check
/** What a cache tells about itself: events as they happen, counters, health. Runs with and without Redis. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManager } from 'oxcache';

// Where the log goes; an application names a folder that outlives it.
const dir = mkdtempSync(join(tmpdir(), 'oxcache-example-'));
const manager = await createManager({
  global: { log_level: 'silent', key_prefix: 'oxcache-example', wal: { dir } },
  services: {
    articles: {
      cache_type: 'two-level',
      ttl: '1m',
      l1: { max_capacity: 2 },
      l2: { connection_string: '${REDIS_URL:-redis://127.0.0.1:6379}' },
    },
  },
});
/** @type {import('oxcache').CacheClient<string>} */
const articles = manager.client('articles');

// On a client: this service. On the manager: all services. A listener that throws disturbs nobody.
articles.on('hit', ({ key, tier }) => console.log(`hit      ${key} in ${tier}`));
articles.on('miss', ({ key }) => console.log(`miss     ${key}`));
articles.on('load', ({ key, durationMs }) => console.log(`load     ${key} took ${durationMs.toFixed(1)} ms`));
articles.on('write', ({ key, l1, l2 }) => console.log(`write    ${key} in L1: ${l1}, beyond it: ${l2}`));
articles.on('evict', ({ key, reason }) => console.log(`evict    ${key}, reason: ${reason}`));
manager.on('error', ({ service, error }) => console.log(`error    ${service}: ${error.code}`));
manager.on('degrade', ({ service, reason }) => console.log(`degrade  ${service}: ${reason}`));
manager.on('recover', ({ service, downMs }) => console.log(`recover  ${service} after ${downMs.toFixed(0)} ms`));
manager.on('replay', ({ service, phase, pending }) => console.log(`replay   ${service} ${phase}, ${pending} keys to go`));

const keys = ['one', 'two', 'three'].map((name) => `${process.pid}-${name}`);
for (const key of keys) await articles.getOrLoad(key, async () => `text of ${key}`);
await articles.get(keys[2] ?? '');

const { l1Hits, misses, loads, evictions, l1Entries, loggedKeys, hitRatio } = articles.metrics();
console.log('metrics ', { l1Hits, misses, loads, evictions, l1Entries, loggedKeys, hitRatio });
console.log('health  ', manager.health().status, articles.health().l2?.reason ?? '');

// Without Redis this is logged too, and the log is removed with the folder.
await articles.deleteMany(keys);
await manager.close();
rmSync(dir, { recursive: true });
