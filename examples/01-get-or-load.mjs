// @ts-check
/** `getOrLoad` and its options, on a cache of this process alone: no Redis needed. */
import { setTimeout as delay } from 'node:timers/promises';
import { CacheError, createManager } from 'oxcache';

const manager = await createManager({
  services: { prices: { cache_type: 'l1', ttl: '1m', null_ttl: '10s', l1: { max_capacity: 1000 } } },
});
/** @type {import('oxcache').CacheClient<number>} */
const prices = manager.client('prices');

// The loader runs on a miss only. It is told which key it is for.
console.log('loaded ', await prices.getOrLoad('tea', ({ key }) => key.length * 100));
console.log('cached ', await prices.getOrLoad('tea', () => 0));

// A loader that finds nothing returns undefined, and that is remembered too (`null_ttl`).
let lookups = 0;
const findNothing = () => {
  lookups++;
  return undefined;
};
await prices.getOrLoad('unicorn', findNothing);
await prices.getOrLoad('unicorn', findNothing);
console.log('nothing', { lookups, status: (await prices.lookup('unicorn')).status });

// A loader's own error reaches the caller as it is; nothing is remembered.
await prices
  .getOrLoad('coffee', () => {
    throw new RangeError('the price service is closed');
  })
  .catch((error) => console.log('failed ', error.name, '-', error.message));

// A load may take so long. Its signal tells the loader when nobody waits any more.
await prices
  .getOrLoad('slow', ({ signal }) => delay(10_000, 1, { signal }), { timeout: '50ms' })
  .catch((error) => console.log('timeout', CacheError.is(error) ? error.code : error));

// Several keys: one call of the loader, for those that are missing.
const all = await prices.getOrLoadMany(['tea', 'milk', 'sugar'], (keys) => {
  console.log('missing', keys);
  return keys.map((key) => key.length * 100);
});
console.log('many   ', all);

// Load again, whatever is cached.
console.log('refresh', await prices.refresh('tea', () => 350));

await manager.close();
