#!/usr/bin/env bash
# bentocache 1.6.1: an entry that is written right after its tag was invalidated stays unreadable until its TTL ends.
#
# Expected: deleteByTag() removes what was written before the call, so a set() after it has resolved is readable.
# Seen: both take the time in milliseconds, and an entry made in the millisecond of the invalidation counts as older than
# it. On an in-memory store nearly every "invalidate, then write the new value" is lost; nothing reports it, and a wait does
# not bring the entry back. Whoever refills a cache after an invalidation pays for a miss per key and TTL.
#
# Output on Node 20.20 (the number varies, the two verdicts do not):
#   written right after deleteByTag and unreadable: more than half
#   readable 50 ms later: none of those
#   written 5 ms after deleteByTag and unreadable: none
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund bentocache@1.6.1 >/dev/null
cat >run.mjs <<'JS'
import { setTimeout as wait } from 'node:timers/promises';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';

const cache = new BentoCache({ default: 'm', stores: { m: bentostore().useL1Layer(memoryDriver({ maxItems: 1000 })) } });
async function unreadableOf(count, pauseMs) {
  const lost = [];
  for (let i = 0; i < count; i++) {
    const key = `page-${pauseMs}-${i}`;
    await cache.deleteByTag({ tags: ['pages'] });
    if (pauseMs > 0) await wait(pauseMs);
    await cache.set({ key, value: i, tags: ['pages'], ttl: '1h' });
    if ((await cache.get({ key })) === undefined) lost.push(key);
  }
  return lost;
}
const lost = await unreadableOf(200, 0);
console.log(`written right after deleteByTag and unreadable: ${lost.length > 100 ? 'more than half' : lost.length}`);
await wait(50);
const back = (await Promise.all(lost.map((key) => cache.get({ key })))).filter((value) => value !== undefined);
console.log(`readable 50 ms later: ${back.length === 0 ? 'none of those' : back.length}`);
const later = await unreadableOf(20, 5);
console.log(`written 5 ms after deleteByTag and unreadable: ${later.length === 0 ? 'none' : later.length}`);
JS
node run.mjs | tee seen.txt
diff seen.txt - <<'SEEN'
written right after deleteByTag and unreadable: more than half
readable 50 ms later: none of those
written 5 ms after deleteByTag and unreadable: none
SEEN
