/**
 * Makes an awaited write newer than what Redis has. Versions come from each process's estimate of the server's clock, so a write
 * may find something newer that was there before it was called. Whoever waits for it is owed that it counts (G17).
 *
 * What came after the call is left alone (G4): it wins although it was there first, because this write took so long to get there
 * (it was compressed, it waited for room). It is told by its version, which lies between the call and now by more than clocks
 * differ. A version from beyond now was made by a clock that is off, and says nothing. Nor does the invalidation of a tag that this
 * process called before the write, and to which Redis gave a newer version than it had.
 *
 * Its times stay, so no life is lengthened. A value whose tag this process invalidated after the call is renewed as a deletion:
 * the value is gone, and what it was to replace must not be what is left.
 */
import { timeOfVersion } from '../base/hybrid-clock.js';
import { tagsOfSealed, withVersion } from '../codec/envelope.js';
import type { Renew } from '../sync/pending-write.js';
import type { RedisTier } from '../tiers/redis/redis-tier.js';
import type { Tags } from './tags.js';

/**
 * How far apart the versions of two calls at the same moment are taken to be at least. The other process stamps at the end of its
 * interval, and how long that is on a busy machine is not known here.
 */
const MIN_CLOCK_MARGIN_MS = 100;

/** What renewals are made of. */
export interface RenewalParts {
  readonly tier: RedisTier;
  readonly tombstoneTtlMs: number;
  /** The service's; a function, because they are made later. */
  readonly tags: () => Tags | undefined;
  /** The version of this process's last write of a key, if that is in the log and nobody is sending it; empty: it is not. */
  readonly loggedVersionOf: (key: string) => string;
}

/** See the file's header. */
export class Renewal {
  readonly #tier: RedisTier;
  readonly #tombstoneTtlMs: number;
  readonly #tags: () => Tags | undefined;
  readonly #loggedVersionOf: (key: string) => string;

  constructor({ tier, tombstoneTtlMs, tags, loggedVersionOf }: RenewalParts) {
    this.#tier = tier;
    this.#tombstoneTtlMs = tombstoneTtlMs;
    this.#tags = tags;
    this.#loggedVersionOf = loggedVersionOf;
  }

  readonly renew: Renew = (write, newer) => {
    // One that was called later went to the log, because Redis could not be used then: it is to be found there afterwards.
    if (this.#loggedVersionOf(write.key) > write.version) return undefined;
    const tags = tagsOfSealed(write.sealed);
    const isInTheWay = this.#tags()?.isRaisedHere(tags, newer) === true;
    if (!isInTheWay && this.#cameAfterwards(timeOfVersion(newer), timeOfVersion(write.calledVersion))) return undefined;
    const isGone = this.#tags()?.areInvalidatedHere(tags, write.version) === true;
    const version = this.#tier.clock.versionAfter(newer);
    if (version === undefined) return undefined;
    const sealed = isGone ? this.#tier.sealDeletion(version, this.#tombstoneTtlMs) : withVersion(write.sealed, version);
    return { sealed, version };
  };

  #cameAfterwards(newerMs: number, calledMs: number): boolean {
    const { clock } = this.#tier;
    const marginMs = Math.max(MIN_CLOCK_MARGIN_MS, 4 * clock.uncertaintyMs);
    return newerMs - calledMs > marginMs && newerMs < clock.nowMs();
  }
}
