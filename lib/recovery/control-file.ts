/**
 * The invalidation of a whole service, in a file of its own that is written in full when it is made: overwriting it in place
 * needs no room, so that it also works when the disk is full. Both halves hold the same facts; a torn or damaged half leaves
 * the other.
 */
import { crc32 } from 'node:zlib';
import { VERSION_LENGTH } from '../base/hybrid-clock.js';
import type { LogDisk, LogFile } from './log-disk.js';
import { NO_VERSION } from './log-record.js';

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

const FILE_LENGTH = 4096;
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
  readonly #file: LogFile;
  #sequence: number;

  private constructor(file: LogFile, sequence: number) {
    this.#file = file;
    this.#sequence = sequence;
  }

  /** Makes the file in `folder`. @throws the system's error */
  static async create(disk: LogDisk, folder: string): Promise<ControlFile> {
    const file = await disk.create(`${folder}/${CONTROL_FILE}`);
    const bytes = Buffer.alloc(FILE_LENGTH);
    for (const at of HALVES) encode(NOTHING_CLEARED, 0).copy(bytes, at);
    try {
      await file.write(bytes, 0);
      await file.sync();
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    return new ControlFile(file, 0);
  }

  /** What the file in `folder` says; `undefined` when it is damaged or cannot be read, {@link NOTHING_CLEARED} when there is none. */
  static async read(disk: LogDisk, folder: string): Promise<ControlFacts | undefined> {
    if (!(await disk.list(folder)).includes(CONTROL_FILE)) return NOTHING_CLEARED;
    let bytes: Buffer;
    try {
      bytes = await disk.read(`${folder}/${CONTROL_FILE}`);
    } catch {
      return undefined;
    }
    let newest: { facts: ControlFacts; sequence: number } | undefined;
    for (const at of HALVES) {
      const half = decode(bytes.subarray(at, at + HALF_LENGTH));
      if (half !== undefined && (newest === undefined || half.sequence > newest.sequence)) newest = half;
    }
    return newest?.facts;
  }

  /** Replaces what the file says; it has reached the disk when this resolves. @throws the system's error */
  async write(facts: ControlFacts): Promise<void> {
    const half = encode(facts, ++this.#sequence);
    // One after the other: at any moment one of them is whole.
    for (const at of HALVES) {
      await this.#file.write(half, at);
      await this.#file.sync();
    }
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#file.close();
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
