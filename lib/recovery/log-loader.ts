/** Reads the log a process left behind into the index, whatever state it was left in: the last write of each key counts. */
import { kindOfSealed } from '../codec/envelope.js';
import { ControlFile, NOTHING_CLEARED, type ControlFacts } from './control-file.js';
import type { LogDisk } from './log-disk.js';
import { LogEntry, type PendingKind } from './log-entry.js';
import type { LogIndex } from './log-index.js';
import { decodeConfirmed } from './log-record.js';
import { parseSegmentName, scanSegment, type ScannedRecord } from './log-scan.js';
import { LogSegment } from './log-segment.js';

/** What was found. */
export interface LoadedLog {
  readonly segments: readonly LogSegment[];
  readonly facts: ControlFacts;
  /** The newest version in it that is on Redis's clock; empty when there is none. */
  readonly newestVersion: string;
  /** Stretches of bytes that were no records, and segments that could not be read. */
  readonly lost: number;
  /** Records whose value was damaged; their keys are invalidated. */
  readonly invalidated: number;
  /** Whether the control file was damaged: it may have said that the whole service is to be invalidated. */
  readonly isControlDamaged: boolean;
}

/** Loads the log in `folder` into `index`. */
export async function loadLog(disk: LogDisk, folder: string, index: LogIndex): Promise<LoadedLog> {
  const facts = await ControlFile.read(disk, folder);
  if (facts !== undefined) index.adoptFacts(facts);
  const byVersion = new Map<string, LogEntry>();
  const segments: LogSegment[] = [];
  let newestVersion = '';
  let lost = 0;
  let invalidated = 0;
  for (const { name, salt } of await segmentsIn(disk, folder)) {
    const path = `${folder}/${name}`;
    let bytes: Buffer;
    let segment: LogSegment;
    try {
      bytes = await disk.read(path);
      segment = new LogSegment(path, salt, await disk.open(path), bytes.length);
    } catch {
      lost++;
      continue;
    }
    segment.isSealed = true;
    segments.push(segment);
    const report = scanSegment(bytes, salt, (record) => {
      if (record.type === 'confirm') forgetConfirmed(record, byVersion, index);
      else if (record.type === 'set' || record.type === 'drop') {
        if (!record.isBodyIntact) invalidated++;
        if (!record.isLocalTime && record.version > newestVersion) newestVersion = record.version;
        const entry = toEntry(record);
        if (!index.adopt(entry)) return;
        index.place(entry, segment, record.offset, record.length, record.body.length);
        byVersion.set(entry.recordVersion, entry);
      }
    });
    lost += report.damagedStretches;
  }
  const isControlDamaged = facts === undefined;
  return { segments, facts: facts ?? NOTHING_CLEARED, newestVersion, lost, invalidated, isControlDamaged };
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
  return new LogEntry(record.key, kindOf(record), record.version, record.isLocalTime, record.expiresAtMs, undefined);
}

function kindOf(record: ScannedRecord): PendingKind {
  if (record.type === 'drop' || !record.isBodyIntact) return 'dropped';
  return kindOfSealed(record.body) === 'd' ? 'deletion' : 'value';
}

function forgetConfirmed(record: ScannedRecord, byVersion: ReadonlyMap<string, LogEntry>, index: LogIndex): void {
  if (!record.isBodyIntact) return;
  for (const version of decodeConfirmed(record.body)) {
    const entry = byVersion.get(version);
    if (entry !== undefined) index.remove(entry);
  }
}
