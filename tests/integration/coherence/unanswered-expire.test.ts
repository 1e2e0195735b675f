/**
 * A change of lifetime whose answer is lost may have been carried out: the copy in L1 must not outlive the entry (G2), so it goes,
 * and the next read asks Redis.
 */
import { afterEach, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { HeldReplies } from '../../support/held-replies.js';
import { until } from '../../support/until.js';
import { Workbench } from '../clients/workbench.js';

const bench = new Workbench();
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const isScript = (name: string): boolean => name.startsWith('eval');

async function open(): Promise<{ client: CacheClient; held: HeldReplies }> {
  const held = await HeldReplies.connect(bench.server);
  cleanups.push(() => held.close());
  const settings = { ttl: 600, l1: { ttl: 600 }, l2: { command_timeout_ms: 150 } };
  const client = await bench.client('two-level', settings, { connections: held.redis });
  await client.set('k', 'v');
  await client.set('tagged', 'v', { tags: ['t'] });
  await client.set('other', 'v');
  // The script is known to Redis from now on.
  await client.expire('k', '10m');
  return { client, held };
}

test.each(['k', 'tagged'])(
  'G2: the L1 copy of "%s" is dropped when the answer to its new, shorter lifetime is lost',
  async (key) => {
    const { client, held } = await open();
    expect(client.peek(key)).toBe('v');
    const answers = held.hold(isScript);
    await expect(client.expire(key, '400ms')).rejects.toMatchObject({ code: 'CACHE_L2_TIMEOUT', key });
    expect(answers.count).toBeGreaterThan(0);
    expect(client.peek(key)).toBeUndefined();
    expect(client.peek('other')).toBe('v');
    answers.release();
    await until(async () => (await bench.pttl(key)) < 0);
    await until(() => client.health().status === 'healthy');
    expect(client.peek(key)).toBeUndefined();
    expect(await client.get(key)).toBeUndefined();
  },
);

test('G2: a refused change leaves nothing that outlives the entry, and what Redis has is read again', async () => {
  const { client } = await open();
  await bench.server.call('ACL', 'SETUSER', 'default', '-set');
  cleanups.push(() => void bench.server.call('ACL', 'SETUSER', 'default', '+set'));
  await expect(client.expire('k', '400ms')).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE' });
  expect(client.peek('k')).toBeUndefined();
  await until(async () => (await client.get('k')) === 'v');
});
