#!/usr/bin/env bash
# cache-manager 7.2.9 over a Keyv 6.1.0 store: wrap() never finds what it stored, and ttl() knows no expiry.
#
# Expected: a Keyv instance is what cache-manager's `stores` take, so the newest Keyv works or is refused.
# Seen: both packages install side by side and get() and set() work. wrap() and ttl() ask the store for the entry with its
# times by an option that Keyv 6 no longer has, so each wrap() calls its function: a cache that stores and never serves.
#
# Output on Node 20.20:
#   keyv 5.6.0: 1 call for 3 wraps, get: value, expiry: number
#   keyv 6.1.0: 3 calls for 3 wraps, get: value, expiry: undefined
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund cache-manager@7.2.9 keyv5@npm:keyv@5.6.0 keyv6@npm:keyv@6.1.0 >/dev/null
cat >run.mjs <<'JS'
import { createCache } from 'cache-manager';
import * as five from 'keyv5';
import * as six from 'keyv6';

for (const [name, { Keyv }] of [['5.6.0', five], ['6.1.0', six]]) {
  const cache = createCache({ stores: [new Keyv()] });
  let calls = 0;
  for (let i = 0; i < 3; i++) await cache.wrap('key', async () => (calls++, 'value'), 60_000);
  const counted = calls === 1 ? '1 call' : `${calls} calls`;
  console.log(`keyv ${name}: ${counted} for 3 wraps, get: ${await cache.get('key')}, expiry: ${typeof (await cache.ttl('key'))}`);
}
JS
node run.mjs | tee seen.txt
diff seen.txt - <<'SEEN'
keyv 5.6.0: 1 call for 3 wraps, get: value, expiry: number
keyv 6.1.0: 3 calls for 3 wraps, get: value, expiry: undefined
SEEN
