/** Calls of one tick travel together, and scripts a server has forgotten are sent again. */
import { describe, expect, test } from '@jest/globals';
import { KINDS_WITH_L2, Workbench } from './workbench.js';

const bench = new Workbench();

describe.each(KINDS_WITH_L2)('a service of type %s', (kind) => {
  test('sends 64 gets of one tick as one MGET', async () => {
    const writer = await bench.client(kind);
    const keys = Array.from({ length: 64 }, (_, i) => `k${i}`);
    await writer.setMany(keys.map((key) => [key, key] as const));
    const reader = await bench.client(kind);
    const counts = await bench.countCommands(async () => {
      expect(await Promise.all(keys.map((key) => reader.get(key)))).toEqual(keys);
    });
    expect(counts).toMatchObject({ mget: 1 });
    expect(counts['get']).toBeUndefined();
  });

  test('sends a single get as a GET', async () => {
    const client = await bench.client(kind);
    const counts = await bench.countCommands(() => client.get('k'));
    expect(counts).toMatchObject({ get: 1 });
    expect(counts['mget']).toBeUndefined();
  });

  test('divides a flood of one tick into several commands, and answers all', async () => {
    const client = await bench.client<number>(kind);
    const keys = Array.from({ length: 2000 }, (_, i) => `k${i}`);
    await client.setMany(keys.map((key, i) => [key, i] as const));
    const reader = await bench.client<number>(kind);
    const counts = await bench.countCommands(async () => {
      expect(await Promise.all(keys.map((key) => reader.get(key)))).toEqual(keys.map((_, i) => i));
    });
    expect(counts['mget']).toBe(4);
  });

  test('sends the sets of one tick in a few script calls', async () => {
    const client = await bench.client(kind);
    await client.set('warm', 'up');
    const counts = await bench.countCommands(() => Promise.all(Array.from({ length: 256 }, (_, i) => client.set(`k${i}`, i))));
    expect(counts['evalsha']).toBeLessThanOrEqual(16);
    expect(counts['set']).toBe(256);
  });

  test('does not send large values in one giant script call', async () => {
    const client = await bench.client(kind);
    await client.set('warm', 'up');
    const large = 'x'.repeat(300_000);
    const counts = await bench.countCommands(() => Promise.all(Array.from({ length: 12 }, (_, i) => client.set(`k${i}`, large))));
    expect(counts['evalsha']).toBeGreaterThanOrEqual(3);
    expect(await bench.names()).toHaveLength(13);
  });

  test('goes on after SCRIPT FLUSH', async () => {
    const client = await bench.client(kind);
    await client.set('k', 1);
    await bench.server.call('SCRIPT', 'FLUSH');
    expect(await client.set('k', 2)).toMatchObject({ l2: 'written' });
    await bench.server.call('SCRIPT', 'FLUSH');
    expect(await client.delete('k')).toBe(true);
    await client.set('k', 3);
    await bench.server.call('SCRIPT', 'FLUSH');
    expect(await client.expire('k', 10)).toBe(true);
    await bench.server.call('SCRIPT', 'FLUSH');
    await client.clear();
    expect(client.metrics()).toMatchObject({ l2Errors: 0, writesFailed: 0 });
  });

  test('sends a script in full once, then by its hash', async () => {
    await bench.server.call('SCRIPT', 'FLUSH');
    const client = await bench.client(kind);
    const counts = await bench.countCommands(async () => {
      for (let i = 0; i < 10; i++) await client.set('k', i);
    });
    expect(counts).toMatchObject({ evalsha: 10, eval: 1 });
  });
});

test('gets of several services of one Redis share one MGET', async () => {
  const manager = await bench.manager({ a: { cache_type: 'l2' }, b: { cache_type: 'two-level' } });
  const counts = await bench.countCommands(() => Promise.all([manager.client('a').get('k'), manager.client('b').get('k')]));
  expect(counts).toMatchObject({ mget: 1 });
});
