/** Clients whose options would break the cache without anybody looking for the cause there. */
import { afterEach, expect, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { createManager } from '../../../lib/index.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { useEndpoints } from './endpoint.js';

const endpoints = useEndpoints();

const clients: Cluster[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

type Options = NonNullable<ConstructorParameters<typeof Cluster>[1]>;

test.each<[string, Options, RegExp]>([
  ['reads from replicas', { scaleReads: 'slave' }, /reads from replicas/],
  ['has a prefix that decides the slot', { keyPrefix: '{app}:' }, /decide the slot/],
  ['has one for its nodes', { redisOptions: { keyPrefix: 'a{' } }, /decide the slot/],
])('G12: a cluster client that %s is refused before anything is opened', async (_what, options, message) => {
  const client = new Cluster([{ host: '127.0.0.1', port: 1 }], { ...options, lazyConnect: true });
  clients.push(client);
  const source = { services: { s: { cache_type: 'l2' as const } } };
  await expect(createManager(source, { connections: client })).rejects.toThrow(message);
  await expect(createManager(source, { connections: { s: client } })).rejects.toBeInstanceOf(TypeError);
  expect(client.status).toBe('wait');
});

test('a link that is made of a client with time-outs has none of them: only Redis ends its waits', async () => {
  const server = await RedisServer.start();
  endpoints.afterwards(() => server.stop());
  const given = new Redis(server.url, {
    commandTimeout: 100,
    blockingTimeout: 100,
    blockingTimeoutGrace: 50,
    socketTimeout: 300,
  });
  given.on('error', () => undefined);
  endpoints.afterwards(() => {
    given.disconnect();
  });
  const { openLink } = await endpoints.open({}, given);
  const link = openLink() as Redis;
  const ends: string[] = [];
  link.on('error', () => undefined);
  link.on('close', () => ends.push('closed'));
  endpoints.afterwards(() => {
    link.disconnect();
  });
  await link.connect();
  server.freeze();
  const waited = link.xread('BLOCK', 10, 'STREAMS', 'stream', '$').then((reply) => ends.push(String(reply)));
  const fromMs = performance.now();
  await until(() => performance.now() - fromMs > 600);
  expect(ends).toEqual([]);
  server.thaw();
  await waited;
  expect(ends).toEqual(['null']);
});
