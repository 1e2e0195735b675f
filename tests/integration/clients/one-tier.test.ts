/** The calls of a two-level service that touch one tier, and what they mean to the other. */
import { describe, expect, test } from '@jest/globals';
import { Workbench } from './workbench.js';

const bench = new Workbench();

describe('calls for one tier of a two-level service', () => {
  test('setL1Only is not in Redis', async () => {
    const client = await bench.client('two-level');
    expect(await client.setL1Only('a', 1)).toEqual({ l1: true, l2: 'none' });
    expect(client.peek('a')).toBe(1);
    expect(await client.getL1Only('a')).toBe(1);
    expect(await client.getL2Only('a')).toBeUndefined();
    expect(await bench.names()).toEqual([]);
  });

  test('setL2Only is not in L1, and drops the older copy there', async () => {
    const client = await bench.client('two-level');
    await client.set('a', 'old');
    expect(await client.setL2Only('a', 'new')).toEqual({ l1: false, l2: 'written' });
    expect(client.peek('a')).toBeUndefined();
    expect(await client.getL1Only('a')).toBeUndefined();
    expect(await client.getL2Only('a')).toBe('new');
    expect(await client.get('a')).toBe('new');
  });

  test('G4: a promotion that began before setL2Only does not put the older value into L1', async () => {
    const writer = await bench.client('two-level');
    await writer.set('a', 'old');
    const client = await bench.client('two-level');
    const [, result] = await Promise.all([client.get('a'), client.setL2Only('a', 'new')]);
    expect(result).toEqual({ l1: false, l2: 'written' });
    expect(client.peek('a')).not.toBe('old');
    expect(await client.get('a')).toBe('new');
  });

  test('getL2Only does not answer from L1 and does not promote', async () => {
    const writer = await bench.client('two-level');
    await writer.set('a', 'v');
    const client = await bench.client('two-level');
    await client.setL1Only('b', 'only here');
    expect(await client.getL2Only('b')).toBeUndefined();
    expect(await client.getL2Only('a')).toBe('v');
    expect(client.peek('a')).toBeUndefined();
  });

  test('getL1Only never asks Redis', async () => {
    const writer = await bench.client('two-level');
    await writer.set('a', 'v');
    const client = await bench.client('two-level');
    const counts = await bench.countCommands(async () => {
      expect(await client.getL1Only('a')).toBeUndefined();
    });
    expect(counts).not.toHaveProperty('get');
  });

  test('lifetimes given to one tier are applied there', async () => {
    const client = await bench.client('two-level', { ttl: 600 });
    await client.setL2Only('a', 1, 30);
    expect(await bench.pttl('a')).toBeGreaterThan(29_000);
    expect(await bench.pttl('a')).toBeLessThanOrEqual(30_000);
    await client.setL1Only('b', 1, { ttl: 30 });
    expect((await client.lookup('b')).ttlMs).toBeLessThanOrEqual(30_000);
  });

  test('delete removes what either call has stored', async () => {
    const client = await bench.client('two-level');
    await client.setL1Only('a', 1);
    await client.setL2Only('b', 1);
    expect(await client.delete('a')).toBe(true);
    expect(await client.delete('b')).toBe(true);
    expect(await client.getMany(['a', 'b'])).toEqual(new Map());
  });

  test('with promote_on_hit off, what is found in Redis stays there', async () => {
    const writer = await bench.client('two-level');
    await writer.set('a', 'v');
    const client = await bench.client('two-level', { two_level: { promote_on_hit: false } });
    expect(await client.get('a')).toBe('v');
    expect(await client.getOrLoad('a', () => 'loaded')).toBe('v');
    expect(client.peek('a')).toBeUndefined();
    expect(client.metrics()).toMatchObject({ l2Hits: 2, promotions: 0 });
  });
});

describe('a service with one tier', () => {
  test('of type l1 refuses calls for L2 alone, and says so', async () => {
    const client = await bench.client('l1');
    await client.setL1Only('a', 1);
    expect(await client.getL1Only('a')).toBe(1);
    await expect(client.setL2Only('a', 1)).rejects.toThrow(TypeError);
    await expect(client.getL2Only('a')).rejects.toThrow('needs a service with L2');
  });

  test('of type l2 refuses calls for L1 alone, and says so', async () => {
    const client = await bench.client('l2');
    await client.setL2Only('a', 1);
    expect(await client.getL2Only('a')).toBe(1);
    await expect(client.setL1Only('a', 1)).rejects.toThrow(TypeError);
    await expect(client.getL1Only('a')).rejects.toThrow('needs a service with L1');
  });

  test('of type l2 asks Redis for every read', async () => {
    const client = await bench.client('l2');
    await client.set('a', 1);
    const counts = await bench.countCommands(async () => {
      for (let i = 0; i < 5; i++) await client.get('a');
    });
    expect(counts).toMatchObject({ get: 5 });
  });
});
