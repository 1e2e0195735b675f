/**
 * Takes over the logs of processes that are gone, while this one goes on working. What concerns a whole log counts at once:
 * what was cleared, and how far its versions go. Its records are read beside the index, in slices, and handed over when all
 * logs that were found together are read: before that, a record that counts and one that is overtaken look alike.
 *
 * Until then a key reads as it does in every other process, which do not know these logs either; nothing is replayed of them,
 * and no file of any log here is removed.
 */
import type { Clock } from '../base/clock.js';
import type { HybridClock } from '../base/hybrid-clock.js';
import { TimeSlices } from '../base/time-slices.js';
import { NOTHING_CLEARED, type ControlFacts, type LogPoint } from './control-file.js';
import type { LogConfirmations } from './log-confirmations.js';
import type { LogEntry } from './log-entry.js';
import type { LogIndex } from './log-index.js';
import { findLog, LogLoader, type FoundLog, type LoadedLog, type LoaderParts } from './log-loader.js';
import type { LogTrouble } from './log-trouble.js';
import type { SegmentChain } from './segment-chain.js';

/** How far a log goes, as far as that is known before its records are read. */
function pointsOf({ newestVersion, facts = NOTHING_CLEARED }: FoundLog): readonly LogPoint[] {
  return [{ version: newestVersion, isLocalTime: false }, facts.deadBefore, facts.invalidateBefore];
}

/** What it is made of. */
export interface AdoptionParts extends LoaderParts {
  readonly clock: Clock;
  readonly hybridClock: HybridClock;
  readonly index: LogIndex;
  readonly chain: SegmentChain;
  readonly confirmations: LogConfirmations;
  /** A point after everything that was written so far. */
  readonly pointNow: () => LogPoint;
  readonly onTrouble: (trouble: LogTrouble) => void;
  /** The write of a key was taken over: a copy of what Redis had before it is old. */
  readonly onAdopted: (key: string, version: string) => void;
}

/** See the file's header. */
export class LogAdoption {
  readonly #parts: AdoptionParts;
  /** Logs that are known and not read yet. */
  #waiting = 0;
  #loader: LogLoader | undefined;
  /** Everything older was cleared here while it was read. */
  #clearedAt: LogPoint | undefined;
  #isStopped = false;

  constructor(parts: AdoptionParts) {
    this.#parts = parts;
  }

  /** Logs that are being taken over. */
  get logs(): number {
    return this.#waiting;
  }

  /** Keys read of them so far. */
  get keys(): number {
    return this.#loader?.staged.size ?? 0;
  }

  /** Lets what concerns whole logs count. Hand them all to {@link load}, one call after the other. Never rejects. */
  async find(folders: readonly string[]): Promise<readonly FoundLog[]> {
    const { index, hybridClock, chain } = this.#parts;
    this.#waiting += folders.length;
    chain.removals.hold();
    const logs: FoundLog[] = [];
    for (const folder of folders) {
      const log = this.#withoutAbsurdFacts(await findLog(this.#parts, folder));
      if (log.facts !== undefined) index.adoptFacts(log.facts);
      // What this process writes from now on is newer than what that one wrote, and cleared.
      for (const { version, isLocalTime } of pointsOf(log)) if (version !== '' && !isLocalTime) hybridClock.observe(version);
      logs.push(log);
    }
    return logs;
  }

  /** Reads logs and takes over what counts of them; `undefined` when it was stopped before. Never rejects. */
  async load(logs: readonly FoundLog[]): Promise<readonly LoadedLog[] | undefined> {
    const { clock, chain, confirmations, hybridClock, index, pointNow, onTrouble } = this.#parts;
    const startedMs = clock.nowMs();
    const slices = new TimeSlices(clock);
    const loader = new LogLoader(this.#parts, slices);
    this.#loader = loader;
    const loaded: LoadedLog[] = [];
    for (const log of logs) if (!this.#isStopped) loaded.push(await loader.load(log));
    const keys = loader.staged.size;
    if (!this.#isStopped) await this.#handOver(loader, slices);
    this.#loader = undefined;
    this.#waiting -= logs.length;
    if (this.#waiting === 0) this.#clearedAt = undefined;
    if (this.#isStopped) return undefined;
    for (const { newestVersion, isDoubtful, unreadable, lost, invalidated, foreign } of loaded) {
      if (newestVersion !== '') hybridClock.observe(newestVersion);
      if (isDoubtful || unreadable.length > 0) index.invalidate(pointNow());
      if (lost > 0 || invalidated > 0) onTrouble({ kind: 'damaged', lost, invalidated });
      if (foreign.length > 0) onTrouble({ kind: 'foreign-files', paths: foreign });
    }
    for (const [key, point] of loader.confirmed.crossing()) confirmations.repeat(key, point);
    chain.adopt(
      loaded.flatMap(({ segments }) => segments),
      this.#waiting === 0,
    );
    onTrouble({ kind: 'adopted', logs: logs.length, keys, durationMs: clock.nowMs() - startedMs });
    return loaded;
  }

  /** Redis has said what time it is: what was taken over before may have been from beyond all time. */
  checkFacts(): void {
    const { index, pointNow } = this.#parts;
    if (this.#isAbsurd(index.facts)) index.replaceFacts(pointNow());
  }

  /** Redis has the write of a key that this process made. */
  confirm(key: string, version: string): void {
    this.#loader?.confirm(key, version);
  }

  /** Everything older than `point` was cleared. */
  clear(point: LogPoint): void {
    if (this.#waiting > 0) this.#clearedAt = point;
  }

  /** Leaves what is not taken over yet to the next process. */
  stop(): void {
    this.#isStopped = true;
    this.#loader?.stop();
    this.#parts.chain.removals.giveUp();
  }

  async #handOver({ staged, confirmed }: LogLoader, slices: TimeSlices): Promise<void> {
    const { index, hybridClock, pointNow, onAdopted } = this.#parts;
    for (const entry of staged.entries()) {
      if (this.#isStopped) return;
      if (!entry.isLocalTime && hybridClock.isAbsurd(entry.version)) staged.distrust(entry, pointNow());
      if (this.#isCleared(entry)) staged.remove(entry);
      else if (index.adoptFrom(staged, entry, hybridClock.isAnchored ? hybridClock.firstOffsetMs : undefined)) {
        if (confirmed.isOverfull) index.dropValue(entry);
        onAdopted(entry.key, entry.version);
      }
      if (slices.isOver()) await slices.next();
    }
  }

  /** A control file that speaks of times beyond all time is a damaged one: obeyed, it would end everything written from now on. */
  #withoutAbsurdFacts(log: FoundLog): FoundLog {
    return log.facts !== undefined && this.#isAbsurd(log.facts) ? { ...log, facts: undefined } : log;
  }

  #isAbsurd({ deadBefore, invalidateBefore }: ControlFacts): boolean {
    const { hybridClock } = this.#parts;
    return [deadBefore, invalidateBefore].some((point) => !point.isLocalTime && hybridClock.isAbsurd(point.version));
  }

  /** Whether an entry was there when everything was cleared: one on another clock was, for its process is no more. */
  #isCleared({ version, isLocalTime }: LogEntry): boolean {
    const point = this.#clearedAt;
    return point !== undefined && (version < point.version || isLocalTime !== point.isLocalTime);
  }
}
