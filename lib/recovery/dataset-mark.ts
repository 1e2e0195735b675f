/**
 * Tells a Redis that kept its data from one that came back empty: a mark among the service's entries, left while all was
 * well. It has the form of a deletion, so that a clear of the service leaves it alone. Only `wal.replay = "safe"` needs it.
 */
import { RESERVED_PREFIX } from '../base/reserved-keys.js';
import type { RedisTier } from '../tiers/redis/redis-tier.js';

/** The reserved key of the mark. */
const MARK_KEY = `${RESERVED_PREFIX}dataset`;

/** Longer than any entry lives. A mark that expired is one that is missing: then Redis is only told what is invalid. */
const MARK_TTL_MS = 31 * 24 * 3_600_000;

/** See the file's header. */
export class DatasetMark {
  readonly #tier: RedisTier;

  constructor(tier: RedisTier) {
    this.#tier = tier;
  }

  /** Whether the mark is still there. @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT */
  isThere(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#tier.request(MARK_KEY, { receive: (raw) => resolve(raw !== null), fail: reject });
    });
  }

  /** Leaves the mark, or renews it. @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT */
  async leave(): Promise<void> {
    const { clock } = this.#tier;
    const version = clock.versionOf(clock.stamp());
    const sealed = this.#tier.sealDeletion(version, MARK_TTL_MS);
    await this.#tier.apply([{ key: MARK_KEY, redisKey: this.#tier.nameOf(MARK_KEY), sealed, version }]);
  }
}
