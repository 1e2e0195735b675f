/**
 * The files of a log, oldest first, and the one way bytes get into the newest of them. What is appended is gathered and
 * written in one go; where an entry's record is becomes known to the index only when it is there.
 *
 * Segments are removed oldest first, so that no older record of a key outlives a newer one or its confirmation.
 */
import { basename, dirname } from 'node:path';
import type { Clock } from '../base/clock.js';
import type { Random } from '../base/random.js';
import { withinDeadline } from './disk-deadline.js';
import type { LogPoint } from './control-file.js';
import type { LogEntry } from './log-entry.js';
import type { LogIndex } from './log-index.js';
import { NO_VERSION, RecordBuffer, recordLengthOf } from './log-record.js';
import { LogSegment, type SegmentPlace } from './log-segment.js';
import { RemovalHold } from './removal-hold.js';

/** What a chain is made of. */
export interface ChainParts {
  readonly place: SegmentPlace;
  /** Absent: there is nowhere to write to. */
  readonly folder: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly index: LogIndex;
  readonly segmentBytes: number;
  /** Whether a new file's name must survive a power loss before anything in it counts. */
  readonly syncsNames: boolean;
  /** JSON for people: whose log this is. The first record of each segment. */
  readonly about: string;
}

/** Bytes in one write at most, unless a single record is larger. */
const MAX_WRITE_BYTES = 1024 * 1024;
/** Segments that may be nearly empty: each restart in one outage leaves one. A full log has fewer. */
const MAX_SEGMENTS = 32;
/** More than a head takes. */
const HEAD_BOUND = 64;
/** What says whose log this is must not fill the segments. */
const MAX_ABOUT_LENGTH = 1024;

/** A record that was encoded and is not in the file yet. */
interface Encoded {
  readonly entry: LogEntry;
  readonly at: number;
  readonly length: number;
  readonly bodyLength: number;
}

/** See the file's header. */
export class SegmentChain {
  /** Held while older segments are read: nothing is removed then. */
  readonly removals = new RemovalHold();
  readonly #parts: ChainParts;
  readonly #segments: LogSegment[] = [];
  #buffer = new RecordBuffer();
  #encoded: Encoded[] = [];
  #sequence = 0;

  constructor(parts: ChainParts) {
    this.#parts = parts;
  }

  /** Bytes in all segments, and those that wait to be written to them. */
  get bytes(): number {
    let bytes = this.#buffer.length;
    for (const segment of this.#segments) bytes += segment.bytes;
    return bytes;
  }

  /** Those of them that matter. */
  get liveBytes(): number {
    let bytes = 0;
    for (const segment of this.#segments) bytes += segment.liveBytes;
    return bytes;
  }

  /** How many segments there are. */
  get size(): number {
    return this.#segments.length;
  }

  /** The segment that is removed next; `undefined` when there is none. */
  get oldest(): LogSegment | undefined {
    return this.#segments[0];
  }

  /** Takes over the segments of adopted logs, as the oldest ones; `isLast`: no more are being read. */
  adopt(segments: readonly LogSegment[], isLast: boolean): void {
    this.#segments.unshift(...segments);
    if (isLast) this.removals.release();
  }

  /** Whether a record of `bytes` needs another segment. */
  needsRoom(bytes: number): boolean {
    const active = this.#segments.at(-1);
    return active === undefined || active.isSealed || active.bytes + this.#buffer.length + bytes > this.#parts.segmentBytes;
  }

  /** An upper bound of the bytes a record takes. */
  boundOf(key: string, body: string | Uint8Array): number {
    const bodyBound = typeof body === 'string' ? body.length * 3 : body.length;
    if (bodyBound > this.#parts.segmentBytes / 4) return recordLengthOf(key, body);
    return bodyBound + key.length * 3 + HEAD_BOUND;
  }

  /** Whether there are many files with little in each: their records fit into far fewer. */
  get isScattered(): boolean {
    return this.#segments.length > MAX_SEGMENTS && this.bytes * 2 < this.#segments.length * this.#parts.segmentBytes;
  }

  /** Adds an entry's record to what {@link writeOut} writes; there must be an open segment. */
  append(entry: LogEntry, body: string | Uint8Array): void {
    const { salt } = this.#segments.at(-1) as LogSegment;
    const at = this.#buffer.length;
    const { kind, recordVersion, isRecordLocal, expiresAtMs, shiftMs, key } = entry;
    const type = kind === 'dropped' ? 'drop' : 'set';
    const content = kind === 'dropped' ? '' : body;
    const length = this.#buffer.append(salt, type, recordVersion, isRecordLocal, expiresAtMs - shiftMs, key, content);
    const bodyLength = typeof content === 'string' ? length - recordLengthOf(key, '') : content.length;
    entry.wasAppended = true;
    this.#encoded.push({ entry, at, length, bodyLength });
  }

  /** Adds a record that says that Redis has what is logged of a key up to `point`; there must be an open segment. */
  appendConfirmed(key: string, { version, isLocalTime }: LogPoint): void {
    const { salt } = this.#segments.at(-1) as LogSegment;
    this.#buffer.append(salt, 'confirm', version, isLocalTime, 0, key, '');
  }

  /** Whether something has to be done before a record of `bytes` may be appended: {@link makeRoom}, or what reclaims room first. */
  mustMakeRoom(bytes: number): boolean {
    return this.#buffer.length >= MAX_WRITE_BYTES || this.needsRoom(bytes);
  }

  /** Writes out what was appended and, where a record of `bytes` needs one, starts a new segment. @throws the system's error */
  async makeRoom(bytes: number): Promise<void> {
    await this.writeOut();
    if (this.needsRoom(bytes)) await this.open();
  }

  /** Writes what was appended to the file. @throws the system's error; then none of it counts */
  async writeOut(): Promise<void> {
    const length = this.#buffer.length;
    if (length === 0) return;
    const segment = this.#segments.at(-1) as LogSegment;
    const position = segment.bytes;
    const encoded = this.#encoded;
    this.#encoded = [];
    const writing = segment.write(this.#buffer.bytes(), position);
    try {
      await withinDeadline(this.#parts.clock, writing);
    } catch (error) {
      // What is in the file behind this point is uncertain: nothing may be appended to it. A disk that hangs still reads the
      // buffer, so that is given up too.
      this.#buffer = new RecordBuffer();
      segment.isSealed = true;
      segment.bytes = position + length;
      void cutOff(segment, position, writing);
      throw error;
    }
    this.#buffer.clear();
    segment.bytes += length;
    segment.isDirty = true;
    for (const { entry, at, length: recordLength, bodyLength } of encoded) {
      this.#parts.index.place(entry, segment, position + at, recordLength, bodyLength);
    }
  }

  /** Forgets what was appended and not written, and appends no more to the newest segment: something failed. */
  abandon(): void {
    this.#buffer.clear();
    this.#encoded = [];
    const active = this.#segments.at(-1);
    if (active !== undefined) active.isSealed = true;
  }

  /** Starts a new segment. @throws the system's error */
  async open(): Promise<void> {
    const { place, folder, clock, random, syncsNames, about } = this.#parts;
    if (folder === undefined) throw new Error('The folder of the log could not be made');
    const last = this.#segments.at(-1);
    if (last !== undefined) last.isSealed = true;
    const salt = Math.floor(random() * 2 ** 32);
    const opening = LogSegment.create(place, folder, ++this.#sequence, salt, clock.nowMs(), syncsNames);
    let segment: LogSegment;
    try {
      segment = await withinDeadline(clock, opening);
    } catch (error) {
      // A disk that hung may make the file all the same, when nobody wants it any more.
      opening.then((late) => late.remove()).catch(() => undefined);
      throw error;
    }
    this.#segments.push(segment);
    this.#buffer.append(salt, 'about', NO_VERSION, false, 0, '', about.length > MAX_ABOUT_LENGTH ? '{}' : about);
    await this.writeOut();
  }

  /** Removes segments in which nothing matters any more, oldest first; all of them when the index is empty. */
  async tidy(): Promise<void> {
    if (this.#buffer.length > 0 || this.removals.isHeld) return;
    const keepsOne = this.#parts.index.size > 0 ? 1 : 0;
    for (let [oldest] = this.#segments; oldest !== undefined; [oldest] = this.#segments) {
      if (this.#segments.length <= keepsOne || oldest.liveBytes > 0 || oldest.pins > 0) return;
      if (!(await this.remove(oldest))) return;
    }
  }

  /**
   * Removes a segment whose records were appended again elsewhere, or no longer count; whether it is gone. One that the disk
   * keeps stays in its place, and nothing newer is removed before it.
   */
  async remove(segment: LogSegment): Promise<boolean> {
    if (segment !== this.#segments[0] || segment.isBeingRemoved || this.removals.isHeld) return false;
    try {
      await withinDeadline(this.#parts.clock, segment.remove());
    } catch {
      return false;
    }
    const at = this.#segments.indexOf(segment);
    if (at >= 0) this.#segments.splice(at, 1);
    return true;
  }

  /** Forces to the disk what was written. @throws the system's error; the file that failed is then `isSuspect` */
  async sync(): Promise<void> {
    for (const segment of [...this.#segments]) {
      if (!segment.isDirty || segment.isLost || segment.isBeingRemoved || !this.#segments.includes(segment)) continue;
      segment.isDirty = false;
      try {
        await withinDeadline(this.#parts.clock, segment.sync());
      } catch (error) {
        // It was removed meanwhile, because nothing in it mattered any more.
        if (!this.#segments.includes(segment)) continue;
        // The system may have dropped the pages and would call the next sync a success: the file is not asked again.
        segment.isSealed = true;
        segment.isSuspect = true;
        throw error;
      }
    }
  }

  /** Whether a crash now would find the newest segment, which has what was written last. @throws the system's error */
  async isInPlace(): Promise<boolean> {
    const newest = this.#segments.at(-1);
    return newest === undefined || withinDeadline(this.#parts.clock, newest.isInPlace());
  }

  /** Notes the segments that a crash would not find any more; how many there are. @throws the system's error */
  async findLost(): Promise<number> {
    const { place, clock } = this.#parts;
    const namesIn = new Map<string, readonly string[]>();
    const newest = this.#segments.at(-1);
    for (const segment of [...this.#segments]) {
      if (segment.isBeingRemoved || segment.isLost) continue;
      const folder = dirname(segment.path);
      const names = namesIn.get(folder) ?? (await withinDeadline(clock, place.disk.list(folder)));
      namesIn.set(folder, names);
      const isThere = segment === newest ? await this.isInPlace() : names.includes(basename(segment.path));
      if (!isThere) segment.lose();
    }
    return this.#segments.filter(({ isLost }) => isLost).length;
  }

  /** The segments up to the last one that may not be on the disk as it was written. */
  get upToSuspects(): readonly LogSegment[] {
    return this.#segments.slice(0, this.#segments.findLastIndex((segment) => segment.isSuspect) + 1);
  }

  /** Closes all files, which stay. */
  async close(): Promise<void> {
    const closing = this.#segments.splice(0).map((segment) => segment.close());
    await withinDeadline(this.#parts.clock, Promise.allSettled(closing)).catch(() => undefined);
  }
}

/** Cuts off what a write that failed may have left, once the disk has let go of it. */
async function cutOff(segment: LogSegment, length: number, writing: Promise<void>): Promise<void> {
  try {
    await writing.catch(() => undefined);
    await segment.truncate(length);
    segment.bytes = length;
  } catch {
    // Then the bytes are counted, and gone with the file.
  }
}
