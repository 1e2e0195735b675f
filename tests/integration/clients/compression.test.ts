/** Compressed values: stored smaller, read back the same, also by services with other settings. */
import { describe, expect, test } from '@jest/globals';
import { KINDS_WITH_L2, Workbench, defer } from './workbench.js';

const bench = new Workbench();

const text = (length: number): string =>
  'All work and no play makes Jack a dull boy. '.repeat(Math.ceil(length / 44)).slice(0, length);

/** Characters Redis holds for a key. */
const storedSize = async (key: string): Promise<number> => Number(await bench.server.call('STRLEN', `oxcache:things:${key}`));

describe.each(['gzip', 'brotli'] as const)('compression = "%s"', (compression) => {
  test.each(KINDS_WITH_L2)(
    'of a service of type %s keeps values as they are below the threshold and makes them small above',
    async (kind) => {
      const l2 = { compression, compression_threshold: 500 };
      const client = await bench.client(kind, { l2 });
      const other = await bench.client(kind, { l2 });
      await client.set('small', text(400));
      await client.set('large', text(5000));
      expect(await storedSize('small')).toBeGreaterThan(400);
      expect(await storedSize('large')).toBeLessThan(500);
      expect(await other.get('small')).toBe(text(400));
      expect(await other.get('large')).toBe(text(5000));
    },
  );

  test('takes a large value to the thread pool and back', async () => {
    const l2 = { compression };
    const [client, other] = await Promise.all([bench.client('two-level', { l2 }), bench.client('two-level', { l2 })]);
    // Random letters: what is left after compression is too large to be expanded in place.
    const value = Array.from({ length: 60_000 }, (_, i) => ((i * 2_654_435_761) % 4_294_967_296).toString(36)).join('');
    expect(await client.set('k', value)).toEqual({ l1: true, l2: 'written' });
    expect(await storedSize('k')).toBeLessThan(value.length);
    expect(await storedSize('k')).toBeGreaterThan(16 * 1024);
    expect(await other.get('k')).toBe(value);
    expect(other.peek('k')).toBe(value);
    expect(await other.getMany(['k'])).toEqual(new Map([['k', value]]));
  });

  test('stores what does not get smaller as it is', async () => {
    const client = await bench.client('l2', { serialization: 'msgpack', l2: { compression, compression_threshold: 1 } });
    const bytes = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 197 + (i >> 3) * 31) % 256));
    await client.set('k', 'ab');
    expect(await storedSize('k')).toBe(80 + 3);
    await client.set('bytes', bytes);
    expect(Buffer.from((await client.get('bytes')) as Buffer)).toEqual(bytes);
  });

  test('goes with msgpack', async () => {
    const client = await bench.client('l2', { serialization: 'msgpack', l2: { compression, compression_threshold: 100 } });
    const value = { text: text(3000), bytes: Buffer.alloc(2000, 7) };
    await client.set('k', value);
    expect(await storedSize('k')).toBeLessThan(1000);
    const got = (await client.get('k')) as typeof value;
    expect(got.text).toBe(value.text);
    expect(Buffer.from(got.bytes)).toEqual(value.bytes);
  });
});

describe('a change of the compression', () => {
  const settings = ['none', 'gzip', 'brotli'] as const;
  test.each(settings.flatMap((from) => settings.filter((to) => to !== from).map((to) => [from, to] as const)))(
    'from %s to %s leaves what is stored readable',
    async (from, to) => {
      const before = await bench.client('l2', { l2: { compression: from } });
      await before.set('small', text(2000));
      await before.set('large', text(100_000));
      const after = await bench.client('two-level', { l2: { compression: to } });
      expect(await after.get('small')).toBe(text(2000));
      expect(await after.get('large')).toBe(text(100_000));
      expect(after.metrics().undecodable).toBe(0);
    },
  );
});

describe('the order of writes, where compressing one takes longer than the other', () => {
  const l2 = { compression: 'gzip' } as const;
  const large = text(2_000_000);
  /** Long values by their length: a failing test should not print them. */
  const brief = (value: unknown): unknown => (typeof value === 'string' && value.length > 100 ? value.length : value);

  test('a small set that follows a large one wins in both tiers', async () => {
    const client = await bench.client('two-level', { l2 });
    const first = client.set('k', large);
    const second = client.set('k', 'small');
    expect(await second).toEqual({ l1: true, l2: 'written' });
    expect(await first).toEqual({ l1: false, l2: 'none' });
    expect(brief(await client.get('k'))).toBe('small');
    expect(brief(await client.getL2Only('k'))).toBe('small');
  });

  test('a small set that follows a setMany with a large value wins in both tiers', async () => {
    const client = await bench.client('two-level', { l2 });
    const first = client.setMany([['k', large]]);
    await client.set('k', 'small');
    expect((await first).get('k')).toEqual({ l1: false, l2: 'none' });
    expect(brief(await client.get('k'))).toBe('small');
    expect(brief(await client.getL2Only('k'))).toBe('small');
  });

  test('of several large sets the last one wins in both tiers', async () => {
    const client = await bench.client('two-level', { l2 });
    for (let round = 0; round < 5; round++) {
      const key = `k${round}`;
      const results = await Promise.all([5, 1, 3, 2].map((size) => client.set(key, text(size * 100_000))));
      expect(results[3]).toEqual({ l1: true, l2: 'written' });
      expect(brief(await client.get(key))).toBe(200_000);
      expect(brief(await client.getL2Only(key))).toBe(200_000);
    }
  });

  test('of several setMany with large values the last one wins in both tiers', async () => {
    const client = await bench.client('two-level', { l2 });
    await Promise.all([5, 1, 3, 2].map((size) => client.setMany([['k', text(size * 100_000)]])));
    expect(brief(await client.get('k'))).toBe(200_000);
    expect(brief(await client.getL2Only('k'))).toBe(200_000);
  });

  test('a delete that follows a large set wins in both tiers', async () => {
    const client = await bench.client('two-level', { l2 });
    const first = client.set('k', large);
    await client.delete('k');
    await first;
    expect(brief(await client.get('k'))).toBeUndefined();
    expect(brief(await client.getL2Only('k'))).toBeUndefined();
  });

  test('a delete that follows a setMany with a large value wins in both tiers', async () => {
    const client = await bench.client('two-level', { l2 });
    const first = client.setMany([['k', large]]);
    await client.delete('k');
    await first;
    expect(brief(await client.get('k'))).toBeUndefined();
    expect(brief(await client.getL2Only('k'))).toBeUndefined();
  });

  test('G4: a delete wins against a load whose large value is still being compressed', async () => {
    const client = await bench.client('two-level', { l2 });
    const source = defer<string>();
    const loading = client.getOrLoad('k', () => source.promise);
    await client.get('something else');
    source.resolve(large);
    await source.promise;
    const removing = client.delete('k');
    expect(brief(await loading)).toBe(large.length);
    await removing;
    expect(brief(client.peek('k'))).toBeUndefined();
    expect(brief(await client.getL2Only('k'))).toBeUndefined();
  });
});
