/** What the log knows of one key: the last write that Redis has not confirmed, and where its record is. */
import { timeOfVersion } from '../base/hybrid-clock.js';
import type { LogSegment } from './log-segment.js';

/** What the last write was: a value (or a remembered "nothing there"), a deletion, or a write whose value was given up. */
export type PendingKind = 'value' | 'deletion' | 'dropped';

/** See the file's header. Versions and times are on the server's clock, unless `isLocalTime`. */
export class LogEntry {
  readonly key: string;
  kind: PendingKind;
  version: string;
  /** The version as the record has it; differs once a record made before the first contact with Redis was put on its clock. */
  readonly recordVersion: string;
  /** Whether the record's version and times are on the clock of the process that made it. */
  readonly isRecordLocal: boolean;
  /** Whether version and times are on this process's clock, because it has not been compared with Redis's. */
  isLocalTime: boolean;
  /** What has to be added to the record's times; 0 unless the record was made before the first contact with Redis. */
  shiftMs = 0;
  /** Whether somebody else is sending the write to Redis: replay leaves it alone until that has failed. */
  isUnderWay = false;
  /** Whether another process is known to have written the key since: Redis, once it can be asked, knows which write counts. */
  isDoubtful = false;
  /** The folder of the dead process's log it was taken over with; `undefined` for a write of this process. */
  adoptedFrom: string | undefined = undefined;
  /** Whether its record was handed to a file, whatever became of it: the disk may have it. */
  wasAppended = false;
  /** Whether the disk has, or may have, an older record of the key. */
  isShadowing = false;
  /** How many clears of its index it has seen: the index judges it by those that came later. */
  clears = 0;
  /** The segment of the record that this write supersedes, until this one's own record is in a file. */
  pin: LogSegment | undefined = undefined;
  /** When the value ends, in milliseconds since the epoch. */
  expiresAtMs: number;
  /** The sealed entry while no segment has it; `undefined` once it is on the disk, and for what was dropped. */
  sealed: string | Buffer | undefined;
  /** Where the record is; `undefined` while it is on its way, or when the disk refused it. */
  segment: LogSegment | undefined = undefined;
  offset = 0;
  length = 0;
  bodyLength = 0;

  constructor(
    key: string,
    kind: PendingKind,
    version: string,
    isLocalTime: boolean,
    expiresAtMs: number,
    sealed: string | Buffer | undefined,
  ) {
    this.key = key;
    this.kind = kind;
    this.version = version;
    this.recordVersion = version;
    this.isRecordLocal = isLocalTime;
    this.isLocalTime = isLocalTime;
    this.expiresAtMs = expiresAtMs;
    this.sealed = sealed;
  }

  /** The sealed entry as its record has it; `undefined` when there is no record, or it cannot be read. */
  readBody(): Buffer | undefined {
    try {
      return this.segment?.readBody(this.offset, this.length, this.bodyLength);
    } catch {
      return undefined;
    }
  }

  /** Whether its value, if it has one, is not to reach Redis any more: it has expired, or is too old to be trusted. */
  isOver(nowMs: number, maxAgeMs: number): boolean {
    return this.expiresAtMs <= nowMs || timeOfVersion(this.version) < nowMs - maxAgeMs;
  }
}
