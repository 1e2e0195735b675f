#!/usr/bin/env bash
# quick-lru 7.3.0: iterating a cache of maxSize 3 yields up to five entries, while `size` says three.
#
# Expected: [...cache].length === cache.size, as for a Map, and evictions one by one as entries come in.
# Seen: the cache keeps two generations; `size` is capped at maxSize, iteration, entriesAscending() and forEach() are not, and
# onEviction reports a whole generation at a time, so an entry counts as evicted later than `size` suggests. Bounds on
# memory are up to twice maxSize entries.
#
# Output on Node 20.20:
#   sets 3: size 3, iterated 3, evicted 0
#   sets 4: size 3, iterated 4, evicted 0
#   sets 5: size 3, iterated 5, evicted 0
#   sets 6: size 3, iterated 3, evicted 3
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund quick-lru@7.3.0 >/dev/null
cat >run.mjs <<'JS'
import QuickLRU from 'quick-lru';

let evicted = 0;
const cache = new QuickLRU({ maxSize: 3, onEviction: () => evicted++ });
for (let i = 1; i <= 6; i++) {
  cache.set(i, i);
  if (i >= 3) console.log(`sets ${i}: size ${cache.size}, iterated ${[...cache].length}, evicted ${evicted}`);
}
JS
node run.mjs | tee seen.txt
diff seen.txt - <<'SEEN'
sets 3: size 3, iterated 3, evicted 0
sets 4: size 3, iterated 4, evicted 0
sets 5: size 3, iterated 5, evicted 0
sets 6: size 3, iterated 3, evicted 3
SEEN
