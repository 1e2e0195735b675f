/** The batch writer alone, over an apply function whose answers the test gives when it likes. */
import { describe, expect, test } from '@jest/globals';
import { CacheError } from '../../../lib/base/errors.js';
import { BatchWriter, type BatchPolicy } from '../../../lib/sync/batch-writer.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import type { ScriptWrite, WriteOutcome } from '../../../lib/tiers/redis/write-script.js';

interface Call {
  readonly keys: readonly string[];
  readonly sealed: readonly (string | Buffer)[];
  readonly succeed: (outcomes?: readonly WriteOutcome[]) => void;
  readonly fail: (error: unknown) => void;
}

class Bench {
  readonly clock = new FakeClock();
  readonly calls: Call[] = [];
  readonly writer: BatchWriter;
  #versions = 0;

  constructor(policy: Partial<BatchPolicy> = {}) {
    const apply = (writes: readonly ScriptWrite[]): Promise<WriteOutcome[]> =>
      new Promise((resolve, reject) => {
        this.calls.push({
          keys: writes.map(({ redisKey }) => redisKey),
          sealed: writes.map(({ sealed }) => sealed),
          succeed: (outcomes) => resolve(outcomes === undefined ? writes.map(() => 'created' as const) : [...outcomes]),
          fail: reject,
        });
      });
    this.writer = new BatchWriter(apply, this.clock, { maxBatch: 3, maxInFlight: 2, delayMs: 0, maxPending: 100, ...policy });
  }

  put(
    key: string,
    sealed: string | Buffer = `value of ${key}`,
    version = String(++this.#versions).padStart(24, '0'),
  ): Promise<WriteOutcome> {
    return this.writer.put(key, `r:${key}`, sealed, version);
  }

  call(index: number): Call {
    const call = this.calls[index];
    if (call === undefined) throw new Error(`There was no call ${index}, only ${this.calls.length}`);
    return call;
  }
}

/** Lets everything run that needs no time. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('gathering', () => {
  test('sends the writes of one tick together, at its end', async () => {
    const bench = new Bench();
    const ends = [bench.put('a'), bench.put('b')];
    expect(bench.calls).toHaveLength(0);
    expect(bench.writer.size).toBe(2);
    await settle();
    expect(bench.call(0).keys).toEqual(['r:a', 'r:b']);
    bench.call(0).succeed(['created', 'replaced']);
    expect(await Promise.all(ends)).toEqual(['created', 'replaced']);
    expect(bench.writer.size).toBe(0);
  });

  test('divides what is more than maxBatch, with at most maxInFlight under way', async () => {
    const bench = new Bench();
    const ends = Array.from({ length: 8 }, (_, i) => bench.put(`k${i}`));
    await settle();
    expect(bench.calls.map(({ keys }) => keys.length)).toEqual([3, 3]);
    expect(bench.writer.size).toBe(8);
    bench.call(1).succeed();
    await settle();
    expect(bench.calls.map(({ keys }) => keys.length)).toEqual([3, 3, 2]);
    bench.call(0).succeed();
    bench.call(2).succeed();
    expect(await Promise.all(ends)).toEqual(Array(8).fill('created'));
  });

  test('gathers while the line is busy', async () => {
    const bench = new Bench({ maxInFlight: 1, maxBatch: 10 });
    void bench.put('a');
    await settle();
    void bench.put('b');
    await settle();
    void bench.put('c');
    await settle();
    expect(bench.calls).toHaveLength(1);
    bench.call(0).succeed();
    await settle();
    expect(bench.call(1).keys).toEqual(['r:b', 'r:c']);
  });

  test('ends a batch before it has more than a megabyte, unless one write is that large', async () => {
    const bench = new Bench({ maxBatch: 100, maxInFlight: 10 });
    const sizes = [600_000, 600_000, 3_000_000, 100, 100];
    sizes.forEach((size, i) => void bench.put(`k${i}`, Buffer.alloc(size)));
    await settle();
    expect(bench.calls.map(({ keys }) => keys)).toEqual([['r:k0'], ['r:k1'], ['r:k2'], ['r:k3', 'r:k4']]);
  });

  test('with a delay, sends when the first write has waited that long', async () => {
    const bench = new Bench({ delayMs: 50, maxBatch: 10 });
    void bench.put('a');
    bench.clock.advance(49);
    void bench.put('b');
    await settle();
    expect(bench.calls).toHaveLength(0);
    bench.clock.advance(1);
    expect(bench.call(0).keys).toEqual(['r:a', 'r:b']);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  test('with a delay, sends a full batch at once and lets the rest wait', async () => {
    const bench = new Bench({ delayMs: 50, maxBatch: 3 });
    for (let i = 0; i < 4; i++) void bench.put(`k${i}`);
    await settle();
    expect(bench.calls.map(({ keys }) => keys.length)).toEqual([3]);
    bench.clock.advance(50);
    expect(bench.calls.map(({ keys }) => keys.length)).toEqual([3, 1]);
  });
});

describe('writes of the same key', () => {
  test('that wait together become one, with the newest value, and share its outcome', async () => {
    const bench = new Bench();
    const ends = [bench.put('a', 'first'), bench.put('a', 'second')];
    await settle();
    expect(bench.call(0)).toMatchObject({ keys: ['r:a'], sealed: ['second'] });
    bench.call(0).succeed(['replaced']);
    expect(await Promise.all(ends)).toEqual(['replaced', 'replaced']);
  });

  test('of which the later is the older, are settled as older at once', async () => {
    const bench = new Bench();
    const newer = bench.put('a', 'newer', '2'.padStart(24, '0'));
    expect(await bench.put('a', 'older', '1'.padStart(24, '0'))).toBe('older');
    await settle();
    expect(bench.call(0).sealed).toEqual(['newer']);
    bench.call(0).succeed();
    expect(await newer).toBe('created');
  });

  test('are two writes when the first is under way already', async () => {
    const bench = new Bench();
    const first = bench.put('a', 'first');
    await settle();
    const second = bench.put('a', 'second');
    await settle();
    expect(bench.calls.map(({ sealed }) => sealed)).toEqual([['first'], ['second']]);
    expect(bench.writer.size).toBe(2);
    bench.call(1).succeed(['replaced']);
    bench.call(0).succeed(['older']);
    expect(await Promise.all([first, second])).toEqual(['older', 'replaced']);
    expect(bench.writer.size).toBe(0);
  });
});

describe('G8: the end of a write', () => {
  test('is its own, whatever happened to its neighbours', async () => {
    const bench = new Bench();
    const refusal = new CacheError('CACHE_L2_UNAVAILABLE', 'refused');
    const ends = [bench.put('a'), bench.put('b'), bench.put('c')];
    await settle();
    bench.call(0).succeed(['created', refusal, 'older']);
    expect(await Promise.all(ends)).toEqual(['created', refusal, 'older']);
  });

  test('is the failure of its batch, and never a rejection', async () => {
    const bench = new Bench();
    const failure = new CacheError('CACHE_L2_TIMEOUT', 'too slow');
    const ends = [bench.put('a'), bench.put('b')];
    await settle();
    bench.call(0).fail(failure);
    expect(await Promise.all(ends)).toEqual([failure, failure]);
    const next = bench.put('a');
    await settle();
    bench.call(1).succeed();
    expect(await next).toBe('created');
  });

  test('is CACHE_INTERNAL when the batch failed unexpectedly or the answer is too short', async () => {
    const bench = new Bench();
    const first = bench.put('a');
    await settle();
    bench.call(0).fail(new Error('a bug'));
    expect(await first).toMatchObject({ code: 'CACHE_INTERNAL' });
    const ends = [bench.put('a'), bench.put('b')];
    await settle();
    bench.call(1).succeed(['created']);
    expect(await Promise.all(ends)).toMatchObject(['created', { code: 'CACHE_INTERNAL' }]);
  });
});

describe('find', () => {
  test('has the newest write of a key from the moment it is taken until it is settled', async () => {
    const bench = new Bench();
    expect(bench.writer.find('a')).toBeUndefined();
    void bench.put('a', 'first');
    expect(bench.writer.find('a')?.sealed).toBe('first');
    await settle();
    expect(bench.writer.find('a')?.sealed).toBe('first');
    void bench.put('a', 'second');
    expect(bench.writer.find('a')?.sealed).toBe('second');
    await settle();
    bench.call(0).succeed();
    await settle();
    expect(bench.writer.find('a')?.sealed).toBe('second');
    bench.call(1).succeed();
    await settle();
    expect(bench.writer.find('a')).toBeUndefined();
  });
});

describe('G14: whenRoom', () => {
  test('runs at once while there is room, then in its turn', async () => {
    const bench = new Bench({ maxPending: 2, maxBatch: 1, maxInFlight: 1 });
    const order: string[] = [];
    for (const key of ['a', 'b', 'c', 'd']) {
      bench.writer.whenRoom(() => {
        order.push(key);
        void bench.put(key);
      });
    }
    expect(order).toEqual(['a', 'b']);
    await settle();
    expect(bench.writer.size).toBe(2);
    bench.call(0).succeed();
    await settle();
    expect(order).toEqual(['a', 'b', 'c']);
    expect(bench.writer.size).toBe(2);
    bench.call(1).succeed();
    await settle();
    bench.call(2).succeed();
    await settle();
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    bench.call(3).succeed();
    await settle();
    expect(bench.writer.size).toBe(0);
  });

  test('keeps its order and its bound for thousands of actions', async () => {
    const bench = new Bench({ maxPending: 10, maxBatch: 4, maxInFlight: 2 });
    const order: number[] = [];
    for (let i = 0; i < 3000; i++) {
      bench.writer.whenRoom(() => {
        order.push(i);
        void bench.put(`k${i}`);
      });
    }
    let most = 0;
    for (let answered = 0; order.length < 3000 || bench.writer.size > 0;) {
      await settle();
      most = Math.max(most, bench.writer.size);
      while (answered < bench.calls.length) bench.call(answered++).succeed();
    }
    expect(order).toEqual(Array.from({ length: 3000 }, (_, i) => i));
    expect(most).toBeLessThanOrEqual(10);
  });
});

describe('flush', () => {
  test('sends what waits without its delay, and resolves when that is settled', async () => {
    const bench = new Bench({ delayMs: 60_000, maxBatch: 10 });
    const end = bench.put('a');
    let isFlushed = false;
    const flushing = bench.writer.flush().then(() => {
      isFlushed = true;
    });
    expect(bench.call(0).keys).toEqual(['r:a']);
    await settle();
    expect(isFlushed).toBe(false);
    bench.call(0).succeed();
    await flushing;
    expect(await end).toBe('created');
    expect(bench.clock.pendingTimers).toBe(0);
  });

  test('waits for batches under way and for actions that wait for room', async () => {
    const bench = new Bench({ maxPending: 2, maxBatch: 1, maxInFlight: 1, delayMs: 60_000 });
    for (let i = 0; i < 7; i++) bench.writer.whenRoom(() => void bench.put(`k${i}`));
    let isFlushed = false;
    void bench.writer.flush().then(() => {
      isFlushed = true;
    });
    for (let i = 0; i < 7; i++) {
      expect(isFlushed).toBe(false);
      await settle();
      bench.call(i).succeed();
    }
    await settle();
    await settle();
    expect(isFlushed).toBe(true);
    expect(bench.writer.size).toBe(0);
  });

  test('resolves at once when there is nothing, and also when writes fail', async () => {
    const bench = new Bench();
    await bench.writer.flush();
    void bench.put('a');
    const flushing = bench.writer.flush();
    bench.call(0).fail(new CacheError('CACHE_L2_TIMEOUT', 'too slow'));
    await flushing;
    expect(bench.writer.size).toBe(0);
  });

  test('does not wait for ever while others go on writing', async () => {
    const bench = new Bench({ delayMs: 60_000, maxBatch: 1, maxInFlight: 1 });
    void bench.put('a');
    let isFlushed = false;
    void bench.writer.flush().then(() => {
      isFlushed = true;
    });
    for (let i = 0; i < 20; i++) {
      void bench.put(`later ${i}`);
      bench.call(i).succeed();
      await settle();
    }
    expect(isFlushed).toBe(true);
  });
});
