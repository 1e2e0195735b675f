#!/usr/bin/env bash
# got 14.6.6 with keyv 5.6.0: a response with `Cache-Control: max-age=60` is stored without any lifetime.
#
# Expected: the store is given the time for which the response may be used, or that plus what revalidation needs, as every
# cache server (EXPIRE) and Keyv's own `ttl` argument would allow.
# Seen: the store's set() gets no lifetime at all; freshness is judged from the stored headers on reading. In a shared Redis
# each URL ever asked for stays until something evicts it, or for a store's own default, which has nothing to do with max-age.
#
# Output on Node 20.20:
#   requests that reached the server: 1
#   lifetime given to the store: undefined
#   the stored text has an expiry: false
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund got@14.6.6 keyv@5.6.0 >/dev/null
cat >run.mjs <<'JS'
import { createServer } from 'node:http';
import got from 'got';
import Keyv from 'keyv';

let requests = 0;
const server = createServer((request, response) => {
  requests++;
  response.setHeader('Cache-Control', 'max-age=60');
  response.end('hello');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const stored = new Map();
let given = 'set() was not called';
const store = {
  opts: {},
  get: (key) => stored.get(key),
  set: (key, value, ttl) => {
    given = ttl;
    stored.set(key, value);
    return true;
  },
  delete: (key) => stored.delete(key),
  clear: () => stored.clear(),
};
const url = `http://127.0.0.1:${server.address().port}/`;
const cache = new Keyv({ store });
await got(url, { cache });
await got(url, { cache });
console.log('requests that reached the server:', requests);
console.log('lifetime given to the store:', given);
console.log('the stored text has an expiry:', 'expires' in JSON.parse([...stored.values()][0]));
process.exit(0);
JS
node run.mjs | tee seen.txt
diff seen.txt - <<'SEEN'
requests that reached the server: 1
lifetime given to the store: undefined
the stored text has an expiry: false
SEEN
