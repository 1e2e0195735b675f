/**
 * Where the writes of one service go beyond L1: to Redis, and where Redis does not confirm them, to the log. This is where
 * the batch writer and the log meet, which do not know each other. Whatever is in either of them can be found by its key, so
 * that reads see the writes of their own process (G8).
 */
import { CacheError } from '../base/errors.js';
import type { LogEntry } from '../recovery/log-entry.js';
import type { LogResult, ServiceLog } from '../recovery/service-log.js';
import { sumOwed, type OwedWrites } from '../observe/owed-writes.js';
import type { BatchWriter } from '../sync/batch-writer.js';
import type { WriteOrigin } from '../sync/pending-write.js';
import type { RedisTier } from '../tiers/redis/redis-tier.js';
import type { WriteOutcome } from '../tiers/redis/write-script.js';

/** What became of a write: what Redis said, or what the log did with it, or why neither has it. */
export type PutOutcome = WriteOutcome | LogResult;

/** What is known of a key's last write that Redis has not confirmed: its bytes, or that its value was given up. */
export type OwnWrite = Buffer | typeof GIVEN_UP;

/** The value of a write was given up: nothing older may be served. */
export const GIVEN_UP: unique symbol = Symbol('oxcache.given-up');

/** See the file's header. */
export class Outbox {
  readonly #tier: RedisTier;
  readonly #writer: BatchWriter<LogResult>;
  readonly #log: ServiceLog | undefined;
  #clearsUnderWay = 0;

  /** @param log absent with `wal.enabled = false` */
  constructor(tier: RedisTier, writer: BatchWriter<LogResult>, log: ServiceLog | undefined) {
    this.#tier = tier;
    this.#writer = writer;
    this.#log = log;
  }

  /** Writes that wait for Redis or are on their way. */
  get pendingWrites(): number {
    return this.#writer.size;
  }

  /** Keys in the log. */
  get loggedKeys(): number {
    return this.#log?.size ?? 0;
  }

  /** What Redis has not been told yet. */
  get owed(): OwedWrites {
    const { clears = 0, logs = 0, adoptedKeys = 0, sinceMs } = this.#log?.owed ?? {};
    return sumOwed(
      {
        pending: this.#writer.size,
        logged: this.loggedKeys + adoptedKeys,
        // One that is under way is in the log only if there was something to be cleared there.
        clears: Math.max(clears, this.#clearsUnderWay),
        logs,
        resends: this.#tier.resendsOwed,
      },
      sinceMs,
    );
  }

  /** Bytes of the log on the disk. */
  get logBytes(): number {
    return this.#log?.bytes ?? 0;
  }

  /** Whether there is a log that takes what Redis does not confirm. */
  get hasLog(): boolean {
    return this.#log !== undefined;
  }

  /** Whether a write may be {@link put} at once. */
  get hasRoom(): boolean {
    return this.#writer.hasRoom;
  }

  /** Runs `action`, which may {@link put} one write, as soon as there is room for it. */
  whenRoom(action: () => void): void {
    this.#writer.whenRoom(action);
  }

  /**
   * Takes a write on its way; resolves to what became of it and never rejects.
   *
   * @param origin who it is from: if a caller waits for Redis, it wins over whatever was there when it was called
   */
  put(key: string, sealed: string | Buffer, version: string, origin: WriteOrigin): Promise<PutOutcome> {
    if (!this.#tier.isUsable) return this.#log?.put(key, sealed, version) ?? Promise.resolve(this.#tier.unusableError());
    const sent = this.#writer.put(key, this.#tier.nameOf(key), sealed, version, origin);
    if (this.#log?.isAlways !== true) return sent;
    return this.#both(this.#log.putAhead(key, sealed, version), sent);
  }

  /**
   * {@link put} for a caller who does not wait for Redis: `accepted` resolves as soon as the write is as safe as the service
   * promises, `end` to what became of it.
   */
  enqueue(
    key: string,
    sealed: string | Buffer,
    version: string,
    origin: WriteOrigin,
  ): { readonly accepted: Promise<'queued' | PutOutcome>; readonly end: Promise<PutOutcome> } {
    if (!this.#tier.isUsable) {
      const end = this.put(key, sealed, version, origin);
      return { accepted: end, end };
    }
    const sent = this.#writer.put(key, this.#tier.nameOf(key), sealed, version, origin);
    if (this.#log?.isAlways !== true) return { accepted: Promise.resolve('queued'), end: sent };
    const logged = this.#log.putAhead(key, sealed, version);
    // A value that the log gave up is not lost as long as it is on its way to Redis, but it is not safe before it is there.
    const end = this.#both(logged, sent);
    return { accepted: logged.then<'queued' | PutOutcome>((result) => (result === 'logged' ? 'queued' : end)), end };
  }

  /**
   * The last write of a key by this process that Redis has not confirmed; `undefined` when there is none. What another process
   * left behind counts while Redis can't be asked; after that, and for what is in {@link doubt}, see {@link reconcile}.
   */
  find(key: string): OwnWrite | undefined {
    const sent = this.#writer.find(key);
    const logged = this.#logged(key);
    if (logged === undefined) return sent === undefined ? undefined : Buffer.from(sent.sealed);
    if (sent !== undefined && sent.version >= logged.version) return Buffer.from(sent.sealed);
    return this.#log?.read(logged) ?? GIVEN_UP;
  }

  /** Whether {@link find} would find something; cheaper. */
  has(key: string): boolean {
    return this.#writer.find(key) !== undefined || this.#logged(key) !== undefined;
  }

  /**
   * Another process wrote a key, `version` at the latest: what is logged of it here may be older, and is not served before it was
   * compared with what Redis has.
   */
  doubt(key: string, version: string): void {
    const logged = this.#log?.find(key);
    if (logged !== undefined && logged.version < version) logged.isDoubtful = true;
  }

  /** {@link doubt} for every key: messages of other processes may have been missed. */
  doubtAll(): void {
    this.#log?.doubtAll();
  }

  /** What counts of a key for which Redis has `raw`: that, or a newer write in a log that is not replayed yet. */
  reconcile(key: string, raw: Buffer | null): Buffer | null {
    const logged = this.#log?.find(key);
    if (logged === undefined || (raw !== null && this.#tier.versionIn(raw) >= logged.version)) return raw;
    return this.#log?.read(logged) ?? null;
  }

  /** Whether {@link hides} says yes to anything. */
  get hidesAny(): boolean {
    return this.#log?.hidesAny === true;
  }

  /** Whether what Redis has with this version was cleared, though Redis has not been told yet. */
  hides(version: string): boolean {
    return this.#log?.hides(version) === true;
  }

  /** Sends what is known of a key to Redis now, so that Redis can be asked about it. @throws {CacheError} when it can't be sent */
  async push(key: string): Promise<void> {
    if (this.#writer.find(key) !== undefined) await this.#writer.flush();
    if (this.#log?.find(key) !== undefined) await this.#log.replayKey(key);
  }

  /**
   * Removes from Redis what is older than a version; where Redis can't be asked, the log notes that it has to be.
   * `versionNow` tells the version when it is needed: the clock may be compared with Redis's for the first time until then.
   *
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT, CACHE_LOG_FULL
   */
  async clear(versionNow: () => string): Promise<void> {
    this.#clearsUnderWay++;
    try {
      await this.#clear(versionNow);
    } finally {
      this.#clearsUnderWay--;
    }
  }

  /** Resolves when every write taken before the call is in Redis or in the log. */
  async flush(): Promise<void> {
    await this.#writer.flush();
    await this.#log?.settle();
  }

  /** What Redis has not confirmed by now goes to the log; returns how many writes could not, for there is none. */
  async abandon(error: CacheError): Promise<number> {
    const left = this.#writer.size;
    await this.#writer.abandon(error);
    return this.#log === undefined ? left : 0;
  }

  /** Ends what goes on in the background, and lets go of the log; what Redis was not told stays on the disk. */
  async close(): Promise<void> {
    this.#tier.close();
    await this.#log?.close();
  }

  async #clear(versionNow: () => string): Promise<void> {
    await this.#writer.flush();
    const version = versionNow();
    const log = this.#log;
    if (log === undefined) {
      if (!this.#tier.isUsable) throw this.#tier.unusableError();
      await this.#tier.clear(version, false);
      return;
    }
    if (this.#tier.isUsable) {
      try {
        await log.clearThrough(version, () => this.#tier.clear(version, false));
        return;
      } catch (error) {
        if (!CacheError.is(error)) throw error;
      }
    }
    const result = await log.clear(versionNow());
    if (CacheError.is(result)) throw result;
  }

  #logged(key: string): LogEntry | undefined {
    const logged = this.#log?.find(key);
    if (logged === undefined || logged.isDoubtful) return undefined;
    return logged.adoptedFrom !== undefined && this.#tier.isUsable ? undefined : logged;
  }

  /** Both ends of a write that is logged and sent at once: Redis's word counts, unless it did not confirm. */
  async #both(logged: Promise<LogResult>, sent: Promise<PutOutcome>): Promise<PutOutcome> {
    const [result, outcome] = await Promise.all([logged, sent]);
    return outcome === 'logged' ? result : outcome;
  }
}
