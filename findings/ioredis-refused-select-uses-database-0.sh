#!/usr/bin/env bash
# ioredis 6.0.0: with a database that the server refuses, connect() resolves and commands go to database 0.
#
# Expected: a connection to redis://host/7 that cannot select database 7 fails, or at least takes no commands.
# Seen: the refusal of SELECT is an `error` event and nothing else. The status becomes "ready", and reads, writes and FLUSHDB
# work on database 0, which may be another application's. A server with fewer databases, or a user without the right to
# SELECT, is enough.
#
# Needs a redis-server on the PATH. Output with redis-server 7.0.15 on Node 20.20:
#   connect: resolved, status ready
#   error events: ERR DB index is out of range
#   set: OK
#   database 0 holds: written to 7
set -euo pipefail
command -v redis-server >/dev/null || { echo 'needs redis-server on the PATH (Debian: apt-get install redis-server)'; exit 2; }
folder=$(mktemp -d)
redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" --databases 2 >/dev/null &
server=$!
trap 'kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund ioredis@6.0.0 >/dev/null
cat >run.mjs <<'JS'
import Redis from 'ioredis';

const path = process.argv[2];
const client = new Redis({ path, db: 7, lazyConnect: true });
const errors = [];
client.on('error', (error) => errors.push(error.message));
await client.connect();
console.log('connect: resolved, status', client.status);
console.log('error events:', errors.join());
console.log('set:', await client.set('key', 'written to 7'));
const zero = new Redis({ path, db: 0 });
console.log('database 0 holds:', await zero.get('key'));
process.exit(0);
JS
node run.mjs "$folder/redis.sock" | tee seen.txt
diff seen.txt - <<'SEEN'
connect: resolved, status ready
error events: ERR DB index is out of range
set: OK
database 0 holds: written to 7
SEEN
