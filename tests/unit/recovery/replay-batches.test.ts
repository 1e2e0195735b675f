/** The pace of a replay: full batches, a few at a time, no faster than told. */
import { describe, expect, test } from '@jest/globals';
import { CacheError } from '../../../lib/base/errors.js';
import { ReplayBatches, type ReplayWrite } from '../../../lib/recovery/replay-batches.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import type { WriteOutcome } from '../../../lib/tiers/redis/write-script.js';

const PACE = { keysPerSecond: 1000, batchKeys: 10, maxInFlight: 2, jitterMs: 0 };

function writeOf(i: number, sealed = 'x'): ReplayWrite {
  return { key: `k${i}`, version: String(i), redisKey: `r${i}`, sealed, isValue: true, isAdopted: false };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
}

/** A Redis that answers when told. */
class SlowRedis {
  readonly clock = new FakeClock();
  readonly sent: { readonly size: number; readonly atMs: number }[] = [];
  readonly outcomes: [string, WriteOutcome][] = [];
  readonly overtaken = new Set<string>();
  readonly #answers: ((error?: Error) => void)[] = [];
  readonly batches: ReplayBatches;

  constructor(pace = PACE) {
    const startMs = this.clock.nowMs();
    this.batches = new ReplayBatches(
      (writes) =>
        new Promise((resolve, reject) => {
          this.sent.push({ size: writes.length, atMs: this.clock.nowMs() - startMs });
          this.#answers.push((error) => {
            if (error === undefined) resolve(writes.map(() => 'created'));
            else reject(error);
          });
        }),
      this.clock,
      pace,
      ({ key }, outcome) => this.outcomes.push([key, outcome]),
      ({ key }) => !this.overtaken.has(key),
    );
  }

  async answer(error?: Error): Promise<void> {
    this.#answers.shift()?.(error);
    await turns();
  }

  /** Adds writes one after the other, as a replay does; `added` counts them. */
  add(count: number, sealed?: string): { readonly done: Promise<void>; added: number } {
    const progress = { added: 0, done: Promise.resolve() };
    const run = async (): Promise<void> => {
      for (let i = 0; i < count; i++) {
        await this.batches.add(writeOf(i, sealed));
        progress.added++;
      }
      await this.batches.finish();
    };
    progress.done = run();
    return progress;
  }
}

describe('batches of a replay', () => {
  test('are full, and what is left is sent at the end; every write is told of', async () => {
    const redis = new SlowRedis({ ...PACE, keysPerSecond: Infinity });
    const { done } = redis.add(25);
    for (let i = 0; i < 3; i++) {
      await turns();
      await redis.answer();
    }
    await done;
    expect(redis.sent.map(({ size }) => size)).toEqual([10, 10, 5]);
    expect(redis.outcomes.map(([key]) => key)).toEqual(Array.from({ length: 25 }, (_, i) => `k${i}`));
  });

  test('are at most two under way, and the next one waits for an answer', async () => {
    const redis = new SlowRedis({ ...PACE, keysPerSecond: Infinity });
    const progress = redis.add(100);
    await turns();
    expect(redis.sent).toHaveLength(2);
    expect(progress.added).toBe(29);
    await redis.answer();
    expect(redis.sent).toHaveLength(3);
    for (let i = 0; i < 9; i++) await redis.answer();
    await progress.done;
    expect(redis.sent).toHaveLength(10);
  });

  test('keep to the pace, however fast Redis answers', async () => {
    const redis = new SlowRedis();
    const { done } = redis.add(50);
    for (let ms = 0; ms < 60; ms++) {
      await turns();
      await redis.answer();
      redis.clock.advance(1);
    }
    await redis.answer();
    await done;
    // Ten keys at a thousand a second: one batch every 10 ms.
    expect(redis.sent.map(({ atMs }) => atMs)).toEqual([0, 10, 20, 30, 40]);
  });

  test('are smaller where values are large', async () => {
    const redis = new SlowRedis({ ...PACE, keysPerSecond: Infinity });
    const { done } = redis.add(4, 'x'.repeat(600_000));
    await turns();
    await redis.answer();
    await redis.answer();
    await done;
    expect(redis.sent.map(({ size }) => size)).toEqual([2, 2]);
  });

  test('one that fails ends the pass: nothing is sent behind it, and none of its writes is told of', async () => {
    const redis = new SlowRedis({ ...PACE, keysPerSecond: Infinity });
    const failure = new CacheError('CACHE_L2_UNAVAILABLE', 'gone');
    const { done } = redis.add(60);
    await turns();
    await redis.answer(failure);
    await redis.answer();
    await done;
    expect(redis.batches.failure).toBe(failure);
    expect(redis.sent).toHaveLength(2);
    expect(redis.outcomes.map(([key]) => key)).toEqual(Array.from({ length: 10 }, (_, i) => `k${i + 10}`));
  });

  test('leave out what was overtaken while it waited for its turn', async () => {
    const redis = new SlowRedis({ ...PACE, keysPerSecond: Infinity });
    const { done } = redis.add(30);
    await turns();
    for (const key of ['k20', 'k29']) redis.overtaken.add(key);
    for (let i = 0; i < 3; i++) await redis.answer();
    await done;
    expect(redis.sent.map(({ size }) => size)).toEqual([10, 10, 8]);
    expect(redis.outcomes.map(([key]) => key)).not.toEqual(expect.arrayContaining(['k20']));
  });
});
