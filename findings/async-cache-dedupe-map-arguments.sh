#!/usr/bin/env bash
# async-cache-dedupe 3.4.0: calls that differ only in a Map, a Set or a RegExp argument share one cached answer.
#
# Expected: an argument the key cannot tell apart is refused, or part of the key.
# Seen: the key is JSON-like text of the arguments, where every Map, Set and RegExp reads {}. The second call gets the
# first one's answer for the TTL, without a warning. Numbers and texts are kept apart.
#
# Output on Node 20.20:
#   Map rights=read -> read
#   Map rights=write -> read
#   Set b -> a
#   RegExp /b/ -> a
#   number 1, text "1" -> number, string
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund async-cache-dedupe@3.4.0 >/dev/null
cat >run.mjs <<'JS'
import { createCache } from 'async-cache-dedupe';

const cache = createCache({ ttl: 60, storage: { type: 'memory' } });
cache.define('rights', async ({ filter }) => filter.get('rights'));
cache.define('first', async ({ names }) => [...names][0]);
cache.define('source', async ({ pattern }) => pattern.source);
cache.define('kind', async ({ id }) => typeof id);
console.log('Map rights=read ->', await cache.rights({ filter: new Map([['rights', 'read']]) }));
console.log('Map rights=write ->', await cache.rights({ filter: new Map([['rights', 'write']]) }));
await cache.first({ names: new Set(['a']) });
console.log('Set b ->', await cache.first({ names: new Set(['b']) }));
await cache.source({ pattern: /a/ });
console.log('RegExp /b/ ->', await cache.source({ pattern: /b/ }));
console.log(`number 1, text "1" -> ${await cache.kind({ id: 1 })}, ${await cache.kind({ id: '1' })}`);
JS
node run.mjs | tee seen.txt
diff seen.txt - <<'SEEN'
Map rights=read -> read
Map rights=write -> read
Set b -> a
RegExp /b/ -> a
number 1, text "1" -> number, string
SEEN
