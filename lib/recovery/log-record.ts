/**
 * The bytes of one record of the write-ahead log. docs/wal-format.md is the specification.
 *
 * 1. Head and body have a checksum each: damage to a value leaves its key readable, so that the entry can be invalidated.
 * 2. Both are seeded with the segment's salt: a record's image inside a value, or left over from another file, is no record.
 */
import { crc32 } from 'node:zlib';
import { VERSION_LENGTH } from '../base/hybrid-clock.js';

/** The first of the two bytes a record starts with. */
export const MARKER_FIRST = 0xa7;
/** The second of them. */
export const MARKER_SECOND = 0x57;
/** Where the checksum of the head is; it covers what comes after it, up to the end of the key. */
export const HEAD_CHECKSUM_AT = 2;
/** Where the key's length in bytes is: the first byte the head's checksum covers. */
export const KEY_LENGTH_AT = 6;
/** Where the body's length in bytes is. */
export const BODY_LENGTH_AT = 10;
/** Where the checksum of the body is. */
export const BODY_CHECKSUM_AT = 14;
/** Where the letter of the type is. */
export const TYPE_AT = 18;
/** Where the flags are. */
export const FLAGS_AT = 19;
/** The only flag: version and times are on the process's own clock, which had not been compared with Redis's yet. */
export const FLAG_LOCAL_TIME = 1;
/** Where the version is. */
export const VERSION_AT = 20;
/** Where the expiry is. */
export const EXPIRY_AT = VERSION_AT + VERSION_LENGTH;
/** Bytes before the key. */
export const RECORD_HEAD_LENGTH = 52;

/** The version of records that have none; sorts before every other. */
export const NO_VERSION = '0'.repeat(VERSION_LENGTH);

/** What a record says; docs/wal-format.md explains each. */
export type RecordType = 'set' | 'drop' | 'confirm' | 'about';

/** The facts in a record's head. */
export interface RecordHead {
  readonly type: RecordType;
  /** {@link NO_VERSION} where there is none. */
  readonly version: string;
  /** Whether version and times are on the process's own clock, which had not been compared with Redis's yet. */
  readonly isLocalTime: boolean;
  /** Milliseconds since the epoch; 0 where there is none. */
  readonly expiresAtMs: number;
  readonly key: string;
}

const LETTERS: Readonly<Record<RecordType, number>> = {
  set: 0x53,
  drop: 0x44,
  confirm: 0x4b,
  about: 0x41,
};

const TYPES: readonly (RecordType | undefined)[] = (() => {
  const types: (RecordType | undefined)[] = new Array<undefined>(256).fill(undefined);
  for (const [type, letter] of Object.entries(LETTERS)) types[letter] = type as RecordType;
  return types;
})();

/** The type a letter stands for; undefined when it stands for none. */
export function typeOfLetter(letter: number): RecordType | undefined {
  return TYPES[letter];
}

const DEFAULT_BYTES = 64 * 1024;
/** A buffer that grew beyond this is given back when it is cleared. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;
const MAX_UTF8_BYTES_PER_UNIT = 3;

/** Up to here a loop is faster than a view and a call into zlib. */
const MAX_LOOPED_BYTES = 128;
/** Up to here it is faster to have zlib read the string than a view of what was written. */
const MAX_STRING_CHECKSUM = 2048;

/** CRC-32 as of zlib, byte by byte. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  return remainder;
});

/** The bytes a record will take. */
export function recordLengthOf(key: string, body: string | Uint8Array): number {
  return RECORD_HEAD_LENGTH + Buffer.byteLength(key) + Buffer.byteLength(body);
}

const NOTHING = Buffer.alloc(0);

/** Gathers records for one write. Takes no memory before the first record, and grows as needed. */
export class RecordBuffer {
  readonly #initialBytes: number;
  #buffer: Buffer = NOTHING;
  #length = 0;

  /** @param initialBytes memory of the first record, and to go back to after a large batch */
  constructor(initialBytes = DEFAULT_BYTES) {
    this.#initialBytes = initialBytes;
  }

  /** Bytes gathered. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds a record and returns its length in bytes.
   *
   * @param salt the segment's, an unsigned 32-bit number
   * @param version may be empty where there is none, which is written as {@link NO_VERSION}
   * @param expiresAtMs milliseconds since the epoch; 0: none
   */
  append(
    salt: number,
    type: RecordType,
    version: string,
    isLocalTime: boolean,
    expiresAtMs: number,
    key: string,
    body: string | Uint8Array,
  ): number {
    if (version.length !== VERSION_LENGTH && version !== '') {
      throw new TypeError(`Expected a version of ${VERSION_LENGTH} characters, got ${version.length}`);
    }
    const start = this.#length;
    this.#makeRoom(start, key, body);
    const buffer = this.#buffer;
    const keyAt = start + RECORD_HEAD_LENGTH;
    const keyLength = buffer.write(key, keyAt);
    const bodyAt = keyAt + keyLength;
    let bodyLength: number;
    let bodyChecksum: number;
    if (typeof body === 'string') {
      bodyLength = buffer.write(body, bodyAt);
      // As many bytes as characters: ASCII, so string and bytes have one checksum beyond doubt.
      const isPlain = bodyLength === body.length && bodyLength <= MAX_STRING_CHECKSUM;
      bodyChecksum = crc32(isPlain ? body : buffer.subarray(bodyAt, bodyAt + bodyLength), salt);
    } else {
      bodyLength = body.length;
      buffer.set(body, bodyAt);
      bodyChecksum = crc32(body, salt);
    }
    buffer[start] = MARKER_FIRST;
    buffer[start + 1] = MARKER_SECOND;
    writeUint32(buffer, keyLength, start + KEY_LENGTH_AT);
    writeUint32(buffer, bodyLength, start + BODY_LENGTH_AT);
    writeUint32(buffer, bodyChecksum, start + BODY_CHECKSUM_AT);
    buffer[start + TYPE_AT] = LETTERS[type];
    buffer[start + FLAGS_AT] = isLocalTime ? FLAG_LOCAL_TIME : 0;
    buffer.write(version === '' ? NO_VERSION : version, start + VERSION_AT, 'latin1');
    buffer.writeDoubleBE(expiresAtMs, start + EXPIRY_AT);
    writeUint32(buffer, checksumOf(buffer, start + KEY_LENGTH_AT, bodyAt, salt), start + HEAD_CHECKSUM_AT);
    this.#length = bodyAt + bodyLength;
    return this.#length - start;
  }

  /** The bytes gathered, valid until the next append after {@link clear}. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Starts over. Keeps the memory, unless a large batch made it grow beyond a bound. */
  clear(): void {
    this.#length = 0;
    if (this.#buffer.length > Math.max(MAX_KEPT_BYTES, this.#initialBytes)) this.#buffer = NOTHING;
  }

  /** Counts what a string takes only where the most it can take does not fit. */
  #makeRoom(start: number, key: string, body: string | Uint8Array): void {
    const room = this.#buffer.length - start - RECORD_HEAD_LENGTH;
    const bodyBound = typeof body === 'string' ? body.length * MAX_UTF8_BYTES_PER_UNIT : body.length;
    if (key.length * MAX_UTF8_BYTES_PER_UNIT + bodyBound <= room) return;
    const needed = start + recordLengthOf(key, body);
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#initialBytes, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, start);
    this.#buffer = larger;
  }
}

/** Whether the body of a record, given in full, is the one it was written with: the disk may have changed, or the file. */
export function isIntactRecord(record: Buffer, salt: number): boolean {
  const bodyAt = RECORD_HEAD_LENGTH + record.readUInt32BE(KEY_LENGTH_AT);
  if (record[0] !== MARKER_FIRST || record[1] !== MARKER_SECOND || bodyAt > record.length) return false;
  return crc32(record.subarray(bodyAt), salt) === record.readUInt32BE(BODY_CHECKSUM_AT);
}

function writeUint32(buffer: Buffer, value: number, at: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}

function checksumOf(buffer: Buffer, from: number, to: number, seed: number): number {
  if (to - from > MAX_LOOPED_BYTES) return crc32(buffer.subarray(from, to), seed);
  let remainder = ~seed;
  for (let i = from; i < to; i++) {
    remainder = (CRC_TABLE[(remainder ^ (buffer[i] as number)) & 255] as number) ^ (remainder >>> 8);
  }
  return ~remainder >>> 0;
}
