/**
 * Keeps a log within its bound (G14) without ever forgetting a key silently: what is dead or expired goes first; then values
 * are given up, oldest first, while their keys are kept to be invalidated; then everything is given up for an invalidation
 * of the whole service. Less is served from the cache then, but nothing wrong.
 */
import type { Clock } from '../base/clock.js';
import { withinDeadline } from './disk-deadline.js';
import type { LogDisk } from './log-disk.js';
import type { LogEntry } from './log-entry.js';
import type { LogIndex } from './log-index.js';
import { scanSegment } from './log-scan.js';
import type { LogSegment } from './log-segment.js';
import type { LogTrouble } from './log-trouble.js';
import type { SegmentChain } from './segment-chain.js';

/** What a reclaimer is made of. */
export interface ReclaimerParts {
  readonly disk: LogDisk;
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
    const { index, disk, clock } = this.#parts;
    const live: { entry: LogEntry; body: Buffer | undefined }[] = [];
    if (segment.liveBytes === 0) return live;
    let bytes: Buffer;
    try {
      bytes = await withinDeadline(clock, disk.read(segment.path));
    } catch {
      // What cannot be read is given up, its key is not.
      for (const entry of index.entries()) if (entry.segment === segment) live.push({ entry, body: undefined });
      return live;
    }
    const found = new Set<LogEntry>();
    let foundBytes = 0;
    scanSegment(bytes, segment.salt, ({ offset, key, body, isBodyIntact }) => {
      const entry = index.find(key);
      if (entry?.segment !== segment || entry.offset !== offset) return;
      live.push({ entry, body: isBodyIntact ? body : undefined });
      found.add(entry);
      foundBytes += entry.length;
    });
    if (foundBytes === segment.liveBytes) return live;
    for (const entry of index.entries()) {
      if (entry.segment === segment && !found.has(entry)) live.push({ entry, body: undefined });
    }
    return live;
  }
}
