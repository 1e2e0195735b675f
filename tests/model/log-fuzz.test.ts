/**
 * G7 and G13 of the log's bytes: no cut and no flipped bit yields a key, version or value that was not written, and none
 * costs a record it did not touch.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RECORD_HEAD_LENGTH, RecordBuffer, recordLengthOf, type RecordType } from '../../lib/recovery/log-record.js';
import { makeSegmentHeader, scanSegment, SEGMENT_HEADER_LENGTH, type ScannedRecord } from '../../lib/recovery/log-scan.js';

const SALT = 0x9f2e3d4c;
const TYPES = ['set', 'drop', 'confirm', 'about'] as const;
const HEADER = makeSegmentHeader(1_767_225_600_123);

interface Written {
  readonly type: RecordType;
  readonly version: string;
  readonly isLocalTime: boolean;
  readonly expiresAtMs: number;
  readonly key: string;
  readonly body: Buffer;
}

/** A record with the place its bytes have. */
interface Placed extends Written {
  readonly offset: number;
  readonly bodyAt: number;
  readonly end: number;
}

function encode(records: readonly Written[], salt = SALT): Buffer {
  const buffer = new RecordBuffer();
  for (const { type, version, isLocalTime, expiresAtMs, key, body } of records) {
    buffer.append(salt, type, version, isLocalTime, expiresAtMs, key, body);
  }
  return Buffer.concat([HEADER, buffer.bytes()]);
}

function place(records: readonly Written[]): Placed[] {
  let offset = SEGMENT_HEADER_LENGTH;
  return records.map((record) => {
    const placed = { ...record, offset, end: offset + recordLengthOf(record.key, record.body) };
    offset = placed.end;
    return { ...placed, bodyAt: placed.end - record.body.length };
  });
}

function scan(bytes: Buffer, salt = SALT): ScannedRecord[] {
  const found: ScannedRecord[] = [];
  scanSegment(bytes, salt, (record) => found.push(record));
  return found;
}

/** Whether the head, and the body where it is said to be intact, are those that were written. By hand: it is called some ten million times. */
function isAsWritten(found: ScannedRecord | undefined, written: Written): boolean {
  return (
    found?.type === written.type &&
    found.version === written.version &&
    found.isLocalTime === written.isLocalTime &&
    Object.is(found.expiresAtMs, written.expiresAtMs) &&
    found.key === written.key &&
    (!found.isBodyIntact || found.body.equals(written.body))
  );
}

function fail(what: string, at: number, found: readonly ScannedRecord[]): never {
  throw new Error(
    `${what} ${at}: ${JSON.stringify(found.map(({ key, offset, isBodyIntact }) => ({ key, offset, isBodyIntact })))}`,
  );
}

/** 200 records of all types and of bodies of 0 to 40 bytes, some of them with marks and lengths of records in them. */
function sample(): Written[] {
  const bodies = [
    Buffer.alloc(0),
    Buffer.from('OX1 {"id":42,"name":"Zoë"}'),
    Buffer.from('a757a757000000000000000000000000000053', 'hex'),
    Buffer.alloc(9, 0xa7),
    Buffer.alloc(40),
  ];
  return Array.from({ length: 200 }, (_, i) => ({
    type: TYPES[i % 7] ?? 'set',
    version: `17672256001230${String(i).padStart(3, '0')}k3x9q2a`,
    isLocalTime: i % 3 === 0,
    expiresAtMs: i % 4 === 0 ? 0 : 1_767_225_600_123.5 + i,
    key: ['', 'k', `user:${i}`, 'ключ', '🔑§W'][i % 11] ?? `${i}`,
    body: bodies[i % 5] ?? Buffer.alloc(0),
  }));
}

const written = sample();
const placed = place(written);
const segment = encode(written);

/**
 * What must be found after bit `bit` of a segment was flipped: every record it does not touch as it was, and the one it
 * touches with its head intact if the bit is in its body, else not at all.
 */
function checkFlip(bytes: Buffer, records: readonly Placed[], bit: number): void {
  const at = bit >> 3;
  bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
  const found = scan(bytes);
  bytes[at] = bytes[at] ^ (1 << (bit & 7));
  let next = 0;
  for (const record of records) {
    const isTouched = at >= record.offset && at < record.end;
    if (isTouched && at < record.bodyAt) continue;
    const candidate = found[next++];
    if (!isAsWritten(candidate, record) || candidate?.isBodyIntact === isTouched || candidate?.offset !== record.offset) {
      fail('bit', bit, found);
    }
  }
  if (next !== found.length) fail('bit', bit, found);
}

describe('a segment of 200 records (G7, G13)', () => {
  test('comes back as it was written', () => {
    const found = scan(segment);
    expect(found).toHaveLength(200);
    expect(found.every((record, i) => record.isBodyIntact && isAsWritten(record, written[i] as Written))).toBe(true);
  });

  test('cut off anywhere gives the records before the cut, and of the one that was cut at most its head', () => {
    for (let length = 0; length <= segment.length; length++) {
      const found = scan(segment.subarray(0, length));
      let next = 0;
      for (const record of placed) {
        if (record.bodyAt > length) break;
        const candidate = found[next++];
        if (!isAsWritten(candidate, record) || candidate?.isBodyIntact !== record.end <= length) fail('length', length, found);
      }
      if (next !== found.length) fail('length', length, found);
    }
  });

  // The scan carries nothing from one record to the next but the place it is at, and a search ends at the first intact
  // head. So a record, its neighbours and the one behind them stand for the segment; the next test takes it whole.
  test('with any bit flipped loses no record but the one it is in, and never changes a value', () => {
    let bits = 0;
    for (let i = 0; i < written.length; i++) {
      const from = Math.max(0, i - 1);
      const around = written.slice(from, i + 3);
      const bytes = encode(around);
      const records = place(around);
      const { offset, end } = records[i - from] as Placed;
      for (let bit = offset * 8; bit < end * 8; bit++) checkFlip(bytes, records, bit);
      bits += (end - offset) * 8;
    }
    expect(bits).toBe((segment.length - SEGMENT_HEADER_LENGTH) * 8);
  });

  test('with a bit of any byte flipped, its header included, loses no record but the one it is in', () => {
    const bytes = Buffer.from(segment);
    for (let at = 0; at < bytes.length; at++) checkFlip(bytes, placed, at * 8 + (at % 8));
  });

  test('with any byte missing or doubled loses no record but the one it is in', () => {
    const around = written.slice(10, 40);
    const bytes = encode(around);
    const records = place(around);
    for (let at = SEGMENT_HEADER_LENGTH; at < bytes.length; at++) {
      // In a run of equal bytes it is the same which one is missing: the last one may be the next record's.
      let runEnd = at + 1;
      while (bytes[runEnd] === bytes[at]) runEnd++;
      for (const rest of [at + 1, at]) {
        const found = scan(
          Buffer.concat([bytes.subarray(0, at), Buffer.alloc(rest === at ? 1 : 0, bytes[at]), bytes.subarray(rest)]),
        );
        for (const record of records) {
          const isTouched = runEnd > record.offset && at < record.end;
          const candidates = found.filter(({ version }) => version === record.version);
          const isFound = candidates.length === 1 && isAsWritten(candidates[0], record) && candidates[0]?.isBodyIntact === true;
          if (candidates.some((candidate) => !isAsWritten(candidate, record)) || (!isFound && !isTouched))
            fail('byte', at, found);
        }
      }
    }
  });
});

const record: fc.Arbitrary<Written> = fc.record({
  type: fc.constantFrom(...TYPES),
  version: fc.stringMatching(/^[0-9]{17}[0-9a-z]{7}$/),
  isLocalTime: fc.boolean(),
  expiresAtMs: fc.double({ noNaN: true }),
  key: fc.string({ unit: 'grapheme' }),
  body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});
const salt = fc.integer({ min: 0, max: 0xffffffff });

describe('whatever the records', () => {
  test('they come back as they were written', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), salt, (records, anySalt) => {
        const bytes = encode(records, anySalt);
        const found = scan(bytes, anySalt);
        expect(found.map(({ isBodyIntact }) => isBodyIntact)).toEqual(records.map(() => true));
        expect(found.every((each, i) => isAsWritten(each, records[i] as Written))).toBe(true);
        expect(found.map(({ length }) => length)).toEqual(records.map(({ key, body }) => recordLengthOf(key, body)));
      }),
    );
  });

  test('a burst of overwritten bytes makes no record that was not written', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        (records, place, burst) => {
          const bytes = encode(records);
          const at = place % bytes.length;
          bytes.set(burst.subarray(0, bytes.length - at), at);
          for (const found of scan(bytes)) expect(records.some((each) => isAsWritten(found, each))).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('the image of a record inside a key or value is never taken for a record, whatever is damaged around it', () => {
    fc.assert(
      fc.property(record, record, salt, fc.nat(), (outer, inner, otherSalt, place) => {
        fc.pre(otherSalt !== SALT);
        const image = encode([inner], otherSalt).subarray(SEGMENT_HEADER_LENGTH);
        const bytes = encode([{ ...outer, body: Buffer.concat([image, outer.body, image]) }, outer]);
        const at = SEGMENT_HEADER_LENGTH + (place % (bytes.length - SEGMENT_HEADER_LENGTH));
        bytes[at] = (bytes[at] as number) ^ 1;
        for (const found of scan(bytes)) {
          expect({ ...found, key: found.key }).toMatchObject({ version: outer.version, key: outer.key, type: outer.type });
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('whatever the bytes', () => {
  const random = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
  /** A head that passes everything but the checksum. */
  const almost = fc.tuple(fc.nat(100_000), fc.nat(0xffffffff), fc.constantFrom(...TYPES)).map(([keyLength, bodyLength, type]) => {
    const head = encode([{ type, version: '1'.repeat(24), isLocalTime: false, expiresAtMs: 0, key: '', body: Buffer.alloc(0) }]);
    head.writeUInt32BE(keyLength, SEGMENT_HEADER_LENGTH + 6);
    head.writeUInt32BE(bodyLength, SEGMENT_HEADER_LENGTH + 10);
    return head.subarray(SEGMENT_HEADER_LENGTH, SEGMENT_HEADER_LENGTH + RECORD_HEAD_LENGTH);
  });

  test('nothing throws and nothing is found', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(random, almost), { maxLength: 10 }), salt, (parts, anySalt) => {
        expect(scan(Buffer.concat(parts), anySalt)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  test('records between them are found, and the counts add up', () => {
    const part = fc.oneof(record, random, almost);
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
        const records = parts.filter((each): each is Written => !Buffer.isBuffer(each));
        const bytes = Buffer.concat([
          HEADER,
          ...parts.map((each) => (Buffer.isBuffer(each) ? each : encode([each]).subarray(SEGMENT_HEADER_LENGTH))),
        ]);
        const found: ScannedRecord[] = [];
        const report = scanSegment(bytes, SALT, (each) => found.push(each));
        expect(found.length).toBe(records.length);
        expect(found.every((each, i) => each.isBodyIntact && isAsWritten(each, records[i] as Written))).toBe(true);
        expect(report.records).toBe(records.length);
        const last = found.at(-1);
        expect(report.trailingBytes).toBe(
          bytes.length - (last === undefined ? SEGMENT_HEADER_LENGTH : last.offset + last.length),
        );
      }),
    );
  });
});
