/**
 * Keeps a log within its bound (G14) without ever forgetting a key silently: what is dead or expired goes first; then values
 * are given up, oldest first, while their keys are kept to be invalidated; then everything is given up for an invalidation
 * of the whole service. Less is served from the cache then, but nothing wrong.
 */
import type { Clock } from '../base/clock.js';
import { TimeSlices } from '../base/time-slices.js';
import { withinDeadline } from './disk-deadline.js';
import type { LogEntry } from './log-entry.js';
import type { LogIndex } from './log-index.js';
import { SegmentScan } from './log-scan.js';
import type { LogSegment } from './log-segment.js';
import type { LogTrouble } from './log-trouble.js';
import type { SegmentChain } from './segment-chain.js';

/** What a reclaimer is made of. */
export interface ReclaimerParts {
  readonly clock: Clock;
  readonly index: LogIndex;
  readonly chain: SegmentChain;
  /** Bytes in all segments at most. */
  readonly limitBytes: number;
  /** How far copying may go beyond that. */
  readonly copyBytes: number;
  readonly maxAgeMs: number;
  /** The present time on the clock of the entries. */
  readonly nowMs: () => number;
  /** Gives all entries up for an invalidation of the service. @throws the system's error */
  readonly giveUpAll: () => Promise<void>;
  readonly onTrouble: (trouble: LogTrouble) => void;
}

/** Rewriting segments without giving anything up is worth it when at least this share of all bytes is dead. */
const MIN_DEAD_SHARE = 0.25;

/** Keys that are remembered one by one at most. */
const MAX_KEYS = 1_000_000;

/** See the file's header. */
export class LogReclaimer {
  readonly #parts: ReclaimerParts;

  constructor(parts: ReclaimerParts) {
    this.#parts = parts;
  }

  /** Makes room for a record of `neededBytes`; false when everything had to be given up. @throws the system's error */
  async makeRoom(neededBytes: number): Promise<boolean> {
    const { index, chain, limitBytes, onTrouble, giveUpAll } = this.#parts;
    let givenUp = 0;
    // Every segment may be looked at twice: once for what is dead, then, in new ones too, for its values.
    let keepingRounds = chain.size;
    let patience = 3 * chain.size + 4;
    for (;;) {
      await chain.tidy();
      const { bytes, oldest } = chain;
      const isTooMany = index.size > MAX_KEYS;
      if (!isTooMany && bytes + neededBytes <= limitBytes) break;
      if (chain.removals.isPassing) {
        // Logs that are being taken over come before what is here, and files can't be removed before they are read.
        await chain.removals.released;
        keepingRounds = chain.size;
        patience = 3 * chain.size + 4;
        continue;
      }
      const isDeadWorthIt = bytes - chain.liveBytes >= bytes * MIN_DEAD_SHARE && keepingRounds-- > 0;
      if (isTooMany || oldest === undefined || patience-- === 0 || (!isDeadWorthIt && index.values === 0)) {
        await giveUpAll();
        return false;
      }
      givenUp += await this.rewrite(oldest, isDeadWorthIt);
    }
    if (givenUp > 0) onTrouble({ kind: 'values-given-up', count: givenUp });
    return true;
  }

  /** Puts together what many files have little of each: every restart in one outage leaves a file or two. @throws the system's error */
  async gather(): Promise<void> {
    const { chain, onTrouble } = this.#parts;
    let givenUp = 0;
    for (let left = chain.size; left > 0 && chain.isScattered && !chain.removals.isHeld; left--) {
      if (chain.oldest !== undefined) givenUp += await this.rewrite(chain.oldest, true);
    }
    if (givenUp > 0) onTrouble({ kind: 'values-given-up', count: givenUp });
  }

  /** Moves what matters of a segment to the end of the log and removes the file; returns how many values were given up. */
  async rewrite(segment: LogSegment, keepsValues: boolean): Promise<number> {
    const { chain, index } = this.#parts;
    segment.isSealed = true;
    const moved = await this.#liveOf(segment);
    let givenUp = 0;
    for (const { entry, body } of moved) {
      if (entry.segment !== segment || !index.has(entry)) continue;
      const content = body === undefined || this.#isToBeDropped(entry, body, keepsValues) ? undefined : body;
      const bound = chain.boundOf(entry.key, content ?? '');
      if (chain.mustMakeRoom(bound)) {
        await chain.makeRoom(bound);
        if (!index.has(entry)) continue;
      }
      if (content === undefined && entry.kind !== 'dropped') {
        if (entry.kind === 'value' && !this.#isOver(entry)) givenUp++;
        index.dropValue(entry);
      }
      chain.append(entry, content ?? '');
    }
    await chain.writeOut();
    await this.#writeSuccessors(segment);
    if (segment.isSuspect) await chain.sync();
    segment.isSuspect = false;
    // Only now: until here a crash finds what matters in the old file.
    await chain.remove(segment);
    return givenUp;
  }

  /** What superseded records of a segment has to be in the log before the segment goes; also what does so meanwhile. */
  async #writeSuccessors(segment: LogSegment): Promise<void> {
    const { chain, index } = this.#parts;
    for (let isDone = segment.pins === 0; !isDone;) {
      isDone = true;
      for (const entry of index.entries()) {
        if (entry.pin !== segment) continue;
        isDone = false;
        const bound = chain.boundOf(entry.key, entry.sealed ?? '');
        if (chain.mustMakeRoom(bound)) await chain.makeRoom(bound);
        if (index.has(entry)) chain.append(entry, entry.sealed ?? '');
      }
      await chain.writeOut();
    }
  }

  /** Whether a value goes: it is over, or must make room; also for its own copy, which is there before the old file is gone. */
  #isToBeDropped(entry: LogEntry, body: Buffer, keepsValues: boolean): boolean {
    const { chain, limitBytes, copyBytes } = this.#parts;
    if (entry.kind !== 'value') return entry.kind === 'dropped';
    return !keepsValues || this.#isOver(entry) || chain.bytes + chain.boundOf(entry.key, body) > limitBytes + copyBytes;
  }

  /** Whether a value is not worth keeping: it has expired, or would be replayed as an invalidation for its age. */
  #isOver(entry: LogEntry): boolean {
    return entry.isOver(this.#parts.nowMs(), this.#parts.maxAgeMs);
  }

  /** The entries whose records are in a segment, with the bodies that can be read. */
  async #liveOf(segment: LogSegment): Promise<{ readonly entry: LogEntry; readonly body: Buffer | undefined }[]> {
    const { index, clock } = this.#parts;
    const live: { entry: LogEntry; body: Buffer | undefined }[] = [];
    if (segment.liveBytes === 0) return live;
    let bytes: Buffer;
    try {
      bytes = await withinDeadline(clock, segment.read());
    } catch {
      // What cannot be read is given up, its key is not.
      for (const entry of index.entries()) if (entry.segment === segment) live.push({ entry, body: undefined });
      return live;
    }
    const found = new Set<LogEntry>();
    let foundBytes = 0;
    const scan = new SegmentScan(bytes, segment.salt);
    const slices = new TimeSlices(clock);
    for (let record = scan.next(); record !== undefined; record = scan.next()) {
      const { offset, key, body, isBodyIntact } = record;
      const entry = index.find(key);
      if (entry?.segment === segment && entry.offset === offset) {
        live.push({ entry, body: isBodyIntact ? body : undefined });
        found.add(entry);
        foundBytes += entry.length;
      }
      if (slices.isOver()) await slices.next();
    }
    if (foundBytes === segment.liveBytes) return live;
    for (const entry of index.entries()) {
      if (entry.segment === segment && !found.has(entry)) live.push({ entry, body: undefined });
    }
    return live;
  }
}
