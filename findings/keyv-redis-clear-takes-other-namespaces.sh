#!/usr/bin/env bash
# keyv 5.6.0 with @keyv/redis 5.1.6: clear() of a namespace with a glob character empties other namespaces too.
#
# Expected: namespaces are names; clear() removes the keys of its own.
# Seen: clear() looks for keys with the namespace as a pattern of SCAN, unescaped. A namespace such as "shop[eu]" or "team?"
# finds other namespaces' keys, and those of "shop[eu]" itself are not among them: its own clear() leaves them in place.
#
# Needs a redis-server on the PATH. Output with redis-server 7.0.15 on Node 20.20:
#   before: shop[eu] 1, shope 1, shopu 1
#   after clear of shop[eu]: shop[eu] 1, shope undefined, shopu undefined
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

const names = ['shop[eu]', 'shope', 'shopu'];
const open = (namespace) => new Keyv(new KeyvRedis({ socket: { path: process.argv[2] } }), { namespace });
const stores = new Map(names.map((name) => [name, open(name)]));
for (const store of stores.values()) await store.set('key', 1);
const list = async () => (await Promise.all(names.map(async (name) => `${name} ${await stores.get(name).get('key')}`))).join(', ');
console.log('before:', await list());
await stores.get('shop[eu]').clear();
console.log('after clear of shop[eu]:', await list());
process.exit(0);
JS
node run.mjs "$folder/redis.sock" | tee seen.txt
diff seen.txt - <<'SEEN'
before: shop[eu] 1, shope 1, shopu 1
after clear of shop[eu]: shop[eu] 1, shope undefined, shopu undefined
SEEN
