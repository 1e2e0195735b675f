/**
 * Commits writes to the log. Writes that come while one commit is under way share the next one (group commit); a write that
 * was superseded before its turn is not written at all. The caller is told what became of a write only when it is there.
 *
 * 1. Nothing is acknowledged before its bytes are in the file (and on the disk, with `fsync = "always"`): a killed process
 *    loses nothing (G7). 2. The disk is asked by one task at a time. 3. A disk that fails or hangs costs the callers a
 *    deadline, not the truth: their keys are kept to be invalidated, and the control file says so for the case of a crash.
 */
import type { Clock } from '../base/clock.js';
import type { ControlFacts, ControlFile, LogPoint } from './control-file.js';
import type { LogEntry } from './log-entry.js';
import type { LogIndex } from './log-index.js';
import type { LogReclaimer } from './log-reclaimer.js';
import type { LogTrouble } from './log-trouble.js';
import { SavedFacts } from './saved-facts.js';
import type { SegmentChain } from './segment-chain.js';

/**
 * What became of a write: `logged`, its value survives a crash; `kept`, its value was given up but its key will be
 * invalidated, also after a crash; `lost`, that holds only while this process lives.
 */
export type LogOutcome = 'logged' | 'kept' | 'lost';

/** What a writer is made of. */
export interface LogWriterParts {
  readonly clock: Clock;
  readonly index: LogIndex;
  readonly chain: SegmentChain;
  readonly reclaimer: LogReclaimer;
  /** Absent: the disk did not even take that file. */
  readonly control: ControlFile | undefined;
  readonly fsync: 'always' | 'interval' | 'never';
  readonly fsyncIntervalMs: number;
  /** A point after everything that was written so far. */
  readonly pointNow: () => LogPoint;
  readonly onTrouble: (trouble: LogTrouble) => void;
}

/** Writes that share one commit. */
class Batch {
  readonly entries = new Map<string, LogEntry>();
  readonly done: Promise<LogOutcome>;
  end: (outcome: LogOutcome) => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve) => {
      this.end = resolve;
    });
  }
}

/** Confirmations wait this long for company, so many at most. */
const CONFIRM_DELAY_MS = 100;
const MAX_CONFIRMED = 4096;
/** A disk that has failed is tried again after this long. */
const RETRY_MS = 1000;

/** See the file's header. */
export class LogWriter {
  readonly #parts: LogWriterParts;
  readonly #facts: SavedFacts;
  #gathered = new Batch();
  #confirmed: string[] = [];
  #idle: (() => void)[] = [];
  #isRunning = false;
  #isPlanned = false;
  #isClosed = false;
  /** When the disk may be asked again; `undefined` while it works. */
  #retryAtMs: number | undefined;
  #diskError: unknown;
  #cancelSync: (() => void) | undefined;
  #cancelConfirm: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(parts: LogWriterParts) {
    this.#parts = parts;
    this.#facts = new SavedFacts(parts.control, parts.index, parts.clock);
  }

  /** Why the disk can't be written to; `undefined` while it can. */
  get diskError(): unknown {
    return this.#diskError ?? this.#facts.error;
  }

  /** Writes an entry of the index, with everything else that is waiting; resolves to what became of it. Never rejects. */
  write(entry: LogEntry): Promise<LogOutcome> {
    if (this.#isClosed) return Promise.resolve('lost');
    this.#gathered.entries.set(entry.key, entry);
    this.#plan();
    return this.#gathered.done;
  }

  /** Notes that Redis has the write of a record, so that it is not replayed after a crash. */
  confirm(recordVersion: string): void {
    this.#confirmed.push(recordVersion);
    if (this.#confirmed.length >= MAX_CONFIRMED) this.#plan();
    else this.#cancelConfirm ??= this.#parts.clock.schedule(this.#onConfirmDue, CONFIRM_DELAY_MS);
  }

  /** Makes the control file say what is invalidated as a whole; whether it now does. Never rejects. */
  saveFacts(facts?: ControlFacts): Promise<boolean> {
    return this.#facts.save(facts);
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
    do {
      const batch = this.#gathered;
      this.#gathered = new Batch();
      const idle = this.#idle.splice(0);
      let outcome: LogOutcome;
      try {
        outcome = await this.#commit(batch);
      } catch (error) {
        outcome = await this.#refuse(batch, error);
      }
      batch.end(outcome);
      for (const resolve of idle) resolve();
    } while (this.#gathered.entries.size > 0 || this.#idle.length > 0);
    this.#isRunning = false;
  }

  async #commit(batch: Batch): Promise<LogOutcome> {
    const { chain, fsync, index } = this.#parts;
    const isRetry = this.#retryAtMs !== undefined;
    if (isRetry && !this.#mayRetry(batch)) return 'logged';
    await chain.tidy();
    if (chain.hasSuspect) await this.#rewriteSuspects();
    // A disk that failed has to show that it can be written to.
    if (isRetry && batch.entries.size === 0 && index.size > 0) await chain.open();
    this.#appendConfirmed();
    let outcome: LogOutcome = 'logged';
    for (const entry of batch.entries.values()) {
      const isAppended = this.#append(entry);
      // No turn of the event loop for each of thousands of records.
      if (isAppended !== true && !(await isAppended)) outcome = 'kept';
    }
    await chain.writeOut();
    if (fsync === 'always') await chain.sync();
    else if (fsync === 'interval') this.#planSync();
    if (isRetry) await this.#endTrouble();
    return outcome;
  }

  /** Adds an entry's record to what is written; false when the log was so full that all of it was given up instead. */
  #append(entry: LogEntry): boolean | Promise<boolean> {
    const { chain, index } = this.#parts;
    if (!index.has(entry) || entry.segment !== undefined) return true;
    const body = entry.sealed ?? '';
    const bound = chain.boundOf(entry, body);
    if (chain.isBufferFull || chain.needsRoom(bound)) return this.#appendWithRoom(entry, bound);
    chain.append(entry, body);
    return true;
  }

  async #appendWithRoom(entry: LogEntry, bound: number): Promise<boolean> {
    const { chain, index, reclaimer } = this.#parts;
    await chain.writeOut();
    if (chain.needsRoom(bound)) {
      if (!(await reclaimer.makeRoom(bound))) return false;
      // Making room may have opened a segment that has room.
      if (chain.needsRoom(bound)) await chain.open();
    }
    // While the disk was busy the entry may have been superseded.
    if (index.has(entry)) chain.append(entry, entry.sealed ?? '');
    return true;
  }

  /** Confirmations are written only where there is something they save from being replayed. */
  #appendConfirmed(): void {
    const { chain } = this.#parts;
    if (this.#confirmed.length === 0) return;
    if (chain.size === 0 || chain.appendConfirmed(this.#confirmed)) this.#confirmed = [];
    // A sealed end: they wait for the next segment, but not without bound.
    else if (this.#confirmed.length > MAX_CONFIRMED) this.#confirmed = [];
  }

  /** What a failed sync leaves in doubt is written again, with all that is older, so that the order of removal stays. */
  async #rewriteSuspects(): Promise<void> {
    const { chain, reclaimer } = this.#parts;
    await chain.open();
    for (let oldest = chain.oldest; chain.hasSuspect && oldest !== undefined; oldest = chain.oldest) {
      await reclaimer.rewrite(oldest, true);
    }
  }

  /** The disk did not take a batch: its keys are kept, to be invalidated. */
  async #refuse(batch: Batch, error: unknown): Promise<LogOutcome> {
    const { clock, chain, onTrouble, pointNow } = this.#parts;
    chain.abandon();
    const isFirst = this.#retryAtMs === undefined;
    this.#diskError = error;
    // Only a disk that was asked just now has failed just now.
    if (isFirst || clock.nowMs() >= (this.#retryAtMs ?? 0)) this.#retryAtMs = clock.nowMs() + RETRY_MS;
    const count = this.#dropAll(batch);
    const isSaved = await this.#facts.raise(pointNow());
    onTrouble({ kind: 'disk-failed', count, error, isFirst });
    this.#cancelRetry ??= clock.schedule(this.#onRetryDue, RETRY_MS);
    return isSaved ? 'kept' : 'lost';
  }

  /** Gives up the values of a batch; returns how many there were. */
  #dropAll(batch: Batch): number {
    const { index } = this.#parts;
    let count = 0;
    for (const entry of batch.entries.values()) {
      if (!index.has(entry) || entry.segment !== undefined) continue;
      index.dropValue(entry);
      count++;
    }
    return count;
  }

  /** Whether the disk, which has failed, may be asked again; then also for what it refused. */
  #mayRetry(batch: Batch): boolean {
    if (this.#parts.clock.nowMs() < (this.#retryAtMs ?? 0)) {
      if (batch.entries.size > 0) throw this.#diskError;
      return false;
    }
    for (const entry of this.#parts.index.entries()) {
      if (entry.segment === undefined && entry.kind === 'dropped') batch.entries.set(entry.key, entry);
    }
    return true;
  }

  async #endTrouble(): Promise<void> {
    this.#retryAtMs = undefined;
    this.#diskError = undefined;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    await this.#facts.lower();
    this.#parts.onTrouble({ kind: 'disk-recovered' });
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
