/**
 * How entries are written and removed. Everything that can be refused is refused first; then this process's L1 changes, then
 * Redis, in the order of the versions. What the caller is told is what really happened.
 */
import { CacheError } from '../base/errors.js';
import type { Stamp } from '../base/hybrid-clock.js';
import { kindOfSealed } from '../codec/envelope.js';
import { ABSENT } from '../tiers/memory/memory-entry.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { EncodedValue } from '../tiers/redis/entry-codec.js';
import type { WriteOrigin } from '../sync/pending-write.js';
import type { FenceTicket } from '../sync/write-fence.js';
import type { SetResult } from './cache-client.js';
import { GIVEN_UP, type PutOutcome } from './outbox.js';
import { asked, refused } from './refused.js';
import type { RedisSide, ServiceCore } from './service-core.js';

/** A value that passed every check, in the forms the tiers keep. */
export interface PreparedValue {
  readonly key: string;
  /** For L1; {@link ABSENT} for a remembered "nothing there". */
  readonly kept: unknown;
  /** For L2; `undefined` for "nothing there", or without L2. */
  readonly encoded: EncodedValue | undefined;
  /** What it is tagged with; `undefined`: nothing. */
  readonly tags: readonly string[] | undefined;
}

const NO_TAGS: readonly string[] = [];

/** Writes of one view of a service. */
export class WritePath {
  readonly #core: ServiceCore;
  readonly #memory: MemoryTier | undefined;
  readonly #redis: RedisSide | undefined;
  readonly #writesThrough: boolean;

  constructor(core: ServiceCore, memory: MemoryTier | undefined, redis: RedisSide | undefined) {
    this.#core = core;
    this.#memory = memory;
    this.#redis = redis;
    this.#writesThrough = memory === undefined || (core.parts.config.twoLevel?.writeThrough ?? true);
  }

  /** The next point in the order of writes, of a call or of a load that begins; without L2 there is no order to keep. */
  stamp(isCall: boolean): Stamp {
    if (this.#redis === undefined) return 0;
    const { clock } = this.#redis.tier;
    // Nobody waits for what is written behind: it gives way to whatever others write until it gets there.
    return isCall && this.#writesThrough ? clock.stamp() : clock.stampEarly();
  }

  /**
   * Checks and encodes a value; a promise only when a large one is compressed.
   *
   * @throws {CacheError} CACHE_ENCODE_FAILED, CACHE_VALUE_TOO_LARGE
   */
  prepare(key: string, value: unknown, tags?: readonly string[]): PreparedValue | Promise<PreparedValue> {
    const kept = this.#memory?.prepare(value, { service: this.#core.name, key });
    if (this.#redis === undefined) return { key, kept, encoded: undefined, tags };
    const encoded = this.#redis.tier.encode(key, value);
    return encoded instanceof Promise
      ? encoded.then((ready) => ({ key, kept, encoded: ready, tags }))
      : { key, kept, encoded, tags };
  }

  /** {@link prepare} for "the source has nothing". */
  prepareAbsent(key: string, tags?: readonly string[]): PreparedValue {
    return { key, kept: ABSENT, encoded: undefined, tags };
  }

  /**
   * Stores a value the caller gave. `lifeMs`: its lifetime as asked for, or `undefined` for the service's. Throws what
   * {@link prepare} does.
   */
  set(key: string, value: unknown, lifeMs: number | undefined, tags?: readonly string[]): Promise<SetResult> {
    return this.setPrepared(key, this.prepare(key, value, tags), lifeMs, tags);
  }

  /** {@link set} for a value that was prepared in the same tick: writes happen in the order of their calls. */
  setPrepared(
    key: string,
    prepared: PreparedValue | Promise<PreparedValue>,
    lifeMs: number | undefined,
    tags: readonly string[] = NO_TAGS,
  ): Promise<SetResult> {
    const stamp = this.stamp(true);
    this.#core.compressing.overtake(key);
    // At the call, not only when it is stored: a load that ends meanwhile would wait for room behind it, and land after it.
    this.#core.parts.fence.overtake(key);
    if (!(prepared instanceof Promise)) return this.store(prepared, stamp, lifeMs, true);
    return this.#setWhenReady(this.#core.compressing.open(key, tags), prepared, stamp, lifeMs);
  }

  async #setWhenReady(
    ticket: FenceTicket,
    prepared: Promise<PreparedValue>,
    stamp: Stamp,
    lifeMs: number | undefined,
  ): Promise<SetResult> {
    const { compressing } = this.#core;
    const { counters } = this.#core.parts;
    const ready = await prepared.finally(() => {
      compressing.close(ticket);
    });
    if (!ticket.isOvertaken) return this.store(ready, stamp, lifeMs, true);
    counters.writesSuperseded++;
    // It is gone because of its tag; what it was to replace must not be what is left.
    if (ticket.isOvertakenByTag) await this.remove(ticket.key, true, stamp);
    return { l1: false, l2: 'none' };
  }

  /**
   * Writes to both tiers; the promise settles as the service's mode says.
   *
   * @param isCall whether a caller wrote it: what was there at the call gives way then, whatever the clocks say; a load may be
   *   older than what it finds
   */
  store(prepared: PreparedValue, stamp: Stamp, lifeMs: number | undefined, isCall: boolean): Promise<SetResult> {
    const life = this.#core.parts.lifetimes.lifeMs(lifeMs);
    const redis = this.#redis;
    if (redis === undefined) return Promise.resolve(this.#told(prepared.key, this.#keep(prepared, life), 'none'));
    if (redis.outbox.hasRoom) return this.#storeBoth(redis, prepared, stamp, life, isCall);
    return new Promise((resolve) => {
      redis.outbox.whenRoom(() => resolve(this.#storeBoth(redis, prepared, stamp, life, isCall)));
    });
  }

  /**
   * Removes a key everywhere; resolves to whether a value was known to be there.
   *
   * @param isCall as for {@link store}: without a caller of its own it gives way to what Redis has that is newer than `stamp`
   */
  async remove(key: string, isCall = true, stamp = this.stamp(true)): Promise<boolean> {
    const { fence, counters, events } = this.#core.parts;
    fence.overtake(key);
    this.#core.compressing.overtake(key);
    let existed = this.#memory?.delete(key) ?? false;
    if (this.#redis !== undefined) {
      existed = (await this.#removeFromRedis(this.#redis, key, stamp, isCall)) || existed;
    }
    counters.deletes++;
    if (events.hears('delete')) events.emit('delete', { service: this.#core.name, key, existed });
    return existed;
  }

  /** Removes this service's entries, and no others (G1). */
  async clear(): Promise<void> {
    const { fence, events } = this.#core.parts;
    const stamp = this.#redis?.tier.clock.stamp() ?? 0;
    fence.overtakeAll();
    this.#core.compressing.overtakeAll();
    this.#empty();
    if (this.#redis !== undefined) {
      const { tier, outbox } = this.#redis;
      const versionNow = (): string => tier.clock.versionInTurn(stamp);
      await asked(this.#core, undefined, outbox.clear(versionNow));
      // Once more: a read that began since may have brought back what was still in Redis.
      fence.overtakeAll();
      this.#empty();
    }
    if (events.hears('invalidate')) events.emit('invalidate', { service: this.#core.name, reason: 'clear' });
  }

  #storeBoth(redis: RedisSide, prepared: PreparedValue, stamp: Stamp, lifeMs: number, isCall: boolean): Promise<SetResult> {
    const { key } = prepared;
    // A write to L2 alone must not leave an older copy in this process's L1.
    if (this.#memory === undefined) this.#core.parts.memory?.delete(key);
    const version = isCall ? this.#versionInTurn(redis, stamp, prepared.tags) : redis.tier.clock.versionOf(stamp);
    const l1 = this.#keep(prepared, lifeMs, version);
    const sealed = this.#seal(redis, prepared, version, lifeMs);
    const origin = this.#originOf(isCall);
    if (this.#writesThrough) return redis.outbox.put(key, sealed, version, origin).then((end) => this.#conclude(key, l1, end));
    const { accepted, end } = redis.outbox.enqueue(key, sealed, version, origin);
    return accepted.then((state) => {
      if (state !== 'queued') return this.#conclude(key, l1, state);
      this.#core.parts.background.add(
        end.then((late) => this.#conclude(key, l1, late, true)),
        () => undefined,
      );
      return this.#told(key, l1, 'queued');
    });
  }

  #originOf(isCall: boolean): WriteOrigin {
    if (!isCall) return 'fetched';
    return this.#writesThrough ? 'awaited' : 'behind';
  }

  /** Of a call that goes out now; one that was invalidated by its tag while it waited for room stays as old as it is. */
  #versionInTurn({ tier: { clock } }: RedisSide, stamp: Stamp, tags: readonly string[] | undefined): string {
    if (tags === undefined) return clock.versionInTurn(stamp);
    const version = clock.versionOf(stamp);
    return this.#core.tags.areOlder(tags, version) ? version : clock.versionInTurn(stamp);
  }

  #seal(redis: RedisSide, prepared: PreparedValue, version: string, lifeMs: number): string | Buffer {
    const { lifetimes, config } = this.#core.parts;
    const { encoded, tags } = prepared;
    if (encoded === undefined) return redis.tier.sealAbsence(version, lifetimes.redisTimes(lifeMs, 0), tags);
    return redis.tier.sealValue(encoded, version, lifetimes.redisTimes(lifeMs, config.staleTtlMs), tags);
  }

  /** Writes to L1, whatever L2 will say; whether it is kept there. */
  #keep({ key, kept, tags }: PreparedValue, lifeMs: number, version?: string): boolean {
    const { lifetimes, fence } = this.#core.parts;
    fence.overtake(key);
    if (this.#memory === undefined) return false;
    if (tags !== undefined) {
      // It may have waited for room until after an invalidation of its tags.
      if (version !== undefined && this.#core.tags.areOlder(tags, version)) return this.#dropCopy(key);
      this.#core.tags.keep(key, tags);
    }
    const times = lifetimes.memoryTimes(lifeMs);
    return this.#memory.write(key, kept, times.createdAtMs, times.expiresAtMs, times.refreshAtMs);
  }

  /** What L1 has of a key is old, and there is nothing to put in its place. */
  #dropCopy(key: string): false {
    this.#memory?.delete(key);
    return false;
  }

  #empty(): void {
    this.#memory?.clear();
    this.#core.tags.cleared();
  }

  #conclude(key: string, l1: boolean, outcome: PutOutcome, isBackground = false): SetResult {
    if (outcome === 'older') return this.#superseded(key);
    if (outcome === 'kept') return this.#notWritten(key, l1, this.#givenUp(), isBackground);
    if (typeof outcome !== 'string') return this.#notWritten(key, l1, outcome, isBackground);
    const l2 = outcome === 'logged' ? 'logged' : 'written';
    if (l2 === 'logged') this.#core.parts.counters.writesLogged++;
    return isBackground ? { l1, l2 } : this.#told(key, l1, l2);
  }

  /** The log had no room for the value: the key will be invalidated, which without an L1 is all that is left of the write. */
  #givenUp(): CacheError {
    return new CacheError('CACHE_LOG_FULL', 'Redis is away and the log has no room for the value; the key will be invalidated');
  }

  /** Redis holds a newer write: our copy is old, and the next read must see the newer one. */
  #superseded(key: string): SetResult {
    this.#core.parts.counters.writesSuperseded++;
    this.#memory?.delete(key);
    return { l1: false, l2: 'none' };
  }

  #notWritten(key: string, l1: boolean, error: CacheError, isBackground = false): SetResult {
    const located = this.#core.locate(error, key);
    this.#core.parts.counters.writesFailed++;
    this.#core.report(located, key, isBackground);
    // Without an L1 nothing was stored at all: the caller must know.
    if (this.#memory === undefined && !isBackground) throw located;
    return isBackground ? { l1, l2: 'none' } : this.#told(key, l1, 'none');
  }

  #told(key: string, l1: boolean, l2: SetResult['l2']): SetResult {
    const { counters, events } = this.#core.parts;
    counters.writes++;
    if (events.hears('write')) events.emit('write', { service: this.#core.name, key, l1, l2 });
    return { l1, l2 };
  }

  async #removeFromRedis(redis: RedisSide, key: string, stamp: Stamp, isCall: boolean): Promise<boolean> {
    const { tier, outbox } = redis;
    const { fence, config, memory, background } = this.#core.parts;
    if (!tier.isUsable && !outbox.hasLog) throw refused(this.#core, tier.unusableError(), key);
    return new Promise((resolve, reject) => {
      outbox.whenRoom(() => {
        // Once more, now that the mark is on its way: a read that began since must not bring the old value back.
        fence.overtake(key);
        memory?.delete(key);
        const own = outbox.find(key);
        const wasPending = own !== undefined && own !== GIVEN_UP && kindOfSealed(own) === 'v';
        const version = isCall ? tier.clock.versionInTurn(stamp) : tier.clock.versionOf(stamp);
        const sealed = tier.sealDeletion(version, config.tombstoneTtlMs);
        const { accepted, end } = outbox.enqueue(key, sealed, version, this.#originOf(isCall));
        const conclude = (outcome: PutOutcome): void => {
          if (outcome === 'logged') this.#core.parts.counters.writesLogged++;
          if (typeof outcome === 'string') resolve(wasPending || outcome === 'replaced');
          else reject(refused(this.#core, outcome, key));
        };
        if (this.#writesThrough) void end.then(conclude);
        else void accepted.then((state) => (state === 'queued' ? resolve(wasPending) : conclude(state)));
        if (this.#writesThrough) return;
        const settled = end.then((late) => {
          if (typeof late !== 'string') this.#core.report(this.#core.locate(late, key), key, true);
        });
        background.add(settled, () => undefined);
      });
    });
  }
}
