/** Which writes that Redis has something newer than are made newer and sent again, and which have to give way (G4, G17). */
import { describe, expect, test } from '@jest/globals';
import { HybridClock } from '../../../lib/base/hybrid-clock.js';
import { Renewal } from '../../../lib/clients/renewal.js';
import type { Tags } from '../../../lib/clients/tags.js';
import { kindOfSealed, sealEnvelope } from '../../../lib/codec/envelope.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import type { RedisTier } from '../../../lib/tiers/redis/redis-tier.js';

/** A process whose clock agrees with Redis's, and another one that is a little ahead. */
class Bench {
  readonly clock = new FakeClock();
  readonly hybridClock = new HybridClock(this.clock, 'node001');
  readonly logged = new Map<string, string>();
  /** Tags that this process has invalidated since. */
  readonly invalidated = new Set<string>();
  readonly renewal: Renewal;

  constructor() {
    this.hybridClock.anchor(this.clock.nowMs(), this.clock.nowMs(), this.clock.nowMs());
    const tier = {
      clock: this.hybridClock,
      sealDeletion: (version: string) => this.seal(version, 'd'),
    };
    const tags = {
      isRaisedHere: () => false,
      areInvalidatedHere: (names: readonly string[]) => names.some((name) => this.invalidated.has(name)),
    };
    this.renewal = new Renewal({
      tier: tier as unknown as RedisTier,
      tombstoneTtlMs: 1000,
      tags: () => tags as unknown as Tags,
      loggedVersionOf: (key) => this.logged.get(key) ?? '',
    });
  }

  get version(): string {
    return this.hybridClock.versionOf(this.hybridClock.stamp());
  }

  /** What another process, whose clock is ahead by so much, has written before now. */
  ahead(ms: number): string {
    return `${String(this.clock.nowMs() + ms).padStart(13, '0')}0000node002`;
  }

  seal(version: string, kind: 'v' | 'd' = 'v', tags?: readonly string[]): string {
    const atMs = this.clock.nowMs();
    const times = { createdAtMs: atMs, freshUntilMs: atMs + 1000, expiresAtMs: atMs + 1000 };
    const header = { kind, version, codec: kind === 'v' ? 'j' : '-', compression: '-', ...times } as const;
    return sealEnvelope({ ...header, ...(tags === undefined ? {} : { tags }) }, kind === 'v' ? '1' : '') as string;
  }

  renew(
    version: string,
    newer: string,
    tags?: readonly string[],
  ): { readonly kind: string; readonly version: string } | undefined {
    const sealed = this.seal(version, 'v', tags);
    const renewed = this.renewal.renew({ key: 'k', redisKey: 'k', sealed, version, calledVersion: version }, newer);
    return renewed === undefined ? undefined : { kind: kindOfSealed(renewed.sealed), version: renewed.version };
  }
}

describe('a write that Redis has something newer than', () => {
  test('is made newer than that when it was there before the call, by a clock that is ahead', () => {
    const bench = new Bench();
    const newer = bench.ahead(5);
    const renewed = bench.renew(bench.version, newer);
    expect(renewed?.kind).toBe('v');
    expect((renewed?.version ?? '') > newer).toBe(true);
  });

  test('gives way to what came after its call', () => {
    const bench = new Bench();
    const { version } = bench;
    bench.clock.advance(1000);
    expect(bench.renew(version, bench.ahead(-200))).toBeUndefined();
  });

  test('gives way to a later write of this process that went to the log, because Redis could not be used then', () => {
    const bench = new Bench();
    const { version } = bench;
    bench.logged.set('k', bench.version);
    expect(bench.renew(version, bench.ahead(5))).toBeUndefined();
  });

  test('does not give way to itself, where every write is logged', () => {
    const bench = new Bench();
    const { version } = bench;
    bench.logged.set('k', version);
    expect(bench.renew(version, bench.ahead(5))).toBeDefined();
  });

  test('becomes a deletion when its tag was invalidated here since', () => {
    const bench = new Bench();
    bench.invalidated.add('t');
    expect(bench.renew(bench.version, bench.ahead(5), ['t'])?.kind).toBe('d');
    expect(bench.renew(bench.version, bench.ahead(5), ['other'])?.kind).toBe('v');
  });
});
