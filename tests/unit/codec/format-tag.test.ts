/** G1: entries below prefixes with different numbers of `:` are not readable for each other. */
import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import {
  openEnvelope,
  sealEnvelope,
  shiftEnvelope,
  textOfSealed,
  versionOfSealed,
  withFormatTag,
  withTimesMoved,
  withVersion,
  type EntryHeader,
} from '../../../lib/codec/envelope.js';
import { FORMAT_TAG, formatTagOf, isFormatTag, MAX_SEPARATORS } from '../../../lib/codec/format-tag.js';

const HEADER: EntryHeader = {
  kind: 'v',
  version: '17000000000000001node001',
  codec: 'j',
  compression: '-',
  createdAtMs: 1_700_000_000_000,
  freshUntilMs: 1_700_000_060_000,
  expiresAtMs: 1_700_000_120_000,
};
const TAGS = Array.from({ length: MAX_SEPARATORS + 1 }, (_, i) => formatTagOf(`p${':p'.repeat(i)}`));
const ONE = formatTagOf('a:b');
const PAYLOADS: readonly (readonly [string, string | Buffer])[] = [
  ['text', '{"a":1}'],
  ['bytes', Buffer.from('{"a":1}')],
];

describe('the tag of a prefix', () => {
  test('says how many ":" it has, in three characters', () => {
    expect([formatTagOf('shop'), formatTagOf('shop:cart'), formatTagOf('other:x'), formatTagOf('a:b:c')]).toEqual([
      'OX1',
      'OXa',
      'OXa',
      'OXb',
    ]);
    expect(new Set(TAGS).size).toBe(TAGS.length);
    expect(TAGS.every((tag) => tag.length === 3 && isFormatTag(tag))).toBe(true);
    // The longest key_prefix has 31, and a handed-in connection's has 20 at most.
    expect(MAX_SEPARATORS).toBeGreaterThanOrEqual(31 + 20);
  });

  test.each(['OX2', 'OX-', 'OX', 'OXab', 'PXa', ''])('is not %j', (text) => {
    expect(isFormatTag(text)).toBe(false);
  });
});

describe.each(PAYLOADS)('an entry of %s below a prefix with ":"', (_what, payload) => {
  const sealed = sealEnvelope(HEADER, payload, ONE);
  const bytes = Buffer.from(sealed);

  test('differs from one below a plain prefix in its tag and its checksum, which covers the tag, and in nothing else', () => {
    const plain = Buffer.from(sealEnvelope(HEADER, payload));
    expect(plain.toString().slice(0, 3)).toBe(FORMAT_TAG);
    expect(plain.toString().slice(3, 11)).toBe(crc32(plain.subarray(11)).toString(16).padStart(8, '0'));
    expect(bytes.toString().slice(0, 3)).toBe('OXa');
    expect(bytes.subarray(11)).toEqual(plain.subarray(11));
    const covered = Buffer.concat([bytes.subarray(0, 3), bytes.subarray(11)]);
    expect(bytes.toString().slice(3, 11)).toBe(crc32(covered).toString(16).padStart(8, '0'));
  });

  test('is opened with its own tag only', () => {
    for (const tag of TAGS) {
      const opened = openEnvelope(bytes, tag);
      expect(typeof opened === 'string' ? opened : opened.payload.toString()).toBe(tag === ONE ? '{"a":1}' : 'prefix');
      expect(versionOfSealed(bytes, tag)).toBe(tag === ONE ? HEADER.version : '');
    }
  });

  test('is none under a tag that was changed', () => {
    for (const tag of TAGS) {
      const forged = Buffer.concat([Buffer.from(tag), bytes.subarray(3)]);
      if (tag !== ONE) expect(openEnvelope(forged, tag)).toBe('checksum');
    }
  });

  test('stays what it is with another version, with other times, as text', () => {
    const renewed = Buffer.from(withVersion(sealed, '17000000000010001node001'));
    expect(openEnvelope(renewed, ONE)).toMatchObject({ version: '17000000000010001node001', createdAtMs: HEADER.createdAtMs });
    expect(openEnvelope(Buffer.from(withTimesMoved(sealed, 5)), ONE)).toMatchObject({ createdAtMs: HEADER.createdAtMs + 5 });
    expect(openEnvelope(shiftEnvelope(bytes, 5, ONE) ?? Buffer.of(), ONE)).toMatchObject({ createdAtMs: HEADER.createdAtMs + 5 });
    expect(shiftEnvelope(bytes, 5)).toBeUndefined();
    expect(textOfSealed(bytes)).toBe(bytes.toString());
  });

  test('is made of one that version 0.1.0 logged; anything else in a log stays as it is', () => {
    const old = Buffer.from(sealEnvelope(HEADER, payload));
    expect(withFormatTag(old, ONE)).toEqual(bytes);
    expect(old.toString().slice(0, 3)).toBe(FORMAT_TAG);
    for (const raw of [bytes, Buffer.from('OX1 and no entry'), Buffer.from('x')]) expect(withFormatTag(raw, ONE)).toBe(raw);
    expect(withFormatTag(old, FORMAT_TAG)).toBe(old);
  });
});
