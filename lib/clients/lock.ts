/**
 * A lock that processes share, as its holder sees it. It is a lease: whoever dies or forgets loses it when its time is up, and
 * its token says who came later, so that what the lock protects can refuse a holder whose time was up without its noticing.
 */
import type { Duration } from '../base/duration.js';

/** Options of `lock`. */
export interface LockOptions {
  /** How long the lock is held unless it is extended or released. */
  readonly ttl: Duration;
  /** How long to wait for it; absent: one attempt. */
  readonly wait?: Duration;
}

/** A lock that was had. */
export interface Lock {
  /**
   * The fencing token: 23 characters that sort. The token of every later holder of the same lock is greater, as long as the
   * clock of Redis is not set back.
   */
  readonly token: string;
  /**
   * Holds the lock for `ttl` from now on (absent: as long as it was asked for); resolves to false when it is not ours any more.
   *
   * @throws {TypeError} for an unusable `ttl`
   * @throws {CacheError} CACHE_CLOSED, CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT (then it may have been extended)
   */
  extend(ttl?: Duration): Promise<boolean>;
  /**
   * Gives the lock back; resolves to false when it was not ours any more.
   *
   * @throws {CacheError} CACHE_CLOSED, CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT; the lock then ends with its `ttl` at the latest
   */
  release(): Promise<boolean>;
}
