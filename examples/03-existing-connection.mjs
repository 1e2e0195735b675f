// @ts-check
/** Uses an ioredis connection the application has already. oxcache sends its commands over it and never closes it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createManager } from 'oxcache';

const url = process.env['REDIS_URL'] || 'redis://127.0.0.1:6379';
const redis = new Redis(url, { lazyConnect: true, connectTimeout: 1000, retryStrategy: () => null });
redis.on('error', () => undefined);

try {
  await redis.connect();
} catch {
  console.log('No Redis answers, so there is no connection to show. Start one, or set REDIS_URL, and run this again.');
  process.exit();
}

// Where the log goes; an application names a folder that outlives it.
const dir = mkdtempSync(join(tmpdir(), 'oxcache-example-'));
// A service whose connection is handed in needs no `connection_string`.
const manager = await createManager(
  { global: { key_prefix: 'oxcache-example', wal: { dir } }, services: { sessions: { cache_type: 'two-level', ttl: '20m' } } },
  { connections: redis },
);
/** @type {import('oxcache').CacheClient<{ user: string }>} */
const sessions = manager.client('sessions');

const key = `session-${process.pid}`;
console.log('set     ', await sessions.set(key, { user: 'ada' }));
console.log('in L1   ', await sessions.getL1Only(key));
console.log('in Redis', await sessions.getL2Only(key));
console.log('raw     ', await redis.get(`oxcache-example:sessions:${key}`));
console.log('deleted ', await sessions.delete(key));

await manager.close();
console.log('the connection is still ours:', await redis.ping());
redis.disconnect();
rmSync(dir, { recursive: true });
