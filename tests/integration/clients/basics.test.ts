/** The same promises for every kind of service: what one entry can go through. */
import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { KINDS, Workbench, type Kind } from './workbench.js';

const bench = new Workbench();

const tierOf = (kind: Kind): 'l1' | 'l2' => (kind === 'l2' ? 'l2' : 'l1');

describe.each(KINDS)('a client of a service of type %s', (kind) => {
  test('get resolves to what was set, and to undefined where nothing was', async () => {
    const client = await bench.client(kind);
    await client.set('a', { n: 1 });
    expect(await client.get('a')).toEqual({ n: 1 });
    expect(await client.get('b')).toBeUndefined();
  });

  test('set replaces what was there and tells what really happened', async () => {
    const client = await bench.client(kind);
    const expected = { l1: kind !== 'l2', l2: kind === 'l1' ? 'none' : 'written' };
    expect(await client.set('a', 1)).toEqual(expected);
    expect(await client.set('a', 2)).toEqual(expected);
    expect(await client.get('a')).toBe(2);
  });

  test.each([
    ['seconds', 90, 90_000],
    ['a fraction of a second', 30.5, 30_500],
    ['a text with a unit', '2m', 120_000],
    ['milliseconds', '1500ms', 1500],
    ['the name of a built-in strategy', 'medium', 3_600_000],
    ['the name of a strategy of the configuration', 'nap', 1_200_000],
    ['an object', { ttl: '45s' }, 45_000],
    ['an object with the name of a strategy', { ttl: 'short' }, 300_000],
  ])('G2: set takes a lifetime given as %s', async (_form, ttl, expectedMs) => {
    const client = await bench.client(kind, { ttl: '10d' }, { global: { strategies: { nap: '20m' } } });
    await client.set('a', 1, ttl);
    const { status, ttlMs } = await client.lookup('a');
    expect(status).toBe('fresh');
    expect(ttlMs).toBeGreaterThan(expectedMs - 1000);
    expect(ttlMs).toBeLessThanOrEqual(expectedMs + 20);
  });

  test('delete removes the entry and resolves to whether a value was there', async () => {
    const client = await bench.client(kind);
    await client.set('a', null);
    expect(await client.delete('a')).toBe(true);
    expect(await client.get('a')).toBeUndefined();
    expect(await client.delete('a')).toBe(false);
    expect(await client.delete('never')).toBe(false);
  });

  test('a key can be set again after it was deleted', async () => {
    const client = await bench.client(kind);
    await client.set('a', 1);
    await client.delete('a');
    await client.set('a', 2);
    expect(await client.get('a')).toBe(2);
    expect(await client.delete('a')).toBe(true);
  });

  test('has tells whether a value is cached, whatever value it is', async () => {
    const client = await bench.client(kind);
    await client.set('zero', 0);
    await client.set('null', null);
    expect(await client.has('zero')).toBe(true);
    expect(await client.has('null')).toBe(true);
    expect(await client.has('nothing')).toBe(false);
  });

  test('a remembered absence is no value: has, get, getMany and delete do not find it', async () => {
    const client = await bench.client(kind);
    expect(await client.getOrLoad('a', () => undefined)).toBeUndefined();
    expect(await client.has('a')).toBe(false);
    expect(await client.get('a')).toBeUndefined();
    expect(await client.getMany(['a'])).toEqual(new Map());
    expect(await client.delete('a')).toBe(false);
  });

  test('peek answers from L1 alone, at once', async () => {
    const client = await bench.client(kind);
    await client.set('a', 7);
    expect(client.peek('a')).toBe(kind === 'l2' ? undefined : 7);
    expect(client.peek('b')).toBeUndefined();
  });

  test('lookup tells fresh, stale, absent and missing entries apart, with tier, age and time left', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, { ttl: 60, stale_ttl: 60, null_ttl: 16 }, { clock });
    const tier = tierOf(kind);
    await client.set('a', 'v');
    await client.getOrLoad('none', () => undefined);
    clock.advance(2000);
    expect(await client.lookup('none')).toEqual({ status: 'absent', tier, ageMs: near(2000), ttlMs: near(14_000) });
    clock.advance(18_000);
    expect(await client.lookup('a')).toEqual({ status: 'fresh', value: 'v', tier, ageMs: near(20_000), ttlMs: near(40_000) });
    expect(await client.lookup('none')).toEqual({ status: 'miss' });
    clock.advance(41_000);
    expect(await client.lookup('a')).toMatchObject({ status: 'stale', value: 'v', ageMs: near(61_000), ttlMs: 0 });
    clock.advance(60_000);
    expect(await client.lookup('a')).toEqual({ status: 'miss' });
    expect(await client.lookup('never')).toEqual({ status: 'miss' });
  });

  test('lookup shows a null as a value', async () => {
    const client = await bench.client(kind);
    await client.set('a', null);
    expect(await client.lookup('a')).toMatchObject({ status: 'fresh', value: null });
  });

  test('G2: expire changes the lifetime, longer or shorter, and keeps value and age', async () => {
    const clock = new FakeClock();
    const client = await bench.client(kind, { ttl: 600 }, { clock });
    await client.set('a', 'v');
    clock.advance(10_000);
    for (const ttl of [60, 1200]) {
      expect(await client.expire('a', ttl)).toBe(true);
      const found = await client.lookup('a');
      expect(found).toMatchObject({ status: 'fresh', value: 'v', ageMs: near(10_000) });
      // Before an L2, an L1 keeps no copy for longer than its own TTL, which is the service's here.
      expect(found.ttlMs).toEqual(near(Math.min(ttl * 1000, kind === 'two-level' ? 600_000 : Infinity)));
      if (kind !== 'l1') expect(await bench.pttl('a')).toBeGreaterThan(ttl * 1000 - 2000);
      if (kind !== 'l1') expect(await bench.pttl('a')).toBeLessThanOrEqual(ttl * 1000 + 10_000);
    }
    expect(await client.expire('a', '50ms')).toBe(true);
    clock.advance(51);
    expect(await client.get('a')).toBeUndefined();
  });

  test('expire of what is not there, is a remembered absence or was deleted resolves to false', async () => {
    const client = await bench.client(kind);
    await client.getOrLoad('absent', () => undefined);
    await client.set('deleted', 1);
    await client.delete('deleted');
    for (const key of ['never', 'absent', 'deleted']) expect(await client.expire(key, 60)).toBe(false);
  });

  test('clear removes everything', async () => {
    const client = await bench.client(kind);
    await client.setMany(Array.from({ length: 50 }, (_, i) => [`k${i}`, i] as const));
    await client.clear();
    expect(await client.getMany(Array.from({ length: 50 }, (_, i) => `k${i}`))).toEqual(new Map());
    await client.set('k1', 'new');
    expect(await client.get('k1')).toBe('new');
  });

  test('keys with unusual names are keys like others', async () => {
    const client = await bench.client(kind);
    const keys = ['__proto__', 'constructor', 'a b', 'a:b', '*', 'k\n\r\0', 'ключ', '🔑', '\'"\\', 'x'.repeat(1024)];
    for (const key of keys) await client.set(key, `of ${key}`);
    for (const key of keys) expect(await client.get(key)).toBe(`of ${key}`);
    expect(await client.getMany(keys)).toEqual(new Map(keys.map((key) => [key, `of ${key}`])));
  });

  test('health tells the state of the service and of its Redis', async () => {
    const client = await bench.client(kind);
    const health = client.health();
    expect(health).toMatchObject({ service: client.service, status: 'healthy' });
    if (kind === 'l1') expect(health).not.toHaveProperty('l2');
    else expect(health.l2).toMatchObject({ status: 'healthy', endpoint: bench.server.url });
  });
});

/** Matches a number of milliseconds to within what comparing two clocks leaves open. */
function near(ms: number): number {
  return {
    asymmetricMatch: (got: unknown) => typeof got === 'number' && Math.abs(got - ms) < 250,
    toString: () => `about ${ms}`,
  } as unknown as number;
}
