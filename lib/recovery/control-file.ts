/**
 * The invalidation of a whole service, in a file of its own that is written in full when it is made: overwriting it in place
 * needs no room, so that it also works when the disk is full. Both halves hold the same facts; a torn or damaged half leaves
 * the other. It is opened by its name for each change, so it is always the file that a successor will read.
 */
import { crc32 } from 'node:zlib';
import { VERSION_LENGTH } from '../base/hybrid-clock.js';
import type { LogDisk, LogFile } from './log-disk.js';
import { NO_VERSION } from './log-record.js';
import type { OpenFiles } from './open-files.js';

/** A point in the order of writes. */
export interface LogPoint {
  /** Empty: before everything. */
  readonly version: string;
  /** Whether it is on the process's own clock, because that had not been compared with Redis's. */
  readonly isLocalTime: boolean;
}

/** What the file says. */
export interface ControlFacts {
  /** Records from before this point no longer count: the service was cleared, or they all were given up. */
  readonly deadBefore: LogPoint;
  /** What Redis has from before this point still has to be removed. */
  readonly invalidateBefore: LogPoint;
}

/** The name of the file in a log's folder. */
export const CONTROL_FILE = 'control';

/** Before everything. */
export const NO_POINT: LogPoint = { version: '', isLocalTime: false };

/** Nothing was invalidated. */
export const NOTHING_CLEARED: ControlFacts = { deadBefore: NO_POINT, invalidateBefore: NO_POINT };

/** Whether a write was made before a point; false where the two are not on the same clock. */
export function isBefore(write: LogPoint, point: LogPoint): boolean {
  return point.version !== '' && write.isLocalTime === point.isLocalTime && write.version < point.version;
}

/** Bytes in the file, whatever it says. */
export const CONTROL_FILE_LENGTH = 4096;
/** The halves are far enough apart to be in different sectors. */
const HALVES = [0, 2048];
const TAG = 'OXCTL1';
const SEQUENCE_AT = TAG.length;
const FLAGS_AT = SEQUENCE_AT + 4;
const DEAD_AT = FLAGS_AT + 1;
const INVALIDATE_AT = DEAD_AT + VERSION_LENGTH;
const CHECKSUM_AT = INVALIDATE_AT + VERSION_LENGTH;
const HALF_LENGTH = CHECKSUM_AT + 4;
const IS_DEAD_LOCAL = 1;
const IS_INVALIDATE_LOCAL = 2;

/** See the file's header. */
export class ControlFile {
  readonly #disk: LogDisk;
  readonly #openFiles: OpenFiles;
  readonly #path: string;
  #isMade = false;
  #sequence = 0;
  #next: ControlFacts = NOTHING_CLEARED;
  /** A write that waits for the one under way. */
  #queued: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  /** The file of the log in `folder`; it is made with the first {@link write}. */
  constructor(disk: LogDisk, openFiles: OpenFiles, folder: string) {
    this.#disk = disk;
    this.#openFiles = openFiles;
    this.#path = `${folder}/${CONTROL_FILE}`;
  }

  /** What the file in `folder` says; `undefined` when it is damaged or cannot be read, {@link NOTHING_CLEARED} when there is none. */
  static async read(disk: LogDisk, folder: string): Promise<ControlFacts | undefined> {
    let bytes: Buffer;
    try {
      if (!(await disk.list(folder)).includes(CONTROL_FILE)) return NOTHING_CLEARED;
      bytes = await disk.read(`${folder}/${CONTROL_FILE}`, CONTROL_FILE_LENGTH);
    } catch {
      return undefined;
    }
    // Its maker died before there was anything to say.
    if (bytes.length === 0) return NOTHING_CLEARED;
    let newest: { facts: ControlFacts; sequence: number } | undefined;
    for (const at of HALVES) {
      const half = decode(bytes.subarray(at, at + HALF_LENGTH));
      if (half !== undefined && (newest === undefined || half.sequence > newest.sequence)) newest = half;
    }
    return newest?.facts;
  }

  /**
   * Replaces what the file says; it has reached the disk when this resolves. One write at a time: one that hung must not
   * overwrite a later one. @throws the system's error
   */
  write(facts: ControlFacts): Promise<void> {
    this.#next = facts;
    if (this.#queued !== undefined) return this.#queued;
    const queued = this.#last.then(() => {
      this.#queued = undefined;
      return this.#replace(this.#next);
    });
    this.#queued = queued;
    this.#last = queued.catch(() => undefined);
    return queued;
  }

  /** Whether there is a file at its place. @throws the system's error */
  async isThere(): Promise<boolean> {
    return (await this.#disk.identify(this.#path)) !== undefined;
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    await this.#last;
  }

  async #replace(facts: ControlFacts): Promise<void> {
    const half = encode(facts, ++this.#sequence);
    const file = await this.#openFiles.open(() => this.#open());
    if (file === undefined) {
      await this.#openFiles.open(() => this.#make(half, facts !== NOTHING_CLEARED));
      this.#isMade = true;
      return;
    }
    try {
      // One after the other: at any moment one of them is whole.
      for (const at of HALVES) {
        await file.write(half, at);
        await file.sync();
      }
    } finally {
      await file.close();
    }
  }

  /** The file; `undefined` when it has to be made. */
  async #open(): Promise<LogFile | undefined> {
    if (!this.#isMade) return undefined;
    return this.#disk.open(this.#path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
  }

  async #make(half: Buffer, isSynced: boolean): Promise<void> {
    const bytes = Buffer.alloc(CONTROL_FILE_LENGTH);
    for (const at of HALVES) half.copy(bytes, at);
    // One that could neither be written nor removed is used again.
    const file = await this.#disk.create(this.#path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return this.#disk.open(this.#path);
    });
    try {
      await file.write(bytes, 0);
      if (isSynced) await file.sync();
      await file.close();
    } catch (error) {
      await file.close().catch(() => undefined);
      await this.#disk.remove(this.#path).catch(() => undefined);
      throw error;
    }
  }
}

function encode({ deadBefore, invalidateBefore }: ControlFacts, sequence: number): Buffer {
  const half = Buffer.alloc(HALF_LENGTH);
  half.write(TAG, 0, 'latin1');
  half.writeUInt32BE(sequence, SEQUENCE_AT);
  half.writeUInt8(
    (deadBefore.isLocalTime ? IS_DEAD_LOCAL : 0) | (invalidateBefore.isLocalTime ? IS_INVALIDATE_LOCAL : 0),
    FLAGS_AT,
  );
  half.write(deadBefore.version === '' ? NO_VERSION : deadBefore.version, DEAD_AT, 'latin1');
  half.write(invalidateBefore.version === '' ? NO_VERSION : invalidateBefore.version, INVALIDATE_AT, 'latin1');
  half.writeUInt32BE(crc32(half.subarray(0, CHECKSUM_AT)), CHECKSUM_AT);
  return half;
}

function decode(half: Buffer): { facts: ControlFacts; sequence: number } | undefined {
  if (half.length < HALF_LENGTH || half.toString('latin1', 0, TAG.length) !== TAG) return undefined;
  if (crc32(half.subarray(0, CHECKSUM_AT)) !== half.readUInt32BE(CHECKSUM_AT)) return undefined;
  const flags = half.readUInt8(FLAGS_AT);
  const point = (at: number, localFlag: number): LogPoint => {
    const version = half.toString('latin1', at, at + VERSION_LENGTH);
    return version === NO_VERSION ? NO_POINT : { version, isLocalTime: (flags & localFlag) !== 0 };
  };
  return {
    sequence: half.readUInt32BE(SEQUENCE_AT),
    facts: { deadBefore: point(DEAD_AT, IS_DEAD_LOCAL), invalidateBefore: point(INVALIDATE_AT, IS_INVALIDATE_LOCAL) },
  };
}
