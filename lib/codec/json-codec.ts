/**
 * JSON payloads. At the top level, what `JSON.stringify` would silently turn into something else (NaN, a Map, a Set, a
 * function) is refused; inside objects JSON's own rules hold (a Date becomes a string, `undefined` members vanish).
 */
import { describeValue } from '../base/describe-value.js';
import { CacheError } from '../base/errors.js';
import type { PayloadCodec } from './payload-codec.js';

/** The `serialization = "json"` codec. */
export const jsonCodec: PayloadCodec = {
  tag: 'j',

  encode(value) {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new CacheError(
        'CACHE_ENCODE_FAILED',
        `JSON cannot hold ${describeValue(value)}; store null or use serialization = "msgpack"`,
      );
    }
    if (value instanceof Map || value instanceof Set) {
      throw new CacheError('CACHE_ENCODE_FAILED', 'JSON cannot hold a Map or a Set; store an array instead');
    }
    let text: unknown;
    try {
      text = JSON.stringify(value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : 'it threw';
      throw new CacheError('CACHE_ENCODE_FAILED', `The value cannot be written as JSON: ${reason}`, { cause });
    }
    if (typeof text !== 'string') {
      throw new CacheError('CACHE_ENCODE_FAILED', `JSON cannot hold ${describeValue(value)}`);
    }
    return text;
  },

  decode(payload) {
    return JSON.parse(payload.toString()) as unknown;
  },
};
