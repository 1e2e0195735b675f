import { describe, expect, test } from '@jest/globals';
import { RecordBuffer, type RecordType } from '../../../lib/recovery/log-record.js';
import {
  makeSegmentHeader,
  parseSegmentName,
  scanSegment,
  SEGMENT_HEADER_LENGTH,
  segmentNameOf,
  type ScannedRecord,
  type ScanReport,
} from '../../../lib/recovery/log-scan.js';

const SALT = 0x1f2e3d4c;
const VERSION = '17672256001230007k3x9q2a';
const HEADER = makeSegmentHeader(0);

function record(key: string, body: string | Uint8Array, type: RecordType = 'set', salt = SALT): Buffer {
  const buffer = new RecordBuffer();
  buffer.append(salt, type, VERSION, false, 5, key, body);
  return buffer.bytes();
}

interface Found {
  readonly report: ScanReport;
  readonly records: readonly ScannedRecord[];
  /** Keys; those of records with a damaged body with an exclamation mark. */
  readonly keys: readonly string[];
}

function scan(...parts: readonly Uint8Array[]): Found {
  const records: ScannedRecord[] = [];
  const report = scanSegment(Buffer.concat([HEADER, ...parts]), SALT, (found) => records.push(found));
  expect(report.records).toBe(records.length);
  return { report, records, keys: records.map(({ key, isBodyIntact }) => key + (isBodyIntact ? '' : '!')) };
}

/** A copy with the byte at `at` changed. */
function damaged(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0x10;
  return copy;
}

const A = record('a', 'value of a');
const B = record('b', 'value of b');
const C = record('c', 'value of c');
const BODY_AT = 53;

describe('scanSegment', () => {
  test('finds the records of an intact segment in order, with all their facts', () => {
    const buffer = new RecordBuffer();
    buffer.append(SALT, 'set', VERSION, true, 1234.5, 'clé', 'é');
    buffer.append(SALT, 'drop', '17672256001240000abcdefg', false, 0, '', '');
    const { records, report } = scan(buffer.bytes());
    expect(records).toEqual([
      {
        type: 'set',
        version: VERSION,
        isLocalTime: true,
        expiresAtMs: 1234.5,
        key: 'clé',
        body: Buffer.from('é'),
        isBodyIntact: true,
        isCutOff: false,
        offset: 32,
        length: 58,
      },
      {
        type: 'drop',
        version: '17672256001240000abcdefg',
        isLocalTime: false,
        expiresAtMs: 0,
        key: '',
        body: Buffer.alloc(0),
        isBodyIntact: true,
        isCutOff: false,
        offset: 90,
        length: 52,
      },
    ]);
    expect(report).toEqual({ records: 2, damagedStretches: 0, trailingBytes: 0 });
  });

  test('hands out bodies as views of the bytes', () => {
    const bytes = Buffer.concat([HEADER, A]);
    scanSegment(bytes, SALT, ({ body }) => expect(body.buffer).toBe(bytes.buffer));
  });

  test('does not depend on the header of the segment', () => {
    const bytes = Buffer.concat([Buffer.alloc(SEGMENT_HEADER_LENGTH, 0xa7), A]);
    expect(scanSegment(bytes, SALT, () => undefined)).toEqual({ records: 1, damagedStretches: 0, trailingBytes: 0 });
  });

  test.each([0, 1, 31, 32])('finds nothing in a segment of %i bytes', (length) => {
    const report = scanSegment(HEADER.subarray(0, length), SALT, () => expect(true).toBe(false));
    expect(report).toEqual({ records: 0, damagedStretches: 0, trailingBytes: 0 });
  });

  test('ignores the torn head of a last record, and counts its bytes', () => {
    const { keys, report } = scan(A, B, C.subarray(0, 30));
    expect(keys).toEqual(['a', 'b']);
    expect(report).toEqual({ records: 2, damagedStretches: 0, trailingBytes: 30 });
  });

  test('visits a last record with a torn body, up to where the bytes go', () => {
    const { keys, records, report } = scan(A, C.subarray(0, BODY_AT + 4));
    expect(keys).toEqual(['a', 'c!']);
    expect(records[1]).toMatchObject({ offset: 32 + A.length, length: BODY_AT + 4, body: Buffer.from('valu') });
    expect(report.trailingBytes).toBe(0);
  });

  test('loses a record with a damaged head, and no other', () => {
    for (let at = 0; at < BODY_AT; at++) {
      const { keys, report } = scan(A, damaged(B, at), C);
      expect({ at, keys }).toEqual({ at, keys: ['a', 'c'] });
      expect(report).toEqual({ records: 2, damagedStretches: 1, trailingBytes: 0 });
    }
  });

  test('keeps the key of a record with a damaged body', () => {
    for (let at = BODY_AT; at < B.length; at++) {
      const { keys, records, report } = scan(A, damaged(B, at), C);
      expect({ at, keys }).toEqual({ at, keys: ['a', 'b!', 'c'] });
      expect(records[1]).toMatchObject({ version: VERSION, expiresAtMs: 5, length: B.length });
      expect(report).toEqual({ records: 3, damagedStretches: 0, trailingBytes: 0 });
    }
  });

  test('finds the records behind a body that was cut short in the middle of the file', () => {
    const { keys, records, report } = scan(A, B.subarray(0, BODY_AT + 3), C, A);
    expect(keys).toEqual(['a', 'b!', 'c', 'a']);
    expect(records[1]).toMatchObject({ length: BODY_AT + 3 });
    expect(report).toEqual({ records: 4, damagedStretches: 0, trailingBytes: 0 });
  });

  test('finds the records behind a body that was cut short and would reach beyond the end', () => {
    const long = record('long', 'x'.repeat(10_000));
    expect(scan(A, long.subarray(0, 80), B, C).keys).toEqual(['a', 'long!', 'b', 'c']);
  });

  test('finds what is behind a damaged body followed by a damaged head', () => {
    const { keys, report } = scan(damaged(A, BODY_AT), damaged(B, 3), C);
    expect(keys).toEqual(['a!', 'c']);
    expect(report).toEqual({ records: 2, damagedStretches: 1, trailingBytes: 0 });
  });

  test('counts stretches of foreign bytes between records, and those behind the last', () => {
    const { keys, report } = scan(Buffer.alloc(7), A, B, Buffer.alloc(4096), C, Buffer.alloc(99));
    expect(keys).toEqual(['a', 'b', 'c']);
    expect(report).toEqual({ records: 3, damagedStretches: 2, trailingBytes: 99 });
  });

  test("does not take another segment's record for one of its own", () => {
    const { keys, report } = scan(A, record('foreign', 'x', 'set', SALT + 1), B);
    expect(keys).toEqual(['a', 'b']);
    expect(report.damagedStretches).toBe(1);
  });

  test('does not look for records in an intact body', () => {
    expect(scan(record('outer', Buffer.concat([A, B])), C).keys).toEqual(['outer', 'c']);
  });

  test('does not look for records in a damaged body either, when the next record is where it should be', () => {
    const outer = record('outer', Buffer.concat([Buffer.from('value'), A]));
    expect(scan(damaged(outer, BODY_AT + 5), C).keys).toEqual(['outer!', 'c']);
  });

  test('takes a type or flag it does not know for damage', () => {
    const unknown = (at: number, value: number): Buffer => {
      const bytes = Buffer.from(B);
      bytes[at] = value;
      return bytes;
    };
    expect(scan(A, unknown(18, 0x58), unknown(19, 2), C).keys).toEqual(['a', 'c']);
  });

  test('reads keys and bodies of any size', () => {
    const key = 'k'.repeat(65_536);
    const body = Buffer.alloc(3_000_000, 'xyz');
    const { records } = scan(record(key, body), A);
    expect(records[0]?.key).toBe(key);
    expect(records[0]?.body.equals(body)).toBe(true);
    expect(records[1]?.key).toBe('a');
  });

  test('takes time in proportion to made-up bytes (G14)', () => {
    // Heads whose checksum is wrong, as close together as can be, each with the longest key that is left: 3.4 TB to check.
    const bytes = Buffer.alloc(16 * 1024 * 1024);
    for (let at = SEGMENT_HEADER_LENGTH; at + 52 <= bytes.length; at += 46) {
      A.copy(bytes, at, 0, 46);
      bytes.writeUInt32BE(bytes.length - at - 52, at + 6);
    }
    const startMs = performance.now();
    expect(scanSegment(bytes, SALT, () => undefined).records).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(5000);
  });

  test('still finds records behind made-up bytes that used up its patience', () => {
    const fake = Buffer.from(A);
    const fakes = Buffer.concat(Array.from({ length: 5000 }, () => fake));
    for (let at = 0; at < fakes.length; at += fake.length) fakes.writeUInt32BE(100_000, at + 6);
    const { keys } = scan(fakes, Buffer.alloc(200_000), record('k'.repeat(900), 'v'), B);
    expect(keys).toEqual(['k'.repeat(900), 'b']);
  });

  test("lets the visitor's own error through", () => {
    expect(() =>
      scanSegment(Buffer.concat([HEADER, A]), SALT, () => {
        throw new RangeError('mine');
      }),
    ).toThrow('mine');
  });
});

describe('the header of a segment', () => {
  test('is text that says what the file is and when it was made', () => {
    expect(makeSegmentHeader(1_767_225_600_123).toString('latin1')).toBe('OXWAL1\n2026-01-01T00:00:00.123Z\n');
    expect(makeSegmentHeader(0)).toHaveLength(SEGMENT_HEADER_LENGTH);
  });
});

describe('the name of a segment', () => {
  test('holds its number and its salt, and sorts by number', () => {
    expect(segmentNameOf(1, SALT)).toBe('0000000001-1f2e3d4c.wal');
    expect(segmentNameOf(42, 7)).toBe('0000000042-00000007.wal');
    expect([segmentNameOf(10, 0), segmentNameOf(9, 0xffffffff)].sort()).toEqual([
      '0000000009-ffffffff.wal',
      '0000000010-00000000.wal',
    ]);
  });

  test('is taken apart again', () => {
    for (const parts of [
      { sequence: 0, salt: 0 },
      { sequence: 1, salt: SALT },
      { sequence: 12_345_678_901, salt: 0xffffffff },
    ]) {
      expect(parseSegmentName(segmentNameOf(parts.sequence, parts.salt))).toEqual(parts);
    }
  });

  test.each([
    'control',
    'owner.json',
    '1-1f2e3d4c.wal',
    '0000000001-1F2E3D4C.wal',
    '0000000001-1f2e3d4c.wal~',
    'x0000000001-1f2e3d4c.wal',
  ])('is not %s', (name) => {
    expect(parseSegmentName(name)).toBeUndefined();
  });
});
