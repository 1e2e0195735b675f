/** `lock`: one holder at a time among processes, for a limited time, with tokens in the order of the holders. */
import { describe, expect, test } from '@jest/globals';
import type { Lock } from '../../../lib/clients/lock.js';
import { until } from '../../support/until.js';
import { KINDS_WITH_L2, Workbench } from './workbench.js';

const bench = new Workbench();

function had(lock: Lock | undefined): Lock {
  if (lock === undefined) throw new Error('Expected to have the lock');
  return lock;
}

/** Milliseconds that Redis keeps the lock of `k`. */
async function lockPttl(): Promise<number> {
  return Number(await bench.server.call('PTTL', 'oxcache::things:lock:k'));
}

describe.each(KINDS_WITH_L2)('a lock of a service of type %s', (kind) => {
  test('has one holder at a time among processes', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => bench.client(kind)));
    const locks = await Promise.all(clients.flatMap((client) => [1, 2].map(() => client.lock('k', { ttl: '10s' }))));
    expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1);
  });

  test('is free once it was released, and the lock of another key was never taken', async () => {
    const [one, other] = [await bench.client(kind), await bench.client(kind)];
    const lock = had(await one.lock('k', { ttl: '10s' }));
    expect(await other.lock('k', { ttl: '10s' })).toBeUndefined();
    had(await other.lock('k2', { ttl: '10s' }));
    expect(await lock.release()).toBe(true);
    had(await other.lock('k', { ttl: '10s' }));
  });

  test('ends with its time, after which its holder can neither extend nor release it', async () => {
    const [one, other] = [await bench.client(kind), await bench.client(kind)];
    const first = had(await one.lock('k', { ttl: '30ms' }));
    await until(async () => (await lockPttl()) < 0);
    expect(await first.extend()).toBe(false);
    const second = had(await other.lock('k', { ttl: '10s' }));
    expect([await first.extend(), await first.release()]).toEqual([false, false]);
    expect(await lockPttl()).toBeGreaterThan(5000);
    expect([await second.extend(), await second.release(), await second.release()]).toEqual([true, true, false]);
  });

  test('lasts as long as it was extended for', async () => {
    const client = await bench.client(kind);
    const lock = had(await client.lock('k', { ttl: '10s' }));
    expect(await lock.extend('60s')).toBe(true);
    expect(await lockPttl()).toBeGreaterThan(50_000);
    expect(await lock.extend()).toBe(true);
    expect(await lockPttl()).toBeLessThanOrEqual(10_000);
    await expect(lock.extend(0)).rejects.toThrow(TypeError);
  });

  test('is waited for', async () => {
    const [one, other] = [await bench.client(kind), await bench.client(kind)];
    const lock = had(await one.lock('k', { ttl: '10s' }));
    let isHad = false;
    const waiting = other.lock('k', { ttl: '10s', wait: '10s' }).then((next) => {
      isHad = true;
      return had(next);
    });
    await other.lock('k', { ttl: '10s', wait: '100ms' }).then((none) => {
      expect(none).toBeUndefined();
    });
    expect(isHad).toBe(false);
    expect(await lock.release()).toBe(true);
    const next = await waiting;
    expect(next.token > lock.token).toBe(true);
  });

  test('is had by one who waits when its holder forgot it', async () => {
    const [one, other] = [await bench.client(kind), await bench.client(kind)];
    had(await one.lock('k', { ttl: '80ms' }));
    had(await other.lock('k', { ttl: '10s', wait: '5s' }));
  });

  test('excludes: what 5 processes with 8 waiters each do under it never overlaps, and their tokens rise', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => bench.client(kind)));
    const tokens: string[] = [];
    let inside = 0;
    let most = 0;
    const work = async (client: (typeof clients)[number]): Promise<void> => {
      const lock = had(await client.lock('k', { ttl: '10s', wait: '10s' }));
      most = Math.max(most, ++inside);
      tokens.push(lock.token);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
      expect(await lock.release()).toBe(true);
    };
    await Promise.all(clients.flatMap((client) => Array.from({ length: 8 }, () => work(client))));
    expect(most).toBe(1);
    expect(tokens).toHaveLength(40);
    expect(tokens).toEqual([...new Set(tokens)].sort());
    expect(tokens.every((token) => /^\d{16}[0-9a-z]{7}$/.test(token))).toBe(true);
  });

  test('is no entry: it is not read, cleared or counted with the entries, and is the one of its service', async () => {
    const manager = await bench.manager({ things: { cache_type: kind }, others: { cache_type: kind } });
    const things = manager.client('things');
    const lock = had(await things.lock('k', { ttl: '10s' }));
    had(await manager.client('others').lock('k', { ttl: '10s' }));
    expect(await things.get('k')).toBeUndefined();
    await things.clear();
    expect(await bench.names()).toEqual(expect.arrayContaining(['oxcache::others:lock:k', 'oxcache::things:lock:k']));
    expect(await lock.release()).toBe(true);
  });
});

describe('lock', () => {
  test('is a misuse in a service without L2', async () => {
    const client = await bench.client('l1');
    await expect(client.lock('k', { ttl: '1s' })).rejects.toThrow(/lock\(\) needs a service with L2/);
  });

  test.each([undefined, {}, { ttl: 0 }, { ttl: '1s', wait: 'soon' }, { ttl: '1s', patience: 1 }])(
    'is a misuse with the options %j',
    async (options) => {
      const client = await bench.client('l2');
      await expect(
        (client.lock as (key: string, options: unknown) => Promise<unknown>).call(client, 'k', options),
      ).rejects.toThrow(TypeError);
      expect(await bench.names()).not.toContain('oxcache::things:lock:k');
    },
  );

  test('is refused after close(), and so are extend() and release(); the lock is left to its time', async () => {
    const client = await bench.client('l2');
    const lock = had(await client.lock('k', { ttl: '10s' }));
    await client.close();
    const closed = { code: 'CACHE_CLOSED' };
    await expect(client.lock('k', { ttl: '1s' })).rejects.toMatchObject(closed);
    await expect(lock.extend()).rejects.toMatchObject(closed);
    await expect(lock.release()).rejects.toMatchObject(closed);
    expect(await lockPttl()).toBeGreaterThan(0);
  });

  test('G9: ends with CACHE_CLOSED where the service is closed while it waits', async () => {
    const [one, other] = [await bench.client('l2'), await bench.client('l2')];
    had(await one.lock('k', { ttl: '10s' }));
    const waiting = other.lock('k', { ttl: '10s', wait: '1h' });
    const ended = expect(waiting).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
    await other.close();
    await ended;
  });
});
