/**
 * The tags of one service: a name under which entries are written, so that they can be invalidated together. What was written
 * with a tag before its last invalidation counts as nothing, in L1 and in L2, in every process; also what a load or a read
 * that began before brings later (G4). Other services' tags of the same name are others (G1).
 *
 * An invalidation is one mark in Redis (docs/tags.md). L1 is found by an index, so a hit checks nothing; an entry of L2 is
 * checked against the marks that are known here, and Redis is asked where these leave it open. Entries without tags are
 * none of this file's business.
 */
import type { CacheError } from '../base/errors.js';
import { shiftVersion } from '../base/hybrid-clock.js';
import type { StoredEntry } from '../tiers/redis/entry-codec.js';
import { MARK_LIFE_MS, tagMarkOf } from '../tiers/redis/tag-mark.js';
import { GIVEN_UP, type PutOutcome } from './outbox.js';
import { refused } from './refused.js';
import type { RedisSide, ServiceCore } from './service-core.js';
import { TagIndex } from './tag-index.js';
import { TagVersions } from './tag-versions.js';

/** Clocks agree to within a round trip: what came before a gap may have a version from a little later. */
const MIN_CLOCK_MARGIN_MS = 100;

/** Newer than every version: when it was is not known, only that it was. */
const SOME_TIME = '~';

/** Invalidations of this process that are remembered; they matter for as long as writes that were called before or after are under way. */
const MAX_OWN = 1000;

/** An invalidation that this process has called. */
interface OwnInvalidation {
  /** Its version at the call. */
  readonly called: string;
  /** The newer version that Redis gave it; empty: none. */
  raised: string;
}

/** See the file's header. */
export class Tags {
  readonly #core: ServiceCore;
  readonly #redis: RedisSide | undefined;
  readonly #index: TagIndex | undefined;
  readonly #versions = new TagVersions();
  /** Questions to Redis that have not left yet, by tag: who asks in the same tick shares the answer. */
  readonly #asking = new Map<string, Promise<string | undefined | CacheError>>();
  /** What is written with a tag after its invalidation was called here is to stay, however much newer Redis made that. */
  readonly #ownInvalidations = new Map<string, OwnInvalidation>();
  #isLinkUp = false;
  /** Whether the versions noted are on Redis's time line. */
  #isAnchored: boolean;

  constructor(core: ServiceCore) {
    this.#core = core;
    const { memory, redis, config, background } = core.parts;
    this.#redis = redis;
    const hasMemory = memory !== undefined && config.l1 !== undefined;
    this.#index = hasMemory ? new TagIndex(memory, config.l1.maxCapacity, background) : undefined;
    this.#isAnchored = redis?.tier.clock.isAnchored ?? false;
  }

  /** L1 is about to keep an entry with these tags. */
  keep(key: string, tags: readonly string[]): void {
    this.#index?.add(key, tags);
  }

  /** L1 was emptied. */
  cleared(): void {
    this.#index?.clear();
  }

  /** Whether a write of this version is known to be older than the last invalidation of one of its tags. */
  areOlder(tags: readonly string[], version: string): boolean {
    this.#followClock();
    return tags.some((tag) => this.#versions.lastOf(tag) > version);
  }

  /** Whether this process has invalidated one of the tags after a write of its own that has this version was called. */
  areInvalidatedHere(tags: readonly string[], version: string): boolean {
    this.#followClock();
    return tags.some((tag) => (this.#ownInvalidations.get(tag)?.called ?? '') > version);
  }

  /** Whether `version` is the one that Redis gave to this process's own last invalidation of one of the tags. */
  isRaisedHere(tags: readonly string[], version: string): boolean {
    return tags.some((tag) => this.#ownInvalidations.get(tag)?.raised === version);
  }

  /**
   * What counts of an entry: itself, or nothing if one of its tags was invalidated since it was written.
   *
   * @param isOwn whether it is this process's own write, which Redis has not confirmed: that counts while Redis can't be asked (G8)
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT as a rejection, unless `isOwn`: whether it counts can't be known
   */
  check(entry: StoredEntry, isOwn: boolean): StoredEntry | undefined | Promise<StoredEntry | undefined> {
    this.#followClock();
    const redis = this.#redis;
    if (entry.tags === undefined || redis === undefined) return entry;
    const open: string[] = [];
    for (const tag of entry.tags) {
      const verdict = this.#versions.verdict(tag, entry.version);
      if (verdict === false || this.#unconfirmed(redis, tag) > entry.version) return undefined;
      if (verdict === undefined) open.push(tag);
    }
    return open.length === 0 ? entry : this.#checkInRedis(redis, entry, open, isOwn);
  }

  /**
   * Invalidates what was written with one of the tags until now: here at once, elsewhere when they are told, or ask. When it
   * resolves, Redis has the marks, or the log.
   *
   * @throws {CacheError} CACHE_LOG_FULL; without a log CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  async invalidate(tags: readonly string[]): Promise<void> {
    this.#followClock();
    const { events } = this.#core.parts;
    const redis = this.#redis;
    const stamp = redis?.tier.clock.stamp() ?? 0;
    for (const tag of tags) {
      if (redis !== undefined) this.#noteOwn(tag, redis.tier.clock.versionOf(stamp));
      this.#core.compressing.overtakeTagged(tag);
      this.#drop(tag);
    }
    if (redis !== undefined) {
      if (!redis.tier.isUsable && !redis.outbox.hasLog) throw refused(this.#core, redis.tier.unusableError(), undefined);
      const marks = tags.map((tag) => this.#mark(redis, tag, stamp));
      // Somebody waits: a batch that is written behind does not gather any longer.
      if (this.#core.parts.config.twoLevel?.writeThrough === false)
        this.#core.parts.background.add(redis.outbox.flush(), () => undefined);
      const ends = await Promise.all(marks);
      const failure = ends.find((end) => typeof end !== 'string');
      if (failure !== undefined) throw refused(this.#core, failure, undefined);
    }
    if (events.hears('invalidate')) events.emit('invalidate', { service: this.#core.name, reason: 'tags', tags });
  }

  /** An invalidation was heard of, from this process or another one. */
  invalidated(tag: string, version: string): void {
    this.#followClock();
    if (this.#redis === undefined) return;
    const { clock } = this.#redis.tier;
    if (!clock.observe(version)) {
      // Obeying a version of a broken clock would make the tag useless until that time. Redis says whether it is one.
      this.#drop(tag);
      void this.#core.questionVersions().then(() => {
        if (clock.observe(version)) this.invalidated(tag, version);
      });
      return;
    }
    // What was noted already was carried out then; what has been written with the tag since is to stay.
    if (this.#versions.note(tag, version)) this.#drop(tag);
  }

  /** Redis gave a newer version to an invalidation of this process, because others had written with versions it did not know of. */
  raised(tag: string, version: string): void {
    const own = this.#ownInvalidations.get(tag);
    if (own !== undefined && version > own.raised) own.raised = version;
    this.invalidated(tag, version);
  }

  /** From now on every invalidation reaches {@link invalidated}. It has to be learned which ones came before: {@link onLearned}. */
  onLinkUp(): void {
    this.#followClock();
    this.#isLinkUp = true;
    this.#versions.end();
    void this.#core.learnMarks();
  }

  /** From now on invalidations may be missed, until {@link onLinkUp}. */
  onLinkDown(): void {
    this.#isLinkUp = false;
    this.#versions.end();
  }

  /** Invalidations were missed, or Redis is another one. */
  onGap(): void {
    if (this.#versions.hearsAll) this.#versions.end();
  }

  /** What {@link onLearned} has to be given: taken before Redis is asked. */
  get period(): number {
    return this.#versions.period;
  }

  /**
   * Redis has said what the newest version is. If the link has been up since before it was asked, an entry that is newer was written
   * while everything was heard.
   */
  onLearned(period: number): void {
    const clock = this.#redis?.tier.clock;
    if (clock === undefined || !this.#isLinkUp || period !== this.#versions.period || this.#versions.hearsAll) return;
    // What was called before, and has not been applied yet, may have a version from a little later.
    const marginMs = Math.max(MIN_CLOCK_MARGIN_MS, 4 * clock.uncertaintyMs);
    this.#versions.begin(shiftVersion(clock.versionOf(clock.stamp()), marginMs));
  }

  async #checkInRedis(
    redis: RedisSide,
    entry: StoredEntry,
    tags: readonly string[],
    isOwn: boolean,
  ): Promise<StoredEntry | undefined> {
    const versions = await Promise.all(tags.map((tag) => this.#ask(redis, tag)));
    let failure: CacheError | undefined;
    for (const version of versions) {
      if (typeof version === 'object') failure = version;
      else if (version === undefined ? !isOwn : version > entry.version) return undefined;
    }
    if (failure !== undefined && !isOwn) throw failure;
    // Redis may have lost what it knew of tags, and said so only now.
    return redis.tier.clearLine.hides(entry.version) ? undefined : entry;
  }

  /** When a tag was invalidated last, by Redis; empty: never, `undefined`: that can't be known. An error: Redis could not be asked. */
  #ask(redis: RedisSide, tag: string): Promise<string | undefined | CacheError> {
    const asking = this.#asking.get(tag);
    if (asking !== undefined) return asking;
    if (this.#asking.size === 0) process.nextTick(() => this.#asking.clear());
    const { period } = this.#versions;
    const answer = new Promise<string | undefined | CacheError>((resolve) => {
      redis.tier.askTag(tag, (inRedis, failure) => {
        if (inRedis === undefined) {
          resolve(failure);
          return;
        }
        const logged = this.#unconfirmed(redis, tag);
        if (logged === SOME_TIME) {
          resolve(SOME_TIME);
          return;
        }
        const version = logged > inRedis ? logged : inRedis;
        // Known before its message comes, which will then be no news.
        if (this.#learn(tag, version, period)) this.#index?.drop(tag);
        resolve(version);
      });
    });
    this.#asking.set(tag, answer);
    return answer;
  }

  #learn(tag: string, version: string, period: number): boolean {
    this.#followClock();
    return this.#versions.learn(tag, version, period);
  }

  /** The last invalidation of a tag in the log, from this process or one that is gone; empty: none. */
  #unconfirmed({ tier, outbox }: RedisSide, tag: string): string {
    if (outbox.loggedKeys === 0) return '';
    const key = tagMarkOf(tag);
    const mark = outbox.find(key) ?? outbox.reconcile(key, null);
    if (mark === GIVEN_UP) return SOME_TIME;
    if (mark === null) return '';
    const version = tier.versionIn(mark);
    return tier.clock.accepts(version) ? version : '';
  }

  #mark(redis: RedisSide, tag: string, stamp: number): Promise<PutOutcome> {
    const { tier, outbox } = redis;
    const key = tagMarkOf(tag);
    return new Promise((resolve) => {
      outbox.whenRoom(() => {
        const version = tier.clock.versionOf(stamp);
        const put = outbox.put(key, tier.sealDeletion(version, MARK_LIFE_MS), version, 'awaited');
        resolve(
          put.then((outcome) => {
            if (outcome === 'logged') this.#core.parts.counters.writesLogged++;
            return outcome;
          }),
        );
      });
    });
  }

  #noteOwn(tag: string, version: string): void {
    this.#versions.note(tag, version);
    // Put in again, so that the first one is the one that was called longest ago.
    this.#ownInvalidations.delete(tag);
    this.#ownInvalidations.set(tag, { called: version, raised: '' });
    if (this.#ownInvalidations.size <= MAX_OWN) return;
    for (const oldest of this.#ownInvalidations.keys()) {
      this.#ownInvalidations.delete(oldest);
      return;
    }
  }

  /** What this process has of a tag, or is about to have, is not to be served. */
  #drop(tag: string): void {
    this.#core.parts.fence.overtakeTagged(tag);
    this.#index?.drop(tag);
  }

  /** The first comparison with Redis's clock moves this process's versions along the line of time. */
  #followClock(): void {
    const isAnchored = this.#redis?.tier.clock.isAnchored ?? false;
    if (isAnchored === this.#isAnchored) return;
    this.#isAnchored = isAnchored;
    this.#versions.forget();
    this.#ownInvalidations.clear();
  }
}
