/**
 * How a key is looked for: L1, then this process's own unconfirmed writes (on their way, or in the log), then L2; an L2 hit is copied to L1 for the rest
 * of its life. A Redis that can't be asked is a miss (or a stale L1 entry where one is held), never an error and never a
 * wait beyond the command's deadline (G6).
 */
import type { CacheError } from '../base/errors.js';
import { ABSENT } from '../tiers/memory/memory-entry.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { StoredEntry } from '../tiers/redis/entry-codec.js';
import type { LookupResult } from './cache-client.js';
import type { StaleRule } from './guards.js';
import { GIVEN_UP } from './outbox.js';
import { DirectGet, PendingRead, UNREADABLE, type ReadEnd, type ReadOwner } from './pending-read.js';
import type { ReadFailures } from './read-failures.js';
import type { RedisSide, ServiceCore } from './service-core.js';

/** Reads of one view of a service. */
export class ReadPath implements ReadOwner {
  readonly #core: ServiceCore;
  readonly #memory: MemoryTier | undefined;
  readonly #redis: RedisSide | undefined;
  readonly #promotes: boolean;
  /** Reads that others may join, by key; only where there is an L1 that all of them would share anyway. */
  readonly #shared = new Map<string, PendingRead>();

  constructor(core: ServiceCore, memory: MemoryTier | undefined, redis: RedisSide | undefined) {
    this.#core = core;
    this.#memory = memory;
    this.#redis = redis;
    this.#promotes = memory !== undefined && (core.parts.config.twoLevel?.promoteOnHit ?? false);
  }

  /** Whether L2 is more than one server. */
  get hasManyServers(): boolean {
    return this.#redis?.connection.isCluster ?? false;
  }

  /** Which server of L2 has a key: the same text for the same server. */
  serverOf(key: string): string {
    return this.#redis?.tier.serverOf(key) ?? '';
  }

  /** The value of a key that L1 does not have. Counts a hit or a miss. */
  getBeyondMemory<V>(key: string, staleRule: StaleRule = 'on-failure'): Promise<V | undefined> {
    const redis = this.#redis;
    if (redis === undefined) return Promise.resolve(this.settleGet(key, undefined, staleRule) as V | undefined);
    if (this.#memory !== undefined || redis.outbox.has(key)) {
      return this.fetch(key).then((end) => this.settleGet(key, end, staleRule) as V | undefined);
    }
    // Nobody joins this read and nothing is kept of it: the caller's own promise is all it needs.
    return new Promise((resolve) => {
      redis.tier.request(key, new DirectGet(key, staleRule, this, resolve as (value: unknown) => void));
    });
  }

  /**
   * What is beyond L1: an unconfirmed write of our own, or what L2 says. Never rejects.
   *
   * @param failures of a call about many keys, which reports for all of them
   */
  fetch(key: string, failures?: ReadFailures): Promise<ReadEnd> {
    const redis = this.#redis as RedisSide;
    const own = redis.outbox.find(key);
    if (own !== undefined) return Promise.resolve(own === GIVEN_UP ? undefined : this.#openOwn(redis, key, own));
    if (this.#memory === undefined) {
      const read = new PendingRead(key, this, failures);
      redis.tier.request(key, read);
      return read.promise;
    }
    const under = this.#shared.get(key);
    if (under !== undefined && !under.isOvertaken) return under.promise;
    const read = new PendingRead(key, this, failures);
    this.#shared.set(key, read);
    this.#core.parts.fence.admit(read);
    redis.tier.request(key, read);
    return read.promise;
  }

  open(key: string, raw: Buffer | null): StoredEntry | undefined | Promise<StoredEntry | undefined> {
    const { tier, outbox } = this.#redis as RedisSide;
    const entry = tier.open(key, outbox.loggedKeys === 0 ? raw : outbox.reconcile(key, raw));
    return entry instanceof Promise ? entry.then((opened) => this.#whatCounts(opened)) : this.#whatCounts(entry);
  }

  finish(read: PendingRead, entry: StoredEntry | undefined): StoredEntry | undefined {
    if (this.#memory === undefined) return entry;
    this.#end(read);
    if (entry === undefined || read.isOvertaken || !this.#promotes) return entry;
    return this.promote(read.key, entry);
  }

  refuse(key: string, failure: unknown): void {
    this.#redis?.tier.undecodable(key, 'its value cannot be kept or handed out as `l1.isolation` says', failure);
  }

  fail(read: { readonly key: string; readonly failures?: ReadFailures | undefined }, error: CacheError): void {
    if (read instanceof PendingRead) this.#end(read);
    // What was not even tried need not be told of one by one: `degrade` has told of the outage.
    if (error === this.#redis?.tier.unusableError()) {
      this.#core.parts.counters.l2Errors++;
      return;
    }
    if (read.failures === undefined) this.#core.report(this.#core.locate(error, read.key), read.key, false);
    else read.failures.add(error);
  }

  /** Keeps an L1 copy of a fresh entry; returns the entry with the value to hand out. */
  promote(key: string, entry: StoredEntry): StoredEntry {
    const memory = this.#memory;
    const { lifetimes, counters, events } = this.#core.parts;
    if (memory === undefined || !lifetimes.isFresh(entry)) return entry;
    const times = lifetimes.promotedTimes(entry);
    const kept = entry.kind === 'a' ? ABSENT : memory.prepareOwned(entry.value);
    // Before it is kept: a value that cannot be cloned would fail every later read of L1.
    const handedOut = kept === ABSENT ? undefined : memory.handOut(kept);
    if (entry.tags !== undefined) this.#core.tags.keep(key, entry.tags);
    if (!memory.write(key, kept, times.createdAtMs, times.expiresAtMs, times.refreshAtMs)) return entry;
    counters.promotions++;
    if (events.hears('promote')) {
      const ttlMs = times.expiresAtMs - this.#core.parts.clock.nowMs();
      events.emit('promote', { service: this.#core.name, key, ttlMs });
    }
    return kept === ABSENT || handedOut === entry.value ? entry : { ...entry, value: handedOut };
  }

  /** All that is known of a key. Counts a hit or a miss. */
  async lookup<V>(key: string): Promise<LookupResult<V>> {
    const held = this.#memory?.readEntry(key);
    const nowMs = this.#core.parts.clock.nowMs();
    if (held !== undefined && !held.stale) {
      this.#core.hit(key, 'l1', false);
      const times = {
        tier: 'l1',
        ageMs: Math.max(0, nowMs - held.createdAtMs),
        ttlMs: Math.max(0, held.expiresAtMs - nowMs),
      } as const;
      return held.value === ABSENT ? { status: 'absent', ...times } : { status: 'fresh', value: held.value as V, ...times };
    }
    const end = this.#redis === undefined ? undefined : await this.fetch(key);
    if (end !== undefined && end !== UNREADABLE) {
      const isFresh = this.#core.parts.lifetimes.isFresh(end);
      if (isFresh || end.kind === 'v') {
        this.#core.hit(key, 'l2', !isFresh);
        const times = { tier: 'l2', ...this.#core.parts.lifetimes.ageOf(end) } as const;
        if (end.kind === 'a') return { status: 'absent', ...times };
        return { status: isFresh ? 'fresh' : 'stale', value: end.value as V, ...times };
      }
    }
    // Once more: what was invalidated while L2 was asked is not served, not even as a stale copy.
    const left = held === undefined || this.#redis === undefined ? held : this.#memory?.readEntry(key);
    if (left !== undefined && left.value !== ABSENT) {
      this.#core.hit(key, 'l1', true);
      return { status: 'stale', value: left.value as V, tier: 'l1', ageMs: Math.max(0, nowMs - left.createdAtMs), ttlMs: 0 };
    }
    this.#core.miss(key);
    return { status: 'miss' };
  }

  /** Whether a fresh value is cached. Counts nothing. */
  async has(key: string): Promise<boolean> {
    const held = this.#memory?.read(key);
    if (held !== undefined) return held !== ABSENT;
    if (this.#redis === undefined) return false;
    const end = await this.fetch(key);
    return end !== undefined && end !== UNREADABLE && end.kind === 'v' && this.#core.parts.lifetimes.isFresh(end);
  }

  /** Turns the end of a fetch into a value, counted. */
  settleGet(key: string, end: ReadEnd, staleRule: StaleRule): unknown {
    const entry = end === UNREADABLE ? undefined : end;
    if (entry !== undefined && this.#core.parts.lifetimes.isFresh(entry)) {
      this.#core.hit(key, 'l2', false);
      return entry.value;
    }
    if (staleRule === 'always' || (staleRule === 'on-failure' && end === UNREADABLE)) {
      if (entry?.kind === 'v') {
        this.#core.hit(key, 'l2', true);
        return entry.value;
      }
      const held = this.#memory?.readEntry(key);
      if (held?.stale === true && held.value !== ABSENT) {
        this.#core.hit(key, 'l1', true);
        return held.value;
      }
    }
    this.#core.miss(key);
    return undefined;
  }

  /** What was cleared while Redis was away is not served before Redis has been told (G4), nor what has an invalidated tag. */
  #whatCounts(entry: StoredEntry | undefined): StoredEntry | undefined | Promise<StoredEntry | undefined> {
    if (entry === undefined) return undefined;
    const { outbox } = this.#redis as RedisSide;
    if (outbox.hidesAny && outbox.hides(entry.version)) return undefined;
    return entry.tags === undefined ? entry : this.#core.tags.check(entry, false);
  }

  #openOwn({ tier }: RedisSide, key: string, own: Buffer): StoredEntry | undefined | Promise<StoredEntry | undefined> {
    const check = (entry: StoredEntry | undefined): StoredEntry | undefined | Promise<StoredEntry | undefined> =>
      entry?.tags === undefined ? entry : this.#core.tags.check(entry, true);
    const entry = tier.open(key, own);
    return entry instanceof Promise ? entry.then(check) : check(entry);
  }

  #end(read: PendingRead): void {
    this.#core.parts.fence.close(read);
    if (this.#shared.get(read.key) === read) this.#shared.delete(read.key);
  }
}
