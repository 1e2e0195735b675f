/**
 * One file of the log. It only grows at its end, knows how many of its bytes still matter, and is removed as a whole: bytes
 * once written are never changed.
 */
import type { LogDisk, LogFile } from './log-disk.js';
import { makeSegmentHeader, SEGMENT_HEADER_LENGTH, segmentNameOf } from './log-scan.js';

/** See the file's header. */
export class LogSegment {
  readonly path: string;
  readonly salt: number;
  readonly file: LogFile;
  /** Bytes in the file. */
  bytes: number;
  /** Bytes of records that Redis has not confirmed and nothing has superseded. */
  liveBytes = 0;
  /** Whether nothing may be appended any more: it is full, belongs to an adopted log, or its end is uncertain. */
  isSealed = false;
  /** Whether bytes were written since the last sync. */
  isDirty = false;
  /** Whether a sync failed: its bytes may not be on the disk, though they can still be read. */
  isSuspect = false;

  constructor(path: string, salt: number, file: LogFile, bytes: number) {
    this.path = path;
    this.salt = salt;
    this.file = file;
    this.bytes = bytes;
  }

  /** Makes a segment in `folder`; its name is durable where `isSynced`. @throws the system's error */
  static async create(
    disk: LogDisk,
    folder: string,
    sequence: number,
    salt: number,
    nowMs: number,
    isSynced: boolean,
  ): Promise<LogSegment> {
    const path = `${folder}/${segmentNameOf(sequence, salt)}`;
    const file = await disk.create(path);
    try {
      await file.write(makeSegmentHeader(nowMs), 0);
      if (isSynced) await disk.syncFolder(folder);
    } catch (error) {
      await file.close().catch(() => undefined);
      await disk.remove(path).catch(() => undefined);
      throw error;
    }
    return new LogSegment(path, salt, file, SEGMENT_HEADER_LENGTH);
  }

  /** Closes and removes the file. Failures are none of the log's business: what is left is found at the next start. */
  async remove(disk: LogDisk): Promise<void> {
    this.isSealed = true;
    await this.file.close().catch(() => undefined);
    await disk.remove(this.path).catch(() => undefined);
  }
}
