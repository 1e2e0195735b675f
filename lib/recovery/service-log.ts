/**
 * The log of one service and its replay, as the clients use them: they put what Redis did not confirm, look up what they put,
 * and say what Redis has confirmed since.
 */
import { CacheError } from '../base/errors.js';
import type { LogEntry } from './log-entry.js';
import type { LogOutcome } from './log-batch.js';
import type { Replayer } from './replayer.js';
import type { WriteAheadLog } from './write-ahead-log.js';

/**
 * What became of a write that was put into the log: `logged`, it survives a crash and is replayed; `kept`, its value was
 * given up, but its key will be invalidated; or that not even that is certain (CACHE_LOG_FULL).
 */
export type LogResult = 'logged' | 'kept' | CacheError;

/** See the file's header. */
export class ServiceLog {
  /** Whether every write is logged before it is acknowledged, also while Redis is in use. */
  readonly isAlways: boolean;
  readonly #log: WriteAheadLog;
  readonly #replayer: Replayer;
  #isClosed = false;

  constructor(log: WriteAheadLog, replayer: Replayer, isAlways: boolean) {
    this.#log = log;
    this.#replayer = replayer;
    this.isAlways = isAlways;
  }

  /** Whether it is closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Keys with a write that Redis has not confirmed. */
  get size(): number {
    return this.#log.index.size;
  }

  /** What Redis has not been told of what is logged: clears, logs that are being taken over, and the keys read of them so far. */
  get owed(): {
    readonly clears: number;
    readonly logs: number;
    readonly adoptedKeys: number;
    readonly sinceMs: number | undefined;
  } {
    const { index, adopting } = this.#log;
    return { clears: this.hidesAny ? 1 : 0, logs: adopting.logs, adoptedKeys: adopting.keys, sinceMs: index.sinceMs };
  }

  /** Bytes on the disk. */
  get bytes(): number {
    return this.#log.bytes;
  }

  /** Logs a write that Redis did not confirm. Never rejects. */
  put(key: string, sealed: string | Buffer, version: string): Promise<LogResult> {
    const outcome = this.#log.put(key, sealed, version);
    this.#replayer.nudge();
    return outcome.then(this.#toResult);
  }

  /** Logs a write that is being sent to Redis at the same time; {@link release} says when that has failed. Never rejects. */
  putAhead(key: string, sealed: string | Buffer, version: string): Promise<LogResult> {
    return this.#log.put(key, sealed, version, true).then(this.#toResult);
  }

  /** Redis did not confirm a write that was {@link putAhead}: it is to be replayed. False when the log does not have it. */
  release(key: string, version: string): boolean {
    const entry = this.#log.find(key);
    if (entry?.version !== version) return false;
    entry.isUnderWay = false;
    this.#replayer.nudge();
    return true;
  }

  /** Logs a clear of the whole service. Never rejects. */
  clear(version: string): Promise<LogResult> {
    const outcome = this.#log.clear(version);
    this.#replayer.nudge();
    return outcome.then(this.#toResult);
  }

  /** The last write of a key that Redis has not confirmed. */
  find(key: string): LogEntry | undefined {
    return this.#log.find(key);
  }

  /** The version of this process's last write of a key, if that is here and nowhere else; empty: it is not. */
  ownVersionOf(key: string): string {
    const entry = this.#log.find(key);
    return entry === undefined || entry.isUnderWay || entry.adoptedFrom !== undefined ? '' : entry.version;
  }

  /** Other processes may have written anything: every write here may be older. */
  doubtAll(): void {
    for (const entry of this.#log.index.entries()) entry.isDoubtful = true;
  }

  /** The sealed entry of a write; `undefined` when its value was given up. */
  read(entry: LogEntry): Buffer | undefined {
    return this.#log.read(entry);
  }

  /** Whether {@link hides} says yes to anything. */
  get hidesAny(): boolean {
    return this.#log.index.facts.invalidateBefore.version !== '';
  }

  /** Whether what Redis has with this version was cleared, though Redis has not been told yet. */
  hides(version: string): boolean {
    return this.#log.index.hides(version);
  }

  /**
   * Redis has this version of a key, or a newer one. Whether the files may have an older one that could come back after a
   * crash: then the write is to be acknowledged only after {@link settle}.
   */
  confirm(key: string, version: string): boolean {
    return this.#log.confirm(key, version);
  }

  /** Whether there is nothing to {@link confirm}, in memory or in the files. */
  get isBlank(): boolean {
    return this.#log.isBlank;
  }

  /**
   * Clears Redis of what is older than `version`, with what is in the log: `clear` removes it from Redis.
   *
   * @throws {CacheError} what `clear` does; the log then still says that the service is to be cleared
   */
  async clearThrough(version: string, clear: () => Promise<void>): Promise<void> {
    // Files may hold what Redis has confirmed and a successor would not know of: after a crash it must not come back.
    const isEmpty = this.#log.isEmpty && this.#log.isBlank;
    if (!isEmpty) await this.#log.clear(version);
    // A replayed value must not arrive behind the clear.
    await this.#replayer.quiesce();
    await clear();
    // This one only: a later clear may have been called meanwhile, or been found in the log of a process that is gone.
    if (!isEmpty) await this.#log.confirmInvalidation({ version, isLocalTime: false });
  }

  /** Sends one key's write to Redis now. @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT */
  async replayKey(key: string): Promise<void> {
    await this.#replayer.replayKey(key);
  }

  /** Makes the files that need no room later. Never rejects. */
  prepare(): Promise<void> {
    return this.#log.prepare();
  }

  /**
   * Takes over the logs of processes that are gone, and replays them when Redis can be used; `end` resolves when they are taken
   * over, in the background. Neither rejects. `isSmall`: that takes no time to speak of.
   */
  async adopt(folders: readonly string[]): Promise<{ readonly end: Promise<void>; readonly isSmall: boolean }> {
    const { end, isSmall } = await this.#log.adopt(folders);
    const nudge = (): void => {
      this.#replayer.nudge();
    };
    return { end: end.then(nudge), isSmall };
  }

  /** Redis can be used: replay. */
  replay(): void {
    this.#replayer.start();
  }

  /** Resolves when everything that was put is on the disk or given up. */
  async settle(): Promise<void> {
    await this.#log.settle();
  }

  /** Stops replaying and lets go of the files; what Redis was not told stays on the disk. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#replayer.close();
    await this.#log.close();
  }

  readonly #toResult = (outcome: LogOutcome): LogResult => {
    if (outcome !== 'lost') return outcome;
    return new CacheError('CACHE_LOG_FULL', 'The write could not be logged: the disk is full or failing', {
      cause: this.#log.diskError,
    });
  };
}
