#!/usr/bin/env bash
# ioredis 6.0.0: `commandTimeout` fails a command whose answer has been in the socket for long.
#
# Expected: an answer that arrived within the time is used. A pause of the own process (garbage collection, a large JSON, a
# stopped container) costs time, and no errors.
# Seen: the timer is judged before the socket is read. After a pause that is longer than the time, every command that was
# under way rejects with "Command timed out", though a healthy server answered each at once. A write that "timed out" is done.
#
# Needs a redis-server on the PATH. Output with redis-server 7.0.15 on Node 20.20:
#   get: Command timed out
#   incr: Command timed out
#   carried out by the server: get 1 times, incr 1 times
#   counter: 1
set -euo pipefail
command -v redis-server >/dev/null || { echo 'needs redis-server on the PATH (Debian: apt-get install redis-server)'; exit 2; }
folder=$(mktemp -d)
redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" >/dev/null &
server=$!
trap 'kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund ioredis@6.0.0 >/dev/null
cat >run.mjs <<'JS'
import { setImmediate as turn } from 'node:timers/promises';
import Redis from 'ioredis';

const path = process.argv[2];
const client = new Redis({ path, commandTimeout: 100 });
const other = new Redis({ path });
await client.set('key', 'value');
const answers = [client.get('key'), client.incr('counter')];
for (const answer of answers) answer.catch(() => undefined);
// The commands leave, then the process stands still for longer than the time; the server answers meanwhile.
await turn();
const until = performance.now() + 500;
while (performance.now() < until);
const [get, incr] = await Promise.allSettled(answers);
console.log('get:', get.reason?.message ?? get.value);
console.log('incr:', incr.reason?.message ?? incr.value);
const stats = await other.info('commandstats');
const calls = (name) => new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1];
console.log(`carried out by the server: get ${calls('get')} times, incr ${calls('incr')} times`);
console.log('counter:', await other.get('counter'));
process.exit(0);
JS
node run.mjs "$folder/redis.sock" | tee seen.txt
diff seen.txt - <<'SEEN'
get: Command timed out
incr: Command timed out
carried out by the server: get 1 times, incr 1 times
counter: 1
SEEN
