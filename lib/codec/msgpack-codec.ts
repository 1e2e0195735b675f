/**
 * MessagePack payloads, through msgpackr, in the interoperable form (plain maps, no msgpackr records), with its
 * extensions for Date, Set, RegExp, Error and typed arrays. Loaded when the first service that uses it opens.
 */
import { createRequire } from 'node:module';
import type * as Msgpackr from 'msgpackr';
import { describeValue } from '../base/describe-value.js';
import { CacheError } from '../base/errors.js';
import type { PayloadCodec } from './payload-codec.js';

/** Makes the `serialization = "msgpack"` codec. */
export function createMsgpackCodec(): PayloadCodec {
  const { Packr, Unpackr } = createRequire(import.meta.url)('msgpackr') as typeof Msgpackr;
  const options = { useRecords: false, moreTypes: true, copyBuffers: true } as const;
  const packr = new Packr(options);
  const unpackr = new Unpackr(options);
  return {
    tag: 'm',

    encode(value) {
      if (typeof value === 'function' || typeof value === 'symbol') {
        throw new CacheError('CACHE_ENCODE_FAILED', `MessagePack cannot hold ${describeValue(value)}`);
      }
      if (value instanceof Map) {
        throw new CacheError(
          'CACHE_ENCODE_FAILED',
          'MessagePack would read a Map back as an object; store an object or an array of pairs',
        );
      }
      try {
        // pack() hands out a view of a shared buffer's fresh region; it is never written again.
        return packr.pack(value);
      } catch (cause) {
        const reason =
          cause instanceof RangeError
            ? 'it is cyclic, too deep or too large'
            : cause instanceof Error
              ? cause.message
              : 'it threw';
        throw new CacheError('CACHE_ENCODE_FAILED', `The value cannot be written as MessagePack: ${reason}`, { cause });
      }
    },

    decode(payload) {
      return unpackr.unpack(payload) as unknown;
    },
  };
}
