/** The bytes of an entry: what goes in comes out, and what is not of this format is told apart, with the reason. */
import { describe, expect, test } from '@jest/globals';
import { crc32 } from 'node:zlib';
import {
  HEADER_LENGTH,
  kindOfSealed,
  openEnvelope,
  sealEnvelope,
  shiftEnvelope,
  type EntryHeader,
  type EntryKind,
} from '../../../lib/codec/envelope.js';

const HEADER: EntryHeader = {
  kind: 'v',
  version: '17000000000000001node001',
  codec: 'j',
  compression: '-',
  createdAtMs: 1_700_000_000_000,
  freshUntilMs: 1_700_000_060_000,
  expiresAtMs: 1_700_000_120_000,
};

const bytesOf = (sealed: string | Buffer): Buffer => Buffer.from(sealed);

/** Changes characters after the checksum and makes the checksum right again, as another writer would. */
function forge(at: number, text: string): Buffer {
  const bytes = bytesOf(sealEnvelope(HEADER, '{"a":1}'));
  bytes.write(text, at, 'latin1');
  bytes.write(crc32(bytes.subarray(11)).toString(16).padStart(8, '0'), 3, 'latin1');
  return bytes;
}

describe('a sealed entry', () => {
  test.each(['v', 'a', 'd'] as const)('of kind %s opens to what it was sealed from', (kind: EntryKind) => {
    const header = { ...HEADER, kind, codec: kind === 'v' ? 'j' : '-' } as const;
    const sealed = sealEnvelope(header, kind === 'v' ? '"é"' : '');
    expect(kindOfSealed(sealed)).toBe(kind);
    const opened = openEnvelope(bytesOf(sealed));
    expect(opened).toMatchObject({ ...header });
    expect(typeof opened === 'string' ? opened : opened.payload.toString()).toBe(kind === 'v' ? '"é"' : '');
  });

  test('has a header of 80 characters that a person can read', () => {
    const sealed = sealEnvelope(HEADER, '{}');
    expect(typeof sealed).toBe('string');
    expect(String(sealed)).toMatch(/^OX1[0-9a-f]{8}v17000000000000001node001j-170000000000017000000600001700000120000--\n\{\}$/);
    expect(String(sealed).indexOf('{')).toBe(HEADER_LENGTH);
  });

  test('is the same bytes whether its payload was text or bytes', () => {
    const text = '{"ключ":"🔑"}';
    const fromText = bytesOf(sealEnvelope(HEADER, text));
    const fromBytes = sealEnvelope(HEADER, Buffer.from(text));
    expect(Buffer.isBuffer(fromBytes)).toBe(true);
    expect(bytesOf(fromBytes).equals(fromText)).toBe(true);
    expect(kindOfSealed(fromBytes)).toBe('v');
  });

  test.each(['g', 'b', 'z'] as const)('says how it is compressed (%s)', (compression) => {
    const opened = openEnvelope(bytesOf(sealEnvelope({ ...HEADER, codec: 'm', compression }, Buffer.from([1, 2]))));
    expect(opened).toMatchObject({ codec: 'm', compression });
  });

  test('has whole milliseconds, whatever the clock gives', () => {
    const times = { createdAtMs: 1_700_000_000_000.9, freshUntilMs: 1_700_000_000_001.5, expiresAtMs: 1_700_000_000_002.1 };
    expect(openEnvelope(bytesOf(sealEnvelope({ ...HEADER, ...times }, '1')))).toMatchObject({
      createdAtMs: 1_700_000_000_000,
      freshUntilMs: 1_700_000_000_001,
      expiresAtMs: 1_700_000_000_002,
    });
  });
});

describe('G13: bytes that are no entry', () => {
  test.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'foreign'],
    ['a short text', Buffer.from('OX1'), 'foreign'],
    ['a long text', Buffer.from('x'.repeat(200)), 'foreign'],
    ['another version of the format', Buffer.from(`OX2${'0'.repeat(200)}`), 'format'],
    ['a changed payload', changed(85), 'checksum'],
    ['a changed header', changed(40), 'checksum'],
    ['a cut payload', bytesOf(sealEnvelope(HEADER, '{"a":1}')).subarray(0, 84), 'checksum'],
    ['an unknown kind', forge(11, 'x'), 'header'],
    ['an unknown codec', forge(36, 'x'), 'header'],
    ['an unknown compression', forge(37, 'x'), 'header'],
    ['unknown flags', forge(77, 'x'), 'header'],
    ['an end before the end of being fresh', forge(64, '1600000000000'), 'header'],
    ['times that are no numbers', forge(38, 'abcdefghijklm'), 'header'],
    ['an end that is no number', forge(64, 'abcdefghijklm'), 'header'],
  ])('are not opened: %s', (_name, bytes, reason) => {
    expect(openEnvelope(bytes)).toBe(reason);
  });
});

function changed(at: number): Buffer {
  const bytes = bytesOf(sealEnvelope(HEADER, '{"a":1}'));
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

describe('an entry with tags', () => {
  test.each([
    ['text', '"é"'],
    ['bytes', Buffer.from([0, 10, 255])],
  ])('opens to its tags and its payload (%s)', (_name, payload) => {
    const tags = ['a', 'ключ 🔑', 'line\nbreak', '"quoted"'];
    const opened = openEnvelope(bytesOf(sealEnvelope({ ...HEADER, tags }, payload)));
    if (typeof opened === 'string') throw new Error(opened);
    expect(opened.tags).toEqual(tags);
    expect(opened.payload.equals(Buffer.from(payload))).toBe(true);
  });

  test('keeps them when it is moved along the line of time', () => {
    const moved = shiftEnvelope(bytesOf(sealEnvelope({ ...HEADER, tags: ['t'] }, '{}')), 5);
    const opened = openEnvelope(moved!);
    expect(opened).toMatchObject({ tags: ['t'], createdAtMs: HEADER.createdAtMs + 5 });
  });

  test.each(['', '[]', '[1]', '[""]', '{}', 'tags'])('whose tags are %p is none', (line) => {
    const bytes = Buffer.concat([bytesOf(sealEnvelope(HEADER, '')), Buffer.from(`${line}\n{}`)]);
    bytes.write('t', 77, 'latin1');
    bytes.write(crc32(bytes.subarray(11)).toString(16).padStart(8, '0'), 3, 'latin1');
    expect(openEnvelope(bytes)).toBe('tags');
  });

  test('whose line of tags does not end is none', () => {
    const bytes = Buffer.concat([bytesOf(sealEnvelope(HEADER, '')), Buffer.from('["t"]')]);
    bytes.write('t', 77, 'latin1');
    bytes.write(crc32(bytes.subarray(11)).toString(16).padStart(8, '0'), 3, 'latin1');
    expect(openEnvelope(bytes)).toBe('tags');
  });
});
