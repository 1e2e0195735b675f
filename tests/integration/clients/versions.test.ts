/** G4: what was written later wins, in Redis too, whoever wrote it and whatever is still on its way. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../lib/base/clock.js';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { sealEnvelope, type EntryKind } from '../../../lib/codec/envelope.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import { until } from '../../support/until.js';
import { KINDS, KINDS_WITH_L2, Workbench, defer, type ServiceSettings } from './workbench.js';

const bench = new Workbench();

const LATENCY_MS = 20;
let proxy: TcpFaultProxy | undefined;

afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
});

const NAME = 'oxcache:things:k';

/** The clocks of two processes agree to within half a round trip each: whatever is further apart has an order. */
const CLOCKS_DIFFER_MS = 20;

/** Resolves when so many milliseconds have passed: here the passing of time is what the test is about. */
async function pass(ms: number): Promise<void> {
  const startedMs = performance.now();
  await until(() => performance.now() - startedMs >= ms);
}

/** Puts an entry into Redis that was written `laterMs` from now by somebody else. */
async function plant(laterMs: number, value: unknown, kind: EntryKind = 'v'): Promise<void> {
  const [seconds, micros] = (await bench.server.call('TIME')) as [string, string];
  const nowMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  const version = `${String(nowMs + laterMs).padStart(13, '0')}0000planted`;
  const times = { createdAtMs: nowMs, freshUntilMs: nowMs + 600_000, expiresAtMs: nowMs + 600_000 };
  const payload = kind === 'v' ? JSON.stringify(value) : '';
  const sealed = sealEnvelope({ kind, version, codec: kind === 'v' ? 'j' : '-', compression: '-', ...times }, payload);
  await bench.server.call('SET', NAME, sealed, 'PX', 600_000);
}

describe.each(KINDS_WITH_L2)('G4: a write of a service of type %s', (kind) => {
  test('G17: replaces what was there when it was called, however far ahead the clock was that made its version', async () => {
    const client = await bench.client(kind);
    await plant(5000, 'ahead');
    expect(await client.set('k', 'set')).toMatchObject({ l2: 'written' });
    expect(await client.get('k')).toBe('set');
    expect(await client.getL2Only('k')).toBe('set');
    expect(client.metrics()).toMatchObject({ writesSuperseded: 0, writesFailed: 0 });
    await plant(15_000, undefined, 'd');
    expect(await client.set('k', 'set again')).toMatchObject({ l2: 'written' });
    expect(await client.getL2Only('k')).toBe('set again');
    await plant(25_000, 'ahead');
    expect(await client.delete('k')).toBe(true);
    expect(await client.getL2Only('k')).toBeUndefined();
  });

  test('G17: replaces what was there when it was called, though it takes longer than the other clock was ahead', async () => {
    proxy = await TcpFaultProxy.start(bench.server.port);
    const client = await bench.client(kind, { l2: { connection_string: `redis://127.0.0.1:${proxy.port}` } });
    await client.set('warm', 'up');
    await plant(60, 'ahead');
    proxy.setLatency(100);
    expect(await client.set('k', 'set')).toMatchObject({ l2: 'written' });
    expect(await client.getL2Only('k')).toBe('set');
  });

  test('G17: that a clear follows is cleared, though its process heard of that newer version only after the clear began', async () => {
    const clock = { shiftMs: 0, nowMs: () => systemClock.nowMs() + clock.shiftMs, schedule: systemClock.schedule };
    const ahead = await bench.client(kind, {}, { clock });
    proxy = await TcpFaultProxy.start(bench.server.port);
    const client = await bench.client(kind, { l2: { connection_string: `redis://127.0.0.1:${proxy.port}` } });
    await Promise.all([ahead.set('warm', 'up'), client.set('warm', 'up too')]);
    await until(() => client.health().sync?.status === 'connected');
    clock.shiftMs = 50;
    proxy.setLatency(100, { direction: 'toClient' });
    await ahead.set('k', 'set');
    // The clear waits for this one, and the message about the set comes before its answer.
    const pending = client.set('other', 'v');
    await client.clear();
    await pending;
    expect(await client.getL2Only('k')).toBeUndefined();
  });

  test('G13: replaces an entry whose version is none, however new it looks', async () => {
    const client = await bench.client(kind);
    await plant(5000, 'ahead');
    const bytes = (await bench.server.call('GET', NAME)) as string;
    await bench.server.call('SET', NAME, bytes.replace('0000planted', 'p000planted'), 'PX', 600_000);
    expect(await client.set('k', 'set')).toMatchObject({ l2: 'written' });
    expect(await client.getL2Only('k')).toBe('set');
  });

  test('G2: lives no longer because it was sent again', async () => {
    const client = await bench.client(kind);
    await plant(5000, 'ahead');
    await client.set('k', 'set', 10);
    expect(await bench.pttl('k')).toBeLessThanOrEqual(10_000);
  });

  test('that was loaded does not replace a newer one: it is handed out, and the next read sees the newer value', async () => {
    const client = await bench.client(kind);
    await plant(5000, 'newer');
    expect(await client.refresh('k', () => 'loaded')).toBe('loaded');
    expect(client.peek('k')).toBeUndefined();
    expect(await client.get('k')).toBe('newer');
    expect(client.metrics()).toMatchObject({ writesSuperseded: 1, writesFailed: 0 });
  });

  test('that was loaded does not revive what was deleted later', async () => {
    const client = await bench.client(kind);
    await plant(5000, undefined, 'd');
    expect(await client.refresh('k', () => 'loaded')).toBe('loaded');
    expect(await client.get('k')).toBeUndefined();
  });

  test('after a read of a newer value is newer than that, whatever the clocks say', async () => {
    const client = await bench.client(kind);
    await plant(5000, 'newer');
    expect(await client.get('k')).toBe('newer');
    expect(await client.set('k', 'newest')).toMatchObject({ l2: 'written' });
    expect(await client.getL2Only('k')).toBe('newest');
  });

  test('is not locked out by a version from a clock that is minutes ahead', async () => {
    const client = await bench.client(kind);
    await plant(10 * 60_000, 'from the future');
    expect(await client.set('k', 'now')).toMatchObject({ l2: 'written' });
    expect(await client.getL2Only('k')).toBe('now');
  });

  test.each([-10, 10])('of a process whose clock is %i minutes off counts by the time of Redis', async (minutes) => {
    const clock = new FakeClock(Date.now() + minutes * 60_000);
    const wrong = await bench.client(kind, {}, { clock });
    const right = await bench.client(kind);
    for (let round = 0; round < 3; round++) {
      await wrong.set('k', `wrong ${round}`);
      expect(await right.getL2Only('k')).toBe(`wrong ${round}`);
      expect(await right.set('k', `right ${round}`)).toMatchObject({ l2: 'written' });
      expect(await wrong.getL2Only('k')).toBe(`right ${round}`);
      clock.advance(1000);
    }
    expect(await bench.pttl('k')).toBeGreaterThan(3_590_000);
    expect(await bench.pttl('k')).toBeLessThanOrEqual(3_600_010);
  });

  test('of two processes in turn is each seen by the other', async () => {
    const [a, b] = await Promise.all([bench.client(kind), bench.client(kind)]);
    for (let round = 0; round < 50; round++) {
      expect(await a.set('k', `a${round}`)).toMatchObject({ l2: 'written' });
      expect(await b.getL2Only('k')).toBe(`a${round}`);
      expect(await b.set('k', `b${round}`)).toMatchObject({ l2: 'written' });
      expect(await a.getL2Only('k')).toBe(`b${round}`);
    }
  });

  test('of two processes at once leaves one of the values, and every L1 that keeps a value keeps that one', async () => {
    const [a, b] = await Promise.all([bench.client(kind), bench.client(kind)]);
    for (let round = 0; round < 50; round++) {
      const [first, second] = await Promise.all([a.set('k', `a${round}`), b.set('k', `b${round}`)]);
      const inRedis = await a.getL2Only('k');
      expect([`a${round}`, `b${round}`]).toContain(inRedis);
      if (first.l2 === 'none') expect(inRedis).toBe(`b${round}`);
      if (second.l2 === 'none') expect(inRedis).toBe(`a${round}`);
    }
  });

  test('that is deleted leaves a mark for wal.max_age, which is no value', async () => {
    const client = await bench.client(kind, { ttl: 60, wal: { max_age: '2h' } });
    await client.set('k', 1);
    await client.delete('k');
    expect(await bench.pttl('k')).toBeGreaterThan(7_190_000);
    expect(await bench.pttl('k')).toBeLessThanOrEqual(7_200_010);
    expect(await client.lookup('k')).toEqual({ status: 'miss' });
  });

  test('leaves such a mark for an hour by default, also where nothing was', async () => {
    const client = await bench.client(kind);
    await client.delete('k');
    expect(await bench.pttl('k')).toBeGreaterThan(3_590_000);
  });

  test('after a delete wins, in the same process and in another that has seen it', async () => {
    const [a, b] = await Promise.all([bench.client(kind), bench.client(kind)]);
    for (let round = 0; round < 20; round++) {
      await a.set('k', 'old');
      await a.delete('k');
      expect(await b.getL2Only('k')).toBeUndefined();
      const writer = round % 2 === 0 ? a : b;
      expect(await writer.set('k', round)).toMatchObject({ l2: 'written' });
      expect(await b.getL2Only('k')).toBe(round);
      expect(await a.getL2Only('k')).toBe(round);
    }
  });

  test('in the same tick as others of its key counts in the order of the calls', async () => {
    const client = await bench.client(kind);
    const results = await Promise.all([client.set('k', 1), client.delete('k'), client.set('k', 2), client.set('k', 3)]);
    expect(results[3]).toMatchObject({ l2: 'written' });
    expect(await client.get('k')).toBe(3);
    await Promise.all([client.set('k', 4), client.delete('k')]);
    expect(await client.get('k')).toBeUndefined();
    expect(await client.getL2Only('k')).toBeUndefined();
  });
});

describe.each(KINDS)('G4: a load of a service of type %s', (kind) => {
  const begin = async (client: CacheClient): Promise<{ loading: Promise<unknown>; end: (value: unknown) => void }> => {
    const source = defer<unknown>();
    let isCalled = false;
    const loading = client.getOrLoad('k', () => {
      isCalled = true;
      return source.promise;
    });
    await until(() => isCalled);
    await pass(CLOCKS_DIFFER_MS);
    return { loading, end: source.resolve };
  };

  test.each(['loaded', undefined])('that began before a set is handed out and not kept (%s)', async (loaded) => {
    const client = await bench.client(kind);
    const { loading, end } = await begin(client);
    await client.set('k', 'set');
    end(loaded);
    expect(await loading).toBe(loaded);
    expect(await client.get('k')).toBe('set');
    if (kind !== 'l1') expect(await client.getL2Only('k')).toBe('set');
  });

  test('that began before a delete is handed out and not kept', async () => {
    const client = await bench.client(kind);
    const { loading, end } = await begin(client);
    await client.delete('k');
    end('loaded');
    expect(await loading).toBe('loaded');
    expect(await client.lookup('k')).toEqual({ status: 'miss' });
  });

  if (kind === 'l1') return;

  test('that began before a set of another process does not land, and the next read sees the set', async () => {
    const [client, other] = await Promise.all([bench.client(kind), bench.client(kind)]);
    const { loading, end } = await begin(client);
    await other.set('k', 'set');
    end('loaded');
    expect(await loading).toBe('loaded');
    expect(client.peek('k')).toBeUndefined();
    expect(await client.get('k')).toBe('set');
    expect(await other.getL2Only('k')).toBe('set');
  });

  test('that began before a delete of another process does not land', async () => {
    const [client, other] = await Promise.all([bench.client(kind), bench.client(kind)]);
    const { loading, end } = await begin(client);
    await other.delete('k');
    end('loaded');
    await loading;
    expect(await client.get('k')).toBeUndefined();
    expect(await other.getL2Only('k')).toBeUndefined();
  });

  test('that finds nothing does not remove what another process has set meanwhile', async () => {
    const clock = new FakeClock(Date.now());
    const settings = { ttl: 10, stale_ttl: 600, null_ttl: 0 } as const;
    const [client, other] = await Promise.all([bench.client(kind, settings, { clock }), bench.client(kind, settings, { clock })]);
    await client.set('k', 'stale by then');
    clock.advance(11_000);
    const { loading, end } = await begin(client);
    clock.advance(1000);
    await other.set('k', 'set');
    clock.advance(1000);
    end(undefined);
    expect(await loading).toBeUndefined();
    // The fake clock has left that of Redis behind; a write is where a process notices.
    await client.set('another', 'x');
    expect(await client.get('k')).toBe('set');
    expect(await other.getL2Only('k')).toBe('set');
  });

  test('of several keys keeps those that nobody wrote meanwhile', async () => {
    const [client, other] = await Promise.all([bench.client(kind), bench.client(kind)]);
    const source = defer<Map<string, string>>();
    let isCalled = false;
    const loading = client.getOrLoadMany(['a', 'b', 'c', 'd'], () => {
      isCalled = true;
      return source.promise;
    });
    await until(() => isCalled);
    await pass(CLOCKS_DIFFER_MS);
    await Promise.all([client.set('a', 'set'), other.set('b', 'set'), other.delete('c')]);
    source.resolve(new Map(['a', 'b', 'c', 'd'].map((key) => [key, 'loaded'])));
    expect(new Set((await loading).values())).toEqual(new Set(['loaded']));
    expect(await client.getMany(['a', 'b', 'c', 'd'])).toEqual(
      new Map([
        ['a', 'set'],
        ['b', 'set'],
        ['d', 'loaded'],
      ]),
    );
  });
});

describe.each(KINDS_WITH_L2)('G4: a change of the lifetime in a service of type %s', (kind) => {
  /** A client whose way to Redis takes a while, so that what happens in between can be chosen. */
  async function openSlow(settings: ServiceSettings = {}): Promise<CacheClient> {
    proxy = await TcpFaultProxy.start(bench.server.port);
    const client = await bench.client(kind, { ...settings, l2: { connection_string: `redis://127.0.0.1:${proxy.port}` } });
    await client.set('warm', 'up');
    proxy.setLatency(LATENCY_MS);
    return client;
  }

  test('does not beat a set of another process that was under way before it', async () => {
    const [client, slow] = [await bench.client(kind, { ttl: 600 }), await openSlow()];
    for (let round = 0; round < 3; round++) {
      await client.set('k', 'old');
      await pass(CLOCKS_DIFFER_MS);
      const setting = slow.set('k', `new ${round}`);
      expect(await client.expire('k', 3000)).toBe(true);
      expect(await setting).toMatchObject({ l2: 'written' });
      expect(await client.getL2Only('k')).toBe(`new ${round}`);
    }
  });

  test('never beats a set of its own process, and G2: leaves no L1 copy that outlives the entry in Redis', async () => {
    const client = await openSlow({ ttl: '1h' });
    // A change takes two round trips; the set comes at every point of them.
    for (let afterMs = 0; afterMs < 5 * LATENCY_MS; afterMs += LATENCY_MS / 2) {
      await client.set('k', 'old', 600);
      const changing = client.expire('k', 3000);
      await pass(afterMs);
      const [result] = await Promise.all([client.set('k', `new ${afterMs}`, 10), changing]);
      expect(result).toMatchObject({ l2: 'written' });
      expect(await client.getL2Only('k')).toBe(`new ${afterMs}`);
      const { value, ttlMs = 0 } = await client.lookup('k');
      expect(value).toBe(`new ${afterMs}`);
      expect(ttlMs).toBeLessThanOrEqual((await bench.pttl('k')) + 5 * LATENCY_MS);
    }
  });
});
