/** G13: no change to an entry's bytes yields another value or an exception: it is the same entry, or none. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jsonCodec } from '../../lib/codec/json-codec.js';
import { createMsgpackCodec } from '../../lib/codec/msgpack-codec.js';
import { openEnvelope, sealEnvelope, type EntryHeader } from '../../lib/codec/envelope.js';

const VALUE = { name: 'Ada', ids: [1, 2, 3], note: 'é🔑', nested: { ok: true, none: null } };
const msgpack = createMsgpackCodec();

const HEADER: EntryHeader = {
  kind: 'v',
  version: '17000000000000001node001',
  codec: 'j',
  compression: '-',
  createdAtMs: 1_700_000_000_000,
  freshUntilMs: 1_700_000_060_000,
  expiresAtMs: 1_700_000_120_000,
};

const SAMPLES: readonly (readonly [string, Buffer])[] = [
  ['json', Buffer.from(sealEnvelope(HEADER, jsonCodec.encode(VALUE)))],
  ['msgpack', Buffer.from(sealEnvelope({ ...HEADER, codec: 'm' }, msgpack.encode(VALUE)))],
];

/** What bytes stand for: `undefined` when they are no entry, else everything a reader would act on. */
function read(bytes: Buffer): unknown {
  const opened = openEnvelope(bytes);
  if (typeof opened === 'string') return undefined;
  const { payload, ...header } = opened;
  return { ...header, value: (opened.codec === 'm' ? msgpack : jsonCodec).decode(payload) };
}

describe.each(SAMPLES)('an entry in %s', (_name, sample) => {
  const expected = read(sample);

  test('is what it is', () => {
    expect(expected).toMatchObject({ kind: 'v', version: HEADER.version, value: VALUE });
  });

  test('with any one bit flipped is no entry', () => {
    for (let bit = 0; bit < sample.length * 8; bit++) {
      const bytes = Buffer.from(sample);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (read(bytes) !== undefined) throw new Error(`bit ${bit & 7} of byte ${bit >> 3} makes no difference`);
    }
  });

  test('cut off anywhere is no entry', () => {
    for (let length = 0; length < sample.length; length++) {
      if (read(sample.subarray(0, length)) !== undefined) throw new Error(`${length} bytes are enough`);
    }
  });

  test('with anything appended is no entry', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (tail) => {
        expect(read(Buffer.concat([sample, tail]))).toBeUndefined();
      }),
    );
  });

  test('with any burst of bytes overwritten is the same entry or none', () => {
    fc.assert(
      fc.property(fc.nat(sample.length - 1), fc.uint8Array({ minLength: 1, maxLength: 16 }), (at, burst) => {
        const bytes = Buffer.from(sample);
        bytes.set(burst.subarray(0, sample.length - at), at);
        expect(bytes.equals(sample) ? expected : undefined).toEqual(read(bytes));
      }),
      { numRuns: 2000 },
    );
  });
});

test('arbitrary bytes are no entry, and nothing throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (random, hasTag) => {
      const bytes = Buffer.concat([Buffer.from(hasTag ? 'OX1' : ''), random]);
      expect(typeof openEnvelope(bytes)).toBe('string');
    }),
    { numRuns: 2000 },
  );
});

test('every entry that can be sealed opens to what it was sealed from', () => {
  const time = fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 });
  const header = fc.record({
    kind: fc.constantFrom('v', 'a', 'd'),
    version: fc.stringMatching(/^[0-9]{17}[0-9a-z]{7}$/),
    codec: fc.constantFrom('j', 'm', '-'),
    compression: fc.constantFrom('-', 'g', 'b', 'z'),
    times: fc.tuple(time, time, time),
  });
  const payload = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(header, payload, ({ times, ...facts }, content) => {
      const [createdAtMs, freshUntilMs, expiresAtMs] = [...times].sort((a, b) => a - b) as [number, number, number];
      const complete = { ...facts, createdAtMs, freshUntilMs, expiresAtMs } as EntryHeader;
      const opened = openEnvelope(Buffer.from(sealEnvelope(complete, content)));
      expect(opened).toMatchObject({ ...complete });
      expect(typeof opened === 'string' ? undefined : opened.payload.equals(Buffer.from(content as string))).toBe(true);
    }),
  );
});
