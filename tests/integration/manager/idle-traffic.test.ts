/** What an idle process sends to Redis: less than one command a second, however many services it has. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { createManager } from '../../../lib/manager/create-manager.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

/** Waits of the bus that are counted before the traffic is judged. */
const WAITS = 4;
/** Commands that may fall into the time of counting though they recur more seldom: the health check, a check of a stream. */
const SELDOM = 4;

let server: RedisServer;
let watcher: Redis;
let folder: string;

beforeEach(async () => {
  server = await RedisServer.start();
  watcher = new Redis(server.url);
  folder = mkdtempSync(join(tmpdir(), 'oxcache-idle-'));
});
afterEach(async () => {
  watcher.disconnect();
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** Calls by command since the last reset, without those of the watcher. */
async function calls(): Promise<Map<string, number>> {
  const counted = new Map<string, number>();
  for (const [, name = '', count] of (await watcher.info('commandstats')).matchAll(/cmdstat_(\S+):calls=(\d+)/g)) {
    if (!['info', 'config|resetstat'].includes(name)) counted.set(name, Number(count));
  }
  return counted;
}

describe.each([
  ['stream', 'xread'],
  ['pubsub', 'ping'],
] as const)('with sync.transport = "%s"', (transport, heartbeat) => {
  test.each([1, 25])('%i services send less than one command a second', async (count) => {
    const service = { cache_type: 'two-level', l2: { connection_string: server.url }, sync: { transport } } as const;
    await using manager = await createManager({
      global: { log_level: 'silent', wal: { dir: folder } },
      services: Object.fromEntries(Array.from({ length: count }, (_, i) => [`s${i}`, service])),
    });
    await until(async () => ((await calls()).get(heartbeat) ?? 0) >= 3, { intervalMs: 100 });
    await watcher.config('RESETSTAT');
    const sinceMs = performance.now();
    await until(async () => ((await calls()).get(heartbeat) ?? 0) >= WAITS, { intervalMs: 100 });
    const sent = [...(await calls()).values()].reduce((sum, calls) => sum + calls, 0);
    expect(sent).toBeLessThan((performance.now() - sinceMs) / 1000 + SELDOM);
    expect(manager.health().status).toBe('healthy');
  });
});
