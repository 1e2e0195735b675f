import { test } from '@jest/globals';
import { RedisServer } from '../../support/redis-server.js';
import { RedisConnection } from '../../../lib/tiers/redis/redis-connection.js';
import { systemClock } from '../../../lib/base/clock.js';
import { Redis, Command } from 'ioredis';
test('offsets', async () => {
  const server = await RedisServer.start();
  const out: string[] = [];
  for (let i = 0; i < 20; i++) {
    const client = new Redis({ port: server.port, lazyConnect: true });
    const c = new RedisConnection({ endpoint: 'x', client, isOwned: true, Command, clock: systemClock, nodeId: 'aaaaaaa', connectionTimeoutMs: 1000, probeTimeoutMs: 400, healthCheckIntervalMs: 30000 });
    await c.connect();
    out.push(`${c.hybridClock.offsetMs.toFixed(2)}±${c.hybridClock.uncertaintyMs.toFixed(2)}`);
    c.close();
  }
  console.log(out.join(' '));
  await server.stop();
});
