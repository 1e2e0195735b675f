/**
 * The port of the value formats. A codec turns a value into text or bytes and back; what it cannot represent it refuses,
 * before any tier changes (G12), instead of storing something else.
 */

/** A value format. */
export interface PayloadCodec {
  /** The one-letter name in the entry header. */
  readonly tag: 'j' | 'm';
  /** @throws {CacheError} CACHE_ENCODE_FAILED for a value the format cannot hold */
  encode(value: unknown): string | Buffer;
  /** Throws anything when the payload is not of this format. */
  decode(payload: Buffer): unknown;
}
