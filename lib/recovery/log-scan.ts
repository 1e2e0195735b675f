/**
 * Reads the bytes of a segment, whatever happened to them. docs/wal-format.md is the specification.
 *
 * 1. A record is visited only if its head is intact; a record's body is never anything but the one it was written with
 *    while `isBodyIntact` is true. 2. Damage costs the records it touches and no others. 3. Never throws of itself.
 * 4. Takes time in proportion to the bytes, also when somebody made the bytes up.
 */
import { crc32 } from 'node:zlib';
import {
  BODY_CHECKSUM_AT,
  BODY_LENGTH_AT,
  EXPIRY_AT,
  FLAG_LOCAL_TIME,
  FLAGS_AT,
  HEAD_CHECKSUM_AT,
  KEY_LENGTH_AT,
  MARKER_FIRST,
  MARKER_SECOND,
  RECORD_HEAD_LENGTH,
  TYPE_AT,
  typeOfLetter,
  VERSION_AT,
  type RecordHead,
} from './log-record.js';

/** Bytes before a segment's first record. */
export const SEGMENT_HEADER_LENGTH = 32;

const SEGMENT_TAG = 'OXWAL1\n';
const SEGMENT_NAME = /^(\d{10,15})-([0-9a-f]{8})\.wal$/;
const SEQUENCE_DIGITS = 10;
const SALT_DIGITS = 8;

/** What is shorter is checked always; checking what is longer in vain is paid for from {@link Scan}'s allowance. */
const CHEAP_BYTES = 1024;

/** How many times the bytes of a segment may be checked in vain. Real damage stays far below one. */
const VAIN_ROUNDS = 4;

/** A record as it was found. */
export interface ScannedRecord extends RecordHead {
  /** A view of the scanned bytes; not to be trusted unless {@link isBodyIntact}. */
  readonly body: Buffer;
  /** Whether the body is the one that was written. */
  readonly isBodyIntact: boolean;
  /** Whether the bytes end before the body does, and nothing comes behind: of the last bytes of a log, a write that was never acknowledged. */
  readonly isCutOff: boolean;
  /** Where the record starts. */
  readonly offset: number;
  /** Its bytes, head and all; up to the end of the bytes or the next record where the body is cut short. */
  readonly length: number;
}

/** What was found in a segment, in all. */
export interface ScanReport {
  /** Records whose head was intact. */
  readonly records: number;
  /** Stretches of bytes that were no record, before the last record found. */
  readonly damagedStretches: number;
  /** Bytes after the last record found: the torn end of a write that was never acknowledged, or damage. */
  readonly trailingBytes: number;
}

/** The first bytes of a segment: for people and the `file` command, nothing depends on them. */
export function makeSegmentHeader(createdAtMs: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_LENGTH, '\n');
  header.write(SEGMENT_TAG + new Date(createdAtMs).toISOString(), 0, SEGMENT_HEADER_LENGTH - 1, 'latin1');
  return header;
}

/** The name of a segment's file. The salt is in the name, where no flipped bit of the file's content reaches it. */
export function segmentNameOf(sequence: number, salt: number): string {
  return `${String(sequence).padStart(SEQUENCE_DIGITS, '0')}-${salt.toString(16).padStart(SALT_DIGITS, '0')}.wal`;
}

/** Takes a segment's name apart; undefined when it is not one. */
export function parseSegmentName(name: string): { sequence: number; salt: number } | undefined {
  const [, sequence, salt] = SEGMENT_NAME.exec(name) ?? [];
  if (sequence === undefined || salt === undefined) return undefined;
  return { sequence: Number(sequence), salt: Number.parseInt(salt, 16) };
}

/**
 * Visits every record that can be found, in order. A record whose body is damaged or cut short is visited too, with
 * `isBodyIntact` false. Bodies are views of `bytes`.
 *
 * @param salt the segment's, from its name
 */
export function scanSegment(bytes: Buffer, salt: number, visit: (record: ScannedRecord) => void): ScanReport {
  const scan = new SegmentScan(bytes, salt);
  for (let record = scan.next(); record !== undefined; record = scan.next()) visit(record);
  return scan.report;
}

/** {@link scanSegment}, a record at a time. */
export class SegmentScan {
  readonly #bytes: Buffer;
  readonly #salt: number;
  /** Bytes that may still be checked in vain: made-up heads with long keys would cost the square of the bytes. */
  #vainBytes: number;
  /** Where the last record ended. */
  #end: number;
  /** Where the next one starts. */
  #at: number;
  #records = 0;
  #damagedStretches = 0;

  /** @param from where to start; what is before it is not looked at */
  constructor(bytes: Buffer, salt: number, from = SEGMENT_HEADER_LENGTH) {
    this.#bytes = bytes;
    this.#salt = salt;
    this.#vainBytes = VAIN_ROUNDS * bytes.length;
    this.#end = Math.min(from, bytes.length);
    this.#at = this.#find(this.#end);
  }

  /** What was found so far; all of it once {@link next} has found no more. */
  get report(): ScanReport {
    return {
      records: this.#records,
      damagedStretches: this.#damagedStretches,
      trailingBytes: this.#bytes.length - this.#end,
    };
  }

  /** The next record; `undefined` when there is no more. */
  next(): ScannedRecord | undefined {
    const bytes = this.#bytes;
    const at = this.#at;
    if (at >= bytes.length) return undefined;
    if (at > this.#end) this.#damagedStretches++;
    const bodyAt = at + RECORD_HEAD_LENGTH + bytes.readUInt32BE(at + KEY_LENGTH_AT);
    const bodyEnd = bodyAt + bytes.readUInt32BE(at + BODY_LENGTH_AT);
    const checksum = bytes.readUInt32BE(at + BODY_CHECKSUM_AT);
    const isBodyIntact = bodyEnd <= bytes.length && this.#isIntact(bodyAt, bodyEnd, checksum);
    if (isBodyIntact || this.#isHead(bodyEnd)) {
      this.#end = bodyEnd;
      this.#at = this.#find(bodyEnd);
    } else {
      // What should be the body may have been cut short and gone on with other records.
      this.#at = this.#find(bodyAt);
      this.#end = Math.min(bodyEnd, this.#at);
    }
    this.#records++;
    const isCutOff = bodyEnd > bytes.length && this.#at >= bytes.length;
    return this.#recordAt(at, bodyAt, this.#end, isBodyIntact, isCutOff);
  }

  /** The first place at or after `from` where a record starts; the size when there is none. */
  #find(from: number): number {
    const bytes = this.#bytes;
    const last = bytes.length - RECORD_HEAD_LENGTH;
    for (let at = from; at <= last; at++) {
      if (this.#isHead(at)) return at;
      const next = bytes.indexOf(MARKER_FIRST, at + 1);
      if (next === -1) break;
      at = next - 1;
    }
    return bytes.length;
  }

  /** Whether an intact head starts at `at`. What is cheap comes first; it also keeps candidates a version's length apart. */
  #isHead(at: number): boolean {
    const bytes = this.#bytes;
    const left = bytes.length - at - RECORD_HEAD_LENGTH;
    if (left < 0 || bytes[at] !== MARKER_FIRST || bytes[at + 1] !== MARKER_SECOND) return false;
    const keyLength = bytes.readUInt32BE(at + KEY_LENGTH_AT);
    if (keyLength > left || (bytes[at + FLAGS_AT] as number) > FLAG_LOCAL_TIME) return false;
    if (typeOfLetter(bytes[at + TYPE_AT] as number) === undefined) return false;
    for (let i = at + VERSION_AT; i < at + EXPIRY_AT; i++) {
      const letter = bytes[i] as number;
      if (letter <= 0x20 || letter >= 0x7f) return false;
    }
    const checksum = bytes.readUInt32BE(at + HEAD_CHECKSUM_AT);
    return this.#isIntact(at + KEY_LENGTH_AT, at + RECORD_HEAD_LENGTH + keyLength, checksum);
  }

  #isIntact(from: number, to: number, checksum: number): boolean {
    const isCheap = to - from <= CHEAP_BYTES;
    if (!isCheap && to - from > this.#vainBytes) return false;
    if (crc32(this.#bytes.subarray(from, to), this.#salt) === checksum) return true;
    if (!isCheap) this.#vainBytes -= to - from;
    return false;
  }

  #recordAt(at: number, bodyAt: number, end: number, isBodyIntact: boolean, isCutOff: boolean): ScannedRecord {
    const bytes = this.#bytes;
    return {
      type: typeOfLetter(bytes[at + TYPE_AT] as number) ?? 'about',
      version: bytes.toString('latin1', at + VERSION_AT, at + EXPIRY_AT),
      isLocalTime: bytes[at + FLAGS_AT] === FLAG_LOCAL_TIME,
      expiresAtMs: bytes.readDoubleBE(at + EXPIRY_AT),
      key: bytes.toString('utf8', at + RECORD_HEAD_LENGTH, bodyAt),
      body: bytes.subarray(bodyAt, end),
      isBodyIntact,
      isCutOff,
      offset: at,
      length: end - at,
    };
  }
}
