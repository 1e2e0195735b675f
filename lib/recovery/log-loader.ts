/** Reads the log a process left behind into the index, whatever state it was left in: the last write of each key counts. */
import type { Clock } from '../base/clock.js';
import { kindOfSealed } from '../codec/envelope.js';
import { ControlFile, type LogPoint } from './control-file.js';
import { withinDeadline } from './disk-deadline.js';
import type { LogDisk } from './log-disk.js';
import { LogEntry, type PendingKind } from './log-entry.js';
import type { LogIndex } from './log-index.js';
import { parseSegmentName, scanSegment, type ScannedRecord } from './log-scan.js';
import { LogSegment } from './log-segment.js';

/** What was found. */
export interface LoadedLog {
  readonly segments: readonly LogSegment[];
  /** The newest version in it that is on Redis's clock; empty when there is none. */
  readonly newestVersion: string;
  /** Stretches of bytes that were no records, and files that could not be read. */
  readonly lost: number;
  /** Records whose value was damaged; their keys are invalidated. */
  readonly invalidated: number;
  /** Segments that could not be read. What they say is not known, so everything of the service has to be invalidated. */
  readonly unreadable: readonly string[];
  /** Whether the same has to be done because the control file was damaged, or the folder could not be read. */
  readonly isDoubtful: boolean;
}

/** What is known across the logs that are loaded together: one process may have confirmed what another one wrote. */
export class Adoption {
  readonly #confirmed = new Map<string, LogPoint & { readonly folder: string }>();
  /** The folder with a key's records; {@link SEVERAL} of them. */
  readonly #folders = new Map<string, string>();

  /** Notes that Redis has what was written of a key up to `point`. */
  confirm(key: string, { version, isLocalTime }: LogPoint, folder: string): void {
    const known = this.#confirmed.get(key);
    if (known === undefined || isCovered(known, { version, isLocalTime }))
      this.#confirmed.set(key, { version, isLocalTime, folder });
  }

  /** Notes where a record is; whether Redis is known to have it. */
  isConfirmed(record: ScannedRecord, folder: string): boolean {
    const other = this.#folders.get(record.key);
    this.#folders.set(record.key, other === undefined || other === folder ? folder : SEVERAL);
    const known = this.#confirmed.get(record.key);
    return known !== undefined && isCovered(record, known);
  }

  /**
   * Confirmations of records in other folders than their own. They have to be repeated in the log that takes them all over:
   * nobody knows which of the folders has the older files, so they may be removed in any order.
   */
  *crossing(): IterableIterator<readonly [string, LogPoint]> {
    for (const [key, { version, isLocalTime, folder }] of this.#confirmed) {
      if ((this.#folders.get(key) ?? folder) !== folder) yield [key, { version, isLocalTime }];
    }
  }
}

const SEVERAL = '*';

/** Loads the log in `folder` into `index`. Never rejects. */
export async function loadLog(
  disk: LogDisk,
  clock: Clock,
  folder: string,
  index: LogIndex,
  adoption: Adoption,
): Promise<LoadedLog> {
  const facts = await withinDeadline(clock, ControlFile.read(disk, folder)).catch(() => undefined);
  if (facts !== undefined) index.adoptFacts(facts);
  const names = await withinDeadline(clock, segmentsIn(disk, folder)).catch(() => undefined);
  const segments: LogSegment[] = [];
  const unreadable: string[] = [];
  let newestVersion = '';
  let lost = names === undefined ? 1 : 0;
  let invalidated = 0;
  for (const { name, salt } of names ?? []) {
    const path = `${folder}/${name}`;
    let bytes: Buffer;
    let segment: LogSegment;
    try {
      bytes = await withinDeadline(clock, disk.read(path));
      segment = new LogSegment(path, salt, await withinDeadline(clock, disk.open(path)), bytes.length);
    } catch {
      unreadable.push(path);
      continue;
    }
    segment.isSealed = true;
    segment.adoptedFrom = folder;
    segments.push(segment);
    const report = scanSegment(bytes, salt, (record) => {
      if (record.type === 'confirm') forgetConfirmed(record, index, adoption, folder);
      else if (record.type === 'set' || record.type === 'drop') {
        if (!record.isBodyIntact) invalidated++;
        if (!record.isLocalTime && record.version > newestVersion) newestVersion = record.version;
        if (adoption.isConfirmed(record, folder)) return;
        const entry = toEntry(record);
        if (index.adopt(entry, folder)) index.place(entry, segment, record.offset, record.length, record.body.length);
      }
    });
    lost += report.damagedStretches;
  }
  const isDoubtful = facts === undefined || names === undefined;
  // A clear or a newer write may be what could not be read.
  if (isDoubtful || unreadable.length > 0) dropValuesOf(folder, index);
  return { segments, newestVersion, lost: lost + unreadable.length, invalidated, unreadable, isDoubtful };
}

async function segmentsIn(disk: LogDisk, folder: string): Promise<{ name: string; salt: number }[]> {
  const found: { name: string; salt: number; sequence: number }[] = [];
  for (const name of await disk.list(folder)) {
    const parsed = parseSegmentName(name);
    if (parsed !== undefined) found.push({ name, ...parsed });
  }
  return found.sort((one, other) => one.sequence - other.sequence);
}

function toEntry(record: ScannedRecord): LogEntry {
  const entry = new LogEntry(record.key, kindOf(record), record.version, record.isLocalTime, record.expiresAtMs, undefined);
  entry.wasAppended = true;
  return entry;
}

function kindOf(record: ScannedRecord): PendingKind {
  if (record.type === 'drop' || !record.isBodyIntact) return 'dropped';
  return kindOfSealed(record.body) === 'd' ? 'deletion' : 'value';
}

function forgetConfirmed(record: ScannedRecord, index: LogIndex, adoption: Adoption, folder: string): void {
  adoption.confirm(record.key, record, folder);
  const entry = index.find(record.key);
  // What this process wrote itself is confirmed to it, by nobody else.
  if (entry?.segment?.adoptedFrom !== undefined && isCovered(entry, record)) index.remove(entry);
}

/**
 * Whether a write is done with because Redis has the one of `point`. A process writes on its own clock only before the first
 * contact with Redis, so what is on Redis's clock is not covered by that; the other way round the numbers are the best guess.
 */
function isCovered(write: LogPoint, point: LogPoint): boolean {
  return (write.isLocalTime || !point.isLocalTime) && write.version <= point.version;
}

function dropValuesOf(folder: string, index: LogIndex): void {
  for (const entry of index.entries()) if (entry.segment?.adoptedFrom === folder) index.dropValue(entry);
}
