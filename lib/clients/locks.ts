/**
 * The locks of one service, kept in its Redis. There is nothing to fall back on when Redis can't be asked: such a call is
 * refused, at once or when the time its caller would wait is up (G6).
 *
 * An attempt whose answer was lost may have the lock. The next attempt of the same call then finds it, and a call that ends
 * without it gives back what it may have. The same holds for an answer so late that the lease in it is over.
 */
import { requireTtlMs, type Duration } from '../base/duration.js';
import { CacheError } from '../base/errors.js';
import { pause } from '../base/pause.js';
import { systemRandom, type Random } from '../base/random.js';
import { newLeaseOwner } from '../tiers/redis/lease-script.js';
import { leaseEndMs } from './lease-end.js';
import type { Lock } from './lock.js';
import { growingPauseMs, type PauseRange } from './pauses.js';
import type { RedisSide, ServiceCore } from './service-core.js';

/** Between two attempts. */
const PAUSES: PauseRange = { firstMs: 5, longestMs: 100 };

/** How to lock, in milliseconds. */
export interface LockTimes {
  readonly ttlMs: number;
  /** Absent: one attempt. */
  readonly waitMs?: number | undefined;
}

/** See the file's header. */
export class Locks {
  readonly #core: ServiceCore;
  readonly #redis: RedisSide | undefined;
  readonly #random: Random;

  /** @param redis absent in a service, or a view of one, without L2 */
  constructor(core: ServiceCore, redis: RedisSide | undefined, random: Random = systemRandom) {
    this.#core = core;
    this.#redis = redis;
    this.#random = random;
  }

  /**
   * Takes the lock of a key; resolves to `undefined` when it could not be had in time.
   *
   * @throws {TypeError} when the service has no L2
   * @throws {CacheError} CACHE_CLOSED, CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  lock(key: string, times: LockTimes): Promise<Lock | undefined> {
    const redis = this.#redis;
    if (redis === undefined) {
      const { name, parts } = this.#core;
      return Promise.reject(new TypeError(`lock() needs a service with L2; "${name}" is ${parts.config.cacheType}`));
    }
    const taking = this.#take(redis, key, times);
    // Closing the service waits for it to notice.
    this.#core.parts.background.add(taking, () => undefined);
    return taking;
  }

  async #take(redis: RedisSide, key: string, { ttlMs, waitMs = 0 }: LockTimes): Promise<Lock | undefined> {
    const { clock } = this.#core.parts;
    const owner = newLeaseOwner(this.#random);
    const endMs = clock.nowMs() + waitMs;
    let isUncertain = false;
    let failure: Error | undefined;
    for (let round = 0; ; round++) {
      let token: string | undefined;
      failure = undefined;
      const sentMs = clock.nowMs();
      try {
        token = await redis.tier.acquireLease(key, owner, ttlMs);
      } catch (error) {
        failure = error as Error;
        // What was not even sent has no effect.
        isUncertain ||= error !== redis.tier.unusableError();
      }
      if (token !== undefined) {
        const isHeld = clock.nowMs() < leaseEndMs(sentMs, ttlMs);
        if (isHeld && !this.#core.isClosing) return new HeldLock(this.#core, redis, { key, ttlMs, token });
        // The answer came too late; whether Redis still keeps the lease is not known.
        isUncertain = true;
      }
      const leftMs = endMs - clock.nowMs();
      if (leftMs <= 0 || this.#core.isClosing) {
        if (isUncertain) giveBack(this.#core, redis, key, owner);
        break;
      }
      await pause(clock, Math.min(leftMs, growingPauseMs(PAUSES, round, this.#random)), true);
    }
    this.#core.requireNotClosing();
    if (failure !== undefined) throw CacheError.is(failure) ? this.#core.locate(failure, key) : failure;
    return undefined;
  }
}

/** Releases, in the background, a lock that its caller does not get or may not use any more. */
function giveBack(core: ServiceCore, redis: RedisSide, key: string, holder: string): void {
  // Where this fails too, the lock ends with its time.
  core.parts.background.add(redis.tier.releaseLease(key, holder), () => undefined);
}

/** What is held. */
interface Holding {
  readonly key: string;
  readonly ttlMs: number;
  readonly token: string;
}

class HeldLock implements Lock {
  readonly token: string;
  readonly #core: ServiceCore;
  readonly #redis: RedisSide;
  readonly #holding: Holding;

  constructor(core: ServiceCore, redis: RedisSide, holding: Holding) {
    this.#core = core;
    this.#redis = redis;
    this.#holding = holding;
    this.token = holding.token;
  }

  async extend(ttl?: Duration): Promise<boolean> {
    const { key, ttlMs, token } = this.#holding;
    const lifeMs = ttl === undefined ? ttlMs : requireTtlMs(ttl, 'ttl', this.#core.parts.strategies);
    this.#core.requireOpen();
    const { clock } = this.#core.parts;
    const sentMs = clock.nowMs();
    const isExtended = await this.#located(this.#redis.tier.extendLease(key, token, lifeMs));
    if (!isExtended || clock.nowMs() < leaseEndMs(sentMs, lifeMs)) return isExtended;
    giveBack(this.#core, this.#redis, key, token);
    return false;
  }

  async release(): Promise<boolean> {
    const { key, token } = this.#holding;
    this.#core.requireOpen();
    return this.#located(this.#redis.tier.releaseLease(key, token));
  }

  async #located(answer: Promise<boolean>): Promise<boolean> {
    try {
      return await this.#core.accept(answer);
    } catch (error) {
      throw CacheError.is(error) ? this.#core.locate(error, this.#holding.key) : error;
    }
  }
}
