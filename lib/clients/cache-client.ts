/**
 * The public face of a service: what every client promises, whichever tiers it has. Keys are strings of
 * 1..`max_key_length` characters. Every method that returns a promise rejects with `CACHE_CLOSED` after `close()`
 * and with `CACHE_KEY_INVALID` for an unusable key (a `TypeError` for one that is not a string).
 */
import type { Duration } from '../base/duration.js';
import type { CacheEventMap } from '../observe/events.js';
import type { ServiceHealth } from '../observe/health.js';
import type { ServiceMetrics } from '../observe/metrics.js';

/** Options of a write: a lifetime alone, or an object. */
export type SetOptions = Duration | { readonly ttl?: Duration };

/** What a write really did. */
export interface SetResult {
  /** Whether this process's L1 holds the value now. */
  readonly l1: boolean;
  /**
   * `written`: Redis confirmed it; `queued`: Redis will get it (write-behind); `none`: Redis did not confirm it, because the
   * service has no L2, Redis could not be used or did not answer in time, or Redis already holds a newer write.
   */
  readonly l2: 'written' | 'queued' | 'none';
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
  /** Aborted when the last caller waiting for this load has given up, or the load timed out. */
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
  get(key: string): Promise<V | undefined>;
  peek(key: string): V | undefined;
  lookup(key: string): Promise<LookupResult<V>>;
  set(key: string, value: V, options?: SetOptions): Promise<SetResult>;
  delete(key: string): Promise<boolean>;
  has(key: string): Promise<boolean>;
  expire(key: string, ttl: Duration): Promise<boolean>;
  getMany(keys: readonly string[]): Promise<Map<string, V>>;
  setMany(entries: Iterable<readonly [string, V]>, options?: SetOptions): Promise<Map<string, SetResult>>;
  deleteMany(keys: readonly string[]): Promise<number>;
  getOrLoad(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V | undefined>;
  getOrLoadMany(keys: readonly string[], loadMany: ManyLoader<V>, options?: LoadOptions): Promise<Map<string, V | undefined>>;
  refresh(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V | undefined>;
  setL1Only(key: string, value: V, options?: SetOptions): Promise<SetResult>;
  setL2Only(key: string, value: V, options?: SetOptions): Promise<SetResult>;
  getL1Only(key: string): Promise<V | undefined>;
  getL2Only(key: string): Promise<V | undefined>;
  clear(): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
  health(): ServiceHealth;
  metrics(): ServiceMetrics;
  on<E extends keyof CacheEventMap>(event: E, listener: (payload: CacheEventMap[E]) => void): this;
  off<E extends keyof CacheEventMap>(event: E, listener: (payload: CacheEventMap[E]) => void): this;
}
