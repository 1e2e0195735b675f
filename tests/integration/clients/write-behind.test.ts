/** write_through = false: `set` resolves when L1 has the value, Redis follows in batches, and nothing is lost or misread meanwhile. */
import { describe, expect, test } from '@jest/globals';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { until } from '../../support/until.js';
import { Workbench, type ServiceSettings } from './workbench.js';

const bench = new Workbench();

const behind = (twoLevel: ServiceSettings['two_level'] = {}, rest: ServiceSettings = {}): ServiceSettings => ({
  two_level: { write_through: false, enable_batch_write: true, batch_size: 100, batch_interval_ms: 60_000, ...twoLevel },
  ...rest,
});

const valueOf = (key: string): Promise<unknown> => bench.server.call('EXISTS', `oxcache:things:${key}`);

describe('write-behind', () => {
  test('resolves to queued, and the value reaches Redis by itself', async () => {
    const client = await bench.client('two-level', { two_level: { write_through: false } });
    expect(await client.set('k', 1)).toEqual({ l1: true, l2: 'queued' });
    await until(async () => (await valueOf('k')) === 1);
    await until(() => client.metrics().pendingWrites === 0);
  });

  test('sends a batch when it has batch_size writes', async () => {
    const client = await bench.client('two-level', behind({ batch_size: 10 }));
    const counts = await bench.countCommands(async () => {
      for (let i = 0; i < 9; i++) await client.set(`k${i}`, i);
      expect(client.metrics().pendingWrites).toBe(9);
      expect(await valueOf('k0')).toBe(0);
      await client.set('k9', 9);
      await until(() => client.metrics().pendingWrites === 0);
    });
    expect((counts['evalsha'] ?? 0) + (counts['eval'] ?? 0)).toBeLessThanOrEqual(2);
    expect(await bench.names()).toHaveLength(10);
  });

  test('sends an incomplete batch when its first write has waited batch_interval_ms', async () => {
    const clock = new FakeClock();
    const client = await bench.client('two-level', behind({ batch_interval_ms: 500 }), { clock });
    await client.set('a', 1);
    clock.advance(400);
    await client.set('b', 2);
    clock.advance(99);
    expect(client.metrics().pendingWrites).toBe(2);
    expect(await bench.names()).toEqual([]);
    clock.advance(1);
    await until(() => client.metrics().pendingWrites === 0);
    expect(await bench.names()).toHaveLength(2);
  });

  test('makes one write of several of the same key, and Redis gets the last', async () => {
    const client = await bench.client('two-level', behind());
    await client.set('warm', 'up');
    await client.flush();
    const counts = await bench.countCommands(async () => {
      for (let i = 0; i < 50; i++) await client.set('k', i);
      expect(client.metrics().pendingWrites).toBe(1);
      await client.flush();
    });
    expect(counts).toMatchObject({ evalsha: 1, set: 1 });
    expect(await client.getL2Only('k')).toBe(49);
  });

  test('flush resolves when everything that was accepted is in Redis', async () => {
    const client = await bench.client('two-level', behind());
    const keys = Array.from({ length: 350 }, (_, i) => `k${i}`);
    for (const key of keys) await client.set(key, key);
    await client.flush();
    expect(client.metrics().pendingWrites).toBe(0);
    expect(await bench.names()).toHaveLength(350);
    await client.flush();
  });

  test('G8: reads see the writes of their own process, also those that L1 has evicted', async () => {
    const client = await bench.client('two-level', behind({}, { l1: { max_capacity: 1 } }));
    await client.set('a', 1);
    await client.set('b', null);
    await client.set('c', 'see');
    expect(await bench.names()).toEqual([]);
    expect(await client.get('a')).toBe(1);
    expect(await client.getMany(['a', 'b', 'c'])).toEqual(
      new Map<string, unknown>([
        ['a', 1],
        ['b', null],
        ['c', 'see'],
      ]),
    );
    expect(await client.has('b')).toBe(true);
    expect(await client.lookup('a')).toMatchObject({ status: 'fresh', value: 1 });
    const neverCalled = (): never => {
      throw new Error('called');
    };
    expect(await client.getOrLoad('a', neverCalled)).toBe(1);
    expect(await client.getOrLoadMany(['a', 'b'], neverCalled)).toEqual(
      new Map<string, unknown>([
        ['a', 1],
        ['b', null],
      ]),
    );
  });

  test('G8: a value that was set again before the first was sent reads as the last', async () => {
    const client = await bench.client('two-level', behind({}, { l1: { max_capacity: 1 } }));
    await client.set('a', 1);
    await client.set('a', 2);
    await client.set('b', 1);
    expect(await client.get('a')).toBe(2);
  });

  test('G8: a delete after a set that is still waiting takes it back', async () => {
    const client = await bench.client('two-level', behind({}, { l1: { max_capacity: 1 } }));
    await client.set('a', 1);
    await client.set('b', 1);
    expect(await client.delete('a')).toBe(true);
    expect(await client.get('a')).toBeUndefined();
    expect(await client.has('a')).toBe(false);
    await client.flush();
    expect(await client.get('a')).toBeUndefined();
    expect(await client.getL2Only('a')).toBeUndefined();
  });

  test('G8: a set after a delete that is still waiting stays', async () => {
    const client = await bench.client('two-level', behind());
    await client.set('a', 1);
    await client.flush();
    await client.delete('a');
    await client.set('a', 2);
    await client.flush();
    expect(await client.getL2Only('a')).toBe(2);
  });

  test('beyond max_pending set waits and does not fail', async () => {
    const clock = new FakeClock();
    const client = await bench.client('two-level', behind({ max_pending: 5, batch_size: 5, batch_interval_ms: 500 }), { clock });
    const settled: number[] = [];
    const sets = Array.from({ length: 12 }, (_, i) =>
      client.set(`k${i}`, i).then((result) => {
        settled.push(i);
        return result;
      }),
    );
    expect(client.metrics().pendingWrites).toBe(5);
    await Promise.resolve();
    await until(() => settled.length === 12 && client.metrics().pendingWrites === 2);
    clock.advance(500);
    expect(await Promise.all(sets)).toEqual(Array(12).fill({ l1: true, l2: 'queued' }));
    expect(settled).toEqual(Array.from({ length: 12 }, (_, i) => i));
    await client.flush();
    expect(await bench.names()).toHaveLength(12);
  });

  test('G14: never has more than max_pending writes on their way', async () => {
    const client = await bench.client('two-level', behind({ max_pending: 20, batch_size: 7, batch_interval_ms: 1 }));
    let most = 0;
    const sets = Array.from({ length: 500 }, async (_, i) => {
      await client.set(`k${i}`, i);
      most = Math.max(most, client.metrics().pendingWrites);
    });
    most = Math.max(most, client.metrics().pendingWrites);
    await Promise.all(sets);
    await client.flush();
    expect(most).toBeLessThanOrEqual(20);
    expect(await bench.names()).toHaveLength(500);
  });

  test('expire reaches a write that is still waiting', async () => {
    const client = await bench.client('two-level', behind({ batch_interval_ms: 20 }, { ttl: 600 }));
    await client.set('a', 1);
    expect(await client.expire('a', 30)).toBe(true);
    await client.flush();
    expect(await bench.pttl('a')).toBeLessThanOrEqual(30_010);
    expect(await client.getL2Only('a')).toBe(1);
  });

  test('getOrLoad does not wait for Redis to have what was loaded', async () => {
    const client = await bench.client('two-level', behind());
    expect(await client.getOrLoad('k', () => 'v')).toBe('v');
    expect(await bench.names()).toEqual([]);
    expect(client.metrics().pendingWrites).toBe(1);
    await client.flush();
    expect(await client.getL2Only('k')).toBe('v');
  });

  test('a write that loses against a newer one of another process drops its L1 copy', async () => {
    // Nobody tells it before it asks.
    const client = await bench.client('two-level', { ...behind(), sync: { enabled: false } });
    const other = await bench.client('two-level');
    await client.set('k', 'older');
    await other.set('k', 'newer');
    expect(client.peek('k')).toBe('older');
    await client.flush();
    await until(() => client.peek('k') === undefined);
    expect(await client.get('k')).toBe('newer');
    expect(client.metrics().writesSuperseded).toBe(1);
  });

  test('with write_through, batching sends writes of one tick together and resolves when Redis has them', async () => {
    const client = await bench.client('two-level', {
      two_level: { enable_batch_write: true, batch_size: 10, batch_interval_ms: 60_000 },
    });
    await client.set('warm', 'up');
    const counts = await bench.countCommands(async () => {
      const results = await Promise.all(Array.from({ length: 30 }, (_, i) => client.set(`k${i}`, i)));
      expect(results).toEqual(Array(30).fill({ l1: true, l2: 'written' }));
    });
    expect(counts).toMatchObject({ evalsha: 3 });
  });
});
