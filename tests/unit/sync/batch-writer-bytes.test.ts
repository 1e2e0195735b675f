/** The batch writer's bound on bytes (G14), and `flush` while others wait for room. */
import { describe, expect, test } from '@jest/globals';
import { CacheError } from '../../../lib/base/errors.js';
import { BatchWriter, type BatchPolicy } from '../../../lib/sync/batch-writer.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import type { ScriptWrite, WriteOutcome } from '../../../lib/tiers/redis/write-script.js';

interface Call {
  readonly keys: readonly string[];
  readonly succeed: () => void;
  readonly fail: (error: unknown) => void;
}

const MEGABYTE = 'x'.repeat(1024 * 1024);

class Bench {
  readonly clock = new FakeClock();
  readonly calls: Call[] = [];
  readonly writer: BatchWriter;
  #versions = 0;

  constructor(policy: Partial<BatchPolicy> = {}) {
    const apply = (writes: readonly ScriptWrite[]): Promise<WriteOutcome[]> =>
      new Promise((resolve, reject) => {
        this.calls.push({
          keys: writes.map(({ key }) => key),
          succeed: () => resolve(writes.map(() => 'created')),
          fail: reject,
        });
      });
    const complete = { maxBatch: 100, maxInFlight: 4, delayMs: 0, maxPending: 1000, maxPendingBytes: 1000, ...policy };
    this.writer = new BatchWriter(apply, this.clock, complete);
  }

  put(key: string, sealed: string | Buffer): Promise<WriteOutcome> {
    return this.writer.put(key, key, sealed, String(++this.#versions).padStart(24, '0'), 'fetched');
  }

  /** Takes a write when there is room, as the clients do. */
  putWhenRoom(key: string, sealed: string | Buffer): Promise<WriteOutcome> {
    return new Promise((resolve) => {
      this.writer.whenRoom(() => resolve(this.put(key, sealed)));
    });
  }

  get sent(): string[] {
    return this.calls.flatMap(({ keys }) => keys);
  }
}

/** Lets everything run that needs no time. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('G14: maxPendingBytes', () => {
  test('lets writes in until it is reached, the one that exceeds it included, and the next when Redis has confirmed', async () => {
    const bench = new Bench();
    void bench.putWhenRoom('a', 'x'.repeat(999));
    expect(bench.writer.hasRoom).toBe(true);
    void bench.putWhenRoom('b', 'x'.repeat(5000));
    expect(bench.writer.hasRoom).toBe(false);
    void bench.putWhenRoom('c', 'x');
    await settle();
    expect(bench.sent).toEqual(['a', 'b']);
    expect(bench.writer.size).toBe(2);
    bench.calls[0]?.succeed();
    await settle();
    expect(bench.sent).toEqual(['a', 'b', 'c']);
    expect(bench.writer.hasRoom).toBe(true);
  });

  test.each(['confirmed', 'failed'])('is given back in full when writes are %s, whatever was written over what', async (how) => {
    const bench = new Bench();
    for (let round = 0; round < 50; round++) {
      void bench.put('k', 'x'.repeat(10 * round));
      void bench.put('k', Buffer.alloc(round));
      void bench.put('l', 'x'.repeat(7));
      await settle();
      // One more while the first is under way.
      void bench.put('k', 'x'.repeat(100));
      await settle();
      for (const call of bench.calls.splice(0)) {
        if (how === 'confirmed') call.succeed();
        else call.fail(new CacheError('CACHE_L2_TIMEOUT', 'late'));
      }
      await settle();
    }
    expect(bench.writer.size).toBe(0);
    // Exactly all of it: one byte less than the bound still leaves room, the bound does not.
    void bench.put('m', 'x'.repeat(999));
    expect(bench.writer.hasRoom).toBe(true);
    void bench.put('n', 'x');
    expect(bench.writer.hasRoom).toBe(false);
  });

  test('counts what takes the place of what waits, not both', () => {
    const bench = new Bench();
    void bench.put('k', 'x'.repeat(900));
    void bench.put('k', 'x'.repeat(900));
    expect(bench.writer.hasRoom).toBe(true);
    void bench.put('k', 'x'.repeat(1000));
    expect(bench.writer.hasRoom).toBe(false);
    void bench.put('k', 'x');
    expect(bench.writer.hasRoom).toBe(true);
  });

  test('is given back when Redis is given up, and those who wait are let in', async () => {
    const bench = new Bench({ delayMs: 1000 });
    const ends = ['a', 'b', 'c', 'd'].map((key) => bench.putWhenRoom(key, 'x'.repeat(1000)));
    const error = new CacheError('CACHE_L2_UNAVAILABLE', 'gone');
    await bench.writer.abandon(error);
    expect(await Promise.all(ends)).toEqual([error, error, error, error]);
    await settle();
    expect(bench.writer.size).toBe(0);
    for (const call of bench.calls) call.succeed();
    await settle();
    void bench.put('m', 'x'.repeat(999));
    expect(bench.writer.hasRoom).toBe(true);
  });

  test('keeps the order of those who wait, and lets in no more than fit', async () => {
    const bench = new Bench({ maxInFlight: 1 });
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    const ends = keys.map((key) => bench.putWhenRoom(key, 'x'.repeat(400)));
    let most = 0;
    for (let i = 0; i < 100 && (bench.sent.length < keys.length || bench.writer.size > 0); i++) {
      await settle();
      most = Math.max(most, bench.writer.size);
      bench.calls.at(-1)?.succeed();
    }
    expect(bench.sent).toEqual(keys);
    expect(most).toBe(3);
    expect(await Promise.all(ends)).toEqual(keys.map(() => 'created'));
  });

  test('reached, sends what has gathered: nobody waits for a delay that brings no more company', async () => {
    const bench = new Bench({ delayMs: 60_000 });
    void bench.putWhenRoom('a', 'x'.repeat(600));
    await settle();
    expect(bench.calls).toHaveLength(0);
    void bench.putWhenRoom('b', 'x'.repeat(600));
    const third = bench.putWhenRoom('c', 'x');
    await settle();
    expect(bench.sent).toEqual(['a', 'b']);
    bench.calls[0]?.succeed();
    await settle();
    // There is room again: this one has a delay of its own.
    expect(bench.sent).toEqual(['a', 'b']);
    bench.clock.advance(60_000);
    await settle();
    expect(bench.sent).toEqual(['a', 'b', 'c']);
    bench.calls[1]?.succeed();
    expect(await third).toBe('created');
  });
});

describe('a delay that has passed', () => {
  test('has passed for everything that had gathered, also for what found the line busy', async () => {
    const bench = new Bench({ delayMs: 60_000, maxInFlight: 1, maxPendingBytes: 1e9 });
    // A megabyte is a batch.
    const ends = ['a', 'b', 'c'].map((key) => bench.put(key, MEGABYTE));
    bench.clock.advance(60_000);
    await settle();
    expect(bench.sent).toEqual(['a']);
    for (const expected of [
      ['a', 'b'],
      ['a', 'b', 'c'],
    ]) {
      bench.calls.at(-1)?.succeed();
      await settle();
      expect(bench.sent).toEqual(expected);
    }
    bench.calls.at(-1)?.succeed();
    expect(await Promise.all(ends)).toEqual(['created', 'created', 'created']);
    // What comes now waits for company again.
    void bench.put('d', 'x');
    await settle();
    expect(bench.sent).toHaveLength(3);
    bench.clock.advance(60_000);
    await settle();
    expect(bench.sent).toHaveLength(4);
  });
});

describe('flush while others wait for room', () => {
  test.each([
    ['writes', { maxPending: 2 }],
    ['bytes', { maxPendingBytes: 2 }],
  ])('resolves when they have been confirmed, too (a bound on %s)', async (_what, policy) => {
    const bench = new Bench({ ...policy, delayMs: 60_000 });
    const keys = Array.from({ length: 7 }, (_, i) => `k${i}`);
    const ends = keys.map((key) => bench.putWhenRoom(key, 'x'));
    const flush = { isOver: false };
    const flushed = bench.writer.flush().then(() => {
      flush.isOver = true;
    });
    // Who comes after the flush has begun is none of its business.
    void bench.putWhenRoom('late', 'x');
    for (let i = 0; i < 50 && !flush.isOver; i++) {
      await settle();
      if (!keys.every((key) => bench.sent.includes(key))) expect(flush.isOver).toBe(false);
      bench.calls[i]?.succeed();
    }
    await flushed;
    expect(await Promise.all(ends)).toEqual(keys.map(() => 'created'));
  });
});
