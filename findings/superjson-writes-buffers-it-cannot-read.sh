#!/usr/bin/env bash
# superjson 2.2.7: a Buffer is written without complaint, and the text it is in cannot be parsed any more.
#
# Expected: a Uint8Array round-trips (it does), so a Buffer, which is one, round-trips, or stringify() refuses it.
# Seen: stringify() notes the constructor's name, "Buffer", which parse() does not know: parse() throws, and everything
# else in the value is lost with it. In a cache that means a write that succeeds and an entry nobody can read. In the same
# value an invalid Date comes back as null and an error of a subclass as a plain Error with the subclass's name.
#
# Output on Node 20.20:
#   Uint8Array: [1,2]
#   stringify of a Buffer: ok
#   parse of it: Trying to deserialize unknown typed array
#   invalid Date: null
#   RangeError: Error, named RangeError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund superjson@2.2.7 >/dev/null
cat >run.mjs <<'JS'
import superjson from 'superjson';

const again = (value) => superjson.parse(superjson.stringify(value));
console.log('Uint8Array:', JSON.stringify([...again({ bytes: new Uint8Array([1, 2]) }).bytes]));
const text = superjson.stringify({ id: 7, bytes: Buffer.from([1, 2]) });
console.log('stringify of a Buffer: ok');
try {
  superjson.parse(text);
  console.log('parse of it: ok');
} catch (error) {
  console.log('parse of it:', error.message);
}
console.log('invalid Date:', again({ at: new Date(NaN) }).at);
const error = again({ error: new RangeError('out') }).error;
console.log(`RangeError: ${error.constructor.name}, named ${error.name}`);
JS
node run.mjs | tee seen.txt
diff seen.txt - <<'SEEN'
Uint8Array: [1,2]
stringify of a Buffer: ok
parse of it: Trying to deserialize unknown typed array
invalid Date: null
RangeError: Error, named RangeError
SEEN
