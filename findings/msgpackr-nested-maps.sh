#!/usr/bin/env bash
# msgpackr 2.1.4: pack() writes Maps that unpack(), with the same settings, merges or refuses.
#
# Expected: a library's own bytes can be read back by it; a Map comes back as a Map, or as an object of the same size.
# Seen: with default settings a Map comes back as an object, so the keys 1 and "1" become one entry, and a Map with objects
# as keys makes bytes that unpack() refuses as a whole. In the same way a key named __proto__ is renamed, and -0 is 0.
#
# Output on Node 20.20:
#   Map of 2 keys (1 and "1"): 1 key
#   Map with an object as key: refused by unpack()
#   the own key __proto__: __proto_
#   -0: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts msgpackr@2.1.4 >/dev/null
cat >run.mjs <<'JS'
import { pack, unpack } from 'msgpackr';

const again = (value) => unpack(pack(value));
console.log('Map of 2 keys (1 and "1"):', Object.keys(again({ map: new Map([[1, 'a'], ['1', 'b']]) }).map).length, 'key');
const bytes = pack({ map: new Map([[{ id: 1 }, 'a']]) });
try {
  unpack(bytes);
  console.log('Map with an object as key: read');
} catch {
  console.log('Map with an object as key: refused by unpack()');
}
console.log('the own key __proto__:', Object.getOwnPropertyNames(again(JSON.parse('{"__proto__":1}'))).join());
console.log('-0:', Object.is(again(-0), -0) ? '-0' : '0');
JS
node run.mjs | tee seen.txt
diff seen.txt - <<'SEEN'
Map of 2 keys (1 and "1"): 1 key
Map with an object as key: refused by unpack()
the own key __proto__: __proto_
-0: 0
SEEN
