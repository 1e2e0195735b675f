/**
 * The client of a service, for any set of tiers. It checks arguments, answers L1 hits on the spot, and hands everything else
 * to the read, write and load paths.
 *
 * An L1 hit allocates nothing but its promise and checks nothing: a key that is in L1 was valid when it was stored, and a
 * closed client's L1 is empty, so both checks wait for the miss.
 */
import { misuse } from '../base/describe-value.js';
import { requireTtlMs, type Duration } from '../base/duration.js';
import type { CacheError } from '../base/errors.js';
import type { CacheType } from '../config/resolved-config.js';
import type { EventHub } from '../observe/event-hub.js';
import type { CacheEventMap, CacheEventName } from '../observe/events.js';
import type { ServiceHealth } from '../observe/health.js';
import type { ServiceCounters, ServiceMetrics } from '../observe/metrics.js';
import { ABSENT } from '../tiers/memory/memory-entry.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { Loader, LoadOptions, LookupResult, ManyLoader, SetOptions, SetResult } from './cache-client.js';
import { ExpirePath } from './expire-path.js';
import { guardFunction, guardKey, guardValue, readLoadOptions, readSetOptions } from './guards.js';
import type { InternalClient } from './internal-client.js';
import { LoadPath } from './load-path.js';
import type { Lock, LockOptions } from './lock.js';
import { readLockOptions } from './lock-options.js';
import { Locks } from './locks.js';
import { ManyKeys } from './many-keys.js';
import { ReadPath } from './read-path.js';
import { rejected } from './rejected.js';
import type { RedisSide, ServiceCore } from './service-core.js';
import { readInvalidatedTags, readSetTags } from './tag-names.js';
import { WritePath } from './write-path.js';

/** A constant here and no import: V8 compares it by identity, and does not look into the value on every hit. */
const NOTHING: unknown = ABSENT;

/** See the file's header. */
export class TieredClient<V = unknown> implements InternalClient<V> {
  readonly service: string;
  readonly needsLoadPath: boolean;
  readonly #core: ServiceCore;
  readonly #memory: MemoryTier | undefined;
  readonly #redis: RedisSide | undefined;
  readonly #counters: ServiceCounters;
  readonly #events: EventHub;
  readonly #reads: ReadPath;
  readonly #writes: WritePath;
  readonly #loads: LoadPath;
  readonly #expiries: ExpirePath;
  readonly #many: ManyKeys<V>;
  readonly #locks: Locks;
  readonly #close: () => Promise<void>;
  readonly #views = new Map<CacheType, TieredClient<V>>();

  /** @param cacheType the tiers this view uses; the service must have them */
  constructor(core: ServiceCore, cacheType: CacheType, close: () => Promise<void>) {
    this.#core = core;
    this.service = core.name;
    this.#memory = cacheType === 'l2' ? undefined : core.parts.memory;
    this.#redis = cacheType === 'l1' ? undefined : core.parts.redis;
    this.needsLoadPath = core.parts.config.refreshAhead > 0;
    this.#counters = core.parts.counters;
    this.#events = core.parts.events;
    this.#reads = new ReadPath(core, this.#memory, this.#redis);
    this.#writes = new WritePath(core, this.#memory, this.#redis);
    this.#loads = new LoadPath(core, this.#reads, this.#writes, this.#memory, this.#redis);
    this.#expiries = new ExpirePath(core, this.#memory, this.#redis);
    const [reads, writes, loads, memory] = [this.#reads, this.#writes, this.#loads, this.#memory];
    this.#many = new ManyKeys(core, { reads, writes, loads, memory, hasRedis: this.#redis !== undefined });
    this.#locks = new Locks(core, this.#redis);
    this.#close = close;
    this.#views.set(cacheType, this);
  }

  get(key: string): Promise<V | undefined> {
    const value = this.#memory?.read(key);
    if (value === undefined) return this.#getBeyondMemory(key);
    this.#counters.l1Hits++;
    if (this.#events.hearsHits) this.#announceHit(key);
    return Promise.resolve(value === NOTHING ? undefined : (value as V));
  }

  peek(key: string): V | undefined {
    const value = this.#memory?.read(key);
    if (value === undefined || value === NOTHING) {
      if (value === undefined) this.#check(key);
      return undefined;
    }
    this.#counters.l1Hits++;
    if (this.#events.hearsHits) this.#announceHit(key);
    return value as V;
  }

  async lookup(key: string): Promise<LookupResult<V>> {
    this.#check(key);
    return this.#reads.lookup<V>(key);
  }

  set(key: string, value: V, options?: SetOptions): Promise<SetResult> {
    try {
      this.#check(key);
      guardValue(value);
      const lifeMs = readSetOptions(options, this.#core.parts.strategies);
      return this.#writes.set(key, value, lifeMs, readSetTags(options, this.service));
    } catch (error) {
      return rejected(error as Error);
    }
  }

  async delete(key: string): Promise<boolean> {
    this.#check(key);
    return this.#writes.remove(key);
  }

  async has(key: string): Promise<boolean> {
    this.#check(key);
    return this.#reads.has(key);
  }

  async expire(key: string, ttl: Duration): Promise<boolean> {
    this.#check(key);
    return this.#core.accept(this.#expiries.expire(key, requireTtlMs(ttl, 'ttl', this.#core.parts.strategies)));
  }

  getMany(keys: readonly string[]): Promise<Map<string, V>> {
    return this.#many.get(keys);
  }

  setMany(entries: Iterable<readonly [string, V]>, options?: SetOptions): Promise<Map<string, SetResult>> {
    return this.#many.set(entries, options);
  }

  deleteMany(keys: readonly string[]): Promise<number> {
    return this.#many.delete(keys);
  }

  getOrLoad(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V | undefined> {
    if (options === undefined && !this.needsLoadPath) {
      const value = this.#memory?.read(key);
      if (value !== undefined) {
        this.#counters.l1Hits++;
        if (this.#events.hearsHits) this.#announceHit(key);
        return Promise.resolve(value === NOTHING ? undefined : (value as V));
      }
    }
    return this.#getOrLoadChecked(key, loader, options);
  }

  getOrLoadMany(keys: readonly string[], loadMany: ManyLoader<V>, options?: LoadOptions): Promise<Map<string, V | undefined>> {
    return this.#many.getOrLoad(keys, loadMany, options);
  }

  async refresh(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V | undefined> {
    this.#check(key);
    guardFunction(loader, 'loader');
    const checked = readLoadOptions(options, this.#core.parts.strategies, this.service);
    if (checked.disableLoad) throw misuse('disableLoad', 'absent, because refresh() always loads', true);
    return (await this.#loads.load(
      key,
      loader as Loader<unknown>,
      { ...checked, allowStale: checked.allowStale ?? false },
      true,
    )) as V | undefined;
  }

  setL1Only(key: string, value: V, options?: SetOptions): Promise<SetResult> {
    return this.#viewed('l1', 'setL1Only', (view) => view.set(key, value, options));
  }

  setL2Only(key: string, value: V, options?: SetOptions): Promise<SetResult> {
    return this.#viewed('l2', 'setL2Only', (view) => view.set(key, value, options));
  }

  getL1Only(key: string): Promise<V | undefined> {
    return this.#viewed('l1', 'getL1Only', (view) => view.get(key));
  }

  getL2Only(key: string): Promise<V | undefined> {
    return this.#viewed('l2', 'getL2Only', (view) => view.get(key));
  }

  async invalidateTags(...tags: string[]): Promise<void> {
    this.#core.requireOpen();
    await this.#core.tags.invalidate(readInvalidatedTags(tags, this.service));
  }

  async lock(key: string, options: LockOptions): Promise<Lock | undefined> {
    this.#check(key);
    this.#core.requireNotClosing();
    return this.#locks.lock(key, readLockOptions(options, this.#core.parts.strategies));
  }

  async clear(): Promise<void> {
    this.#core.requireOpen();
    await this.#core.accept(this.#writes.clear());
  }

  async flush(): Promise<void> {
    this.#core.requireOpen();
    await this.#core.bulk.flush(this.#redis?.outbox);
  }

  async close(): Promise<void> {
    await this.#close();
  }

  health(): ServiceHealth {
    return this.#core.health(this.#redis);
  }

  metrics(): ServiceMetrics {
    return this.#core.metrics();
  }

  on<E extends CacheEventName>(event: E, listener: (payload: CacheEventMap[E]) => void): this {
    this.#events.on(event, listener);
    return this;
  }

  off<E extends CacheEventName>(event: E, listener: (payload: CacheEventMap[E]) => void): this {
    this.#events.off(event, listener);
    return this;
  }

  view(cacheType: CacheType): TieredClient<V> {
    const known = this.#views.get(cacheType);
    if (known !== undefined) return known;
    const has = { l1: this.#memory !== undefined, l2: this.#redis !== undefined };
    if ((cacheType !== 'l2' && !has.l1) || (cacheType !== 'l1' && !has.l2)) {
      throw misuse('cacheType', `tiers that the service "${this.service}" has (${this.#core.parts.config.cacheType})`, cacheType);
    }
    const view = new TieredClient<V>(this.#core, cacheType, this.#close);
    this.#views.set(cacheType, view);
    return view;
  }

  reportError(error: CacheError, key?: string): void {
    this.#core.report(error, key, false);
  }

  #getBeyondMemory(key: string): Promise<V | undefined> {
    try {
      this.#check(key);
      return this.#reads.getBeyondMemory<V>(key);
    } catch (error) {
      return rejected(error as Error);
    }
  }

  async #getOrLoadChecked(key: string, loader: Loader<V>, options: LoadOptions | undefined): Promise<V | undefined> {
    this.#check(key);
    guardFunction(loader, 'loader');
    const checked = readLoadOptions(options, this.#core.parts.strategies, this.service);
    const held = this.#memory?.readEntry(key);
    if (held?.stale === false) {
      this.#core.hit(key, 'l1', false);
      if (this.needsLoadPath && !checked.disableLoad && held.freshUntilMs <= this.#core.parts.clock.nowMs()) {
        this.#loads.refreshInBackground(key, loader as Loader<unknown>, checked);
      }
      return held.value === ABSENT ? undefined : (held.value as V);
    }
    if (!checked.disableLoad) return (await this.#loads.load(key, loader as Loader<unknown>, checked, false)) as V | undefined;
    return this.#reads.getBeyondMemory<V>(key, checked.staleRule);
  }

  async #viewed<T>(cacheType: CacheType, method: string, use: (view: TieredClient<V>) => Promise<T>): Promise<T> {
    if (cacheType === 'l1' ? this.#memory === undefined : this.#redis === undefined) {
      throw new TypeError(
        `${method}() needs a service with ${cacheType.toUpperCase()}; "${this.service}" is ${this.#core.parts.config.cacheType}`,
      );
    }
    return use(this.view(cacheType));
  }

  /** @throws {CacheError} CACHE_CLOSED, CACHE_KEY_INVALID; {TypeError} */
  #check(key: string): void {
    this.#core.requireOpen();
    guardKey(key, this.#core.maxKeyLength, this.service);
  }

  #announceHit(key: string): void {
    this.#events.emit('hit', { service: this.service, key, tier: 'l1', stale: false });
  }
}
