/**
 * The bytes of an entry in Redis: a header of 80 ASCII characters, then the payload. docs/entry-format.md is the
 * specification. The header is text so that `redis-cli` shows an entry as a line a person can read, and so that a JSON entry
 * is written as one string.
 *
 * 1. A checksum covers everything after itself: bytes that were changed decode to nothing, never to another value (G13).
 * 2. Times are absolute, on the Redis server's clock (G2). 3. Unknown kinds, codecs or flags are not decoded.
 */
import { crc32 } from 'node:zlib';
import { shiftVersion, VERSION_LENGTH } from '../base/hybrid-clock.js';
import { MAX_TAG_LENGTH, MAX_TAG_LINE_BYTES, MAX_TAGS } from './tag-bounds.js';

/** The format tag every entry starts with; its digit is the format's version. */
export const FORMAT_TAG = 'OX1';

/** Characters before the payload. */
export const HEADER_LENGTH = 80;

const CHECKSUM_AT = 3;
/** Where the checksummed part starts: with the kind. */
export const KIND_AT = 11;
export const VERSION_AT = 12;
const CODEC_AT = VERSION_AT + VERSION_LENGTH;
const COMPRESSION_AT = CODEC_AT + 1;
/** Where the 13 digits of the time of writing start. */
export const CREATED_AT = COMPRESSION_AT + 1;
const TIME_LENGTH = 13;
const FRESH_AT = CREATED_AT + TIME_LENGTH;
/** Where the 13 digits of the expiry start; the write script hands them to Redis as they are. */
export const EXPIRES_AT = FRESH_AT + TIME_LENGTH;
/** Where it says whether there are tags: {@link TAGGED} then. */
export const TAGGED_AT = EXPIRES_AT + TIME_LENGTH;
export const TAGGED = 't';
/** Two flags and the line break before the payload; the second flag is reserved. */
const HEADER_END = '--\n';
/** The header's end of an entry with tags, which are a line of JSON between the header and the payload. */
const TAGGED_HEADER_END = `${TAGGED}-\n`;
const LINE_BREAK = 10;

/** What an entry is: a value, a remembered "the source has nothing", or the mark a deletion leaves. */
export type EntryKind = 'v' | 'a' | 'd';

/** One-letter names of the compressions. */
export type CompressionTag = '-' | 'g' | 'b' | 'z';

/** One-letter names of the value formats; `-` for entries without a payload. */
export type CodecTag = '-' | 'j' | 'm';

/** The header's facts. Times are milliseconds since the epoch, on the server's clock. */
export interface EntryHeader {
  readonly kind: EntryKind;
  readonly version: string;
  readonly codec: CodecTag;
  readonly compression: CompressionTag;
  readonly createdAtMs: number;
  /** When the entry's TTL ends. */
  readonly freshUntilMs: number;
  /** When Redis removes the entry: the end of its stale window. */
  readonly expiresAtMs: number;
  /** What the entry was tagged with; absent: nothing. */
  readonly tags?: readonly string[] | undefined;
}

/** An entry taken apart. */
export interface OpenedEnvelope extends EntryHeader {
  /** The payload: a view of the bytes, still encoded and, where `compression` is not `-`, compressed. */
  readonly payload: Buffer;
}

/** Why bytes are not an entry of this format. */
export type NotAnEntry = 'foreign' | 'format' | 'checksum' | 'header' | 'tags';

const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Eight lower-case hexadecimal digits. */
function hex32(value: number): string {
  return (
    (HEX[value >>> 24] ?? '') + (HEX[(value >>> 16) & 255] ?? '') + (HEX[(value >>> 8) & 255] ?? '') + (HEX[value & 255] ?? '')
  );
}

/** A time as text. Writes of one millisecond have the same times, and writing a number this large costs more than a checksum. */
class TimeText {
  #ms = -1;
  #text = '0'.repeat(TIME_LENGTH);

  /** Thirteen digits; times before 2001 or after 2286 do not occur on a server's clock. */
  of(ms: number): string {
    const whole = Math.max(0, Math.trunc(ms));
    if (whole !== this.#ms) {
      this.#ms = whole;
      this.#text = String(whole).padStart(TIME_LENGTH, '0');
    }
    return this.#text;
  }
}

const createdText = new TimeText();
const freshText = new TimeText();
const expiresText = new TimeText();

const ZERO = 48;
const LETTER_A = 97;

/** Reads thirteen digits; NaN when there is anything else. In two halves, which stay small integers. */
function readTime(raw: Buffer, at: number): number {
  return readDigits(raw, at, at + 6) * 1e7 + readDigits(raw, at + 6, at + TIME_LENGTH);
}

function readDigits(raw: Buffer, from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) {
    const digit = (raw[i] as number) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}

/** Reads eight lower-case hexadecimal digits; NaN when there is anything else. */
function readHex32(raw: Buffer, at: number): number {
  let number = 0;
  for (let i = at; i < at + 8; i++) {
    const letter = raw[i] as number;
    const digit = letter < LETTER_A ? letter - ZERO : letter - LETTER_A + 10;
    if (digit < 0 || digit > 15 || (letter < LETTER_A && digit > 9)) return Number.NaN;
    number = (number << 4) | digit;
  }
  return number >>> 0;
}

/** Whether the bytes at `at` are `text`. */
function hasText(raw: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (raw[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Puts an entry together: a string where the payload is one, else bytes. */
export function sealEnvelope(header: EntryHeader, payload: string | Buffer): string | Buffer {
  const covered =
    header.kind +
    header.version +
    header.codec +
    header.compression +
    createdText.of(header.createdAtMs) +
    freshText.of(header.freshUntilMs) +
    expiresText.of(header.expiresAtMs) +
    (header.tags === undefined ? HEADER_END : `${TAGGED_HEADER_END}${JSON.stringify(header.tags)}\n`);
  if (typeof payload === 'string') {
    const rest = covered + payload;
    return FORMAT_TAG + hex32(crc32(rest)) + rest;
  }
  const checksum = hex32(crc32(payload, crc32(covered)));
  const head = FORMAT_TAG + checksum + covered;
  if (header.tags !== undefined) return Buffer.concat([Buffer.from(head), payload]);
  const bytes = Buffer.allocUnsafe(HEADER_LENGTH + payload.length);
  bytes.write(head, 0, 'latin1');
  payload.copy(bytes, HEADER_LENGTH);
  return bytes;
}

/** The kind of an entry of our own making, without opening it. */
export function kindOfSealed(sealed: string | Buffer): string {
  return typeof sealed === 'string' ? sealed.charAt(KIND_AT) : String.fromCharCode(sealed[KIND_AT] ?? 0);
}

/** The version in the bytes of an entry, without opening it; empty when they are not even long enough. */
export function versionOfSealed(raw: Buffer): string {
  return hasText(raw, 0, FORMAT_TAG) ? raw.toString('latin1', VERSION_AT, VERSION_AT + VERSION_LENGTH) : '';
}

/** An entry of our own making as text, where it is text: a command of many strings is cheaper to send than one of many buffers. */
export function textOfSealed(raw: Buffer): string | Buffer {
  const isText = letterAt(raw, COMPRESSION_AT) === '-' && letterAt(raw, CODEC_AT) === 'j';
  return isText ? raw.toString('utf8') : raw;
}

/** An entry of our own making with another version and nothing else changed: its times stay, so its life is no longer. */
export function withVersion(sealed: string | Buffer, version: string): string | Buffer {
  if (typeof sealed === 'string') {
    const covered = sealed.charAt(KIND_AT) + version + sealed.slice(CODEC_AT);
    return FORMAT_TAG + hex32(crc32(covered)) + covered;
  }
  const bytes = Buffer.from(sealed);
  bytes.write(version, VERSION_AT, 'latin1');
  bytes.write(hex32(crc32(bytes.subarray(KIND_AT))), CHECKSUM_AT, 'latin1');
  return bytes;
}

/** An entry of our own making with its times moved by `offsetMs` and nothing else changed. */
export function withTimesMoved(sealed: string | Buffer, offsetMs: number): string | Buffer {
  const header = typeof sealed === 'string' ? sealed.slice(0, HEADER_LENGTH) : sealed.toString('latin1', 0, HEADER_LENGTH);
  const times = [CREATED_AT, FRESH_AT, EXPIRES_AT].map((at) =>
    String(Math.floor(Number(header.slice(at, at + TIME_LENGTH)) + offsetMs)).padStart(TIME_LENGTH, '0'),
  );
  const covered = header.slice(KIND_AT, CREATED_AT) + times.join('') + header.slice(TAGGED_AT);
  if (typeof sealed === 'string') {
    const text = covered + sealed.slice(HEADER_LENGTH);
    return FORMAT_TAG + hex32(crc32(text)) + text;
  }
  const bytes = Buffer.from(sealed);
  bytes.write(covered, KIND_AT, 'latin1');
  bytes.write(hex32(crc32(bytes.subarray(KIND_AT))), CHECKSUM_AT, 'latin1');
  return bytes;
}

/** When an entry of our own making was made, in milliseconds since the epoch, without opening it. */
export function createdAtOfSealed(sealed: string | Buffer): number {
  if (typeof sealed === 'string') return Number(sealed.slice(CREATED_AT, CREATED_AT + TIME_LENGTH));
  return readTime(sealed, CREATED_AT);
}

/** When an entry of our own making ends, in milliseconds since the epoch, without opening it. */
export function expiryOfSealed(sealed: string | Buffer): number {
  if (typeof sealed === 'string') return Number(sealed.slice(EXPIRES_AT, EXPIRES_AT + TIME_LENGTH));
  return readTime(sealed, EXPIRES_AT);
}

/** Takes an entry apart, or says why it is none. Never throws. */
export function openEnvelope(raw: Buffer): OpenedEnvelope | NotAnEntry {
  if (raw.length < HEADER_LENGTH) return 'foreign';
  if (!hasText(raw, 0, FORMAT_TAG)) return hasText(raw, 0, 'OX') ? 'format' : 'foreign';
  if (crc32(raw.subarray(KIND_AT)) !== readHex32(raw, CHECKSUM_AT)) return 'checksum';
  const kind = letterAt(raw, KIND_AT);
  const codec = letterAt(raw, CODEC_AT);
  const compression = letterAt(raw, COMPRESSION_AT);
  if (!isKind(kind) || !isCodec(codec) || !isCompression(compression)) return 'header';
  const isTagged = hasText(raw, TAGGED_AT, TAGGED_HEADER_END);
  if (!isTagged && !hasText(raw, TAGGED_AT, HEADER_END)) return 'header';
  const createdAtMs = readTime(raw, CREATED_AT);
  const freshUntilMs = readTime(raw, FRESH_AT);
  const expiresAtMs = readTime(raw, EXPIRES_AT);
  if (!(freshUntilMs <= expiresAtMs) || Number.isNaN(createdAtMs)) return 'header';
  const version = raw.toString('latin1', VERSION_AT, CODEC_AT);
  const header = { kind, version, codec, compression, createdAtMs, freshUntilMs, expiresAtMs };
  if (!isTagged) return { ...header, payload: raw.subarray(HEADER_LENGTH) };
  // No further than a line of tags that a writer may write: it is taken apart before anything else is known of it.
  const line = raw.subarray(HEADER_LENGTH, HEADER_LENGTH + MAX_TAG_LINE_BYTES);
  const payloadAt = HEADER_LENGTH + line.indexOf(LINE_BREAK) + 1;
  const tags = payloadAt === HEADER_LENGTH ? undefined : readTags(raw.toString('utf8', HEADER_LENGTH, payloadAt));
  return tags === undefined ? 'tags' : { ...header, tags, payload: raw.subarray(payloadAt) };
}

/** The tags of a line of JSON; `undefined` when it is anything else, or more than an entry may have. */
function readTags(line: string): readonly string[] | undefined {
  let tags: unknown;
  try {
    tags = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!Array.isArray(tags) || tags.length === 0 || tags.length > MAX_TAGS) return undefined;
  const areTags = tags.every((tag) => typeof tag === 'string' && tag !== '' && tag.length <= MAX_TAG_LENGTH);
  return areTags ? (tags as string[]) : undefined;
}

function letterAt(raw: Buffer, at: number): string {
  return String.fromCharCode(raw[at] as number);
}

function isKind(letter: string): letter is EntryKind {
  return letter === 'v' || letter === 'a' || letter === 'd';
}

function isCodec(letter: string): letter is CodecTag {
  return letter === 'j' || letter === 'm' || letter === '-';
}

function isCompression(letter: string): letter is CompressionTag {
  return letter === '-' || letter === 'g' || letter === 'b' || letter === 'z';
}

/**
 * An entry of our own making with its version and times moved along the line of time: for what was sealed before this
 * process's clock was compared with Redis's. `undefined` when the bytes are no entry.
 */
export function shiftEnvelope(raw: Buffer, offsetMs: number): Buffer | undefined {
  const opened = openEnvelope(raw);
  if (typeof opened === 'string') return undefined;
  const sealed = sealEnvelope(
    {
      ...opened,
      version: shiftVersion(opened.version, offsetMs),
      createdAtMs: opened.createdAtMs + offsetMs,
      freshUntilMs: opened.freshUntilMs + offsetMs,
      expiresAtMs: opened.expiresAtMs + offsetMs,
    },
    opened.payload,
  );
  return Buffer.from(sealed);
}
