/** Cluster clients that would break the cache without anybody looking for the cause in their options. */
import { afterEach, expect, test } from '@jest/globals';
import { Cluster } from 'ioredis';
import { createManager } from '../../../lib/index.js';

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
