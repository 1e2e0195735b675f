// A process whose writes go to its log, because Redis is away. Arguments: wal.dir, the port of Redis, keys. It prints `logged` when
// all are, then how many descriptors of files it has below wal.dir, and stays until it is killed.
import { readdirSync, readlinkSync } from 'node:fs';
import { createManager } from '../../../dist/index.js';

const [dir, port, ...keys] = process.argv.slice(2);
const manager = await createManager({
  global: { log_level: 'silent', wal: { dir } },
  services: { s: { cache_type: 'two-level', l2: { connection_string: `redis://127.0.0.1:${port}` } } },
});
const client = manager.client('s');
for (const key of keys) {
  const { l2 } = await client.set(key, `value of ${key}`);
  if (l2 !== 'logged') throw new Error(`${key}: ${l2}`);
}
// Everything that was taken over can be read.
const { loggedKeys } = client.metrics();
console.log(`logged ${loggedKeys}`);
const open = readdirSync('/proc/self/fd').filter((fd) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith(dir);
  } catch {
    return false;
  }
});
console.log(`files ${open.length}`);
setInterval(() => undefined, 60_000);
