/** Which writes L2 remembers, to send them again after a failover: those that Redis took, and no others. No network. */
import { describe, expect, test } from '@jest/globals';
import { HybridClock } from '../../../../lib/base/hybrid-clock.js';
import { jsonCodec } from '../../../../lib/codec/json-codec.js';
import type { RedisMode } from '../../../../lib/config/resolved-config.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';
import type { CoalescedReader } from '../../../../lib/tiers/redis/coalesced-reader.js';
import { KeySpace } from '../../../../lib/tiers/redis/key-space.js';
import type { RedisConnection } from '../../../../lib/tiers/redis/redis-connection.js';
import { RedisTier } from '../../../../lib/tiers/redis/redis-tier.js';
import type { ScriptWrite } from '../../../../lib/tiers/redis/write-script.js';

/** What the script replies. */
const CREATED = 1;
const REPLACED = 2;
const OLDER = '<17000000000000000someone';
const REFUSED = "OOM command not allowed when used memory > 'maxmemory'.";

/** A tier over a Redis that replies what it is told to. */
class Bench {
  readonly clock = new FakeClock();
  /** The entries of each script call. */
  readonly sent: string[][] = [];
  /** What was told of as sent again. */
  readonly resent: string[] = [];
  readonly tier: RedisTier;
  replies: (number | string)[] = [];

  constructor(mode: RedisMode) {
    const connection = {
      hybridClock: new HybridClock(this.clock, 'me00000'),
      isFull: false,
      eviction: { keepsMarks: true },
      noteWrite: () => undefined,
      send: (_name: string, [, count, , ...rest]: readonly string[]) => {
        this.sent.push(rest.slice(0, Number(count) - 1));
        return Promise.resolve(this.replies);
      },
    };
    this.tier = new RedisTier({
      connection: connection as unknown as RedisConnection,
      reader: {} as CoalescedReader,
      keySpace: new KeySpace('oxcache', 's'),
      systemClock: this.clock,
      transport: undefined,
      service: 's',
      l2: {
        mode,
        ttlMs: 60_000,
        connectionTimeoutMs: 1000,
        commandTimeoutMs: 1000,
        compression: 'none',
        compressionThresholdBytes: 1024,
        maxKeyLength: 512,
        maxValueSizeBytes: 1024,
      },
      codecs: [jsonCodec, () => jsonCodec],
      onUndecodable: () => undefined,
      onResent: (key) => this.resent.push(key),
      onRaised: () => undefined,
      onMarksLost: () => undefined,
      onClockDoubt: () => undefined,
    });
  }

  write(key: string): ScriptWrite {
    const { tier } = this;
    const version = tier.clock.versionOf(tier.clock.stamp());
    return { key, redisKey: tier.nameOf(key), sealed: tier.sealDeletion(version, 60_000), version };
  }
}

describe('after a failover', () => {
  test('what Redis took is sent again; what it had something newer than, and what it refused, is not', async () => {
    const bench = new Bench('sentinel');
    bench.replies = [CREATED, OLDER, REPLACED, REFUSED];
    const writes = ['created', 'older', 'replaced', 'refused'].map((key) => bench.write(key));
    expect(await bench.tier.apply(writes)).toMatchObject(['created', 'older', 'replaced', { code: 'CACHE_L2_UNAVAILABLE' }]);
    // So that whoever waits for it can be newer than that.
    expect(writes.map(({ newer }) => newer)).toEqual([undefined, OLDER.slice(1), undefined, undefined]);
    bench.replies = [OLDER, OLDER];
    await bench.tier.resendRecent();
    expect(bench.sent.slice(1)).toEqual([['oxcache:s:created', 'oxcache:s:replaced']]);
    expect(bench.resent).toEqual(['created', 'replaced']);
  });

  test('what was sent again is no news: it is not remembered once more', async () => {
    const bench = new Bench('sentinel');
    bench.replies = [CREATED];
    await bench.tier.apply([bench.write('k')]);
    bench.clock.advance(9000);
    await bench.tier.resendRecent();
    bench.clock.advance(2000);
    await bench.tier.apply([bench.write('later')]);
    await bench.tier.resendRecent();
    expect(bench.sent).toEqual([['oxcache:s:k'], ['oxcache:s:k'], ['oxcache:s:later'], ['oxcache:s:later']]);
  });

  test('a single server has nobody who takes over: nothing is remembered', async () => {
    const bench = new Bench('standalone');
    bench.replies = [CREATED];
    await bench.tier.apply([bench.write('k')]);
    await bench.tier.resendRecent();
    expect(bench.sent).toHaveLength(1);
  });
});
