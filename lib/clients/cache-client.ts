/**
 * The public face of a service: what every client promises, whichever tiers it has. Keys are strings of
 * 1..`max_key_length` characters. Every method that returns a promise rejects with `CACHE_CLOSED` after `close()`
 * and with `CACHE_KEY_INVALID` for an unusable key (a `TypeError` for one that is not a string).
 */
import type { Duration } from '../base/duration.js';
import type { CacheEventMap, WriteResult } from '../observe/events.js';
import type { ServiceHealth } from '../observe/health.js';
import type { ServiceMetrics } from '../observe/metrics.js';
import type { Lock, LockOptions } from './lock.js';

/** Options of a write: a lifetime alone, or an object. */
export type SetOptions =
  | Duration
  | {
      /** Lifetime of the value; absent: the service's. */
      readonly ttl?: Duration;
      /** Names under which it can be invalidated together with others: 128 at most, of 1 to 256 characters. */
      readonly tags?: readonly string[];
    };

/** What a write really did. */
export interface SetResult {
  /** Whether this process's L1 holds the value now. */
  readonly l1: boolean;
  /**
   * `written`: Redis confirmed it; `logged`: Redis did not, but the write is in the log, survives a crash and is replayed;
   * `queued`: Redis will get it (write-behind); `none`: neither, because the service has no L2, Redis already holds a newer
   * write, or Redis could not be used and there is no log or no room in it.
   */
  readonly l2: WriteResult;
}

/** What is known of a key. `absent` is a remembered "the source has nothing". */
export interface LookupResult<V> {
  readonly status: 'fresh' | 'stale' | 'absent' | 'miss';
  /** Present when `fresh` or `stale`. */
  readonly value?: V;
  /** The tier that answered; absent on a miss. */
  readonly tier?: 'l1' | 'l2';
  /** Milliseconds since the entry was created; absent on a miss. */
  readonly ageMs?: number;
  /** Milliseconds the entry stays fresh, 0 when stale; absent on a miss. */
  readonly ttlMs?: number;
}

/** What a loader is given. */
export interface LoadContext<V> {
  readonly key: string;
  /** Aborted when the last caller waiting for this load has given up, or the load was too slow to go on. */
  readonly signal: AbortSignal;
  /** The value past its TTL, where one is still held; absent otherwise. */
  readonly stale?: V;
}

/** Produces the value of a key. `undefined` means the source has nothing; that is remembered for `null_ttl`. */
export type Loader<V> = (context: LoadContext<V>) => V | undefined | PromiseLike<V | undefined>;

/** Produces the values of several keys: a `Map` by key, or an array in the order of `keys`. Missing keys have no value at the source. */
export type ManyLoader<V> = (
  keys: readonly string[],
  context: { readonly signal: AbortSignal },
) =>
  | ReadonlyMap<string, V | undefined>
  | readonly (V | undefined)[]
  | PromiseLike<ReadonlyMap<string, V | undefined> | readonly (V | undefined)[]>;

/** Options of `getOrLoad`. */
export interface LoadOptions {
  /** Lifetime of what is loaded; absent: the service's. */
  readonly ttl?: Duration;
  /** What is loaded is stored with these tags, also "nothing there": 128 at most, of 1 to 256 characters. */
  readonly tags?: readonly string[];
  /** How long this load may take; absent: the service's `load_timeout`. */
  readonly timeout?: Duration;
  /** Whether an entry past its TTL may be returned when the load fails or Redis does; absent: true (it is held for `stale_ttl` only). */
  readonly allowStale?: boolean;
  /** Only look: resolve to what is cached and do not call the loader. */
  readonly disableLoad?: boolean;
  /** Gives up this caller's wait; the load goes on while others wait for it. */
  readonly signal?: AbortSignal;
}

/** A cache as its users see it. */
export interface CacheClient<V = unknown> {
  /** The service's name. */
  readonly service: string;
  /**
   * The fresh value of a key; `undefined` when nothing is cached. Sees every write of this process, also one that Redis has not
   * confirmed. Never fails because of Redis: that is a miss.
   */
  get(key: string): Promise<V | undefined>;
  /**
   * The fresh value in L1, at once; `undefined` on a miss. Counts as a use for eviction.
   *
   * @throws {CacheError} CACHE_CLOSED, CACHE_KEY_INVALID
   */
  peek(key: string): V | undefined;
  /** All that is known of a key, also a stale value or a remembered "nothing there". */
  lookup(key: string): Promise<LookupResult<V>>;
  /**
   * Stores a value in the service's tiers; `null` may be stored. Resolves to what really happened: what Redis does not confirm
   * goes to the log (`logged`).
   *
   * @throws {TypeError} for `undefined` or an unusable lifetime
   * @throws {CacheError} CACHE_ENCODE_FAILED, CACHE_VALUE_TOO_LARGE; of an `l2` service CACHE_LOG_FULL, and without a log
   * CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  set(key: string, value: V, options?: SetOptions): Promise<SetResult>;
  /**
   * Removes a key from both tiers; resolves to whether a value was known to be there. While Redis is away the deletion is
   * logged: this process does not see the value any more, and Redis is told when it is back.
   *
   * @throws {CacheError} CACHE_LOG_FULL when neither Redis nor the disk could be told; without a log CACHE_L2_UNAVAILABLE,
   * CACHE_L2_TIMEOUT. L1 has dropped it, Redis may still have it
   */
  delete(key: string): Promise<boolean>;
  /** Whether a fresh value is cached. Counts neither hit nor miss. */
  has(key: string): Promise<boolean>;
  /**
   * Gives a fresh entry a new lifetime from now; resolves to whether there was one. A write of the key that Redis has not
   * confirmed is sent first.
   *
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT: what Redis has can't be known without it, so nothing is logged
   */
  expire(key: string, ttl: Duration): Promise<boolean>;
  /** The fresh values of those keys that have one, in the order of `keys`. */
  getMany(keys: readonly string[]): Promise<Map<string, V>>;
  /** {@link set} for several values; all are checked before any is stored. Resolves to what happened to each. */
  setMany(entries: Iterable<readonly [string, V]>, options?: SetOptions): Promise<Map<string, SetResult>>;
  /** {@link delete} for several keys; resolves to how many were known to have a value. */
  deleteMany(keys: readonly string[]): Promise<number>;
  /**
   * The cached value, or what the loader returns, which is then stored. One load per key at a time (G3); the loader's own error
   * reaches every caller as it is.
   *
   * @throws {CacheError} CACHE_LOAD_TIMEOUT; CACHE_LOAD_CYCLE for a loader that waits for itself, through however many others
   */
  getOrLoad(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V | undefined>;
  /**
   * The values of all keys, with one call of `loadMany` for those that are not cached. Every key is in the result, with
   * `undefined` where the source has nothing.
   */
  getOrLoadMany(keys: readonly string[], loadMany: ManyLoader<V>, options?: LoadOptions): Promise<Map<string, V | undefined>>;
  /** Loads now, whatever is cached, and stores the result. Rejects when the load fails. */
  refresh(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V | undefined>;
  /**
   * {@link set} in this process only.
   *
   * @throws {TypeError} when the service has no L1
   */
  setL1Only(key: string, value: V, options?: SetOptions): Promise<SetResult>;
  /**
   * {@link set} in Redis only; this process drops its L1 copy.
   *
   * @throws {TypeError} when the service has no L2
   */
  setL2Only(key: string, value: V, options?: SetOptions): Promise<SetResult>;
  /**
   * {@link get} from L1 only.
   *
   * @throws {TypeError} when the service has no L1
   */
  getL1Only(key: string): Promise<V | undefined>;
  /**
   * {@link get} from Redis only, or from the log where Redis has not been told yet, without keeping a copy in L1.
   *
   * @throws {TypeError} when the service has no L2
   */
  getL2Only(key: string): Promise<V | undefined>;
  /**
   * Makes everything of this service that was written with one of the tags count as nothing, here at once and in other processes
   * within milliseconds after it has resolved (G5), also what a load that began before brings later (G4). What is written with
   * the tags from now on is not concerned. While Redis is away the invalidation is logged: this process obeys it, and Redis is told when it is back.
   *
   * @throws {TypeError} without tags, or for one that is not a string
   * @throws {CacheError} CACHE_KEY_INVALID for an unusable tag; CACHE_LOG_FULL when neither Redis nor the disk could be told;
   * without a log CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT. This process obeys it, others may not
   * @example
   * await users.set('42', user, { tags: ['team:7'] });
   * await users.invalidateTags('team:7');
   */
  invalidateTags(...tags: string[]): Promise<void>;
  /**
   * Takes the lock of a key for `ttl`, unless another caller, in whichever process, has it; resolves to `undefined` when it could
   * not be had within `wait`. Locks have nothing to do with the entries of their keys.
   *
   * @throws {TypeError} without a usable `ttl`, or when the service has no L2
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   * @example
   * const lock = await users.lock('42', { ttl: '10s', wait: '2s' });
   * if (lock !== undefined) await lock.release();
   */
  lock(key: string, options: LockOptions): Promise<Lock | undefined>;
  /**
   * Removes this service's entries and no others (G1). While Redis is away the clear is logged: this process does not serve what
   * Redis has from before it, and Redis is cleared when it is back.
   *
   * @throws {CacheError} CACHE_LOG_FULL when neither Redis nor the disk could be told; without a log CACHE_L2_UNAVAILABLE,
   * CACHE_L2_TIMEOUT. L1 is empty, Redis may not be
   */
  clear(): Promise<void>;
  /**
   * Resolves when every write accepted before the call is in Redis or in the log, or was given up and reported. Does not wait for
   * the log to be replayed.
   */
  flush(): Promise<void>;
  /**
   * Drains and closes this service; the others of its manager go on. What Redis has not confirmed at the end of the deadline goes
   * to the log, where the next process finds it.
   */
  close(): Promise<void>;
  /** What is known of the service's Redis. */
  health(): ServiceHealth;
  /** What has been counted since the service was opened. */
  metrics(): ServiceMetrics;
  /** Adds a listener; a listener that throws changes nothing (G10). */
  on<E extends keyof CacheEventMap>(event: E, listener: (payload: CacheEventMap[E]) => void): this;
  /** Removes a listener; one that was never added is ignored. */
  off<E extends keyof CacheEventMap>(event: E, listener: (payload: CacheEventMap[E]) => void): this;
}
