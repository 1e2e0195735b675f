/**
 * Reads the log that a process left behind, whatever state it was left in: the last write of each key counts. First, quickly,
 * what concerns the whole of it ({@link findLog}); then its records, in slices ({@link LogLoader}).
 *
 * Only regular files are read, of a bounded size; anything else that has the name of a segment is no file of ours. It is left
 * alone and named.
 */
import type { Clock } from '../base/clock.js';
import type { TimeSlices } from '../base/time-slices.js';
import { kindOfSealed } from '../codec/envelope.js';
import { ControlFile, isBefore, NO_POINT, type ControlFacts, type LogPoint } from './control-file.js';
import { withinDeadline } from './disk-deadline.js';
import { ForeignConfirmations, isCovered } from './foreign-confirmations.js';
import { FOREIGN_FILE } from './log-disk.js';
import { LogEntry, type PendingKind } from './log-entry.js';
import { LogIndex } from './log-index.js';
import { parseSegmentName, SegmentScan, type ScannedRecord } from './log-scan.js';
import { LogSegment, type SegmentPlace } from './log-segment.js';

/** How logs are read. */
export interface LoaderParts {
  readonly place: SegmentPlace;
  readonly clock: Clock;
  /** The largest file that can be a segment. */
  readonly maxFileBytes: number;
}

/** A file that may be a segment. */
interface FoundSegment {
  readonly path: string;
  readonly salt: number;
  readonly sequence: number;
}

/** A log before its records are read. */
export interface FoundLog {
  readonly folder: string;
  /** `undefined` when the control file is damaged: it may have said anything. */
  readonly facts: ControlFacts | undefined;
  /** Oldest first; `undefined` when the folder could not be read. */
  readonly segments: readonly FoundSegment[] | undefined;
  /** Bytes in its segments, all but the last taken for full ones. */
  readonly boundBytes: number;
  /** The version of the last writes in it, as far as it is on Redis's clock; empty when none is. */
  readonly newestVersion: string;
}

/** What was found in a log. */
export interface LoadedLog {
  readonly folder: string;
  readonly segments: readonly LogSegment[];
  /** The newest version in it that is on Redis's clock; empty when there is none. */
  readonly newestVersion: string;
  /** Stretches of bytes that were no records, and files that could not be read. */
  readonly lost: number;
  /** Records whose value was damaged; their keys are invalidated. */
  readonly invalidated: number;
  /** Segments that could not be read. What they say is not known, so everything of the service has to be invalidated. */
  readonly unreadable: readonly string[];
  /** What has the name of a segment and is none. */
  readonly foreign: readonly string[];
  /** Whether the same has to be done because the control file was damaged, or the folder could not be read. */
  readonly isDoubtful: boolean;
}

/** What a full segment usually has. */
const FULL_BYTES = 4 * 1024 * 1024;
/** Bytes at the end of a log that tell how far its versions go. */
const TAIL_BYTES = 65_536;

/** Reads what concerns the whole log in `folder`. Never rejects. */
export async function findLog({ place, clock, maxFileBytes }: LoaderParts, folder: string): Promise<FoundLog> {
  const { disk } = place;
  const facts = await withinDeadline(clock, ControlFile.read(disk, folder)).catch(() => undefined);
  const segments = await withinDeadline(clock, disk.list(folder)).then(
    (names) => segmentsAmong(folder, names),
    () => undefined,
  );
  for (const { path, salt } of segments?.toReversed() ?? []) {
    const bytes = await withinDeadline(clock, disk.read(path, maxFileBytes)).catch(() => undefined);
    if (bytes === undefined) continue;
    let newestVersion = '';
    const scan = new SegmentScan(bytes, salt, Math.max(0, bytes.length - TAIL_BYTES));
    for (let record = scan.next(); record !== undefined; record = scan.next())
      if (isNewer(record, newestVersion)) newestVersion = record.version;
    return { folder, facts, segments, newestVersion, boundBytes: ((segments?.length ?? 1) - 1) * FULL_BYTES + bytes.length };
  }
  return { folder, facts, segments, newestVersion: '', boundBytes: 0 };
}

/** Reads the records of several logs into an index of their own. */
export class LogLoader {
  /** What was read: the last write of each key. Nobody but the loader reads or replays it. */
  readonly staged = new LogIndex();
  /** What Redis is known to have of it. */
  readonly confirmed = new ForeignConfirmations();
  readonly #parts: LoaderParts;
  readonly #slices: TimeSlices;
  #isStopped = false;

  constructor(parts: LoaderParts, slices: TimeSlices) {
    this.#parts = parts;
    this.#slices = slices;
  }

  /** Reads no further: what was read of the log under way is not to be used. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Notes that Redis has the write of a key that this process made. */
  confirm(key: string, version: string): void {
    const point = { version, isLocalTime: false };
    this.confirmed.confirm(key, point, '');
    const entry = this.staged.find(key);
    if (entry !== undefined && isCovered(entry, point)) this.staged.remove(entry);
  }

  /** Reads a log. Never rejects. */
  async load({ folder, facts, segments: found, newestVersion }: FoundLog): Promise<LoadedLog> {
    const { place, clock, maxFileBytes } = this.#parts;
    const report = { newestVersion, lost: found === undefined ? 1 : 0, invalidated: 0 };
    const deadBefore = facts?.deadBefore ?? NO_POINT;
    const segments: LogSegment[] = [];
    const unreadable: string[] = [];
    const foreign: string[] = [];
    for (const { path, salt } of found ?? []) {
      if (this.#isStopped) break;
      try {
        const bytes = await withinDeadline(
          clock,
          place.openFiles.open(() => place.disk.read(path, maxFileBytes)),
        );
        const segment = new LogSegment(place, path, salt, bytes.length);
        segment.isSealed = true;
        segments.push(segment);
        await this.#read(bytes, segment, { folder, deadBefore, isNewest: path === found?.at(-1)?.path }, report);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === FOREIGN_FILE) foreign.push(path);
        else unreadable.push(path);
      }
    }
    const isDoubtful = facts === undefined || found === undefined;
    // A clear or a newer write may be what could not be read.
    if (isDoubtful || unreadable.length > 0) dropValuesOf(folder, this.staged);
    return { ...report, folder, segments, lost: report.lost + unreadable.length, unreadable, foreign, isDoubtful };
  }

  async #read(
    bytes: Buffer,
    segment: LogSegment,
    { folder, deadBefore, isNewest }: { readonly folder: string; readonly deadBefore: LogPoint; readonly isNewest: boolean },
    report: { newestVersion: string; lost: number; invalidated: number },
  ): Promise<void> {
    const { staged, confirmed } = this;
    const scan = new SegmentScan(bytes, segment.salt);
    for (let record = scan.next(); record !== undefined && !this.#isStopped; record = scan.next()) {
      // It died in the middle of this one: what it had acknowledged of the key before still counts.
      if (record.isCutOff && isNewest) break;
      if (record.type === 'confirm') this.#forgetConfirmed(record, folder);
      else if (record.type === 'set' || record.type === 'drop') {
        if (!record.isBodyIntact) report.invalidated++;
        if (isNewer(record, report.newestVersion)) report.newestVersion = record.version;
        // What was cleared there is dead whatever has been cleared since, perhaps by a clock that can't be compared.
        if (!confirmed.isConfirmed(record, folder) && !isBefore(record, deadBefore)) {
          const entry = toEntry(record, folder);
          if (staged.adopt(entry)) staged.place(entry, segment, record.offset, record.length, record.body.length);
        }
      }
      if (this.#slices.isOver()) await this.#slices.next();
    }
    report.lost += scan.report.damagedStretches;
  }

  #forgetConfirmed(record: ScannedRecord, folder: string): void {
    this.confirmed.confirm(record.key, record, folder);
    const entry = this.staged.find(record.key);
    if (entry !== undefined && isCovered(entry, record)) this.staged.remove(entry);
  }
}

function segmentsAmong(folder: string, names: readonly string[]): FoundSegment[] {
  const found: FoundSegment[] = [];
  for (const name of names) {
    const parsed = parseSegmentName(name);
    if (parsed !== undefined) found.push({ path: `${folder}/${name}`, ...parsed });
  }
  return found.sort((one, other) => one.sequence - other.sequence);
}

function isNewer({ type, isLocalTime, version }: ScannedRecord, than: string): boolean {
  return (type === 'set' || type === 'drop') && !isLocalTime && version > than;
}

function toEntry(record: ScannedRecord, folder: string): LogEntry {
  const entry = new LogEntry(record.key, kindOf(record), record.version, record.isLocalTime, record.expiresAtMs, undefined);
  entry.wasAppended = true;
  entry.adoptedFrom = folder;
  return entry;
}

function kindOf(record: ScannedRecord): PendingKind {
  if (record.type === 'drop' || !record.isBodyIntact) return 'dropped';
  return kindOfSealed(record.body) === 'd' ? 'deletion' : 'value';
}

function dropValuesOf(folder: string, index: LogIndex): void {
  for (const entry of index.entries()) if (entry.adoptedFrom === folder) index.dropValue(entry);
}
