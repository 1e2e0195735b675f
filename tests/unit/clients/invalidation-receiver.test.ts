/** What a service does with messages of others, and with a link that shows no life; no network, and the time in hand. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CoarseClock } from '../../../lib/base/coarse-clock.js';
import { HybridClock } from '../../../lib/base/hybrid-clock.js';
import { InvalidationReceiver } from '../../../lib/clients/invalidation-receiver.js';
import { SILENCE_MS } from '../../../lib/sync/linked-bus.js';
import { PendingRead, type ReadOwner } from '../../../lib/clients/pending-read.js';
import type { RedisSide, ServiceCore } from '../../../lib/clients/service-core.js';
import type { InvalidationMessage } from '../../../lib/codec/invalidation-message.js';
import { EventHub } from '../../../lib/observe/event-hub.js';
import { createCounters } from '../../../lib/observe/metrics.js';
import { WriteFence } from '../../../lib/sync/write-fence.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { MemoryTier } from '../../../lib/tiers/memory/memory-tier.js';
import { ClearLine } from '../../../lib/tiers/redis/clear-line.js';
import { collectEvents } from '../../support/collect-events.js';

/** A service with nothing but what a receiver has to do with. */
class Bench {
  readonly clock = new FakeClock();
  readonly counters = createCounters();
  readonly events = new EventHub();
  readonly fence = new WriteFence();
  readonly memory: MemoryTier;
  readonly told: string[] = [];
  readonly tier = {
    clock: new HybridClock(this.clock, 'me00000'),
    clearLine: new ClearLine(new HybridClock(this.clock, 'me00000')),
  };
  readonly outbox = {
    loggedKeys: 1,
    doubt: (key: string, version: string) => this.told.push(`doubt ${key} ${version}`),
    doubtAll: () => this.told.push('doubtAll'),
  };
  readonly receiver: InvalidationReceiver;
  isClosed = false;

  constructor(onLinkLoss: 'serve' | 'bypass' = 'serve') {
    this.memory = new MemoryTier({
      config: { maxCapacity: 100, ttlMs: 600_000, eviction: 's3fifo', isolation: 'shared' },
      staleTtlMs: 0,
      trackFreshness: false,
      clock: new CoarseClock(this.clock),
    });
    const note =
      (name: string) =>
      (...args: unknown[]): unknown =>
        this.told.push([name, ...args].join(' '));
    const tags = {
      invalidated: note('invalidated'),
      cleared: note('cleared'),
      onGap: note('onGap'),
      onLinkDown: note('onLinkDown'),
      onLinkUp: () => note('onLinkUp')(),
    };
    const { clock, counters, events, fence, memory, tier } = this;
    const logger = { info: note('info') };
    const closed = (): boolean => this.isClosed;
    const core = {
      name: 's',
      parts: { clock, counters, events, fence, memory, logger },
      tags,
      forgetCopies: () => {
        memory.clear();
        fence.overtakeAll();
        this.told.push('forgetCopies');
      },
      learnMarks: () => {
        this.told.push('learnMarks');
        return Promise.resolve(true);
      },
      compressing: new WriteFence(),
      get isClosed() {
        return closed();
      },
    } as unknown as ServiceCore;
    const redis = {
      tier,
      outbox: this.outbox,
      keySpace: { stream: 'the stream', channel: 'the channel' },
      connection: { nodeId: 'me00000' },
    } as unknown as RedisSide;
    this.receiver = new InvalidationReceiver(core, redis, { transport: 'stream', onLinkLoss });
  }

  keep(key: string): boolean {
    const nowMs = this.clock.nowMs();
    return this.memory.write(key, `value of ${key}`, nowMs, nowMs + 600_000, nowMs + 600_000);
  }

  message(more: Partial<InvalidationMessage>): InvalidationMessage {
    const version = `${this.clock.nowMs()}0000other00`;
    return { origin: 'other00', version, kind: 'k', keys: [], tags: [], ...more };
  }
}

describe('on_link_loss = "bypass"', () => {
  let bench: Bench;
  const link = { lastLifeMs: 0 };
  beforeEach(() => {
    bench = new Bench('bypass');
    link.lastLifeMs = bench.clock.nowMs();
    bench.receiver.watch(link);
  });

  /** The link shows life, as one in good health does, until `ms` have passed. */
  function live(ms: number): void {
    for (let leftMs = ms; leftMs > 0; leftMs -= 500) {
      bench.clock.advance(500);
      link.lastLifeMs = bench.clock.nowMs();
    }
  }

  test('trusts L1 for as long as the link shows life', () => {
    bench.keep('k');
    live(60_000);
    expect(bench.memory.read('k')).toBe('value of k');
    expect(bench.keep('l')).toBe(true);
  });

  test(`does not trust it ${SILENCE_MS} ms after the last sign of life: nothing is handed out, and own writes are not kept`, () => {
    bench.keep('k');
    live(5000);
    bench.clock.advance(SILENCE_MS - 1);
    expect(bench.memory.read('k')).toBe('value of k');
    expect(bench.keep('l')).toBe(true);
    bench.clock.advance(1);
    expect(bench.memory.read('k')).toBeUndefined();
    expect(bench.memory.readEntry('l')).toBeUndefined();
    expect(bench.keep('own')).toBe(false);
    expect(bench.memory.read('own')).toBeUndefined();
    bench.clock.advance(60_000);
    expect(bench.keep('own')).toBe(false);
  });

  test('trusts it again when the link is back, and hands out nothing from before', () => {
    bench.keep('before');
    bench.clock.advance(SILENCE_MS);
    expect(bench.memory.read('before')).toBeUndefined();
    expect(bench.keep('meanwhile')).toBe(false);
    link.lastLifeMs = bench.clock.nowMs();
    bench.clock.advance(200);
    expect(bench.memory.read('before')).toBeUndefined();
    expect(bench.memory.read('meanwhile')).toBeUndefined();
    expect(bench.keep('after')).toBe(true);
    expect(bench.memory.read('after')).toBe('value of after');
  });

  test('does not trust it after the process itself stood still, before anybody has looked at the link', () => {
    bench.keep('k');
    const still = new Bench('bypass');
    // The timers of a process that stood still have not fired yet when the first read comes.
    const frozen = { lastLifeMs: still.clock.nowMs() };
    let advanceMs = 0;
    const { clock } = still;
    const realNow = clock.nowMs.bind(clock);
    still.receiver.watch(frozen);
    still.keep('k');
    clock.nowMs = () => realNow() + advanceMs;
    advanceMs = SILENCE_MS;
    expect(still.memory.read('k')).toBeUndefined();
  });

  test('ends its timer with the service', () => {
    expect(bench.clock.pendingTimers).toBe(1);
    bench.receiver.close();
    expect(bench.clock.pendingTimers).toBe(0);
  });
});

test('on_link_loss = "serve": L1 answers however long the link is lost, and no timer runs', () => {
  const bench = new Bench('serve');
  bench.receiver.watch({ lastLifeMs: 0 });
  bench.keep('k');
  bench.receiver.linkLost('connection lost');
  bench.clock.advance(300_000);
  expect(bench.memory.read('k')).toBe('value of k');
  expect(bench.keep('l')).toBe(true);
  expect(bench.clock.pendingTimers).toBe(0);
});

describe('a message', () => {
  test('about keys drops the copies of these, and overtakes what is on its way to be one', () => {
    const bench = new Bench();
    const heard = collectEvents(bench.events, 'invalidate');
    for (const key of ['a', 'b', 'c']) bench.keep(key);
    const [a, c] = [bench.fence.open('a'), bench.fence.open('c')];
    bench.receiver.receive(bench.message({ keys: ['a', 'b'] }), 3);
    expect(['a', 'b', 'c'].map((key) => bench.memory.has(key))).toEqual([false, false, true]);
    expect([a.isOvertaken, c.isOvertaken]).toEqual([true, false]);
    expect(bench.counters.invalidationsReceived).toBe(2);
    expect(bench.receiver.lag()).toMatchObject({ count: 1 });
    expect(heard.map(({ payload }) => payload)).toEqual([{ service: 's', reason: 'remote', keys: ['a', 'b'] }]);
  });

  test('about tags is passed to these, with the version', () => {
    const bench = new Bench();
    const version = `${bench.clock.nowMs()}0001other00`;
    bench.receiver.receive(bench.message({ tags: [['t', version]] }), undefined);
    expect(bench.told).toEqual([`invalidated t ${version}`]);
    expect(bench.counters.invalidationsReceived).toBe(1);
    expect(bench.receiver.lag()).toBeUndefined();
  });

  test('about a clear drops everything, hides what is older, and overtakes everything', () => {
    const bench = new Bench();
    const heard = collectEvents(bench.events, 'invalidate');
    bench.keep('a');
    const ticket = bench.fence.open('other');
    const message = bench.message({ kind: 'c' });
    bench.receiver.receive(message, undefined);
    expect(bench.memory.size).toBe(0);
    expect(ticket.isOvertaken).toBe(true);
    expect(bench.tier.clearLine.hides(`${bench.clock.nowMs() - 1}9999zzzzzzz`)).toBe(true);
    expect(bench.tier.clearLine.hides(message.version)).toBe(false);
    expect(heard.map(({ payload }) => payload)).toEqual([{ service: 's', reason: 'clear' }]);
  });

  test('makes what is written from then on newer than what it tells of', () => {
    const bench = new Bench();
    const version = `${bench.clock.nowMs() + 5000}0000other00`;
    bench.receiver.receive(bench.message({ keys: ['k'], version }), undefined);
    expect(bench.tier.clock.versionOf(bench.tier.clock.stamp()) > version).toBe(true);
  });

  test('that comes after the service was closed does nothing', () => {
    const bench = new Bench();
    bench.keep('k');
    bench.isClosed = true;
    bench.receiver.receive(bench.message({ keys: ['k'] }), undefined);
    bench.receiver.receive(bench.message({ kind: 'c' }), undefined);
    bench.receiver.gap('gap');
    bench.receiver.linkLost('connection lost');
    bench.receiver.linkRestored();
    expect(bench.memory.has('k')).toBe(true);
    expect(bench.told).toEqual([]);
    expect(bench.receiver.health().status).toBe('lost');
  });
});

describe('the link', () => {
  test('lost, overtakes reads on their way, not loads, and leaves L1 as it is; restored, says since when', () => {
    const bench = new Bench();
    bench.receiver.linkRestored();
    bench.keep('k');
    const load = bench.fence.open('k');
    const read = new PendingRead('k', undefined as unknown as ReadOwner);
    bench.fence.admit(read);
    bench.clock.advance(1000);
    bench.receiver.linkLost('connection lost');
    const lostMs = bench.clock.nowMs();
    expect(bench.receiver.health()).toEqual({ transport: 'stream', status: 'lost', sinceMs: lostMs, reason: 'connection lost' });
    // A load is of now, and its version decides in Redis.
    expect([read.isOvertaken, load.isOvertaken]).toEqual([true, false]);
    expect(bench.memory.read('k')).toBe('value of k');
    bench.clock.advance(500);
    bench.receiver.linkRestored();
    expect(bench.receiver.health()).toEqual({ transport: 'stream', status: 'connected', sinceMs: lostMs + 500 });
    expect(bench.told).toEqual(['onLinkUp', 'onLinkDown', 'learnMarks', 'onLinkUp']);
    expect(bench.counters.invalidationLinkLosses).toBe(1);
  });

  test('with a gap drops L1, overtakes what is on its way, and asks for the clears that were missed', () => {
    const bench = new Bench();
    const heard = collectEvents(bench.events, 'invalidate');
    bench.receiver.gap('connected');
    // Nothing was held: nothing was dropped, and nobody is told.
    expect(heard).toEqual([]);
    bench.keep('k');
    const ticket = bench.fence.open('other');
    bench.receiver.gap('trimmed');
    expect(bench.memory.size).toBe(0);
    expect(ticket.isOvertaken).toBe(true);
    expect(bench.told.filter((name) => name === 'onGap' || name === 'learnMarks')).toHaveLength(4);
    expect(bench.told.some((text) => text.startsWith('info "s" dropped its 1 L1 entries'))).toBe(true);
    expect(heard.map(({ payload }) => payload)).toEqual([{ service: 's', reason: 'link' }]);
    expect(bench.counters.invalidationGaps).toBe(2);
  });
});
