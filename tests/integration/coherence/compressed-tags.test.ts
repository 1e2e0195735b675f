/**
 * A set takes its place in the order of writes when it is called, not when its value has been compressed (G4): an invalidation of
 * its tag that comes meanwhile leaves nothing of the key, neither the new value nor the one it was to replace.
 */
import { describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { KINDS_WITH_L2, SERVICE, Workbench } from '../clients/workbench.js';

const bench = new Workbench();
const L2 = { compression: 'gzip' } as const;
const SETTINGS = { ttl: 600, l2: L2 } as const;
const LARGE = 'All work and no play makes Jack a dull boy. '.repeat(40_000);
const RED = { tags: ['red'] } as const;

/** The ways to store a value that takes its time to be compressed; each resolves to what became of it. */
const SETS: readonly (readonly [string, (client: CacheClient) => Promise<unknown>])[] = [
  ['set', (client) => client.set('k', LARGE, RED)],
  ['setMany', async (client) => (await client.setMany([['k', LARGE]], RED)).get('k')],
];

/** Long values by their length: a failing test should not print them. */
const brief = (value: unknown): unknown => (typeof value === 'string' && value.length > 100 ? value.length : value);

/** What each process sees, by every way of looking. */
async function seen(client: CacheClient): Promise<unknown[]> {
  const fresh = await bench.client('l2', { l2: L2 });
  return [client.peek('k'), await client.get('k'), await client.getL2Only('k'), await fresh.get('k')].map(brief);
}

describe.each(KINDS_WITH_L2)('G4: an invalidation of its tag, in a service of type %s,', (kind) => {
  test.each(SETS)('during %s leaves nothing, not what was there before', async (_how, set) => {
    const client = await bench.client(kind, SETTINGS);
    const before = [{}, RED, { tags: ['blue'] }] as const;
    for (const options of before) {
      await client.set('k', 'before', options);
      const setting = set(client);
      await client.invalidateTags('red');
      expect(await setting).toEqual({ l1: false, l2: 'none' });
      expect(await seen(client)).toEqual([undefined, undefined, undefined, undefined]);
    }
    expect(client.metrics().writesSuperseded).toBe(before.length);
  });

  test.each(SETS)('during %s leaves a set that follows alone, small or large', async (_how, set) => {
    const client = await bench.client(kind, SETTINGS);
    for (const after of ['after', LARGE.slice(0, 1_000_000)]) {
      await client.set('k', 'before');
      const setting = set(client);
      const invalidating = client.invalidateTags('red');
      const following = client.set('k', after);
      expect(await setting).toEqual({ l1: false, l2: 'none' });
      await invalidating;
      expect(await following).toMatchObject({ l2: 'written' });
      expect((await seen(client)).slice(1)).toEqual([brief(after), brief(after), brief(after)]);
    }
  });

  test('of another tag during a set does not concern it', async () => {
    const client = await bench.client(kind, SETTINGS);
    await client.set('k', 'before');
    const setting = client.set('k', LARGE, RED);
    await client.invalidateTags('blue');
    expect(await setting).toMatchObject({ l2: 'written' });
    expect((await seen(client)).slice(1)).toEqual([LARGE.length, LARGE.length, LARGE.length]);
  });
});

test('G4: what another process had of the key from before goes, too', async () => {
  const client = await bench.client('two-level', SETTINGS);
  const elsewhere = (await bench.manager({ [SERVICE]: { cache_type: 'two-level', ...SETTINGS } })).client(SERVICE);
  await client.set('k', 'before');
  expect(await elsewhere.get('k')).toBe('before');
  const setting = client.set('k', LARGE, RED);
  await client.invalidateTags('red');
  await setting;
  expect(brief(await elsewhere.getL2Only('k'))).toBeUndefined();
  expect(brief(await client.get('k'))).toBeUndefined();
});
