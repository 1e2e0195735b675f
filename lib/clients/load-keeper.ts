/**
 * What becomes of a loaded value: it is stored like any write, unless a write overtook the load (G4). Storing it never fails
 * the load.
 */
import { CacheError } from '../base/errors.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { Flight } from './flight.js';
import type { ServiceCore } from './service-core.js';
import type { PreparedValue, WritePath } from './write-path.js';

/** See the file's header. */
export class LoadKeeper {
  readonly #core: ServiceCore;
  readonly #writes: WritePath;
  readonly #memory: MemoryTier | undefined;

  constructor(core: ServiceCore, writes: WritePath, memory: MemoryTier | undefined) {
    this.#core = core;
    this.#writes = writes;
    this.#memory = memory;
  }

  /** Keeps what was loaded, unless a write overtook the load; returns the value to hand out. Never fails because of the cache. */
  async keep(flight: Flight, value: unknown, stamp: number, ttlMs: number | undefined): Promise<unknown> {
    const { key } = flight;
    try {
      if (value === undefined) {
        await this.#keepNothing(flight, stamp);
        return undefined;
      }
      const prepared = await this.#writes.prepare(key, value, flight.loadTags);
      const handedOut = this.#memory === undefined ? value : prepared.kept;
      if (flight.isOvertaken || !flight.isKept || this.#isOfNoUse()) return handedOut;
      this.#core.parts.fence.close(flight);
      await this.#storeFor(flight, prepared, stamp, ttlMs);
      return handedOut;
    } catch (error) {
      // Failures of L2 have been reported where they happened; what is left is a value that cannot be encoded.
      if (!CacheError.is(error, 'CACHE_L2_UNAVAILABLE', 'CACHE_L2_TIMEOUT')) this.#core.report(toCacheError(error), key, false);
      return value;
    }
  }

  /** What to hand out for a loaded or cached value, as `l1.isolation` says. */
  handOut(value: unknown): unknown {
    try {
      return this.#memory === undefined ? value : this.#memory.handOut(value);
    } catch {
      // A loaded value that can't be cloned was not kept either, and has been reported.
      return value;
    }
  }

  /** Where L1 is not trusted and Redis is away, a loaded value would come back from the log, however old it has become. */
  #isOfNoUse(): boolean {
    const { receiver, parts } = this.#core;
    return receiver?.isTrusted === false && parts.redis?.tier.isUsable === false;
  }

  /** Stores what was loaded; a Redis that has just cost the callers a deadline does not cost them another one (G6). */
  async #storeFor(flight: Flight, prepared: PreparedValue, stamp: number, ttlMs: number | undefined): Promise<void> {
    const stored = this.#writes.store(prepared, stamp, ttlMs, false);
    if (flight.hasWaitedInVain) this.#core.parts.background.add(stored, () => undefined);
    else await stored;
  }

  async #keepNothing(flight: Flight, stamp: number): Promise<void> {
    const { config, fence } = this.#core.parts;
    if (flight.isOvertaken || !flight.isKept || this.#isOfNoUse()) return;
    fence.close(flight);
    const absent = this.#writes.prepareAbsent(flight.key, flight.loadTags);
    if (config.nullTtlMs > 0) await this.#storeFor(flight, absent, stamp, config.nullTtlMs);
    // What is cached, if anything, is past its TTL or was to be replaced: the source says it is gone.
    else if (flight.stale !== undefined || flight.isForced) await this.#writes.remove(flight.key, false, stamp);
  }
}

function toCacheError(error: unknown): CacheError {
  if (CacheError.is(error)) return error;
  return new CacheError('CACHE_ENCODE_FAILED', 'What was loaded could not be stored', { cause: error });
}
