/** The batch writer alone, over an apply function whose answers the test gives when it likes. */
import { describe, expect, test } from '@jest/globals';
import { CacheError } from '../../../lib/base/errors.js';
import { BatchWriter, type BatchPolicy } from '../../../lib/sync/batch-writer.js';
import {
  PendingWrite,
  type OnConfirmed,
  type Renew,
  type Rescue,
  type WriteEnds,
  type WriteOrigin,
} from '../../../lib/sync/pending-write.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import type { ScriptWrite, WriteOutcome } from '../../../lib/tiers/redis/write-script.js';

interface Call {
  readonly keys: readonly string[];
  readonly sealed: readonly (string | Buffer)[];
  readonly writes: readonly ScriptWrite[];
  readonly succeed: (outcomes?: readonly WriteOutcome[]) => void;
  readonly fail: (error: unknown) => void;
}

class Bench<R = never> {
  readonly clock = new FakeClock();
  readonly calls: Call[] = [];
  readonly writer: BatchWriter<R>;
  #versions = 0;

  constructor(policy: Partial<BatchPolicy> = {}, ends: WriteEnds<R> = {}) {
    const apply = (writes: readonly ScriptWrite[]): Promise<WriteOutcome[]> =>
      new Promise((resolve, reject) => {
        this.calls.push({
          keys: writes.map(({ redisKey }) => redisKey),
          sealed: writes.map(({ sealed }) => sealed),
          writes: [...writes],
          succeed: (outcomes) => resolve(outcomes === undefined ? writes.map(() => 'created' as const) : [...outcomes]),
          fail: reject,
        });
      });
    const complete = { maxBatch: 3, maxInFlight: 2, delayMs: 0, maxPending: 100, maxPendingBytes: 1e6, ...policy };
    this.writer = new BatchWriter<R>(apply, this.clock, complete, ends);
  }

  put(
    key: string,
    sealed: string | Buffer = `value of ${key}`,
    version = String(++this.#versions).padStart(24, '0'),
    origin: WriteOrigin = 'fetched',
  ): Promise<WriteOutcome | R> {
    return this.writer.put(key, `r:${key}`, sealed, version, origin);
  }

  /** {@link put} of a caller that waits. */
  putAwaited(key: string, sealed: string): Promise<WriteOutcome | R> {
    return this.put(key, sealed, String(++this.#versions).padStart(24, '0'), 'awaited');
  }

  /** Redis answers the only write of a batch that something newer is there. */
  beat(index: number, newer: string): void {
    const call = this.call(index);
    (call.writes[0] as ScriptWrite).newer = newer;
    call.succeed(['older']);
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

describe('G17: an awaited write that finds something newer', () => {
  const NEWER = '5'.padStart(24, '0');
  /** One more than what is there. */
  const renew: Renew = ({ sealed }, newer) => ({ sealed: `${String(sealed)}!`, version: newer.slice(0, -1) + '9' });

  test('is made newer and sent again, and is found by its key all the while', async () => {
    const bench = new Bench({}, { renew });
    const end = bench.putAwaited('a', 'mine');
    await settle();
    bench.beat(0, NEWER);
    for (let turn = 0; turn < 20; turn++) {
      expect(bench.writer.find('a')).toBeDefined();
      await Promise.resolve();
    }
    await settle();
    expect(bench.call(1)).toMatchObject({ sealed: ['mine!'] });
    expect(bench.call(1).writes[0]?.version).toBe(NEWER.slice(0, -1) + '9');
    bench.call(1).succeed(['replaced']);
    expect(await end).toBe('replaced');
    expect(bench.writer.size).toBe(0);
  });

  test('is older after all when others go on putting newer ones in its way', async () => {
    const bench = new Bench({}, { renew });
    const end = bench.putAwaited('a', 'mine');
    for (let call = 0; call <= 5; call++) {
      await settle();
      bench.beat(call, NEWER);
    }
    expect(await end).toBe('older');
    expect(bench.calls).toHaveLength(6);
    expect(bench.writer.size).toBe(0);
  });

  test('is older when its version cannot be made newer, or nobody waits for it', async () => {
    const bench = new Bench({}, { renew: () => undefined });
    const ends = [bench.putAwaited('a', 'mine')];
    await settle();
    bench.beat(0, NEWER);
    const other = new Bench({}, { renew });
    ends.push(other.put('a', 'loaded'));
    await settle();
    other.beat(0, NEWER);
    expect(await Promise.all(ends)).toEqual(['older', 'older']);
    expect([...bench.calls, ...other.calls]).toHaveLength(2);
  });

  test.each(['under way', 'waiting'])('ends like a later write of its key that is %s: it must not pass it', async (state) => {
    const bench = new Bench({ maxInFlight: state === 'waiting' ? 1 : 2 }, { renew });
    const first = bench.putAwaited('a', 'first');
    await settle();
    const second = bench.putAwaited('a', 'second');
    await settle();
    bench.beat(0, '1'.padStart(24, '1'));
    await settle();
    expect(bench.calls.map(({ sealed }) => sealed)).toEqual([['first'], ['second']]);
    bench.beat(1, '1'.padStart(24, '1'));
    await settle();
    expect(bench.call(2).sealed).toEqual(['second!']);
    bench.call(2).succeed(['replaced']);
    expect(await Promise.all([first, second])).toEqual(['replaced', 'replaced']);
  });

  test.each(['while it waits', 'once it is under way'])(
    'is sent again though a load has taken its place %s, because the load is older than what is there, too',
    async (when) => {
      const bench = new Bench({ maxInFlight: when === 'while it waits' ? 1 : 2 }, { renew });
      const blocker = bench.put('b', 'first');
      await settle();
      const mine = bench.put('a', 'mine', '2'.padStart(24, '0'), 'awaited');
      if (when !== 'while it waits') await settle();
      const loaded = bench.put('a', 'loaded', '3'.padStart(24, '0'));
      await settle();
      bench.call(0).succeed(['created']);
      await settle();
      for (let call = 1; bench.calls[call] !== undefined && bench.calls[call]?.sealed[0] !== 'mine!'; call++) {
        bench.beat(call, NEWER);
        await settle();
      }
      expect(bench.calls.map(({ sealed }) => sealed[0])).toEqual(
        when === 'while it waits' ? ['first', 'loaded', 'mine!'] : ['first', 'mine', 'loaded', 'mine!'],
      );
      bench.call(bench.calls.length - 1).succeed(['replaced']);
      expect(await Promise.all([blocker, mine, loaded])).toEqual(['created', 'replaced', 'replaced']);
      expect(bench.writer.size).toBe(0);
    },
  );

  test('is not sent again when that came later: what is confirmed then is the load that was sent in its place', async () => {
    const confirmed: string[] = [];
    const onConfirmed: OnConfirmed<never> = ({ sealed, version }) => {
      confirmed.push(`${String(sealed)} ${Number(version)}`);
      return undefined;
    };
    const bench = new Bench({}, { renew: () => undefined, onConfirmed });
    const mine = bench.put('a', 'mine', '2'.padStart(24, '0'), 'awaited');
    const loaded = bench.put('a', 'loaded', '3'.padStart(24, '0'));
    await settle();
    bench.beat(0, NEWER);
    expect(await Promise.all([mine, loaded])).toEqual(['older', 'older']);
    // With `wal.mode = "always"` the log has it, and would keep it for ever.
    expect(confirmed).toEqual(['loaded 3']);
  });

  test.each(['while it waits', 'once it is under way'])(
    'never comes out after a later call that is written behind and has taken its place %s',
    async (when) => {
      const bench = new Bench({ maxInFlight: when === 'while it waits' ? 1 : 2 }, { renew });
      const blocker = bench.put('b', 'first');
      await settle();
      const mine = bench.put('a', 'mine', '2'.padStart(24, '0'), 'awaited');
      if (when !== 'while it waits') await settle();
      const removal = bench.put('a', 'removal', '3'.padStart(24, '0'), 'behind');
      await settle();
      bench.call(0).succeed(['created']);
      await settle();
      for (let call = 1; bench.calls[call] !== undefined && bench.calls[call]?.sealed[0] !== 'removal!'; call++) {
        bench.beat(call, NEWER);
        await settle();
      }
      expect(bench.calls.map(({ sealed }) => sealed[0])).toEqual(
        when === 'while it waits' ? ['first', 'removal', 'removal!'] : ['first', 'mine', 'removal', 'removal!'],
      );
      bench.call(bench.calls.length - 1).succeed(['replaced']);
      expect(await Promise.all([blocker, mine, removal])).toEqual(['created', 'replaced', 'replaced']);
      expect(bench.writer.size).toBe(0);
    },
  );

  test('takes the place of one that waits and is older, such as a load that began before', async () => {
    const bench = new Bench({ maxInFlight: 1 }, { renew });
    const version = '3'.padStart(24, '0');
    const awaited = bench.put('a', 'mine', version, 'awaited');
    await settle();
    const loaded = bench.put('a', 'loaded', '2'.padStart(24, '0'));
    bench.beat(0, NEWER);
    await settle();
    expect(await loaded).toBe('older');
    expect(bench.call(1).sealed).toEqual(['mine!']);
    bench.call(1).succeed(['replaced']);
    expect(await awaited).toBe('replaced');
    expect(bench.writer.size).toBe(0);
  });

  test('does not gather for another delay, and flush waits for it', async () => {
    const bench = new Bench({ delayMs: 60_000 }, { renew });
    const end = bench.putAwaited('a', 'mine');
    let isFlushed = false;
    const flushing = bench.writer.flush().then(() => (isFlushed = true));
    await settle();
    bench.beat(0, NEWER);
    await settle();
    expect(isFlushed).toBe(false);
    expect(bench.call(1).sealed).toEqual(['mine!']);
    bench.call(1).succeed(['replaced']);
    await flushing;
    expect(await end).toBe('replaced');
  });

  test('is sent again without a delay when nobody flushes', async () => {
    const bench = new Bench({ delayMs: 60_000, maxBatch: 1 }, { renew });
    const end = bench.putAwaited('a', 'mine');
    await settle();
    bench.beat(0, NEWER);
    await settle();
    bench.call(1).succeed(['replaced']);
    expect(await end).toBe('replaced');
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

describe('G8: what Redis did not confirm', () => {
  const refusal = new CacheError('CACHE_L2_UNAVAILABLE', 'refused');

  /** A rescue whose ends the test decides. */
  function watchRescues(): {
    readonly rescue: Rescue<'rescued'>;
    readonly rescued: {
      readonly key: string;
      readonly sealed: string | Buffer;
      readonly version: string;
      readonly error: CacheError;
    }[];
    readonly finish: () => void;
  } {
    const rescued: { key: string; sealed: string | Buffer; version: string; error: CacheError }[] = [];
    let finish = (): void => undefined;
    const finished = new Promise<'rescued'>((resolve) => {
      finish = () => resolve('rescued');
    });
    const rescue: Rescue<'rescued'> = ({ key, sealed, version }, error) => {
      rescued.push({ key, sealed, version, error });
      return finished;
    };
    return { rescue, rescued, finish };
  }

  test('is rescued, each write by itself; what it confirmed is not', async () => {
    const { rescue, rescued, finish } = watchRescues();
    const bench = new Bench({}, { rescue });
    const ends = [bench.put('a'), bench.put('b', 'bytes', '7'.padStart(24, '0')), bench.put('c')];
    await settle();
    bench.call(0).succeed(['replaced', refusal, 'older']);
    finish();
    expect(await Promise.all(ends)).toEqual(['replaced', 'rescued', 'older']);
    expect(rescued).toEqual([{ key: 'b', sealed: 'bytes', version: '7'.padStart(24, '0'), error: refusal }]);
  });

  test('is rescued when its whole batch failed, or the answer is too short', async () => {
    const { rescue, rescued, finish } = watchRescues();
    finish();
    const bench = new Bench({}, { rescue });
    const ends = [bench.put('a'), bench.put('b')];
    await settle();
    bench.call(0).fail(refusal);
    expect(await Promise.all(ends)).toEqual(['rescued', 'rescued']);
    const more = [bench.put('c'), bench.put('d')];
    await settle();
    bench.call(1).succeed(['created']);
    expect(await Promise.all(more)).toEqual(['created', 'rescued']);
    expect(rescued.map(({ key, error }) => `${key} ${error.code}`)).toEqual([
      'a CACHE_L2_UNAVAILABLE',
      'b CACHE_L2_UNAVAILABLE',
      'd CACHE_INTERNAL',
    ]);
  });

  test('is handed over in the moment in which it is no longer found here: it is always in one of the two places', async () => {
    const handedOver: string[] = [];
    const bench = new Bench<'rescued'>(
      {},
      {
        rescue: ({ key }) => {
          handedOver.push(key);
          return 'rescued';
        },
      },
    );
    const end = bench.put('a');
    await settle();
    bench.call(0).fail(refusal);
    for (let turn = 0; turn < 20; turn++) {
      expect(bench.writer.find('a') !== undefined || handedOver.includes('a')).toBe(true);
      await Promise.resolve();
    }
    expect(await end).toBe('rescued');
    expect(bench.writer.find('a')).toBeUndefined();
  });

  test('does not hold up the writes that come after it, while it is being rescued', async () => {
    const { rescue, finish } = watchRescues();
    const bench = new Bench({ maxInFlight: 1, maxBatch: 1, maxPending: 1 }, { rescue });
    const first = bench.put('a');
    let second: Promise<unknown> | undefined;
    bench.writer.whenRoom(() => {
      second = bench.put('b');
    });
    await settle();
    bench.call(0).fail(refusal);
    await settle();
    bench.call(1).succeed();
    expect(await second).toBe('created');
    finish();
    expect(await first).toBe('rescued');
  });
});

describe('G8: outcomes', () => {
  test('are made known in the order of sending, so that an older write of a key never comes after a newer one', async () => {
    const told: string[] = [];
    const rescue: Rescue<'rescued'> = ({ sealed }) => {
      told.push(`rescued ${String(sealed)}`);
      return 'rescued';
    };
    const onConfirmed: OnConfirmed<'rescued'> = ({ sealed }) => {
      told.push(`confirmed ${String(sealed)}`);
      return undefined;
    };
    const bench = new Bench<'rescued'>({}, { rescue, onConfirmed });
    const older = bench.put('a', 'older');
    await settle();
    const newer = bench.put('a', 'newer');
    await settle();
    bench.call(1).succeed();
    await settle();
    // Confirmed or not: the newest write is what a read has to see.
    expect(bench.writer.find('a')?.sealed).toBe('newer');
    expect(told).toEqual([]);
    bench.call(0).fail(new CacheError('CACHE_L2_TIMEOUT', 'no answer'));
    expect(await Promise.all([older, newer])).toEqual(['rescued', 'created']);
    expect(told).toEqual(['rescued older', 'confirmed newer']);
    expect(bench.writer.find('a')).toBeUndefined();
  });

  test('of a confirmed write wait for what its owner still has to do, and hold nothing else up', async () => {
    let finish = (): void => undefined;
    const isWaiting = new Promise<void>((resolve) => (finish = resolve));
    const bench = new Bench({}, { onConfirmed: ({ key }) => (key === 'a' ? isWaiting : undefined) });
    const ends = [bench.put('a'), bench.put('b')] as const;
    let isKnown = false;
    void ends[0].then(() => (isKnown = true));
    await settle();
    bench.call(0).succeed();
    expect(await ends[1]).toBe('created');
    expect([isKnown, bench.writer.size]).toEqual([false, 0]);
    finish();
    expect(await ends[0]).toBe('created');
  });
});

describe('G9: abandon', () => {
  const closed = new CacheError('CACHE_L2_TIMEOUT', 'not confirmed when the cache was closed');

  test('rescues what waits, what is under way and what waits for room, and resolves when all of it is settled', async () => {
    const keys: string[] = [];
    const bench = new Bench<'rescued'>(
      { maxBatch: 1, maxInFlight: 1, maxPending: 2, delayMs: 60_000 },
      {
        rescue: ({ key }) => {
          keys.push(key);
          return Promise.resolve('rescued');
        },
      },
    );
    const ends: Promise<unknown>[] = [];
    for (const key of ['a', 'b', 'c', 'd', 'e']) bench.writer.whenRoom(() => void ends.push(bench.put(key)));
    await settle();
    expect(bench.calls).toHaveLength(1);
    await bench.writer.abandon(closed);
    expect(keys.sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(await Promise.all(ends)).toEqual(Array(5).fill('rescued'));
    expect(bench.clock.pendingTimers).toBe(0);
  });

  test('rescues a write once, whatever is heard of its batch later', async () => {
    const keys: string[] = [];
    const bench = new Bench<'rescued'>(
      {},
      {
        rescue: ({ key }) => {
          keys.push(key);
          return 'rescued';
        },
      },
    );
    const ends = [bench.put('a'), bench.put('b')];
    await settle();
    await bench.writer.abandon(closed);
    bench.call(0).succeed(['created', closed]);
    await settle();
    expect(await Promise.all(ends)).toEqual(['rescued', 'rescued']);
    expect(keys).toEqual(['a', 'b']);
    expect(bench.writer.size).toBe(0);
  });

  test('waits for a rescue that is under way', async () => {
    let finish = (): void => undefined;
    const bench = new Bench<'rescued'>({}, { rescue: () => new Promise((resolve) => (finish = () => resolve('rescued'))) });
    void bench.put('a');
    await settle();
    let isDone = false;
    const abandoning = bench.writer.abandon(closed).then(() => {
      isDone = true;
    });
    await settle();
    expect(isDone).toBe(false);
    finish();
    await abandoning;
  });

  test('without a rescue ends what is left with its error', async () => {
    const bench = new Bench({ maxInFlight: 1, maxBatch: 1 });
    const ends = [bench.put('a'), bench.put('b')];
    await settle();
    await bench.writer.abandon(closed);
    expect(await Promise.all(ends)).toEqual([closed, closed]);
  });

  test('with nothing left does nothing', async () => {
    const bench = new Bench();
    await bench.writer.abandon(closed);
    expect(bench.writer.size).toBe(0);
  });
});

describe('a pending write', () => {
  test('is settled once: what comes later changes nothing', async () => {
    const write = new PendingWrite<'rescued'>('k', 'r:k', 'bytes', '1', 'fetched');
    expect(write.isSettled).toBe(false);
    write.settle('rescued');
    write.settle('created');
    expect(write.isSettled).toBe(true);
    expect(await write.outcome).toBe('rescued');
  });

  test('counts as settled as soon as its outcome is being made', async () => {
    const write = new PendingWrite<'rescued'>('k', 'r:k', 'bytes', '1', 'fetched');
    write.settle(new Promise((resolve) => setImmediate(() => resolve('rescued'))));
    expect(write.isSettled).toBe(true);
    expect(await write.outcome).toBe('rescued');
  });
});
