/**
 * L2 of one service: reads its entries, applies its writes, clears it, and tells the other processes of what was written. The
 * form of the bytes is {@link EntryCodec}'s.
 */
import type { Clock } from '../../base/clock.js';
import type { CacheError } from '../../base/errors.js';
import { Announcer } from './announcement.js';
import { applyInBuckets } from './bucketed-writes.js';
import type { CoalescedReader, RawReceiver } from './coalesced-reader.js';
import { DeadEntries } from './dead-entries.js';
import { EntryCodec, type EntryCodecParts, type StoredEntry } from './entry-codec.js';
import type { KeySpace } from './key-space.js';
import { acquireLease, extendLease, releaseLease } from './lease-script.js';
import { RecentWrites } from './recent-writes.js';
import type { RedisConnection } from './redis-connection.js';
import { MARK_LIFE_MS } from './tag-mark.js';
import { applyWrites, replaceIfSame, setClearMark, type ScriptWrite, type WriteOutcome } from './write-script.js';

/** What a tier is made of. */
export interface RedisTierParts extends EntryCodecParts {
  readonly connection: RedisConnection;
  readonly reader: CoalescedReader;
  readonly keySpace: KeySpace;
  readonly systemClock: Clock;
  /** How the other processes are told of writes; absent: they are not. */
  readonly transport: 'stream' | 'pubsub' | undefined;
  /** A write that a failover may have undone is in Redis again: what was read meanwhile is not to be kept. */
  readonly onResent: (key: string, version: string) => void;
}

/** See the file's header. */
export class RedisTier extends EntryCodec {
  readonly #parts: RedisTierParts;
  readonly #announcer: Announcer | undefined;
  readonly #deadEntries: DeadEntries;
  /** Only where Redis has replicas that may take over. */
  readonly #recent: RecentWrites | undefined;

  constructor(parts: RedisTierParts) {
    super(parts, parts.connection.hybridClock);
    this.#parts = parts;
    const { connection, keySpace, transport, l2 } = parts;
    const timeoutMs = l2.commandTimeoutMs;
    this.#announcer = transport === undefined ? undefined : new Announcer({ connection, keySpace, transport, timeoutMs });
    this.#deadEntries = new DeadEntries({ connection, keySpace, clock: parts.systemClock, timeoutMs });
    if (l2.mode !== 'standalone') {
      this.#recent = new RecentWrites(parts.systemClock, {
        apply: (writes) => this.#resend(writes),
        clear: (version) => this.#markCleared(version),
      });
    }
  }

  /** Whether Redis can be used now; when not, every call here fails without waiting. */
  get isUsable(): boolean {
    return this.#parts.connection.isUsable;
  }

  /** The error of a call made while Redis can't be used. */
  unusableError(): CacheError {
    return this.#parts.connection.unusableError();
  }

  /** Where a key is in Redis. */
  nameOf(key: string): string {
    return this.#parts.keySpace.nameOf(key);
  }

  /** Asks for a key's bytes together with everybody else's reads of this tick; {@link open} makes an entry of them. */
  request(key: string, receiver: RawReceiver): void {
    this.#parts.reader.read(this.nameOf(key), receiver);
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
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  async apply(writes: readonly ScriptWrite[]): Promise<WriteOutcome[]> {
    const recent = this.#recent;
    if (recent === undefined) return this.#apply(writes);
    const outcomes = await this.#apply(writes);
    for (let i = 0; i < writes.length; i++)
      if (outcomes[i] === 'created' || outcomes[i] === 'replaced') recent.add(writes[i] as ScriptWrite);
    return outcomes;
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
    const isReplaced = await replaceIfSame(connection, write, within, l2.commandTimeoutMs);
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
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  async clear(version: string): Promise<void> {
    try {
      await this.#markCleared(version);
    } catch (error) {
      // No room for the mark either: what is removed makes some.
      if (!this.#parts.connection.isFull) throw error;
      await this.#deadEntries.remove(version);
      await this.#markCleared(version);
    }
    this.clearLine.raise(version);
    this.#recent?.addClear(version);
    if (this.#announcer === undefined) await this.#deadEntries.remove(version);
    else await this.#deadEntries.removeSoon(version);
  }

  /** Learns of the clears of other processes from Redis: whether one was news; `undefined`: it could not be asked. Never rejects. */
  async learnClears(): Promise<boolean | undefined> {
    const { connection, keySpace, l2 } = this.#parts;
    try {
      // In a cluster every bucket has the mark, and a clear is done when all have.
      const mark = await connection.send<string | null>('get', [keySpace.clearMarkOf(0)], l2.commandTimeoutMs);
      return mark !== null && this.clearLine.raise(mark);
    } catch {
      // The connection has told of it.
      return undefined;
    }
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
  }

  #apply(writes: readonly ScriptWrite[]): Promise<WriteOutcome[]> {
    const { connection, keySpace, l2 } = this.#parts;
    const timeoutMs = l2.commandTimeoutMs;
    if (keySpace.isBucketed) return applyInBuckets({ connection, keySpace, announcer: this.#announcer, timeoutMs }, writes);
    return applyWrites(connection, writes, keySpace.clearMarkOf(0), this.#announcer?.ofWrites(writes), timeoutMs);
  }

  async #resend(writes: readonly ScriptWrite[]): Promise<WriteOutcome[]> {
    const outcomes = await this.#apply(writes);
    for (const { key, version } of writes) this.#parts.onResent(key, version);
    return outcomes;
  }

  async #markCleared(version: string): Promise<void> {
    const { connection, keySpace, l2 } = this.#parts;
    const mark = { version, lifeMs: MARK_LIFE_MS };
    const announcement = this.#announcer?.ofClear(version);
    const within = keySpace.isBucketed ? undefined : announcement;
    await Promise.all(keySpace.clearMarks.map((name) => setClearMark(connection, name, mark, within, l2.commandTimeoutMs)));
    if (keySpace.isBucketed && announcement !== undefined) await this.#announcer?.send(announcement);
  }
}
