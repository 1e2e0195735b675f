/**
 * One file of the log. It only grows at its end, knows how many of its bytes still matter, and is removed as a whole: bytes
 * once written are never changed. It need not be open ({@link OpenFiles}): it is opened by its name when it is used.
 */
import type { LogDisk, LogFile } from './log-disk.js';
import { isIntactRecord } from './log-record.js';
import { makeSegmentHeader, SEGMENT_HEADER_LENGTH, segmentNameOf } from './log-scan.js';
import type { OpenFiles } from './open-files.js';

/** Where the files of a log are. */
export interface SegmentPlace {
  readonly disk: LogDisk;
  readonly openFiles: OpenFiles;
}

/** See the file's header. */
export class LogSegment {
  readonly path: string;
  readonly salt: number;
  /** Bytes in the file. */
  bytes: number;
  /** Bytes of records that Redis has not confirmed and nothing has superseded. */
  liveBytes = 0;
  /** Superseded records in it whose successors are not in any file yet: until then they are what a crash leaves of their keys. */
  pins = 0;
  /** Whether nothing may be appended any more: it is full, belongs to an adopted log, or its end is uncertain. */
  isSealed = false;
  /** Whether bytes were written since the last sync. */
  isDirty = false;
  /** Whether what it holds has to be written again elsewhere: a sync failed, so its bytes may not be on the disk, or {@link isLost}. */
  isSuspect = false;
  /** Whether its name leads elsewhere by now: a crash would not find it. What is still open can be read. */
  isLost = false;
  readonly #place: SegmentPlace;
  #identity: string | undefined;
  #file: LogFile | undefined;
  #isWritable = false;
  #opening: Promise<void> | undefined;
  #removal: Promise<void> | undefined;

  /** @param file absent for a segment that is not open */
  constructor(place: SegmentPlace, path: string, salt: number, bytes: number, file?: LogFile) {
    this.#place = place;
    this.path = path;
    this.salt = salt;
    this.bytes = bytes;
    if (file !== undefined) this.#keep(file, true);
  }

  /** Makes a segment in `folder`; its name is durable where `isSynced`. @throws the system's error */
  static async create(
    place: SegmentPlace,
    folder: string,
    sequence: number,
    salt: number,
    nowMs: number,
    isSynced: boolean,
  ): Promise<LogSegment> {
    const { disk, openFiles } = place;
    const path = `${folder}/${segmentNameOf(sequence, salt)}`;
    const file = await openFiles.open(() => disk.create(path));
    try {
      await file.write(makeSegmentHeader(nowMs), 0);
      if (isSynced) await openFiles.open(() => disk.syncFolder(folder));
    } catch (error) {
      await file.close().catch(() => undefined);
      await disk.remove(path).catch(() => undefined);
      throw error;
    }
    return new LogSegment(place, path, salt, SEGMENT_HEADER_LENGTH, file);
  }

  /** Whether its removal has begun and not ended. */
  get isBeingRemoved(): boolean {
    return this.#removal !== undefined;
  }

  /** Writes `bytes` at `position`. @throws the system's error */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    await (await this.#opened()).write(bytes, position);
  }

  /** Forces to the disk what was written. @throws the system's error */
  async sync(): Promise<void> {
    await (await this.#opened()).sync();
  }

  /** Cuts the file off. @throws the system's error */
  async truncate(length: number): Promise<void> {
    await (await this.#opened()).truncate(length);
  }

  /** Fills `target` from `position`; returns the bytes read. @throws the system's error */
  readSync(target: Uint8Array, position: number): number {
    const { disk, openFiles } = this.#place;
    if (this.#file === undefined) {
      this.#requireName();
      try {
        this.#keep(disk.openSync(this.path), false);
      } catch (error) {
        if (!openFiles.makeRoom(error)) throw error;
        this.#keep(disk.openSync(this.path), false);
      }
    } else openFiles.use(this);
    return (this.#file as LogFile).readSync(target, position);
  }

  /** The body of a record in it, if it is still what was written. @throws the system's error */
  readBody(offset: number, length: number, bodyLength: number): Buffer | undefined {
    const record = Buffer.allocUnsafe(length);
    if (this.readSync(record, offset) !== length || !isIntactRecord(record, this.salt)) return undefined;
    return record.subarray(length - bodyLength);
  }

  /** All its bytes. @throws the system's error */
  async read(): Promise<Buffer> {
    if (this.#file !== undefined) return this.#file.read(this.bytes);
    this.#requireName();
    const { disk, openFiles } = this.#place;
    return openFiles.open(() => disk.read(this.path, this.bytes));
  }

  /** Whether a crash now would find the file: its name leads to it. @throws the system's error where that can't be known */
  async isInPlace(): Promise<boolean> {
    if (this.isLost) return false;
    const found = await this.#place.disk.identify(this.path);
    return found !== undefined && (this.#identity === undefined || found === this.#identity);
  }

  /** Notes that its name leads elsewhere: what it holds has to be written again. */
  lose(): void {
    this.isSealed = true;
    this.isSuspect = true;
    this.isLost = true;
  }

  /** Closes the file, which may be opened again. What is lost stays open: nothing leads there any more. */
  release(): void {
    if (this.isLost) return;
    void this.close().catch(() => undefined);
  }

  /** Closes the file, once what is under way with it is done. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#place.openFiles.forget(this);
    await file?.close();
  }

  /** Closes and removes the file. May be called again when that failed. @throws the system's error */
  remove(): Promise<void> {
    this.isSealed = true;
    return (this.#removal ??= this.close()
      .catch(() => undefined)
      // What is at a name that leads elsewhere is not this file.
      .then(() => (this.isLost ? undefined : this.#place.disk.remove(this.path)))
      .finally(() => {
        this.#removal = undefined;
      }));
  }

  /** The file, to be written to. */
  async #opened(): Promise<LogFile> {
    if (this.#file === undefined || !this.#isWritable) await (this.#opening ??= this.#open());
    else this.#place.openFiles.use(this);
    return this.#file as unknown as LogFile;
  }

  async #open(): Promise<void> {
    const { disk, openFiles } = this.#place;
    try {
      this.#requireName();
      this.#keep(await openFiles.open(() => disk.open(this.path)), true);
    } finally {
      this.#opening = undefined;
    }
  }

  #requireName(): void {
    if (this.isLost) throw missing(this.path);
  }

  /** Keeps a file that was opened; what was opened before is let go. */
  #keep(file: LogFile, isWritable: boolean): void {
    if (this.#identity !== undefined && file.identity !== this.#identity) {
      void file.close();
      throw missing(this.path);
    }
    void this.#file?.close();
    this.#identity = file.identity;
    this.#file = file;
    this.#isWritable = isWritable;
    this.#place.openFiles.use(this);
  }
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path} is another file, or there is none`), { code: 'ENOENT' });
}
