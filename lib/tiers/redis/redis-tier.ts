/**
 * L2 of one service: names, encodes and decodes its entries. Bytes it cannot decode are reported and count as nothing
 * there (G13); a value it cannot encode or that is too large is refused before anything is sent (G12).
 */
import { CacheError } from '../../base/errors.js';
import type { HybridClock } from '../../base/hybrid-clock.js';
import { compressPayload, expandPayload } from '../../codec/compression.js';
import { openEnvelope, sealEnvelope, type CodecTag, type CompressionTag, type OpenedEnvelope } from '../../codec/envelope.js';
import type { PayloadCodec } from '../../codec/payload-codec.js';
import type { ResolvedL2 } from '../../config/resolved-config.js';
import type { CoalescedReader, RawReceiver } from './coalesced-reader.js';
import type { KeySpace } from './key-space.js';
import type { RedisConnection } from './redis-connection.js';
import { isError, unavailable } from './redis-errors.js';
import { applyWrites, removeOlder, replaceIfSame, type ScriptWrite, type WriteOutcome } from './write-script.js';

/** A decoded entry: a value (`v`) or a remembered "nothing there" (`a`). Times are on the server's clock. */
export interface StoredEntry {
  readonly kind: 'v' | 'a';
  /** `undefined` for kind `a`. */
  readonly value: unknown;
  readonly version: string;
  readonly createdAtMs: number;
  readonly freshUntilMs: number;
  readonly expiresAtMs: number;
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

/** What a tier is made of. */
export interface RedisTierParts {
  readonly service: string;
  readonly l2: ResolvedL2;
  readonly connection: RedisConnection;
  readonly reader: CoalescedReader;
  readonly keySpace: KeySpace;
  /** Codecs by tag; the one to write with comes first. */
  readonly codecs: readonly [PayloadCodec, () => PayloadCodec];
  /** Told of bytes that are no entry of ours. */
  readonly onUndecodable: (error: CacheError) => void;
}

/** An entry without a payload. */
const NO_PAYLOAD: EncodedValue = { codec: '-', compression: '-', payload: '' };

/** Entries looked at in one step of a clear. */
const CLEAR_CHUNK = 500;

/** See the file's header. */
export class RedisTier {
  readonly clock: HybridClock;
  readonly #parts: RedisTierParts;
  readonly #codec: PayloadCodec;

  constructor(parts: RedisTierParts) {
    this.#parts = parts;
    this.#codec = parts.codecs[0];
    this.clock = parts.connection.hybridClock;
  }

  /** Whether Redis can be used now; when not, every call here fails without waiting. */
  get isUsable(): boolean {
    return this.#parts.connection.isUsable;
  }

  /** The error of a call made while Redis can't be used. */
  unusableError(): CacheError {
    return this.#parts.connection.unusableError();
  }

  /** Where a key is in Redis. */
  nameOf(key: string): string {
    return this.#parts.keySpace.nameOf(key);
  }

  /** Asks for a key's bytes together with everybody else's reads of this tick; {@link open} makes an entry of them. */
  request(key: string, receiver: RawReceiver): void {
    this.#parts.reader.read(this.nameOf(key), receiver);
  }

  /** {@link request} and {@link open} as a promise. @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT */
  read(key: string): Promise<StoredEntry | undefined> {
    return new Promise((resolve, reject) => {
      this.request(key, {
        receive: (raw) => {
          resolve(this.open(key, raw));
        },
        fail: reject,
      });
    });
  }

  /**
   * Makes an entry of a key's bytes; `undefined` when nothing is there, it was deleted, or the bytes are not an entry.
   * A promise only for a large compressed payload. Never throws or rejects.
   */
  open(key: string, raw: Buffer | null): StoredEntry | undefined | Promise<StoredEntry | undefined> {
    if (raw === null) return undefined;
    const opened = openEnvelope(raw);
    if (typeof opened === 'string') return this.#undecodable(key, `not an entry of this format (${opened})`);
    this.clock.observe(opened.version);
    if (opened.kind === 'd') return undefined;
    if (opened.expiresAtMs <= this.clock.nowMs()) return undefined;
    if (opened.kind === 'a') return toEntry(opened, 'a', undefined);
    try {
      if (opened.compression === '-') return toEntry(opened, 'v', this.#codecOf(opened.codec).decode(opened.payload));
      const expanded = expandPayload(opened.payload, opened.compression, this.#parts.l2.maxValueSizeBytes);
      if (Buffer.isBuffer(expanded)) return toEntry(opened, 'v', this.#codecOf(opened.codec).decode(expanded));
      return expanded
        .then((payload) => toEntry(opened, 'v', this.#codecOf(opened.codec).decode(payload)))
        .catch((cause: unknown) => this.#undecodable(key, 'its payload cannot be expanded or decoded', cause));
    } catch (cause) {
      return this.#undecodable(key, 'its payload cannot be decoded', cause);
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

  /** Puts an encoded value into an entry. */
  sealValue(encoded: EncodedValue, version: string, times: EntryTimes): string | Buffer {
    return sealEnvelope(
      { kind: 'v', version, codec: encoded.codec, compression: encoded.compression, ...times },
      encoded.payload,
    );
  }

  /** An entry that says "the source has nothing". */
  sealAbsence(version: string, times: EntryTimes): string | Buffer {
    return this.#sealMark('a', version, times);
  }

  /** An entry that says "deleted", which Redis remembers for `lifeMs` from now on. */
  sealDeletion(version: string, lifeMs: number): string | Buffer {
    const nowMs = this.clock.nowMs();
    const endMs = nowMs + lifeMs;
    return this.#sealMark('d', version, { createdAtMs: nowMs, freshUntilMs: endMs, expiresAtMs: endMs });
  }

  /** Applies writes in one script call. @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT */
  apply(writes: readonly ScriptWrite[]): Promise<WriteOutcome[]> {
    return applyWrites(this.#parts.connection, writes, this.#parts.l2.commandTimeoutMs);
  }

  /** Replaces an entry if it still has `version`; resolves to whether it had. */
  replace(key: string, sealed: string | Buffer, version: string): Promise<boolean> {
    return replaceIfSame(
      this.#parts.connection,
      { redisKey: this.nameOf(key), sealed },
      version,
      this.#parts.l2.commandTimeoutMs,
    );
  }

  /** Removes this service's entries that were written before `version`, and no other keys (G1), a chunk at a time. */
  async clear(version: string): Promise<void> {
    const { connection, keySpace, l2 } = this.#parts;
    let cursor = '0';
    do {
      let reply: [string, string[]];
      try {
        const args = [cursor, 'MATCH', keySpace.pattern, 'COUNT', String(CLEAR_CHUNK)];
        reply = await connection.send<[string, string[]]>('scan', args, l2.commandTimeoutMs);
      } catch (error) {
        throw unavailable(error);
      }
      cursor = reply[0];
      for (let from = 0; from < reply[1].length; from += CLEAR_CHUNK) {
        await removeOlder(connection, reply[1].slice(from, from + CLEAR_CHUNK), version, l2.commandTimeoutMs);
      }
    } while (cursor !== '0');
  }

  #sealMark(kind: 'a' | 'd', version: string, times: EntryTimes): string | Buffer {
    return sealEnvelope(
      { kind, version, codec: NO_PAYLOAD.codec, compression: NO_PAYLOAD.compression, ...times },
      NO_PAYLOAD.payload,
    );
  }

  #codecOf(tag: CodecTag): PayloadCodec {
    if (tag === this.#codec.tag) return this.#codec;
    const other = this.#parts.codecs[1]();
    if (tag === other.tag) return other;
    throw new Error(`no codec "${tag}"`);
  }

  #undecodable(key: string, reason: string, failure?: unknown): undefined {
    // A parser's message quotes what it read, and that may be somebody's value (G11): only its kind is passed on.
    const cause = isError(failure) ? new Error(failure.name) : undefined;
    const details = { service: this.#parts.service, key, cause };
    this.#parts.onUndecodable(new CacheError('CACHE_DECODE_FAILED', `The bytes in Redis were ignored: ${reason}`, details));
    return undefined;
  }
}

function toEntry(opened: OpenedEnvelope, kind: 'v' | 'a', value: unknown): StoredEntry {
  const { version, createdAtMs, freshUntilMs, expiresAtMs } = opened;
  return { kind, value, version, createdAtMs, freshUntilMs, expiresAtMs };
}

/** Whether a payload has more than `limit` bytes; counts them only where the number of characters leaves it open. */
function exceeds(payload: string | Buffer, limit: number): boolean {
  if (payload.length > limit) return true;
  return typeof payload === 'string' && payload.length * 3 > limit && Buffer.byteLength(payload) > limit;
}
