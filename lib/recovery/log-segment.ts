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
  /** Superseded records in it whose successors are not in any file yet: until then they are what a crash leaves of their keys. */
  pins = 0;
  /** The folder of the log it was taken over with; `undefined` when this process made it. */
  adoptedFrom: string | undefined = undefined;
  /** Whether nothing may be appended any more: it is full, belongs to an adopted log, or its end is uncertain. */
  isSealed = false;
  /** Whether bytes were written since the last sync. */
  isDirty = false;
  /** Whether a sync failed: its bytes may not be on the disk, though they can still be read. */
  isSuspect = false;
  #removal: Promise<void> | undefined;

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

  /** Whether its removal has begun and not ended. */
  get isBeingRemoved(): boolean {
    return this.#removal !== undefined;
  }

  /** Closes and removes the file. May be called again when that failed. @throws the system's error */
  remove(disk: LogDisk): Promise<void> {
    this.isSealed = true;
    return (this.#removal ??= this.file
      .close()
      .catch(() => undefined)
      .then(() => disk.remove(this.path))
      .finally(() => {
        this.#removal = undefined;
      }));
  }
}
