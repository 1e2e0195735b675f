/** What is sent again after a failover: the confirmed writes of the last seconds, each key once, within bounds (G14). */
import { describe, expect, test } from '@jest/globals';
import { CacheError } from '../../../../lib/base/errors.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';
import { RecentWrites } from '../../../../lib/tiers/redis/recent-writes.js';
import type { ScriptWrite } from '../../../../lib/tiers/redis/write-script.js';
import { until } from '../../../support/until.js';

class Bench {
  readonly clock = new FakeClock();
  readonly sent: ScriptWrite[][] = [];
  readonly clears: string[] = [];
  fails = false;
  /** Batches, those that failed included. */
  attempts = 0;
  refused: string | undefined;
  /** When a clear ends. */
  clearing = Promise.resolve();
  readonly recent = new RecentWrites(this.clock, {
    apply: (writes) => {
      this.attempts++;
      if (this.fails) return Promise.reject(new Error('away'));
      this.sent.push([...writes]);
      const refusal = new CacheError('CACHE_L2_UNAVAILABLE', 'refused');
      return Promise.resolve(writes.map(({ key }) => (key === this.refused ? refusal : 'created')));
    },
    clear: (version) => {
      this.clears.push(version);
      return this.clearing;
    },
  });

  add(key: string, version = key, sealed = 'x'.repeat(100)): void {
    this.recent.add({ key, redisKey: `p:${key}`, sealed, version });
  }

  get keys(): string[] {
    return this.sent.flat().map(({ key }) => key);
  }
}

describe('after a failover', () => {
  test('every write of the last seconds is sent again, in batches', async () => {
    const bench = new Bench();
    for (let i = 0; i < 450; i++) bench.add(`k${i}`);
    await bench.recent.resend();
    expect(bench.sent.map((batch) => batch.length)).toEqual([200, 200, 50]);
    expect(new Set(bench.keys).size).toBe(450);
  });

  test('of a key only the last write is', async () => {
    const bench = new Bench();
    bench.add('k', '1');
    bench.add('k', '2');
    await bench.recent.resend();
    expect(bench.sent.flat().map(({ version }) => version)).toEqual(['2']);
  });

  test('of a key the newest write is, though an older one was confirmed after it', async () => {
    const bench = new Bench();
    bench.add('k', '2');
    bench.add('k', '1');
    await bench.recent.resend();
    expect(bench.sent.flat().map(({ version }) => version)).toEqual(['2']);
  });

  test('a clear of the last seconds comes first, an older one not at all', async () => {
    const bench = new Bench();
    bench.recent.addClear('c1');
    bench.add('k');
    await bench.recent.resend();
    expect(bench.clears).toEqual(['c1']);
    bench.clock.advance(10_001);
    bench.add('k');
    await bench.recent.resend();
    expect(bench.clears).toEqual(['c1']);
  });

  test('of two clears at the same time the newer one comes, whichever was confirmed last', async () => {
    const bench = new Bench();
    bench.recent.addClear('c2');
    bench.recent.addClear('c1');
    await bench.recent.resend();
    expect(bench.clears).toEqual(['c2']);
  });

  test('what fails is sent when Redis is there again', async () => {
    const bench = new Bench();
    bench.add('k');
    bench.fails = true;
    await bench.recent.resend();
    expect(bench.sent).toEqual([]);
    bench.fails = false;
    await bench.recent.resend();
    expect(bench.keys).toEqual(['k']);
  });

  test('what fails is sent again by itself, after pauses that grow up to five seconds, and then there is no timer', async () => {
    const bench = new Bench();
    bench.add('k');
    bench.fails = true;
    await bench.recent.resend();
    for (const pauseMs of [1000, 2000, 4000, 5000, 5000]) {
      const { attempts } = bench;
      bench.clock.advance(pauseMs - 1);
      expect(bench.attempts).toBe(attempts);
      bench.clock.advance(1);
      await until(() => bench.clock.pendingTimers === 1);
      expect([bench.attempts, bench.recent.owed]).toEqual([attempts + 1, 1]);
    }
    bench.fails = false;
    bench.clock.advance(5000);
    await until(() => bench.recent.owed === 0);
    expect(bench.keys).toEqual(['k']);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  test('the pauses begin anew with another failover', async () => {
    const bench = new Bench();
    bench.add('k');
    bench.fails = true;
    await bench.recent.resend();
    bench.clock.advance(1000);
    await until(() => bench.clock.pendingTimers === 1);
    await bench.recent.resend();
    bench.fails = false;
    bench.clock.advance(1000);
    await until(() => bench.recent.owed === 0);
  });

  test('G9: what is owed is not tried again once this is closed', async () => {
    const bench = new Bench();
    bench.add('k');
    bench.fails = true;
    await bench.recent.resend();
    bench.recent.close();
    expect(bench.clock.pendingTimers).toBe(0);
    await bench.recent.resend();
    expect(bench.clock.pendingTimers).toBe(0);
  });

  test('a failover while a clear is sent again leads to another one: the server that took it may be the old one', async () => {
    const bench = new Bench();
    bench.recent.addClear('c1');
    let end: () => void = () => undefined;
    bench.clearing = new Promise((resolve) => (end = resolve));
    const sending = Promise.all([bench.recent.resend(), bench.recent.resend()]);
    end();
    await sending;
    expect(bench.clears).toEqual(['c1', 'c1']);
    expect(bench.recent.owed).toBe(0);
  });

  test('what fails is owed, and sent while others are confirmed, a second later at the earliest, and then no more', async () => {
    const bench = new Bench();
    bench.add('k');
    bench.fails = true;
    await bench.recent.resend();
    bench.fails = false;
    bench.add('l');
    expect(bench.keys).toEqual([]);
    // However old it has become by then.
    bench.clock.advance(20_000);
    bench.add('m');
    await until(() => bench.keys.length === 1);
    expect(bench.keys).toEqual(['k']);
    bench.clock.advance(1000);
    bench.add('n');
    expect(bench.keys).toEqual(['k']);
  });

  test('what Redis refuses of a batch is owed too', async () => {
    const bench = new Bench();
    bench.add('k');
    bench.add('refused');
    bench.refused = 'refused';
    await bench.recent.resend();
    bench.refused = undefined;
    bench.clock.advance(1000);
    bench.add('l');
    await until(() => bench.keys.length === 3);
    expect(bench.keys).toEqual(['k', 'refused', 'refused']);
  });

  test('a failover during the sending leads to another one', async () => {
    const bench = new Bench();
    bench.add('k');
    await Promise.all([bench.recent.resend(), bench.recent.resend()]);
    expect(bench.keys).toEqual(['k', 'k']);
  });
});

describe('G14: what is remembered', () => {
  test('ends ten seconds before the last confirmed write, however long the failover takes', async () => {
    const bench = new Bench();
    bench.add('old');
    bench.clock.advance(9_000);
    bench.add('new');
    bench.clock.advance(60_000);
    await bench.recent.resend();
    expect(bench.keys).toEqual(['old', 'new']);
    bench.add('newest');
    expect(bench.recent.size).toBe(1);
  });

  test('is not sent when it is from long ago: what had replaced or deleted it may be forgotten by now', async () => {
    const bench = new Bench();
    bench.recent.addClear('c1');
    bench.add('k');
    bench.clock.advance(300_001);
    await bench.recent.resend();
    expect(bench.keys).toEqual([]);
    expect(bench.clears).toEqual([]);
  });

  test('is bounded in number', () => {
    const bench = new Bench();
    for (let i = 0; i < 25_000; i++) bench.add(`k${i}`);
    expect(bench.recent.size).toBe(20_000);
  });

  test('is bounded in bytes', () => {
    const bench = new Bench();
    const large = 'x'.repeat(1024 * 1024);
    for (let i = 0; i < 40; i++) bench.add(`k${i}`, `v${i}`, large);
    expect(bench.recent.size).toBe(16);
  });
});
