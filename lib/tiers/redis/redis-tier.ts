/**
 * L2 of one service: reads its entries, applies its writes, clears it, and tells the other processes of what was written. The
 * form of the bytes is {@link EntryCodec}'s.
 */
import type { Clock } from '../../base/clock.js';
import { CacheError } from '../../base/errors.js';
import { Announcer } from './announcement.js';
import { versionAbove } from '../../base/hybrid-clock.js';
import { BucketedWrites, isApplied } from './bucketed-writes.js';
import type { CoalescedReader } from './coalesced-reader.js';
import { DeadEntries } from './dead-entries.js';
import { replaceIfSame } from './entry-scripts.js';
import { EntryCodec, type EntryCodecParts, type StoredEntry } from './entry-codec.js';
import type { KeySpace } from './key-space.js';
import { acquireLease, extendLease, releaseLease } from './lease-script.js';
import { RecentWrites } from './recent-writes.js';
import type { RawReceiver } from './read-lane.js';
import type { RedisConnection } from './redis-connection.js';
import { ServiceMarks } from './service-marks.js';
import { tagMarkOf, tagOfMark } from './tag-mark.js';
import type { TagReceiver } from './tag-questions.js';
import { ValueSizes } from './value-sizes.js';
import { WriteTimes } from './write-times.js';
import { raiseMarks } from './raise-marks.js';
import { applyWrites, type ScriptWrite, type WriteOutcome } from './write-script.js';

/** What a tier is made of. */
export interface RedisTierParts extends EntryCodecParts {
  readonly connection: RedisConnection;
  readonly reader: CoalescedReader;
  readonly keySpace: KeySpace;
  readonly systemClock: Clock;
  /** How the other processes are told of writes; absent: they are not. */
  readonly transport: 'stream' | 'pubsub' | undefined;
  /** A write that a failover may have undone, or an invalidation that was not known, is in Redis: what was read is not to be kept. */
  readonly onResent: (key: string, version: string) => void;
  /** The invalidation of a tag got a newer version than it was given. */
  readonly onRaised: (key: string, version: string) => void;
  /** Redis lost what invalidations rely on: all that it has counts as cleared, and so does what was copied from it. */
  readonly onMarksLost: () => void;
}

/** See the file's header. */
export class RedisTier extends EntryCodec {
  readonly #parts: RedisTierParts;
  readonly #announcer: Announcer | undefined;
  readonly #deadEntries: DeadEntries;
  readonly #marks: ServiceMarks;
  readonly #times: WriteTimes;
  /** Only in a cluster. */
  readonly #buckets: BucketedWrites | undefined;
  /**
   * The highest version that an invalidation or a clear of this process was raised to. It stands above what others have applied, as
   * the highest version in Redis, and hides that from the next one.
   */
  #raisedTo = '';
  readonly #sizes = new ValueSizes();
  /** Only where Redis has replicas that may take over. */
  readonly #recent: RecentWrites | undefined;

  constructor(parts: RedisTierParts) {
    super(parts, parts.connection.hybridClock, parts.keySpace.formatTag);
    this.#parts = parts;
    const { connection, keySpace, transport, l2 } = parts;
    const timeoutMs = l2.commandTimeoutMs;
    this.#announcer = transport === undefined ? undefined : new Announcer({ connection, keySpace, transport, timeoutMs });
    const acceptsUntilMs = (): number => this.clock.acceptsUntilMs;
    this.#deadEntries = new DeadEntries({ connection, keySpace, clock: parts.systemClock, timeoutMs, acceptsUntilMs });
    const { clock, clearLine } = this;
    this.#times = new WriteTimes(connection, parts.systemClock);
    this.#marks = new ServiceMarks({
      connection,
      keySpace,
      announcer: this.#announcer,
      clock,
      clearLine,
      timeoutMs,
      onLoss: parts.onMarksLost,
      onForeign: (tag) => {
        const message = 'The mark of a tag in Redis was ignored: it is no version';
        parts.onUndecodable(new CacheError('CACHE_DECODE_FAILED', message, { service: parts.service, key: tagMarkOf(tag) }));
      },
    });
    if (keySpace.isBucketed) {
      const own = { announcer: this.#announcer, marks: this.#marks, times: this.#times };
      this.#buckets = new BucketedWrites({ connection, keySpace, timeoutMs, ...own });
    }
    if (l2.mode !== 'standalone') {
      this.#recent = new RecentWrites(parts.systemClock, {
        apply: (writes) => this.#resend(writes),
        clear: (version) => this.#marks.clear(version, true),
      });
    }
  }

  /** Whether Redis can be used now; when not, every call here fails without waiting. */
  get isUsable(): boolean {
    return this.#parts.connection.isUsable;
  }

  /** Whether it takes writes now; when not, every write here fails without waiting. */
  get takesWrites(): boolean {
    return this.#parts.connection.takesWrites;
  }

  /** The error of a call made while Redis can't be used. */
  unusableError(): CacheError {
    return this.#parts.connection.unusableError();
  }

  /** Where a key is in Redis. */
  nameOf(key: string): string {
    return this.#parts.keySpace.nameOf(key);
  }

  /** Which server has a key: the same text for the same server. */
  serverOf(key: string): string {
    return this.#parts.reader.serverOf(this.nameOf(key));
  }

  /** Asks for a key's bytes together with everybody else's reads of this tick; {@link open} makes an entry of them. */
  request(key: string, receiver: RawReceiver): void {
    this.#parts.reader.read(this.nameOf(key), receiver, this.#sizes);
  }

  /** {@link request} and {@link open} as a promise. @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT */
  read(key: string): Promise<StoredEntry | undefined> {
    return new Promise((resolve, reject) => {
      this.request(key, {
        receive: (raw) => {
          resolve(this.open(key, raw));
        },
        fail: reject,
      });
    });
  }

  /**
   * Applies writes and tells the other processes of them; the outcomes are in the order of the writes.
   *
   * @param isLate whether they were called before now: replayed, or sent again
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  async apply(writes: readonly ScriptWrite[], isLate = true): Promise<WriteOutcome[]> {
    const recent = this.#recent;
    const outcomes = await this.#apply(writes, isLate);
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i] as ScriptWrite;
      const { key, newer, isRaised, version } = write;
      // What this process writes from now on is newer than what was in its way.
      if (newer !== undefined) this.clock.follow(newer);
      if (isRaised === true) {
        this.#noteRaised(version);
        this.#parts.onRaised(key, version);
      }
      const wasApplied = isApplied(outcomes[i]);
      if (wasApplied) recent?.add(write);
      if (tagOfMark(key) === undefined) continue;
      // The mark of a tag that is there is a fact. One that was logged may have a newer version than the call it is from.
      const known = wasApplied ? (isLate ? version : undefined) : outcomes[i] === 'older' ? newer : undefined;
      if (known !== undefined) this.#parts.onResent(key, known);
    }
    return outcomes;
  }

  /** Writes and clears that are owed to Redis once more, because of a failover. */
  get resendsOwed(): number {
    return this.#recent?.owed ?? 0;
  }

  /** Another server may have taken over: sends again what Redis confirmed in the last seconds. Never rejects. */
  async resendRecent(): Promise<void> {
    await this.#recent?.resend();
  }

  /**
   * Replaces an entry if it still has `version`; resolves to whether it had.
   *
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  async replace(key: string, sealed: string | Buffer, version: string): Promise<boolean> {
    const { connection, keySpace, l2 } = this.#parts;
    const write = { key, redisKey: this.nameOf(key), sealed, version };
    const announcement = this.#announcer?.ofWrites([write]);
    const within = keySpace.isBucketed ? undefined : announcement;
    const marks = keySpace.marksOf(keySpace.bucketFor(key));
    const isReplaced = await replaceIfSame(connection, write, marks, within, l2.commandTimeoutMs);
    if (isReplaced) {
      this.#recent?.add(write);
      if (keySpace.isBucketed && announcement !== undefined) await this.#announcer?.send(announcement);
    }
    return isReplaced;
  }

  /**
   * Makes what was written before `version` count as nothing, in every process, and removes it from Redis: where the other
   * processes are told, a large service is gone through in the background. Other services' entries and foreign keys are not touched (G1).
   *
   * @param isLate whether the clear was called before now, and leaves alone what has a newer version
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  async clear(version: string, isLate: boolean): Promise<void> {
    const called = isLate || version > this.#raisedTo ? version : versionAbove(this.#raisedTo, version);
    let noted: string;
    try {
      noted = await this.#marks.clear(called, isLate);
    } catch (error) {
      // No room for the mark either: what is removed makes some.
      if (!this.#parts.connection.isFull) throw error;
      await this.#deadEntries.remove(called);
      noted = await this.#marks.clear(called, isLate);
    }
    if (noted > version) this.#noteRaised(noted);
    this.clearLine.raise(noted);
    this.#recent?.addClear(noted);
    if (this.#announcer === undefined) await this.#deadEntries.remove(noted);
    else await this.#deadEntries.removeSoon(noted);
  }

  /**
   * Learns from Redis of clears and of the newest versions: whether a clear was news; `undefined`: it could not be asked. Never
   * rejects.
   */
  async learnMarks(): Promise<boolean | undefined> {
    try {
      return await this.#marks.learn();
    } catch {
      // The connection has told of it.
      return undefined;
    }
  }

  /** Asks when a tag was last invalidated, together with everybody else's questions of this tick. */
  askTag(tag: string, receive: TagReceiver): void {
    this.#marks.ask(tag, receive);
  }

  /**
   * Takes the lease that `key` names, or finds that `owner` has it; resolves to its token, or to `undefined` when somebody else
   * has it.
   *
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT (then the owner may have it)
   */
  acquireLease(key: string, owner: string, ttlMs: number): Promise<string | undefined> {
    const { connection, keySpace, l2 } = this.#parts;
    return acquireLease(connection, { redisKey: keySpace.lockOf(key), owner }, ttlMs, l2.commandTimeoutMs);
  }

  /** Makes the time of a lease begin again; resolves to whether the token still has it. @throws {CacheError} as above */
  extendLease(key: string, token: string, ttlMs: number): Promise<boolean> {
    const { connection, keySpace, l2 } = this.#parts;
    return extendLease(connection, { redisKey: keySpace.lockOf(key), token }, ttlMs, l2.commandTimeoutMs);
  }

  /** Gives a lease back, by its token or by its owner; resolves to whether that had it. @throws {CacheError} as above */
  releaseLease(key: string, holder: string): Promise<boolean> {
    const { connection, keySpace, l2 } = this.#parts;
    return releaseLease(connection, keySpace.lockOf(key), holder, l2.commandTimeoutMs);
  }

  /** Ends background work. */
  close(): void {
    this.#deadEntries.close();
    this.#recent?.close();
  }

  async #apply(writes: readonly ScriptWrite[], isLate: boolean): Promise<WriteOutcome[]> {
    for (const { sealed } of writes) this.#sizes.note(sealed.length);
    const { connection, keySpace, l2 } = this.#parts;
    const timeoutMs = l2.commandTimeoutMs;
    if (this.#buckets !== undefined) return this.#buckets.apply(writes, isLate ? '' : this.clock.newest, this.#raisedTo);
    if (!isLate && this.#raisedTo !== '') raiseMarks(writes, this.#raisedTo);
    // Only the invalidation of a tag is compared with it.
    const hasMark = writes.some(({ key }) => tagOfMark(key) !== undefined);
    const newest = isLate || !hasMark ? '' : this.clock.newest;
    const name = keySpace.marksOf(0);
    const announcement = this.#announcer?.ofWrites(writes);
    const send = (comparesClocks: boolean): ReturnType<typeof applyWrites> =>
      applyWrites(connection, writes, { name, newest, comparesClocks }, announcement, timeoutMs);
    const outcomes = await send(!isLate && this.#times.areComparable);
    if (Array.isArray(outcomes)) return outcomes;
    // Nothing was applied: there are no marks, or the times are wrong.
    return this.#times.guard(writes, !isLate, (comparesClocks) => this.#marks.opened(0, () => send(comparesClocks)));
  }

  #noteRaised(version: string): void {
    if (version > this.#raisedTo) this.#raisedTo = version;
  }

  async #resend(writes: readonly ScriptWrite[]): Promise<WriteOutcome[]> {
    const outcomes = await this.#apply(writes, true);
    for (const { key, version } of writes) this.#parts.onResent(key, version);
    return outcomes;
  }
}
