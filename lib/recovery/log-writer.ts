/**
 * Commits writes to the log. Writes that come while one commit is under way share the next one (group commit); a write that
 * was superseded before its turn is not written at all. The caller is told what became of a write only when it is there.
 *
 * 1. Nothing is acknowledged before its bytes are in the file (and on the disk, with `fsync = "always"`): a killed process
 *    loses nothing (G7). 2. The disk is asked by one task at a time. 3. A disk that fails or hangs costs the callers a
 *    deadline, not the truth: their keys are kept to be invalidated, and the control file says so for the case of a crash.
 */
import type { Clock } from '../base/clock.js';
import { LogBatch, type LogOutcome } from './log-batch.js';
import type { LogConfirmations } from './log-confirmations.js';
import type { LogEntry } from './log-entry.js';
import type { LogIndex } from './log-index.js';
import type { LogReclaimer } from './log-reclaimer.js';
import type { LogSegment } from './log-segment.js';
import type { LogTrouble } from './log-trouble.js';
import { RETRY_MS, type SavedFacts } from './saved-facts.js';
import type { SegmentChain } from './segment-chain.js';

/** What a writer is made of. */
export interface LogWriterParts {
  readonly clock: Clock;
  readonly index: LogIndex;
  readonly chain: SegmentChain;
  readonly reclaimer: LogReclaimer;
  readonly facts: SavedFacts;
  readonly fsync: 'always' | 'interval' | 'never';
  readonly fsyncIntervalMs: number;
  readonly confirmations: LogConfirmations;
  readonly onTrouble: (trouble: LogTrouble) => void;
}

/** Confirmations wait this long for company, so many at most. */
const CONFIRM_DELAY_MS = 100;
const MAX_CONFIRMED = 4096;

/** See the file's header. */
export class LogWriter {
  readonly #parts: LogWriterParts;
  #gathered = new LogBatch();
  #idle: (() => void)[] = [];
  #isRunning = false;
  #isPlanned = false;
  /** Whether something came up that the run under way may have passed already. */
  #isWanted = false;
  #isClosed = false;
  /** When the disk may be asked again; `undefined` while it works. */
  #retryAtMs: number | undefined;
  #diskError: unknown;
  #cancelSync: (() => void) | undefined;
  #cancelConfirm: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(parts: LogWriterParts) {
    this.#parts = parts;
  }

  /** Why the disk can't be written to; `undefined` while it can. */
  get diskError(): unknown {
    return this.#diskError;
  }

  /** Writes an entry of the index, with everything else that is waiting; resolves to what became of it. Never rejects. */
  write(entry: LogEntry): Promise<LogOutcome> {
    if (this.#isClosed) return Promise.resolve('lost');
    this.#gathered.entries.set(entry.key, entry);
    this.#plan();
    return this.#gathered.done;
  }

  /** Notes that Redis has an entry that was in the index, so that it is not replayed after a crash. */
  confirm(entry: LogEntry): void {
    const { clock, confirmations } = this.#parts;
    if (!confirmations.add(entry)) return;
    if (confirmations.size >= MAX_CONFIRMED && this.#retryAtMs === undefined) this.#plan();
    else this.#cancelConfirm ??= clock.schedule(this.#onConfirmDue, CONFIRM_DELAY_MS);
  }

  /** Whether a crash now would bring back an older write of a key that Redis has confirmed. */
  isUnsaid(key: string): boolean {
    return this.#parts.confirmations.mayBeUnsaid(key);
  }

  /** Makes the control file say what the index says is invalidated as a whole; whether it now does. Never rejects. */
  async saveFacts(): Promise<boolean> {
    const { facts, onTrouble } = this.#parts;
    if (await facts.save()) return true;
    const isFirst = this.#retryAtMs === undefined;
    this.#noteFailure(facts.error);
    if (isFirst) onTrouble({ kind: 'disk-failed', count: 0, error: facts.error, isFirst });
    return false;
  }

  /** Resolves when everything that was to be written at the time of the call is written or given up. */
  async settle(): Promise<void> {
    if (this.#isClosed) return;
    this.#cancelConfirm?.();
    this.#cancelConfirm = undefined;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      this.#plan();
    });
  }

  /** Settles, forces to the disk what was written, and stops. */
  async close(): Promise<void> {
    // The last chance for what the disk has refused.
    if (this.#retryAtMs !== undefined) this.#retryAtMs = this.#parts.clock.nowMs();
    await this.settle();
    this.#isClosed = true;
    this.#cancelSync?.();
    this.#cancelRetry?.();
    this.#cancelConfirm?.();
    if (this.#parts.fsync !== 'never') await this.#parts.chain.sync().catch(() => undefined);
  }

  readonly #onConfirmDue = (): void => {
    this.#cancelConfirm = undefined;
    this.#plan();
  };

  readonly #onRetryDue = (): void => {
    this.#cancelRetry = undefined;
    this.#plan();
  };

  #plan(): void {
    this.#isWanted = true;
    if (this.#isPlanned || this.#isRunning || this.#isClosed) return;
    this.#isPlanned = true;
    process.nextTick(() => {
      this.#isPlanned = false;
      this.#isRunning = true;
      void this.#run();
    });
  }

  /** Works off what is waiting, and what comes meanwhile. Never rejects. */
  async #run(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      const batch = this.#gathered;
      this.#gathered = new LogBatch();
      const idle = this.#idle.splice(0);
      let outcome: LogOutcome;
      try {
        outcome = await this.#commit(batch);
      } catch (error) {
        outcome = await this.#refuse(batch, error);
      }
      batch.end(outcome);
      for (const resolve of idle) resolve();
    }
    this.#isRunning = false;
  }

  async #commit(batch: LogBatch): Promise<LogOutcome> {
    const { chain, confirmations, facts, fsync, index } = this.#parts;
    const isRetry = this.#retryAtMs !== undefined;
    if (isRetry && !this.#mayRetry(batch)) return 'logged';
    // What was invalidated as a whole may vanish from the disk only when the control file says so.
    if (!(await facts.save())) throw facts.error;
    await chain.tidy();
    const suspects = chain.upToSuspects;
    if (suspects.length > 0) await this.#rewrite(suspects);
    // A disk that failed has to show that it can be written to.
    if (isRetry && batch.entries.size === 0 && index.size > 0) await chain.open();
    const confirmed = await confirmations.append();
    let outcome: LogOutcome = 'logged';
    for (const { key } of batch.entries.values()) {
      const isAppended = this.#append(key);
      // No turn of the event loop for each of thousands of records.
      if (isAppended !== true && !(await isAppended)) outcome = 'kept';
    }
    await chain.writeOut();
    confirmations.release(confirmed);
    if (fsync === 'always') await chain.sync();
    if (fsync === 'interval') this.#planSync();
    if (isRetry) await this.#endTrouble();
    // Entries that a clear removed meanwhile are as safe as the clear is.
    if (!(await facts.save())) throw facts.error;
    return outcome;
  }

  /**
   * Adds the record of a key's last write to what is written: what superseded an entry of this batch is written with it, so
   * that one of the two is there. False when the log was so full that all of it was given up instead.
   */
  #append(key: string): boolean | Promise<boolean> {
    const { chain, index } = this.#parts;
    const entry = index.find(key);
    if (entry === undefined || entry.segment !== undefined) return true;
    const body = entry.sealed ?? '';
    const bound = chain.boundOf(entry.key, body);
    if (chain.mustMakeRoom(bound)) return this.#appendWithRoom(key);
    chain.append(entry, body);
    return true;
  }

  async #appendWithRoom(key: string): Promise<boolean> {
    const { chain, index, reclaimer } = this.#parts;
    for (;;) {
      await chain.writeOut();
      // While the disk was busy the entry may have been superseded, or its record been made.
      const entry = index.find(key);
      if (entry === undefined || entry.segment !== undefined) return true;
      const body = entry.sealed ?? '';
      const bound = chain.boundOf(entry.key, body);
      if (chain.needsRoom(bound)) {
        if (!(await reclaimer.makeRoom(bound))) return false;
        // Making room may have opened a segment that has room.
        if (chain.needsRoom(bound)) await chain.open();
        if (index.find(key) !== entry) continue;
      }
      chain.append(entry, body);
      return true;
    }
  }

  /** What a failed sync leaves in doubt is written again, with all that is older, so that the order of removal stays. */
  async #rewrite(segments: readonly LogSegment[]): Promise<void> {
    const { chain, reclaimer } = this.#parts;
    await chain.open();
    for (const segment of segments) await reclaimer.rewrite(segment, true);
  }

  /** The disk did not take a batch: its keys are kept, to be invalidated. */
  async #refuse(batch: LogBatch, error: unknown): Promise<LogOutcome> {
    const { chain, facts, onTrouble } = this.#parts;
    chain.abandon();
    const isFirst = this.#retryAtMs === undefined;
    this.#noteFailure(error);
    const { count, isShadowing } = this.#dropAll(batch);
    const isKept = await facts.raise(isShadowing);
    onTrouble({ kind: 'disk-failed', count, error, isFirst });
    return isKept ? 'kept' : 'lost';
  }

  #noteFailure(error: unknown): void {
    const { clock } = this.#parts;
    this.#diskError = error;
    // Only a disk that was asked just now has failed just now.
    if (clock.nowMs() >= (this.#retryAtMs ?? 0)) this.#retryAtMs = clock.nowMs() + RETRY_MS;
    this.#cancelRetry ??= clock.schedule(this.#onRetryDue, RETRY_MS);
  }

  /** Gives up the values of a batch: how many there were, and whether the disk has, or may have, older records of its keys. */
  #dropAll(batch: LogBatch): { readonly count: number; readonly isShadowing: boolean } {
    const { confirmations, index } = this.#parts;
    let count = 0;
    let isShadowing = false;
    for (const entry of batch.entries.values()) {
      isShadowing ||= confirmations.mayBeUnsaid(entry.key) || index.find(entry.key)?.isShadowing === true;
      if (!index.has(entry) || entry.segment !== undefined) continue;
      index.dropValue(entry);
      count++;
    }
    return { count, isShadowing };
  }

  /** Whether the disk, which has failed, may be asked again; then also for what it refused. */
  #mayRetry(batch: LogBatch): boolean {
    const { clock, index } = this.#parts;
    const waitMs = (this.#retryAtMs ?? 0) - clock.nowMs();
    if (waitMs > 0) {
      if (batch.entries.size > 0) throw this.#diskError;
      this.#cancelRetry ??= clock.schedule(this.#onRetryDue, waitMs);
      return false;
    }
    for (const entry of index.entries()) {
      if (entry.segment === undefined && entry.kind === 'dropped') batch.entries.set(entry.key, entry);
    }
    return true;
  }

  /** @throws the system's error */
  async #endTrouble(): Promise<void> {
    const { chain, facts, fsync, onTrouble } = this.#parts;
    // What is taken back here is what the records stand for from now on.
    if (fsync !== 'never') await chain.sync();
    if (!(await facts.lower())) throw facts.error;
    this.#retryAtMs = undefined;
    this.#diskError = undefined;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    onTrouble({ kind: 'disk-recovered' });
  }

  #planSync(): void {
    this.#cancelSync ??= this.#parts.clock.schedule(() => {
      this.#cancelSync = undefined;
      this.#parts.chain.sync().catch((error: unknown) => {
        this.#parts.onTrouble({ kind: 'sync-failed', error });
        this.#plan();
      });
    }, this.#parts.fsyncIntervalMs);
  }
}
