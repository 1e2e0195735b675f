/**
 * The bytes of an entry in Redis: a header of 80 ASCII characters, then the payload. docs/entry-format.md is the
 * specification. The header is text so that `redis-cli` shows an entry as a line a person can read, and so that a JSON entry
 * is written as one string.
 *
 * 1. A checksum covers everything after itself, and the tag unless that is {@link FORMAT_TAG}: bytes that were changed decode
 * to nothing, never to another value (G13).
 * 2. Times are absolute, on the Redis server's clock (G2). 3. Unknown kinds, codecs or flags are not decoded.
 */
import { crc32 } from 'node:zlib';
import { shiftVersion, VERSION_LENGTH } from '../base/hybrid-clock.js';
import { FORMAT_TAG, isFormatTag, TAG_FAMILY } from './format-tag.js';
import { hasText, hex32, letterAt, readHex32, readTime, TIME_LENGTH, TimeText } from './header-text.js';
import { MAX_TAG_LENGTH, MAX_TAG_LINE_BYTES, MAX_TAGS } from './tag-bounds.js';

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

/** Why bytes are not an entry; `prefix`: they are one below a prefix with another number of `:`. */
export type NotAnEntry = 'foreign' | 'format' | 'prefix' | 'checksum' | 'header' | 'tags';

const createdText = new TimeText();
const freshText = new TimeText();
const expiresText = new TimeText();

/** What the checksum of an entry begins with. */
function seedOf(tag: string): number {
  return tag === FORMAT_TAG ? 0 : crc32(tag);
}

/** The tag of an entry of our own making. */
function tagOfSealed(sealed: Buffer): string {
  return sealed.toString('latin1', 0, FORMAT_TAG.length);
}

/** Writes the checksum of an entry whose bytes were changed. */
function sealAnew(bytes: Buffer): Buffer {
  bytes.write(hex32(crc32(bytes.subarray(KIND_AT), seedOf(tagOfSealed(bytes)))), CHECKSUM_AT, 'latin1');
  return bytes;
}

/** {@link sealAnew} for text: the tag stays that of `sealed`. */
function sealTextAnew(sealed: string, covered: string): string {
  const tag = sealed.slice(0, FORMAT_TAG.length);
  return tag + hex32(crc32(covered, seedOf(tag))) + covered;
}

/** Puts an entry with this tag together: a string where the payload is one, else bytes. */
export function sealEnvelope(header: EntryHeader, payload: string | Buffer, tag = FORMAT_TAG): string | Buffer {
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
    return tag + hex32(crc32(rest, seedOf(tag))) + rest;
  }
  const checksum = hex32(crc32(payload, crc32(covered, seedOf(tag))));
  const head = tag + checksum + covered;
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

const TAGGED_CODE = TAGGED.charCodeAt(0);

/** Whether an entry of our own making has tags. */
export function isTagged(sealed: string | Buffer): boolean {
  return (typeof sealed === 'string' ? sealed.charCodeAt(TAGGED_AT) : sealed[TAGGED_AT]) === TAGGED_CODE;
}

/** The tags of an entry of our own making, without opening it; empty when it has none. */
export function tagsOfSealed(sealed: string | Buffer): readonly string[] {
  if (!isTagged(sealed)) return [];
  if (typeof sealed === 'string') return readTags(sealed.slice(HEADER_LENGTH, sealed.indexOf('\n', HEADER_LENGTH))) ?? [];
  return readTags(sealed.toString('utf8', HEADER_LENGTH, sealed.indexOf(LINE_BREAK, HEADER_LENGTH))) ?? [];
}

/** The version in the bytes of an entry with this tag, without opening it; empty when they have another. */
export function versionOfSealed(raw: Buffer, tag: string): string {
  return hasText(raw, 0, tag) ? raw.toString('latin1', VERSION_AT, VERSION_AT + VERSION_LENGTH) : '';
}

/** An entry of our own making as text, where it is text: a command of many strings is cheaper to send than one of many buffers. */
export function textOfSealed(raw: Buffer): string | Buffer {
  const isText = letterAt(raw, COMPRESSION_AT) === '-' && letterAt(raw, CODEC_AT) === 'j';
  return isText ? raw.toString('utf8') : raw;
}

/** An entry of our own making with another version and nothing else changed: its times stay, so its life is no longer. */
export function withVersion(sealed: string | Buffer, version: string): string | Buffer {
  if (typeof sealed === 'string') {
    return sealTextAnew(sealed, sealed.charAt(KIND_AT) + version + sealed.slice(CODEC_AT));
  }
  const bytes = Buffer.from(sealed);
  bytes.write(version, VERSION_AT, 'latin1');
  return sealAnew(bytes);
}

/**
 * An entry from a log with the tag of its service: version 0.1.0 logged all entries with {@link FORMAT_TAG}. What is no entry
 * stays as it is.
 */
export function withFormatTag(raw: Buffer, tag: string): Buffer {
  if (hasText(raw, 0, tag) || typeof openEnvelope(raw) === 'string') return raw;
  const bytes = Buffer.from(raw);
  bytes.write(tag, 0, 'latin1');
  return sealAnew(bytes);
}

/** An entry of our own making with its times moved by `offsetMs` and nothing else changed. */
export function withTimesMoved(sealed: string | Buffer, offsetMs: number): string | Buffer {
  const header = typeof sealed === 'string' ? sealed.slice(0, HEADER_LENGTH) : sealed.toString('latin1', 0, HEADER_LENGTH);
  const times = [CREATED_AT, FRESH_AT, EXPIRES_AT].map((at) =>
    String(Math.floor(Number(header.slice(at, at + TIME_LENGTH)) + offsetMs)).padStart(TIME_LENGTH, '0'),
  );
  const covered = header.slice(KIND_AT, CREATED_AT) + times.join('') + header.slice(TAGGED_AT);
  if (typeof sealed === 'string') return sealTextAnew(sealed, covered + sealed.slice(HEADER_LENGTH));
  const bytes = Buffer.from(sealed);
  bytes.write(covered, KIND_AT, 'latin1');
  return sealAnew(bytes);
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

/** Takes an entry with this tag apart, or says why it is none. Never throws. */
export function openEnvelope(raw: Buffer, tag = FORMAT_TAG): OpenedEnvelope | NotAnEntry {
  if (raw.length < HEADER_LENGTH) return 'foreign';
  if (!hasText(raw, 0, tag))
    return hasText(raw, 0, TAG_FAMILY) ? (isFormatTag(tagOfSealed(raw)) ? 'prefix' : 'format') : 'foreign';
  if (crc32(raw.subarray(KIND_AT), seedOf(tag)) !== readHex32(raw, CHECKSUM_AT)) return 'checksum';
  const kind = letterAt(raw, KIND_AT);
  const codec = letterAt(raw, CODEC_AT);
  const compression = letterAt(raw, COMPRESSION_AT);
  if (!isKind(kind) || !isCodec(codec) || !isCompression(compression)) return 'header';
  const hasTags = hasText(raw, TAGGED_AT, TAGGED_HEADER_END);
  if (!hasTags && !hasText(raw, TAGGED_AT, HEADER_END)) return 'header';
  const createdAtMs = readTime(raw, CREATED_AT);
  const freshUntilMs = readTime(raw, FRESH_AT);
  const expiresAtMs = readTime(raw, EXPIRES_AT);
  if (!(freshUntilMs <= expiresAtMs) || Number.isNaN(createdAtMs)) return 'header';
  const version = raw.toString('latin1', VERSION_AT, CODEC_AT);
  // Literals, because every read comes through here: a spread costs more than all that stands above.
  if (!hasTags) {
    const payload = raw.subarray(HEADER_LENGTH);
    return { kind, version, codec, compression, createdAtMs, freshUntilMs, expiresAtMs, payload };
  }
  // No further than a line of tags that a writer may write: it is taken apart before anything else is known of it.
  const line = raw.subarray(HEADER_LENGTH, HEADER_LENGTH + MAX_TAG_LINE_BYTES);
  const payloadAt = HEADER_LENGTH + line.indexOf(LINE_BREAK) + 1;
  const tags = payloadAt === HEADER_LENGTH ? undefined : readTags(raw.toString('utf8', HEADER_LENGTH, payloadAt));
  if (tags === undefined) return 'tags';
  const payload = raw.subarray(payloadAt);
  return { kind, version, codec, compression, createdAtMs, freshUntilMs, expiresAtMs, tags, payload };
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
export function shiftEnvelope(raw: Buffer, offsetMs: number, tag = FORMAT_TAG): Buffer | undefined {
  if (offsetMs === 0) return raw;
  const opened = openEnvelope(raw, tag);
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
    tag,
  );
  return Buffer.from(sealed);
}
