/** G2: the times in writes when the server's clock is not where the writer takes it to be. No network. */
import { expect, test } from '@jest/globals';
import { HybridClock } from '../../../../lib/base/hybrid-clock.js';
import { createdAtOfSealed, sealEnvelope } from '../../../../lib/codec/envelope.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';
import type { RedisConnection } from '../../../../lib/tiers/redis/redis-connection.js';
import { WRONG_CLOCK, type ScriptWrite } from '../../../../lib/tiers/redis/write-script.js';
import { WriteTimes } from '../../../../lib/tiers/redis/write-times.js';

const NOW_MS = 1_700_000_000_000;

class Bench {
  readonly clock = new FakeClock(NOW_MS);
  readonly hybridClock = new HybridClock(this.clock, 'me00000');
  readonly times: WriteTimes;
  /** Whether each attempt compared the clocks. */
  readonly attempts: boolean[] = [];
  comparisons = 0;

  /** @param stepMs how far the server's clock is from where it was when the clocks were compared */
  constructor(stepMs: number) {
    this.#anchor(0);
    const connection = {
      hybridClock: this.hybridClock,
      compareClocks: () => {
        this.comparisons++;
        this.#anchor(stepMs);
        return Promise.resolve();
      },
    };
    this.times = new WriteTimes(connection as unknown as RedisConnection, this.clock);
  }

  write(aheadMs = 0): ScriptWrite {
    const at = this.hybridClock.nowMs() + aheadMs;
    const version = this.hybridClock.versionOf(this.hybridClock.stamp());
    const times = { createdAtMs: at, freshUntilMs: at + 1000, expiresAtMs: at + 1000 };
    const sealed = sealEnvelope({ kind: 'v', version, codec: 'j', compression: '-', ...times }, '1');
    return { key: 'k', redisKey: 'oxcache:s:k', sealed, version };
  }

  /** Sends a write to a Redis that finds its times wrong if it compares them. */
  send(write: ScriptWrite, isOfNow = true): Promise<string> {
    return this.times.guard([write], isOfNow, (comparesClocks) => {
      this.attempts.push(comparesClocks);
      return Promise.resolve(comparesClocks ? WRONG_CLOCK : 'applied');
    });
  }

  #anchor(stepMs: number): void {
    const nowMs = this.clock.nowMs();
    this.hybridClock.anchor(nowMs + stepMs, nowMs, nowMs);
  }
}

test.each([-3_600_000, 3_600_000])(
  'are moved with the clock that was set by %i ms, and the write is sent once more',
  async (stepMs) => {
    const bench = new Bench(stepMs);
    const write = bench.write();
    expect(await bench.send(write)).toBe('applied');
    expect(bench.attempts).toEqual([true, false]);
    expect(createdAtOfSealed(write.sealed)).toBe(NOW_MS + stepMs);
    expect(bench.comparisons).toBe(1);
  },
);

test('of what was merely late stay, and are not compared again for a while', async () => {
  const bench = new Bench(0);
  const late = bench.write(-20_000);
  expect(await bench.send(late)).toBe('applied');
  expect(createdAtOfSealed(late.sealed)).toBe(NOW_MS - 20_000);
  await bench.send(bench.write());
  expect(bench.attempts).toEqual([true, false, false]);
  bench.clock.advance(10_000);
  await bench.send(bench.write());
  expect(bench.attempts).toEqual([true, false, false, true, false]);
});

test('of what was sealed before the clocks were compared, and is in the future, end with now', async () => {
  const bench = new Bench(0);
  const write = bench.write(60_000);
  await bench.send(write);
  expect(createdAtOfSealed(write.sealed)).toBe(NOW_MS);
});

test('of what is replayed are as old as they are, and are not compared', async () => {
  const bench = new Bench(-3_600_000);
  const write = bench.write();
  const { sealed } = write;
  expect(await bench.send(write, false)).toBe('applied');
  expect(bench.attempts).toEqual([false]);
  expect(write.sealed).toBe(sealed);
});
