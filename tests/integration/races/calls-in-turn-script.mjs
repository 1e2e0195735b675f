// A process that makes the calls it is sent through a list in Redis, one after the other, and answers in another list. Arguments:
// the address of Redis, the folder of its log.
import { Redis } from 'ioredis';
import { createManager } from '../../../dist/index.js';

const [url, dir] = process.argv.slice(2);
const manager = await createManager({
  global: { log_level: 'error', wal: { dir } },
  services: { s: { cache_type: 'two-level', ttl: 600, l2: { connection_string: url } } },
});
const client = manager.client('s');
const redis = new Redis(url);

const CALLS = {
  set: (key, value) => client.set(key, value),
  delete: (key) => client.delete(key),
  clear: () => client.clear(),
};

console.log('ready.');
for (;;) {
  const [, text] = await redis.blpop('calls', 0);
  const [name, ...args] = JSON.parse(text);
  if (name === 'end') break;
  await CALLS[name](...args);
  await redis.rpush('answers', 'done');
}
redis.disconnect();
await manager.close();
