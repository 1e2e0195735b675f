/** What the in-process tier promises, example by example; the model test covers the combinations. */
import { describe, expect, jest, test } from '@jest/globals';
import { systemClock } from '../../../../lib/base/clock.js';
import { CoarseClock, GUARD_MS } from '../../../../lib/base/coarse-clock.js';
import { CacheError } from '../../../../lib/base/errors.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';
import { ABSENT } from '../../../../lib/tiers/memory/memory-entry.js';
import { MemoryTier } from '../../../../lib/tiers/memory/memory-tier.js';
import { buildTier } from './build-tier.js';
import { checkTier } from './check-snapshot.js';

const POLICIES = ['s3fifo', 'lru'] as const;

describe.each(POLICIES)('memory tier with %s', (eviction) => {
  test.each([0, '', false, null, Number.NaN, -0])('the falsy value %p is a value', (value) => {
    const { tier, put } = buildTier({ eviction });
    put('k', value);
    expect(tier.read('k')).toBe(value);
    expect(tier.readEntry('k')?.value).toBe(value);
    expect(tier.delete('k')).toBe(true);
  });

  test('what was never written is undefined, also under names every object has', () => {
    const { tier, put } = buildTier({ eviction });
    expect([tier.read('__proto__'), tier.read('constructor'), tier.readEntry('toString')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    put('__proto__', 1);
    expect(tier.read('__proto__')).toBe(1);
  });

  test('a remembered absence is neither a miss nor a value', () => {
    const { tier, put } = buildTier({ eviction });
    put('k', ABSENT);
    expect(tier.read('k')).toBe(ABSENT);
    expect(tier.readEntry('k')?.value).toBe(ABSENT);
    expect(tier.setExpiry('k', 2_000_000, 2_000_000)).toBe(false);
    expect(tier.delete('k')).toBe(false);
    expect(tier.read('k')).toBeUndefined();
  });

  test('doomed keys count as gone at once, and are removed one by one', () => {
    const { tier, put, evicted } = buildTier({ eviction, maxBytes: 100_000 });
    for (let i = 0; i < 10; i++) put(`k${String(i)}`, i);
    const bytes = tier.bytes;
    tier.doom(new Set(['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'unknown']));
    expect(tier.read('k0')).toBeUndefined();
    expect(tier.readEntry('k1')).toBeUndefined();
    expect(tier.has('k2')).toBe(false);
    expect(tier.delete('k3')).toBe(false);
    expect(tier.setExpiry('k4', 2_000_000, 2_000_000)).toBe(false);
    put('k5', 'again');
    expect([tier.read('k5'), tier.read('k7')]).toEqual(['again', 7]);
    while (tier.removeDoomed(2));
    expect(tier.size).toBe(4);
    expect(tier.bytes).toBeLessThan(bytes);
    expect([tier.read('k5'), tier.read('k6'), tier.read('k9')]).toEqual(['again', undefined, 9]);
    expect(evicted).toEqual([]);
    checkTier(tier, 100);
  });

  test('what is doomed makes room before anything live is evicted', () => {
    const { tier, put, evicted } = buildTier({ eviction, maxCapacity: 10 });
    for (let i = 0; i < 10; i++) put(`k${String(i)}`, i);
    tier.doom(new Set(['k8', 'k9']));
    put('new', 1);
    put('newer', 2);
    expect(evicted).toEqual([]);
    expect([tier.read('k0'), tier.read('k7'), tier.read('new')]).toEqual([0, 7, 1]);
  });

  test('a tier that is cleared has nothing doomed', () => {
    const { tier, put } = buildTier({ eviction });
    put('k', 1);
    tier.doom(new Set(['k']));
    tier.clear();
    put('k', 2);
    expect(tier.removeDoomed(1)).toBe(false);
    expect(tier.read('k')).toBe(2);
  });

  test.each([1, 2, 3, 7, 100, 1000])('G14: a capacity of %d is exact under heavy insertion, and is used', (maxCapacity) => {
    const { tier, put, evicted } = buildTier({ eviction, maxCapacity });
    let largest = 0;
    for (let i = 0; i < maxCapacity * 5 + 50; i++) {
      put(`k${String(i)}`, i);
      if (i % 3 === 0) tier.read(`k${String(i - 2)}`);
      largest = Math.max(largest, tier.size);
    }
    expect(largest).toBe(maxCapacity);
    expect(tier.size).toBe(maxCapacity);
    expect(evicted).toHaveLength(maxCapacity * 4 + 50);
    expect(new Set(evicted.map((departure) => departure.reason))).toEqual(new Set(['capacity']));
    checkTier(tier, maxCapacity);
  });

  test('G14: the bytes held stay within max_bytes whatever is written over what', () => {
    const { tier, put, evicted } = buildTier({ eviction, maxBytes: 10_000 });
    for (let i = 0; i < 500; i++) {
      put(`k${String(i % 37)}`, 'x'.repeat((i * 131) % 3000));
      expect(tier.bytes).toBeLessThanOrEqual(10_000);
      checkTier(tier, 100, 10_000);
    }
    expect(tier.size).toBeGreaterThan(2);
    expect(new Set(evicted.map((departure) => departure.reason))).toEqual(new Set(['bytes']));
  });

  test('under a byte limit the key that is used stays', () => {
    const { tier, put } = buildTier({ eviction, maxBytes: 20_000 });
    put('hot', 'x'.repeat(500));
    for (let i = 0; i < 300; i++) {
      put(`k${String(i)}`, 'x'.repeat(500));
      expect(tier.read('hot')).toBeDefined();
    }
  });

  test('a value larger than max_bytes is not kept, and the old copy is gone', () => {
    const { tier, put } = buildTier({ eviction, maxBytes: 2000 });
    expect(put('other', 1)).toBe(true);
    expect(put('k', 'small')).toBe(true);
    expect(put('k', 'x'.repeat(5000))).toBe(false);
    expect(tier.read('k')).toBeUndefined();
    expect(tier.read('other')).toBe(1);
  });

  test('a dead entry gives way before a live one', () => {
    const { tier, put, clock, evicted } = buildTier({ eviction, maxCapacity: 3 });
    put('short', 1, 10);
    put('a', 2);
    put('b', 3);
    tier.read('short');
    clock.advance(10);
    put('c', 4);
    expect(evicted).toEqual([{ key: 'short', reason: 'expired' }]);
    expect([tier.read('a'), tier.read('b'), tier.read('c')]).toEqual([2, 3, 4]);
  });

  test('a listener may write to the tier from within an eviction; the capacity holds', () => {
    const clock = new FakeClock();
    const evictions: string[] = [];
    const tier: MemoryTier = new MemoryTier({
      config: { maxCapacity: 3, ttlMs: 1000, eviction, isolation: 'shared' },
      staleTtlMs: 0,
      trackFreshness: false,
      clock: new CoarseClock(clock),
      onEvict: (key) => {
        evictions.push(key);
        if (evictions.length < 5) put(`from ${key}`);
      },
    });
    const put = (key: string) => tier.write(key, 1, clock.nowMs(), clock.nowMs() + 1000, clock.nowMs() + 1000);
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      put(key);
      checkTier(tier, 3);
    }
    expect(evictions.length).toBeGreaterThanOrEqual(5);
  });

  test('after close nothing is kept', () => {
    const { tier, put } = buildTier({ eviction });
    put('k', 1);
    tier.close();
    expect([tier.size, tier.read('k'), put('k', 2), tier.read('k')]).toEqual([0, undefined, false, undefined]);
  });
});

describe('lifetimes', () => {
  test('G2: at the very moment its TTL ends an entry is expired, a quarter millisecond before it is not', () => {
    const { tier, put, clock, evicted } = buildTier();
    put('k', 1, 100);
    clock.advance(99.75);
    expect(tier.read('k')).toBe(1);
    clock.advance(0.25);
    expect(tier.read('k')).toBeUndefined();
    expect(tier.size).toBe(0);
    expect(evicted).toEqual([{ key: 'k', reason: 'expired' }]);
  });

  test('lifetimes below a millisecond are kept', () => {
    const { tier, put, clock } = buildTier();
    put('k', 1, 0.5);
    expect(tier.read('k')).toBe(1);
    clock.advance(0.5);
    expect(tier.read('k')).toBeUndefined();
  });

  test('an entry that is dead already is not stored and takes the old one with it', () => {
    const { tier, put } = buildTier();
    put('k', 1);
    expect(put('k', 2, 0)).toBe(false);
    expect(tier.read('k')).toBeUndefined();
  });

  test('every read moves the idle deadline', () => {
    const { tier, put, clock } = buildTier({ ttiMs: 100 });
    put('k', 1, 1000);
    for (let i = 0; i < 5; i++) {
      clock.advance(99);
      expect(tier.read('k')).toBe(1);
    }
    clock.advance(100);
    expect(tier.read('k')).toBeUndefined();
    expect(tier.size).toBe(0);
  });

  test('G2: time to idle never reaches beyond the TTL', () => {
    const { tier, put, clock } = buildTier({ ttiMs: 100 });
    put('k', 1, 250);
    for (const ms of [90, 90, 69.5]) {
      clock.advance(ms);
      expect(tier.read('k')).toBe(1);
    }
    clock.advance(0.5);
    expect(tier.read('k')).toBeUndefined();
  });

  test('delete and setExpiry are not reads: they do not keep an entry from going idle', () => {
    const { tier, put, clock } = buildTier({ ttiMs: 100 });
    put('k', 1, 1000);
    clock.advance(100);
    expect(tier.setExpiry('k', clock.nowMs() + 500, clock.nowMs() + 500)).toBe(false);
    expect(tier.delete('k')).toBe(false);
  });

  test('a stale entry is no hit, but readEntry shows it until its window ends', () => {
    const { tier, put, clock } = buildTier({ staleTtlMs: 50 });
    put('k', 'v', 100);
    clock.advance(100);
    expect(tier.read('k')).toBeUndefined();
    expect(tier.readEntry('k')).toEqual({
      value: 'v',
      createdAtMs: 1_000_000,
      expiresAtMs: 1_000_100,
      freshUntilMs: 1_000_100,
      stale: true,
    });
    clock.advance(49.5);
    expect(tier.readEntry('k')?.stale).toBe(true);
    clock.advance(0.5);
    expect(tier.readEntry('k')).toBeUndefined();
    expect(tier.size).toBe(0);
  });

  test('what went idle before its TTL is gone at once, what reached its TTL is stale for its window', () => {
    const { tier, put, clock } = buildTier({ staleTtlMs: 1000, ttiMs: 60 });
    put('idle', 1, 100);
    put('used', 1, 100);
    clock.advance(50);
    tier.read('used');
    clock.advance(50);
    expect(tier.readEntry('idle')).toBeUndefined();
    expect(tier.readEntry('used')?.stale).toBe(true);
    clock.advance(500);
    expect(tier.readEntry('used')?.stale).toBe(true);
  });

  test('the freshness limit is kept where somebody asks for it', () => {
    const { tier, clock } = buildTier({ trackFreshness: true });
    const nowMs = clock.nowMs();
    tier.write('k', 1, nowMs - 5, nowMs + 100, nowMs + 80);
    expect(tier.readEntry('k')).toEqual({
      value: 1,
      createdAtMs: nowMs - 5,
      expiresAtMs: nowMs + 100,
      freshUntilMs: nowMs + 80,
      stale: false,
    });
    tier.setExpiry('k', nowMs + 200, nowMs + 160);
    expect(tier.readEntry('k')).toMatchObject({ expiresAtMs: nowMs + 200, freshUntilMs: nowMs + 160 });
  });

  test('setExpiry shortens and lengthens a life, and ends it when the time has passed', () => {
    const { tier, put, clock } = buildTier();
    put('k', 1, 100);
    expect(tier.setExpiry('k', clock.nowMs() + 300, clock.nowMs() + 300)).toBe(true);
    clock.advance(299);
    expect(tier.read('k')).toBe(1);
    expect(tier.setExpiry('k', clock.nowMs(), clock.nowMs())).toBe(true);
    expect([tier.read('k'), tier.size]).toEqual([undefined, 0]);
    expect(tier.setExpiry('k', clock.nowMs() + 100, clock.nowMs() + 100)).toBe(false);
  });

  test('a sweep looks at a bounded number of slots, goes on where it stopped, and finds every dead entry', () => {
    const { tier, put, clock, evicted } = buildTier();
    for (let i = 0; i < 90; i++) put(`k${String(i)}`, i, i % 3 === 0 ? 1000 : 10);
    clock.advance(10);
    expect(tier.sweep(30)).toBe(20);
    expect(tier.size).toBe(70);
    expect(tier.sweep(60)).toBe(40);
    expect([tier.size, evicted.length]).toEqual([30, 60]);
    expect(tier.sweep(1000)).toBe(0);
    checkTier(tier, 100);
  });

  test('G2: on the real clock no read of a burst returns an entry past its deadline', () => {
    const tier = new MemoryTier({
      config: { maxCapacity: 10, ttlMs: 1000, eviction: 's3fifo', isolation: 'shared' },
      staleTtlMs: 0,
      trackFreshness: false,
      clock: new CoarseClock(systemClock),
    });
    const deadlineMs = systemClock.nowMs() + 20;
    tier.write('k', 1, systemClock.nowMs(), deadlineMs, deadlineMs);
    let reads = 0;
    let isExpired = false;
    while (!isExpired) {
      const isBeforeDeadline = systemClock.nowMs() < deadlineMs;
      isExpired = tier.read('k') === undefined;
      reads++;
      if (!isBeforeDeadline) expect(isExpired).toBe(true);
    }
    expect(reads).toBeGreaterThan(10);
    expect(systemClock.nowMs()).toBeGreaterThanOrEqual(deadlineMs);
  });

  test('G2: a thread blocked in the middle of a burst still finds the entry expired', () => {
    const fake = new FakeClock(0);
    const tier = new MemoryTier({
      config: { maxCapacity: 10, ttlMs: 1000, eviction: 's3fifo', isolation: 'shared' },
      staleTtlMs: 0,
      trackFreshness: false,
      clock: new CoarseClock(fake, () => undefined),
    });
    tier.write('k', 1, 0, GUARD_MS, GUARD_MS);
    tier.write('long', 1, 0, 1e9, 1e9);
    for (let i = 0; i < 20; i++) tier.read('long');
    fake.advance(GUARD_MS);
    expect(tier.read('k')).toBeUndefined();
  });

  test('nothing is scheduled on the clock: sweeping is its owner’s job', () => {
    const { put, tier, clock } = buildTier({ ttiMs: 10 });
    for (let i = 0; i < 500; i++) put(`k${String(i)}`, i);
    for (let i = 0; i < 500; i++) tier.read(`k${String(i)}`);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('isolation', () => {
  test('shared hands out the stored object itself', () => {
    const { tier, put } = buildTier();
    const value = { a: 1 };
    put('k', value);
    expect(tier.read('k')).toBe(value);
  });

  test('copy keeps caller and cache apart in both directions', () => {
    const { tier, put } = buildTier({ isolation: 'copy' });
    const value = { list: [1] };
    put('k', value);
    value.list.push(2);
    (tier.read('k') as typeof value).list.push(3);
    expect(tier.read('k')).toEqual({ list: [1] });
    expect(tier.readEntry('k')?.value).toEqual({ list: [1] });
  });

  test('copy returns a Buffer for a Buffer', () => {
    const { tier, put } = buildTier({ isolation: 'copy' });
    put('k', Buffer.from('abc'));
    const read = tier.read('k') as Buffer;
    expect(Buffer.isBuffer(read)).toBe(true);
    read[0] = 0;
    expect(String(tier.read('k'))).toBe('abc');
  });

  test('frozen hands out one deeply frozen object, and the caller’s own stays as it was', () => {
    const { tier, put } = buildTier({ isolation: 'frozen' });
    const value = { deep: { list: [{ a: 1 }] } };
    put('k', value);
    const read = tier.read('k') as typeof value;
    expect(read).toEqual(value);
    expect(read).toBe(tier.read('k'));
    for (const part of [read, read.deep, read.deep.list, read.deep.list[0]]) expect(Object.isFrozen(part)).toBe(true);
    expect(Object.isFrozen(value)).toBe(false);
    value.deep.list.push({ a: 2 });
    expect(read.deep.list).toHaveLength(1);
  });

  test('frozen keeps an object that is deeply frozen already, and copies one that is so only outside', () => {
    const { tier } = buildTier({ isolation: 'frozen' });
    const frozen = Object.freeze({ a: Object.freeze([1]) });
    expect(tier.prepare(frozen)).toBe(frozen);
    const shallow = Object.freeze({ a: [1] });
    expect(tier.prepare(shallow)).not.toBe(shallow);
    expect(Object.isFrozen((tier.prepare(shallow) as typeof shallow).a)).toBe(true);
    expect(Object.isFrozen(shallow.a)).toBe(false);
  });

  test('frozen freezes what the library owns where it stands', () => {
    const { tier } = buildTier({ isolation: 'frozen' });
    const decoded = { a: { b: 1 }, bytes: Buffer.from('x'), map: new Map([['k', { c: 1 }]]) };
    expect(tier.prepareOwned(decoded)).toBe(decoded);
    expect([Object.isFrozen(decoded), Object.isFrozen(decoded.a), Object.isFrozen(decoded.map.get('k'))]).toEqual([
      true,
      true,
      true,
    ]);
  });

  test('cycles are no obstacle', () => {
    const value: { self?: unknown; a: number } = { a: 1 };
    value.self = value;
    for (const isolation of ['shared', 'copy', 'frozen'] as const) {
      const { tier, put } = buildTier({ isolation, maxBytes: 100_000 });
      put('k', value);
      const read = tier.read('k') as typeof value;
      expect((read.self as typeof value).a).toBe(1);
    }
  });

  test.each(['copy', 'frozen'] as const)(
    'G12: with %s a value that can’t be cloned fails before anything changes',
    (isolation) => {
      const { tier, put } = buildTier({ isolation });
      put('k', 'old');
      const prepare = jest.fn(() => tier.prepare({ run: () => 1 }, { service: 's', key: 'k' }));
      expect(prepare).toThrow(CacheError);
      try {
        prepare();
      } catch (error) {
        expect(CacheError.is(error, 'CACHE_ENCODE_FAILED')).toBe(true);
        expect(error).toMatchObject({ service: 's', key: 'k', cause: expect.anything() });
      }
      expect(tier.read('k')).toBe('old');
    },
  );
});
