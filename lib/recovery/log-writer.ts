/**
 * Commits writes to the log. Writes that come while one commit is under way share the next one (group commit); a write that
 * was superseded before its turn is not written at all. The caller is told what became of a write only when it is there.
 *
 * 1. Nothing is acknowledged before its bytes are in the file (and on the disk, with `fsync = "always"`): a killed process
 *    loses nothing (G7). 2. The disk is asked by one task at a time. 3. A disk that fails or hangs costs the callers a
 *    deadline, not the truth: their keys are kept to be invalidated, and the control file says so for the case of a crash.
 * 4. Nothing is acknowledged unless its file can be found by its name (G17). Files that were removed, moved or replaced are
 *    noticed with the next commit, or within a second; the folder is made again and their records are written anew.
 */
import type { Clock } from '../base/clock.js';
import { DiskTrouble } from './disk-trouble.js';
import { giveUpValues, LogBatch, type LogOutcome } from './log-batch.js';
import type { LogConfirmations } from './log-confirmations.js';
import { isMissing } from './log-disk.js';
import type { LogEntry } from './log-entry.js';
import type { LogIndex } from './log-index.js';
import type { LogReclaimer } from './log-reclaimer.js';
import type { LogSegment } from './log-segment.js';
import type { LogTrouble } from './log-trouble.js';
import { RecordAppender } from './record-appender.js';
import type { SavedFacts } from './saved-facts.js';
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
  /** Makes the folder of the log again. @throws the system's error */
  readonly remakeFolder: () => Promise<void>;
  readonly onTrouble: (trouble: LogTrouble) => void;
}

/** Confirmations wait this long for company, so many at most. */
const CONFIRM_DELAY_MS = 100;
const MAX_CONFIRMED = 4096;
/** How often is looked whether all files are where they were made, while there is anything in them that matters. */
const CHECK_MS = 1000;

/** See the file's header. */
export class LogWriter {
  readonly #parts: LogWriterParts;
  readonly #appender: RecordAppender;
  readonly #trouble: DiskTrouble;
  #gathered = new LogBatch();
  #idle: (() => void)[] = [];
  #isRunning = false;
  #isPlanned = false;
  /** Whether something came up that the run under way may have passed already. */
  #isWanted = false;
  #isClosed = false;
  #cancelSync: (() => void) | undefined;
  #cancelConfirm: (() => void) | undefined;
  #cancelCheck: (() => void) | undefined;
  #isCheckDue = false;

  constructor(parts: LogWriterParts) {
    this.#parts = parts;
    this.#appender = new RecordAppender(parts.index, parts.chain, parts.reclaimer);
    this.#trouble = new DiskTrouble(parts.clock, () => {
      this.#plan();
    });
  }

  /** Why the disk can't be written to; `undefined` while it can. */
  get diskError(): unknown {
    return this.#trouble.error;
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
    if (confirmations.size >= MAX_CONFIRMED && !this.#trouble.isLasting) this.#plan();
    else this.#cancelConfirm ??= clock.schedule(this.#onConfirmDue, CONFIRM_DELAY_MS);
  }

  /** Whether a crash now would bring back an older write of a key that Redis has confirmed. */
  isUnsaid(key: string): boolean {
    return this.#parts.confirmations.mayBeUnsaid(key);
  }

  /** Makes the control file say what the index says is invalidated as a whole; whether it now does. Never rejects. */
  async saveFacts(): Promise<boolean> {
    const { facts, onTrouble } = this.#parts;
    this.#planCheck();
    if (await facts.save()) return true;
    const isFirst = !this.#trouble.isLasting;
    this.#trouble.note(facts.error);
    if (isFirst) onTrouble({ kind: 'disk-failed', count: 0, error: facts.error, isFirst });
    return false;
  }

  /** Looks whether all files are where they were made. */
  checkFiles(): void {
    this.#isCheckDue = true;
    this.#plan();
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
    this.#trouble.hurry();
    await this.settle();
    this.#isClosed = true;
    this.#cancelSync?.();
    this.#trouble.stop();
    this.#cancelConfirm?.();
    this.#cancelCheck?.();
    if (this.#parts.fsync !== 'never') await this.#parts.chain.sync().catch(() => undefined);
  }

  readonly #onConfirmDue = (): void => {
    this.#cancelConfirm = undefined;
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
    this.#planCheck();
  }

  /** @throws the system's error */
  async #commit(batch: LogBatch): Promise<LogOutcome> {
    const { chain, facts } = this.#parts;
    try {
      return await this.#write(batch);
    } catch (error) {
      if (!isMissing(error)) throw error;
      chain.abandon();
      await this.#parts.remakeFolder();
      await chain.findLost();
      if (!(await facts.renew())) throw facts.error;
      return this.#write(batch);
    }
  }

  async #write(batch: LogBatch): Promise<LogOutcome> {
    const { chain, confirmations, facts, fsync, index, reclaimer } = this.#parts;
    const isRetry = this.#trouble.isLasting;
    if (isRetry && !this.#mayRetry(batch)) return 'logged';
    // What was invalidated as a whole may vanish from the disk only when the control file says so.
    if (!(await facts.save())) throw facts.error;
    await chain.tidy();
    if (this.#isCheckDue) await this.#check();
    const suspects = chain.upToSuspects;
    if (suspects.length > 0) await this.#rewrite(suspects);
    await reclaimer.gather();
    // A disk that failed has to show that it can be written to.
    if (isRetry && batch.entries.size === 0 && index.size > 0) await chain.open();
    const confirmed = await confirmations.append();
    let outcome: LogOutcome = 'logged';
    for (const { key } of batch.entries.values()) {
      const isAppended = this.#appender.append(key);
      // No turn of the event loop for each of thousands of records.
      if (isAppended !== true && !(await isAppended)) outcome = 'kept';
    }
    // Asked at the same time: gone before the write was acknowledged, or gone after that, is all the same to it.
    const [isInPlace] = await Promise.all([chain.isInPlace(), chain.writeOut()]);
    if (!isInPlace) throw Object.assign(new Error('ENOENT: the file of the log is not where it was made'), { code: 'ENOENT' });
    confirmations.release(confirmed);
    if (fsync === 'always') await chain.sync();
    if (fsync === 'interval') this.#planSync();
    if (isRetry) await this.#endTrouble();
    // Entries that a clear removed meanwhile are as safe as the clear is.
    if (!(await facts.save())) throw facts.error;
    return outcome;
  }

  /** What a failed sync leaves in doubt is written again, with all that is older, so that the order of removal stays. */
  async #rewrite(segments: readonly LogSegment[]): Promise<void> {
    const { chain, reclaimer, onTrouble } = this.#parts;
    const files = segments.filter(({ isLost }) => isLost).length;
    let givenUp = 0;
    await chain.open();
    for (const segment of segments) givenUp += await reclaimer.rewrite(segment, true);
    if (files > 0) onTrouble({ kind: 'files-gone', files, givenUp });
  }

  /** Looks for files that are not where they were made any more. @throws the system's error */
  async #check(): Promise<void> {
    const { chain, facts } = this.#parts;
    this.#isCheckDue = false;
    const lost = await chain.findLost();
    if ((lost > 0 || !(await facts.isInPlace())) && !(await facts.renew())) throw facts.error;
  }

  /** The disk did not take a batch: its keys are kept, to be invalidated. */
  async #refuse(batch: LogBatch, error: unknown): Promise<LogOutcome> {
    const { chain, confirmations, facts, index, onTrouble } = this.#parts;
    chain.abandon();
    const isFirst = !this.#trouble.isLasting;
    this.#trouble.note(error);
    const { count, isShadowing } = giveUpValues(batch, index, confirmations);
    const isKept = await facts.raise(isShadowing);
    onTrouble({ kind: 'disk-failed', count, error, isFirst });
    return isKept ? 'kept' : 'lost';
  }

  /** Whether the disk, which has failed, may be asked again; then also for what it refused. */
  #mayRetry(batch: LogBatch): boolean {
    const { waitMs } = this.#trouble;
    if (waitMs > 0) {
      if (batch.entries.size > 0) throw this.#trouble.error;
      this.#trouble.planRetry(waitMs);
      return false;
    }
    for (const entry of this.#parts.index.entries()) {
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
    this.#trouble.end();
    onTrouble({ kind: 'disk-recovered' });
  }

  #planCheck(): void {
    const { chain, clock, facts } = this.#parts;
    if (this.#isClosed || (chain.size === 0 && !facts.isNeeded)) return;
    this.#cancelCheck ??= clock.schedule(() => {
      this.#cancelCheck = undefined;
      this.checkFiles();
    }, CHECK_MS);
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
