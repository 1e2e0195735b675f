import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import {
  NO_VERSION,
  RECORD_HEAD_LENGTH,
  RecordBuffer,
  recordLengthOf,
  typeOfLetter,
  type RecordType,
} from '../../../lib/recovery/log-record.js';

const SALT = 0x9f2e3d4c;
const VERSION = '17672256001230007k3x9q2a';

function bytesOf(type: RecordType, key: string, body: string | Uint8Array, salt = SALT): Buffer {
  const buffer = new RecordBuffer();
  buffer.append(salt, type, VERSION, false, 0, key, body);
  return Buffer.from(buffer.bytes());
}

describe('a record', () => {
  test('has its fields where the format says', () => {
    const buffer = new RecordBuffer();
    const length = buffer.append(SALT, 'set', VERSION, true, 1_767_226_500_123.5, 'clé', 'valeur é');
    const bytes = buffer.bytes();
    expect(length).toBe(bytes.length);
    expect(bytes.toString('hex', 0, 2)).toBe('a757');
    expect(bytes.readUInt32BE(2)).toBe(crc32(bytes.subarray(6, 52 + 4), SALT));
    expect(bytes.readUInt32BE(6)).toBe(4);
    expect(bytes.readUInt32BE(10)).toBe(9);
    expect(bytes.readUInt32BE(14)).toBe(crc32('valeur é', SALT));
    expect(bytes.toString('latin1', 18, 19)).toBe('S');
    expect(bytes[19]).toBe(1);
    expect(bytes.toString('latin1', 20, 44)).toBe(VERSION);
    expect(bytes.readDoubleBE(44)).toBe(1_767_226_500_123.5);
    expect(bytes.toString('utf8', 52)).toBe('clévaleur é');
  });

  test('has a letter for each type', () => {
    const letters: readonly (readonly [RecordType, string])[] = [
      ['set', 'S'],
      ['drop', 'D'],
      ['confirm', 'K'],
      ['about', 'A'],
    ];
    for (const [type, letter] of letters) {
      const code = bytesOf(type, '', '')[18] ?? 0;
      expect([String.fromCharCode(code), typeOfLetter(code)]).toEqual([letter, type]);
    }
    expect(Array.from({ length: 256 }, (_, code) => typeOfLetter(code)).filter((type) => type !== undefined)).toHaveLength(4);
  });

  test('without a body has the checksum of nothing', () => {
    expect(bytesOf('drop', 'k', '').readUInt32BE(14)).toBe(crc32('', SALT));
  });

  test('without a version has zeros there', () => {
    const buffer = new RecordBuffer();
    buffer.append(SALT, 'about', '', false, 0, '', '{}');
    expect(buffer.bytes().toString('latin1', 20, 44)).toBe(NO_VERSION);
    expect(NO_VERSION).toBe('000000000000000000000000');
  });

  test.each([23, 25])('with a version of %i characters is refused, and nothing is gathered', (length) => {
    const buffer = new RecordBuffer();
    expect(() => buffer.append(SALT, 'set', '1'.repeat(length), false, 0, 'k', 'v')).toThrow(TypeError);
    expect(buffer.length).toBe(0);
  });

  test('is the same from a string and from its bytes, whatever their size', () => {
    for (const unit of ['a', 'é', '€', '🔑', 'a\ud800', '§W']) {
      for (const times of [0, 1, 40, 70, 2047, 2048, 2049, 30_000]) {
        const text = unit.repeat(times);
        expect(bytesOf('set', 'k', text).equals(bytesOf('set', 'k', Buffer.from(text)))).toBe(true);
      }
    }
  });

  test('has the checksum of zlib over heads of every length', () => {
    for (let length = 0; length < 300; length++) {
      const bytes = bytesOf('drop', 'k'.repeat(length), '', length * 14_000_000);
      expect(bytes.readUInt32BE(2)).toBe(crc32(bytes.subarray(6), length * 14_000_000));
    }
  });

  test('has other checksums under another salt', () => {
    const [one, other] = [bytesOf('set', 'k', 'v', 1), bytesOf('set', 'k', 'v', 2)];
    expect(one.readUInt32BE(2)).not.toBe(other.readUInt32BE(2));
    expect(one.readUInt32BE(14)).not.toBe(other.readUInt32BE(14));
  });

  test('takes the bytes that recordLengthOf says', () => {
    for (const key of ['', 'k', 'ключ', '\ud800']) {
      for (const body of ['', 'text', '🔑é', Buffer.alloc(77)]) {
        expect(recordLengthOf(key, body)).toBe(bytesOf('set', key, body).length);
      }
    }
    expect(recordLengthOf('', '')).toBe(RECORD_HEAD_LENGTH);
  });
});

describe('RecordBuffer', () => {
  test('gathers records one behind the other and grows as needed', () => {
    const buffer = new RecordBuffer(0);
    const expected: Buffer[] = [];
    let total = 0;
    for (let i = 0; i < 50; i++) {
      const body = 'é'.repeat(i * 20);
      total += buffer.append(SALT, 'set', VERSION, false, 0, `key ${i}`, body);
      expected.push(bytesOf('set', `key ${i}`, body));
      expect(buffer.length).toBe(total);
    }
    expect(buffer.bytes().equals(Buffer.concat(expected))).toBe(true);
  });

  test('fills its memory to the last byte before it grows', () => {
    const record = bytesOf('set', 'k€', 'v€');
    const buffer = new RecordBuffer(2 * record.length);
    buffer.append(SALT, 'set', VERSION, false, 0, 'k€', 'v€');
    buffer.append(SALT, 'set', VERSION, false, 0, 'k€', 'v€');
    expect(buffer.bytes().buffer.byteLength).toBe(2 * record.length);
    expect(buffer.bytes().equals(Buffer.concat([record, record]))).toBe(true);
  });

  test('starts over after clear and keeps its memory', () => {
    const buffer = new RecordBuffer(1000);
    buffer.append(SALT, 'set', VERSION, false, 0, 'first', 'x'.repeat(5000));
    const memory = buffer.bytes().buffer;
    buffer.clear();
    expect([buffer.length, buffer.bytes().length]).toEqual([0, 0]);
    buffer.append(SALT, 'drop', VERSION, false, 0, 'second', '');
    expect(buffer.bytes().equals(bytesOf('drop', 'second', ''))).toBe(true);
    expect(buffer.bytes().buffer).toBe(memory);
  });

  test('gives back the memory of an unusually large batch (G14)', () => {
    const buffer = new RecordBuffer(1000);
    buffer.append(SALT, 'set', VERSION, false, 0, 'large', Buffer.alloc(5 * 1024 * 1024));
    buffer.clear();
    buffer.append(SALT, 'drop', VERSION, false, 0, 'small', '');
    expect(buffer.bytes().buffer.byteLength).toBe(1000);
    expect(buffer.bytes().equals(bytesOf('drop', 'small', ''))).toBe(true);
  });
});
