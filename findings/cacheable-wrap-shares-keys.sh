#!/usr/bin/env bash
# cacheable 2.5.0: two wrapped arrow functions answer each other's calls when neither has a keyPrefix.
#
# Expected: wrap(fn) keeps the results of different functions apart, or refuses a function it cannot tell from others.
# Seen: the key is the function's name and the arguments. An inline arrow function has no name, so the second one is never
# called for arguments that the first one has seen, and returns the first one's result. A build that drops names does the
# same to named functions.
#
# Output on Node 20.20:
#   getUser(7) -> {"user":7}
#   getPrice(7) -> {"user":7}
#   calls of getPrice: 0
#   named function: {"price":7}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund cacheable@2.5.0 >/dev/null
cat >run.mjs <<'JS'
import { Cacheable } from 'cacheable';

const cache = new Cacheable();
let calls = 0;
const getUser = cache.wrap(async (id) => ({ user: id }), { ttl: '1h' });
const getPrice = cache.wrap(async (id) => (calls++, { price: id }), { ttl: '1h' });
console.log('getUser(7) ->', JSON.stringify(await getUser(7)));
console.log('getPrice(7) ->', JSON.stringify(await getPrice(7)));
console.log('calls of getPrice:', calls);
async function loadPrice(id) {
  return { price: id };
}
console.log('named function:', JSON.stringify(await cache.wrap(loadPrice, { ttl: '1h' })(7)));
JS
node run.mjs | tee seen.txt
diff seen.txt - <<'SEEN'
getUser(7) -> {"user":7}
getPrice(7) -> {"user":7}
calls of getPrice: 0
named function: {"price":7}
SEEN
