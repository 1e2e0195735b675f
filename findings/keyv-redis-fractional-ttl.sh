#!/usr/bin/env bash
# keyv 5.6.0 with @keyv/redis 5.1.6: a TTL with a fraction of a millisecond stores nothing, and set() resolves to true.
#
# Expected: 1500.5 ms (a jittered or computed TTL) is rounded, or set() rejects or resolves to false.
# Seen: the number goes to Redis as it is, which refuses the command. The refusal is an `error` event only; set() resolves to
# true. In setMany() it takes the other entries' result with it: they are stored, and the call resolves to undefined.
#
# Needs a redis-server on the PATH. Output with redis-server 7.0.15 on Node 20.20:
#   set with 1500.5: true, then get: undefined
#   set with 1500: true, then get: value
#   setMany: undefined, then getMany: ,two
#   error events: 2
set -euo pipefail
command -v redis-server >/dev/null || { echo 'needs redis-server on the PATH (Debian: apt-get install redis-server)'; exit 2; }
folder=$(mktemp -d)
redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" >/dev/null &
server=$!
trap 'kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund keyv@5.6.0 @keyv/redis@5.1.6 >/dev/null
cat >run.mjs <<'JS'
import KeyvRedis from '@keyv/redis';
import Keyv from 'keyv';

const keyv = new Keyv(new KeyvRedis({ socket: { path: process.argv[2] } }));
let errors = 0;
keyv.on('error', () => errors++);
console.log(`set with 1500.5: ${await keyv.set('a', 'value', 1500.5)}, then get: ${await keyv.get('a')}`);
console.log(`set with 1500: ${await keyv.set('b', 'value', 1500)}, then get: ${await keyv.get('b')}`);
const stored = await keyv.setMany([{ key: 'one', value: 'one', ttl: 9999.5 }, { key: 'two', value: 'two' }]);
console.log(`setMany: ${stored}, then getMany: ${await keyv.getMany(['one', 'two'])}`);
console.log(`error events: ${errors}`);
process.exit(0);
JS
node run.mjs "$folder/redis.sock" | tee seen.txt
diff seen.txt - <<'SEEN'
set with 1500.5: true, then get: undefined
set with 1500: true, then get: value
setMany: undefined, then getMany: ,two
error events: 2
SEEN
