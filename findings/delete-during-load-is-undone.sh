#!/usr/bin/env bash
# bentocache 1.6.1, cacheable 2.5.0, cache-manager 7.2.9, async-cache-dedupe 3.4.0: a delete during a load has no effect.
#
# Expected: after "update the source, delete the key" has resolved, no later read gets the value from before the update.
# Seen: a load that began before the delete stores its older value after it, in all four. The entry that was deleted is back
# for its whole TTL, and nothing reports it. The interleaving below is the usual one of a slow query and a write.
#
# Output on Node 20.20:
#   bentocache: old
#   cacheable: old
#   cache-manager: old
#   async-cache-dedupe: old
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund bentocache@1.6.1 cacheable@2.5.0 cache-manager@7.2.9 keyv@5.6.0 async-cache-dedupe@3.4.0 >/dev/null
cat >run.mjs <<'JS'
import { createCache as createDedupe } from 'async-cache-dedupe';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { createCache } from 'cache-manager';
import { Cacheable } from 'cacheable';
import Keyv from 'keyv';

let source;
let release;
/** Reads the source, and answers when it is released. */
async function load() {
  const read = source;
  await new Promise((resolve) => (release = resolve));
  return read;
}
async function race(name, get, remove) {
  source = 'old';
  release = undefined;
  const loading = get();
  while (release === undefined) await new Promise(setImmediate);
  source = 'new';
  await remove();
  release();
  await loading;
  release = undefined;
  const next = get();
  for (let i = 0; i < 50 && release === undefined; i++) await new Promise(setImmediate);
  release?.();
  console.log(`${name}: ${await next}`);
}
const bento = new BentoCache({ default: 'm', stores: { m: bentostore().useL1Layer(memoryDriver({ maxItems: 100 })) } });
await race('bentocache', () => bento.getOrSet({ key: 'k', factory: load, ttl: '1h' }), () => bento.delete({ key: 'k' }));
const cacheable = new Cacheable();
await race('cacheable', () => cacheable.getOrSet('k', load, { ttl: '1h' }), () => cacheable.delete('k'));
const manager = createCache({ stores: [new Keyv()] });
await race('cache-manager', () => manager.wrap('k', load, 3_600_000), () => manager.del('k'));
const dedupe = createDedupe({ ttl: 3600, storage: { type: 'memory' } });
dedupe.define('load', load);
await race('async-cache-dedupe', () => dedupe.load('k'), () => dedupe.clear('load', 'k'));
process.exit(0);
JS
node run.mjs | tee seen.txt
diff seen.txt - <<'SEEN'
bentocache: old
cacheable: old
cache-manager: old
async-cache-dedupe: old
SEEN
