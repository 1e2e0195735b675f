/** Writes of one process happen in the order of their calls, however long each takes on its way (G4), and queues are bounded (G14). */
import { randomBytes } from 'node:crypto';
import { beforeAll, afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CacheClient } from '../../../lib/index.js';
import { RedisServer } from '../../support/redis-server.js';
import type { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import { l2At, l2OnlyAt, passTime, twoLevelAt, useRig } from '../outage/rig.js';
import { Gate } from './gate.js';

const rig = useRig();
let server: RedisServer;
let proxy: TcpFaultProxy;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  await server.flush();
  proxy = await rig.startProxy(server);
});

async function openTwoLevel(
  twoLevel: Readonly<Record<string, unknown>> = {},
  l2: Readonly<Record<string, unknown>> = {},
): Promise<CacheClient> {
  return (await rig.open({ s: twoLevelAt(proxy, { l2: l2At(proxy, l2), two_level: twoLevel }) })).client('s');
}

/** What is in Redis, seen by a process that has nothing of its own. */
async function inRedis(key: string): Promise<unknown> {
  return (await rig.open({ s: l2OnlyAt(server) })).client('s').get(key);
}

async function expectEverywhere(client: CacheClient, key: string, value: unknown): Promise<void> {
  expect(await client.get(key)).toEqual(value);
  await client.flush();
  expect(await inRedis(key)).toEqual(value);
  expect(await client.get(key)).toEqual(value);
}

/** Large enough that it is compressed beside the event loop. */
const large = (name: string, bytes = 200_000): { name: string; text: string } => ({
  name,
  text: randomBytes(bytes / 2).toString('hex'),
});
const GZIP = { compression: 'gzip' };

describe('G4: writes of the same tick', () => {
  test('set, delete, set: the last one stays', async () => {
    const client = await openTwoLevel();
    await Promise.all([client.set('k', 1), client.delete('k'), client.set('k', 2)]);
    await expectEverywhere(client, 'k', 2);
  });

  test('set, set, delete: nothing stays', async () => {
    const client = await openTwoLevel();
    await Promise.all([client.set('k', 1), client.set('k', 2), client.delete('k')]);
    await expectEverywhere(client, 'k', undefined);
  });

  test('set, clear, set: the last one stays and what came before is gone', async () => {
    const client = await openTwoLevel();
    await Promise.all([client.set('k', 1), client.set('gone', 1), client.clear(), client.set('k', 2)]);
    await expectEverywhere(client, 'k', 2);
    await expectEverywhere(client, 'gone', undefined);
  });

  test('setMany and single writes of its keys: the later call stays', async () => {
    const client = await openTwoLevel();
    await Promise.all([
      client.setMany([
        ['a', 1],
        ['b', 1],
        ['c', 1],
      ]),
      client.set('a', 2),
      client.delete('b'),
    ]);
    await expectEverywhere(client, 'a', 2);
    await expectEverywhere(client, 'b', undefined);
    await expectEverywhere(client, 'c', 1);
  });
});

describe('G4: a value that takes long to compress', () => {
  test('does not land over a small one that was set later', async () => {
    const client = await openTwoLevel({}, GZIP);
    await Promise.all([client.set('k', large('old')), client.set('k', 'new')]);
    await expectEverywhere(client, 'k', 'new');
  });

  test('stays when a quicker large one was set before it', async () => {
    const client = await openTwoLevel({}, GZIP);
    const second = large('new', 2_000_000);
    const results = await Promise.all([client.set('k', large('old', 40_000)), client.set('k', second)]);
    expect(results[1]).toEqual({ l1: true, l2: 'written' });
    await expectEverywhere(client, 'k', second);
  });

  test('gives way to a quicker large one that was set after it', async () => {
    const client = await openTwoLevel({}, GZIP);
    const second = large('new', 40_000);
    const results = await Promise.all([client.set('k', large('old', 2_000_000)), client.set('k', second)]);
    expect(results[1]).toEqual({ l1: true, l2: 'written' });
    expect(client.peek('k')).toEqual(second);
    await expectEverywhere(client, 'k', second);
  });

  test('is not lost to a load that began before it', async () => {
    const client = await openTwoLevel({}, GZIP);
    const gate = new Gate();
    const load = client.getOrLoad('k', () => gate.pass('loaded'));
    await gate.reached;
    const value = large('new', 2_000_000);
    const write = client.set('k', value);
    gate.open();
    await Promise.all([load, write]);
    await expectEverywhere(client, 'k', value);
  });

  test('does not land after a delete that was called later', async () => {
    const client = await openTwoLevel({}, GZIP);
    await Promise.all([client.set('k', large('old')), client.delete('k')]);
    await expectEverywhere(client, 'k', undefined);
  });

  test('does not land after a clear that was called later', async () => {
    const client = await openTwoLevel({}, GZIP);
    await Promise.all([client.set('k', large('old')), client.clear()]);
    await expectEverywhere(client, 'k', undefined);
  });

  test('of setMany does not land over what was set or deleted later', async () => {
    const client = await openTwoLevel({}, GZIP);
    const value = large('old');
    await Promise.all([
      client.setMany([
        ['a', value],
        ['b', value],
        ['c', value],
      ]),
      client.set('a', 'new'),
      client.delete('b'),
    ]);
    await expectEverywhere(client, 'a', 'new');
    await expectEverywhere(client, 'b', undefined);
    await expectEverywhere(client, 'c', value);
  });

  test('leaves the later small one in L1 when Redis is away', async () => {
    const client = await openTwoLevel({}, GZIP);
    await proxy.close();
    const [first, second] = await Promise.all([client.set('k', large('old')), client.set('k', 'new')]);
    expect(first).toEqual({ l1: false, l2: 'none' });
    expect(second).toEqual({ l1: true, l2: 'logged' });
    expect(await client.getL2Only('k')).toBe('new');
    expect(client.peek('k')).toBe('new');
  });

  test('refused by its size changes nothing (G12)', async () => {
    const client = await openTwoLevel({}, { ...GZIP, max_value_size: 100_000 });
    await client.set('k', 'kept');
    await expect(client.set('k', large('too large'))).rejects.toMatchObject({ code: 'CACHE_VALUE_TOO_LARGE' });
    await expectEverywhere(client, 'k', 'kept');
  });
});

describe('G14: writes that wait for room', () => {
  const ONE = { max_pending: 1 };

  test('happen in the order of their calls', async () => {
    const client = await openTwoLevel(ONE);
    proxy.setLatency(10);
    const writes = [client.set('a', 1), client.set('b', 1), client.set('k', 1), client.set('k', 2), client.set('k', 3)];
    expect(client.metrics().pendingWrites).toBe(1);
    await Promise.all(writes);
    await expectEverywhere(client, 'k', 3);
    expect(client.metrics().pendingWrites).toBe(0);
  });

  test('are removed by a delete that was called after them', async () => {
    const client = await openTwoLevel(ONE);
    proxy.setLatency(10);
    await Promise.all([client.set('a', 1), client.set('k', 1), client.delete('k')]);
    await expectEverywhere(client, 'k', undefined);
  });

  test('are not followed by a load that began before them', async () => {
    const client = await openTwoLevel({ ...ONE, write_through: false });
    proxy.setLatency(10);
    const gate = new Gate();
    const load = client.refresh('k', () => gate.pass('loaded'));
    await gate.reached;
    const writes = [client.set('a', 1), client.set('k', 'new')];
    gate.open();
    await Promise.all([load, ...writes]);
    expect(await client.get('k')).toBe('new');
    expect(await client.getL2Only('k')).toBe('new');
    await expectEverywhere(client, 'k', 'new');
  });

  test('are removed by a clear that was called after them', async () => {
    const client = await openTwoLevel(ONE);
    proxy.setLatency(10);
    await Promise.all([client.set('a', 1), client.set('k', 1), client.clear()]);
    expect(client.peek('k')).toBeUndefined();
    await expectEverywhere(client, 'k', undefined);
  });

  test('a read between a delete and its turn does not bring the value back', async () => {
    const client = await openTwoLevel(ONE);
    await client.setL2Only('k', 'old');
    proxy.setLatency(10);
    const writes = [client.set('a', 1), client.set('b', 1), client.delete('k')];
    await writes[0];
    // The second write is on its way, and the delete's turn comes when it is answered: shortly before this read is.
    await passTime(5);
    expect(await client.get('k')).toBe('old');
    await Promise.all(writes);
    expect(client.peek('k')).toBeUndefined();
    await expectEverywhere(client, 'k', undefined);
  });

  test('never are more than max_pending on their way', async () => {
    const client = await openTwoLevel({
      max_pending: 5,
      write_through: false,
      enable_batch_write: true,
      batch_size: 2,
      batch_interval_ms: 1,
    });
    let most = 0;
    client.on('write', () => {
      most = Math.max(most, client.metrics().pendingWrites);
    });
    await Promise.all(Array.from({ length: 300 }, (_, i) => client.set(`k${i}`, i)));
    await client.flush();
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(5);
    expect(client.metrics().pendingWrites).toBe(0);
    const found = await client.getMany(Array.from({ length: 300 }, (_, i) => `k${i}`));
    expect(found.size).toBe(300);
  });
});

describe('G4, G8: write-behind', () => {
  const BEHIND = { write_through: false, enable_batch_write: true, batch_size: 1000, batch_interval_ms: 60_000 };

  test('a delete of what waits leaves nothing behind', async () => {
    const client = await openTwoLevel(BEHIND);
    expect(await client.set('k', 1)).toEqual({ l1: true, l2: 'queued' });
    expect(await client.delete('k')).toBe(true);
    expect(await client.get('k')).toBeUndefined();
    await expectEverywhere(client, 'k', undefined);
  });

  test('a set after a delete that waits stays', async () => {
    const client = await openTwoLevel(BEHIND);
    await client.set('k', 1);
    await client.delete('k');
    await client.set('k', 2);
    await expectEverywhere(client, 'k', 2);
  });

  test('a clear takes what waits with it', async () => {
    const client = await openTwoLevel(BEHIND);
    await client.set('k', 1);
    await client.clear();
    await expectEverywhere(client, 'k', undefined);
  });

  test('what waits is read back before Redis has it, without L1 too', async () => {
    const client = await openTwoLevel({ ...BEHIND });
    await client.set('k', 'waiting');
    expect(await client.getL2Only('k')).toBe('waiting');
    expect(await inRedis('k')).toBeUndefined();
    await expectEverywhere(client, 'k', 'waiting');
  });
});

describe('G2, G4: expire', () => {
  test('does not undo a set that is made while it is under way', async () => {
    const client = await openTwoLevel();
    await client.set('k', 'old');
    proxy.setLatency(15);
    const ends: Promise<unknown>[] = [client.expire('k', '1h')];
    // One set in each phase of the expiry.
    for (let i = 0; i < 3; i++) {
      await client.getL2Only(`pause ${i}`);
      ends.push(client.set('k', `new ${i}`));
    }
    await Promise.all(ends);
    await expectEverywhere(client, 'k', 'new 2');
  });

  test('does not undo a set that waits in a batch while it is under way', async () => {
    const client = await openTwoLevel({
      write_through: false,
      enable_batch_write: true,
      batch_size: 1000,
      batch_interval_ms: 60_000,
    });
    await client.set('k', 'old');
    await client.flush();
    const other = (await rig.open({ s: l2OnlyAt(server) })).client('s');
    proxy.setLatency(15);
    const expiry = client.expire('k', '1h');
    // A read of another key comes back with the expiry's own read: the set is called between its two steps.
    await client.getL2Only('pause');
    const write = client.set('k', 'new');
    await Promise.all([expiry, write]);
    proxy.setLatency(0);
    await client.flush();
    expect(await client.get('k')).toBe('new');
    expect(await other.get('k')).toBe('new');
  });

  test('does not lengthen the life of a value that is set while it is under way', async () => {
    const client = await openTwoLevel();
    await client.set('k', 'old');
    proxy.setLatency(15);
    const expiry = client.expire('k', '10m');
    const write = client.set('k', 'new', '20s');
    await Promise.all([expiry, write]);
    const { ttlMs } = await client.lookup('k');
    const l2TtlMs = Number(await server.call('PTTL', 'oxcache:s:k'));
    expect(ttlMs).toBeLessThanOrEqual(l2TtlMs + 50);
  });
});
