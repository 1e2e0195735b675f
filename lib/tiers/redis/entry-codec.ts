/**
 * Entries and their bytes, for one service: values are encoded, compressed and sealed, bytes are opened and decoded. Bytes it
 * cannot decode are reported and count as nothing there (G13); a value it cannot encode or that is too large is refused before
 * anything is sent (G12).
 */
import { CacheError } from '../../base/errors.js';
import { MAX_AHEAD_MS, type HybridClock } from '../../base/hybrid-clock.js';
import { compressPayload, expandPayload } from '../../codec/compression.js';
import {
  openEnvelope,
  sealEnvelope,
  versionOfSealed,
  type CodecTag,
  type CompressionTag,
  type OpenedEnvelope,
} from '../../codec/envelope.js';
import type { PayloadCodec } from '../../codec/payload-codec.js';
import type { ResolvedL2 } from '../../config/resolved-config.js';
import { ClearLine } from './clear-line.js';
import { isError } from './redis-errors.js';

/** A decoded entry: a value (`v`) or a remembered "nothing there" (`a`). Times are on the server's clock. */
export interface StoredEntry {
  readonly kind: 'v' | 'a';
  /** `undefined` for kind `a`. */
  readonly value: unknown;
  readonly version: string;
  readonly createdAtMs: number;
  readonly freshUntilMs: number;
  readonly expiresAtMs: number;
  /** What it was tagged with; absent: nothing. */
  readonly tags: readonly string[] | undefined;
}

/** A value ready to be sealed. */
export interface EncodedValue {
  readonly codec: CodecTag;
  readonly compression: CompressionTag;
  readonly payload: string | Buffer;
}

/** When an entry was made, ends being fresh and is removed; milliseconds on the server's clock. */
export interface EntryTimes {
  readonly createdAtMs: number;
  readonly freshUntilMs: number;
  readonly expiresAtMs: number;
}

/** What is needed for that. */
export interface EntryCodecParts {
  readonly service: string;
  readonly l2: ResolvedL2;
  /** Codecs by tag; the one to write with comes first. */
  readonly codecs: readonly [PayloadCodec, () => PayloadCodec];
  /** Told of bytes that are no entry of ours. */
  readonly onUndecodable: (error: CacheError) => void;
  /** Told of an entry whose version or times the clock of this process contradicts. */
  readonly onClockDoubt: () => void;
}

/** By how much an entry's times have to contradict this process's clock before that is compared with Redis's once more. */
const SURE_MS = 5000;

/** What is said of an entry of another application whose names meet ours, or of version 0.1.0. */
const OTHER_PREFIX = 'it is an entry written under a key_prefix with another number of ":", or by an older version';

/** An entry without a payload. */
const NO_PAYLOAD: EncodedValue = { codec: '-', compression: '-', payload: '' };

/** See the file's header. */
export class EntryCodec {
  readonly clock: HybridClock;
  /** What this process knows of clears: entries from before are opened as nothing. */
  readonly clearLine: ClearLine;
  /** What the service's entries begin with: others are not its own (G1). */
  readonly formatTag: string;
  readonly #parts: EntryCodecParts;
  readonly #codec: PayloadCodec;

  constructor(parts: EntryCodecParts, clock: HybridClock, formatTag: string) {
    this.#parts = parts;
    this.formatTag = formatTag;
    this.#codec = parts.codecs[0];
    this.clock = clock;
    this.clearLine = new ClearLine(clock);
  }

  /**
   * Makes an entry of a key's bytes; `undefined` when nothing is there, it was deleted, or the bytes are not an entry.
   * A promise only for a large compressed payload. Never throws or rejects.
   */
  open(key: string, raw: Buffer | null): StoredEntry | undefined | Promise<StoredEntry | undefined> {
    if (raw === null) return undefined;
    const opened = openEnvelope(raw, this.formatTag);
    if (opened === 'prefix') return this.undecodable(key, OTHER_PREFIX);
    if (typeof opened === 'string') return this.undecodable(key, `not an entry of this format (${opened})`);
    if (!this.clock.observe(opened.version)) {
      this.#parts.onClockDoubt();
      return undefined;
    }
    if (opened.kind === 'd' || this.clearLine.hides(opened.version)) return undefined;
    const nowMs = this.clock.nowMs();
    if (opened.expiresAtMs <= nowMs) {
      // Redis would have removed it: one of the two clocks was set.
      if (nowMs - opened.expiresAtMs > SURE_MS) this.#parts.onClockDoubt();
      return undefined;
    }
    if (opened.createdAtMs - nowMs > SURE_MS) {
      this.#parts.onClockDoubt();
      // From before the server's clock was set back: its life would be longer by that (G2).
      if (opened.createdAtMs - nowMs > MAX_AHEAD_MS) return undefined;
    }
    if (opened.kind === 'a') return toEntry(opened, 'a', undefined);
    const { maxValueSizeBytes } = this.#parts.l2;
    // Before it is decoded: writers refuse such a value, whatever it would become.
    if (opened.payload.length > maxValueSizeBytes)
      return this.undecodable(key, `its payload is larger than l2.max_value_size (${maxValueSizeBytes} bytes)`);
    try {
      if (opened.compression === '-') return toEntry(opened, 'v', this.#codecOf(opened.codec).decode(opened.payload));
      const expanded = expandPayload(opened.payload, opened.compression, maxValueSizeBytes);
      if (Buffer.isBuffer(expanded)) return toEntry(opened, 'v', this.#codecOf(opened.codec).decode(expanded));
      return expanded
        .then((payload) => toEntry(opened, 'v', this.#codecOf(opened.codec).decode(payload)))
        .catch((cause: unknown) => this.undecodable(key, 'its payload cannot be expanded or decoded', cause));
    } catch (cause) {
      return this.undecodable(key, 'its payload cannot be decoded', cause);
    }
  }

  /**
   * Encodes a value; a promise only when a large payload is compressed.
   *
   * @throws {CacheError} CACHE_ENCODE_FAILED, CACHE_VALUE_TOO_LARGE
   */
  encode(key: string, value: unknown): EncodedValue | Promise<EncodedValue> {
    const { service, l2 } = this.#parts;
    let payload: string | Buffer;
    try {
      payload = this.#codec.encode(value);
    } catch (error) {
      if (!CacheError.is(error)) throw error;
      throw new CacheError(error.code, error.message, { service, key, cause: error.cause });
    }
    if (exceeds(payload, l2.maxValueSizeBytes)) {
      throw new CacheError(
        'CACHE_VALUE_TOO_LARGE',
        `The encoded value is larger than l2.max_value_size (${l2.maxValueSizeBytes} bytes)`,
        {
          service,
          key,
        },
      );
    }
    const codec = this.#codec.tag;
    if (l2.compression === 'none') return { codec, compression: '-', payload };
    const compressed = compressPayload(payload, l2.compression, l2.compressionThresholdBytes);
    if (compressed instanceof Promise)
      return compressed.then((result) => ({ codec, compression: result.tag, payload: result.payload }));
    return { codec, compression: compressed.tag, payload: compressed.payload };
  }

  /** The version in the bytes of an entry of this service, without opening it; empty when they are none. */
  versionIn(raw: Buffer): string {
    return versionOfSealed(raw, this.formatTag);
  }

  /** Puts an encoded value into an entry. */
  sealValue(encoded: EncodedValue, version: string, times: EntryTimes, tags?: readonly string[]): string | Buffer {
    return sealEnvelope(
      { kind: 'v', version, codec: encoded.codec, compression: encoded.compression, ...times, tags },
      encoded.payload,
      this.formatTag,
    );
  }

  /** An entry that says "the source has nothing". */
  sealAbsence(version: string, times: EntryTimes, tags?: readonly string[]): string | Buffer {
    return this.#sealMark('a', version, times, tags);
  }

  /** An entry that says "deleted", which Redis remembers for `lifeMs` from now on. */
  sealDeletion(version: string, lifeMs: number): string | Buffer {
    const nowMs = this.clock.provenMs();
    const endMs = nowMs + lifeMs;
    return this.#sealMark('d', version, { createdAtMs: nowMs, freshUntilMs: endMs, expiresAtMs: endMs });
  }

  #sealMark(kind: 'a' | 'd', version: string, times: EntryTimes, tags?: readonly string[]): string | Buffer {
    return sealEnvelope(
      { kind, version, codec: NO_PAYLOAD.codec, compression: NO_PAYLOAD.compression, ...times, tags },
      NO_PAYLOAD.payload,
      this.formatTag,
    );
  }

  #codecOf(tag: CodecTag): PayloadCodec {
    if (tag === this.#codec.tag) return this.#codec;
    const other = this.#parts.codecs[1]();
    if (tag === other.tag) return other;
    throw new Error(`no codec "${tag}"`);
  }

  /** Reports bytes that count as nothing there (G13). */
  undecodable(key: string, reason: string, failure?: unknown): undefined {
    // A parser's message quotes what it read, and that may be somebody's value (G11): only its kind is passed on.
    const cause = isError(failure) ? new Error(failure.name) : undefined;
    const details = { service: this.#parts.service, key, cause };
    this.#parts.onUndecodable(new CacheError('CACHE_DECODE_FAILED', `The bytes in Redis were ignored: ${reason}`, details));
    return undefined;
  }
}

function toEntry(opened: OpenedEnvelope, kind: 'v' | 'a', value: unknown): StoredEntry {
  const { version, createdAtMs, freshUntilMs, expiresAtMs, tags } = opened;
  return { kind, value, version, createdAtMs, freshUntilMs, expiresAtMs, tags };
}

/** Whether a payload has more than `limit` bytes; counts them only where the number of characters leaves it open. */
function exceeds(payload: string | Buffer, limit: number): boolean {
  if (payload.length > limit) return true;
  return typeof payload === 'string' && payload.length * 3 > limit && Buffer.byteLength(payload) > limit;
}
