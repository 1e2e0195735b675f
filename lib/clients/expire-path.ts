/**
 * How an entry is given a new lifetime. Its value and version stay: a set that is on its way must not lose to a new lifetime.
 * L2 is asked what the entry is, so that a copy in L1 alone, which may be older than a write elsewhere, is not prolonged.
 */
import { CacheError } from '../base/errors.js';
import type { FenceTicket } from '../sync/write-fence.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { StoredEntry } from '../tiers/redis/entry-codec.js';
import { asked, refused } from './refused.js';
import type { RedisSide, ServiceCore } from './service-core.js';

/** Attempts to change a lifetime while others keep writing the key. */
const EXPIRE_ATTEMPTS = 5;

/** Changes of lifetimes in one view of a service. */
export class ExpirePath {
  readonly #core: ServiceCore;
  readonly #memory: MemoryTier | undefined;
  readonly #redis: RedisSide | undefined;

  constructor(core: ServiceCore, memory: MemoryTier | undefined, redis: RedisSide | undefined) {
    this.#core = core;
    this.#memory = memory;
    this.#redis = redis;
  }

  /** Gives an entry a new lifetime from now; resolves to whether there was a fresh one. */
  async expire(key: string, lifeMs: number): Promise<boolean> {
    const { lifetimes, fence } = this.#core.parts;
    const times = lifetimes.memoryTimes(lifeMs);
    if (this.#redis === undefined) return this.#memory?.setExpiry(key, times.expiresAtMs, times.refreshAtMs) ?? false;
    if (!this.#redis.tier.isUsable) throw refused(this.#core, this.#redis.tier.unusableError(), key);
    const { tier, outbox } = this.#redis;
    for (let attempt = 0; attempt < EXPIRE_ATTEMPTS; attempt++) {
      await asked(this.#core, key, outbox.push(key));
      const ticket = fence.open(key);
      try {
        const read = await asked(this.#core, key, tier.read(key));
        const entry = read?.tags === undefined ? read : await asked(this.#core, key, this.#check(read));
        if (isOvertaken(ticket)) continue;
        // A copy that L2 knows nothing of keeps the end it has: it may be older than a deletion elsewhere.
        if (entry?.kind !== 'v' || !lifetimes.isFresh(entry)) return false;
        const encoded = await tier.encode(key, entry.value);
        const life = lifetimes.redisTimes(lifeMs, this.#core.parts.config.staleTtlMs);
        const sealed = tier.sealValue(encoded, entry.version, { ...life, createdAtMs: entry.createdAtMs }, entry.tags);
        if (!(await this.#replace(key, tier.replace(key, sealed, entry.version)))) continue;
        // A write that came meanwhile has a lifetime of its own.
        if (isOvertaken(ticket)) return true;
        fence.overtake(key);
        // The entry as read, not the copy held: another process may have written since that copy was made.
        if (this.#memory?.delete(key) === true) {
          const copy = lifetimes.promotedTimes({ ...life, createdAtMs: entry.createdAtMs });
          if (entry.tags !== undefined) this.#core.tags.keep(key, entry.tags);
          this.#memory.write(key, this.#memory.prepareOwned(entry.value), copy.createdAtMs, copy.expiresAtMs, copy.refreshAtMs);
        }
        return true;
      } finally {
        fence.close(ticket);
      }
    }
    throw new CacheError('CACHE_L2_UNAVAILABLE', 'The entry kept changing while its lifetime was being set; try again', {
      service: this.#core.name,
      key,
    });
  }

  async #check(read: StoredEntry): Promise<StoredEntry | undefined> {
    return this.#core.tags.check(read, false);
  }

  /** Without an answer the entry may have its new end: the copy in L1 must not outlive it (G2). */
  async #replace(key: string, answer: Promise<boolean>): Promise<boolean> {
    try {
      return await asked(this.#core, key, answer);
    } catch (error) {
      this.#memory?.delete(key);
      this.#core.parts.fence.overtake(key);
      throw error;
    }
  }
}

/** Whether a write came in between; a function, because the compiler takes a property that was checked for settled. */
function isOvertaken(ticket: FenceTicket): boolean {
  return ticket.isOvertaken;
}
