import { describe, expect, test } from '@jest/globals';
import { openEnvelope } from '../../../lib/codec/envelope.js';
import { NO_VERSION, RECORD_HEAD_LENGTH, RecordBuffer, typeOfLetter } from '../../../lib/recovery/log-record.js';
import {
  makeSegmentHeader,
  parseSegmentName,
  scanSegment,
  SEGMENT_HEADER_LENGTH,
  segmentNameOf,
  type ScannedRecord,
} from '../../../lib/recovery/log-scan.js';
import { codeBlocksOf, readPage, sectionOf, tableOf } from './read-page.js';

const page = readPage('docs/wal-format.md');
const rows = tableOf(sectionOf(page, '## The bytes of a record')).map(([offset, length, field = '', , example = '']) => ({
  offset: offset === '' ? undefined : Number(offset),
  length: length === '' ? undefined : Number(length),
  field,
  example,
}));
const exampleOf = (field: string): string => rows.find((row) => row.field === field)?.example ?? '';

const example = sectionOf(page, '## Worked example');
const segment = Buffer.from((codeBlocksOf(example, 'hex')[0] ?? '').replaceAll('\n', ''), 'hex');
const name = /named `([^`]+)`/.exec(example)?.[1] ?? '';
const { sequence, salt } = parseSegmentName(name) ?? { sequence: 0, salt: 0 };

function scan(bytes: Buffer): ScannedRecord[] {
  const found: ScannedRecord[] = [];
  scanSegment(bytes, salt, (record) => found.push(record));
  return found;
}

describe('docs/wal-format.md', () => {
  test('gives every byte of the head an offset', () => {
    let end = 0;
    for (const { offset, length, field } of rows.slice(0, -2)) {
      expect({ field, offset }).toEqual({ field, offset: end });
      end += length ?? 0;
    }
    expect(end).toBe(RECORD_HEAD_LENGTH);
    expect(rows.slice(-2).map(({ offset, field }) => [offset, field])).toEqual([
      [RECORD_HEAD_LENGTH, 'key'],
      [undefined, 'body'],
    ]);
  });

  test('shows in its table what is in the worked example', () => {
    for (const { offset = 0, length, field, example: shown } of rows.slice(0, -1)) {
      const at = SEGMENT_HEADER_LENGTH + offset;
      const bytes = segment.subarray(at, at + (length ?? Number.parseInt(exampleOf('key length'), 16)));
      const isText = ['type', 'version', 'key'].includes(field);
      expect({ field, shown }).toEqual({ field, shown: bytes.toString(isText ? 'utf8' : 'hex') });
    }
  });

  test('names the types and flags as the code has them', () => {
    const types = tableOf(sectionOf(page, '## Types')).map(([letter = '', type]) => [typeOfLetter(letter.charCodeAt(0)), type]);
    expect(types).toHaveLength(4);
    for (const [actual, type] of types) expect(actual).toBe(type);
    expect(page).toContain(`${NO_VERSION.length} times \`0\``);
  });

  test('has a worked example that the code decodes to what the page says, and would write like this', () => {
    expect(segmentNameOf(sequence, salt)).toBe(name);
    expect(example).toContain(`${segment.length} bytes`);
    const [set, drop, ...more] = scan(segment);
    expect(more).toEqual([]);
    expect(set).toMatchObject({
      type: 'set',
      version: exampleOf('version'),
      isLocalTime: false,
      key: exampleOf('key'),
      isBodyIntact: true,
    });
    expect(drop).toMatchObject({ type: 'drop', key: 'user:7', body: Buffer.alloc(0), isBodyIntact: true });

    const again = new RecordBuffer();
    for (const record of scan(segment)) {
      const { type, version, isLocalTime, expiresAtMs, key, body } = record;
      again.append(salt, type, version, isLocalTime, expiresAtMs, key, body);
    }
    const header = makeSegmentHeader(Date.parse('2026-01-01T00:00:00.123Z'));
    expect(Buffer.concat([header, again.bytes()]).toString('hex')).toBe(segment.toString('hex'));
  });

  test('has the example of the entry format as its body', () => {
    const entryPage = sectionOf(readPage('docs/entry-format.md'), '## Worked example');
    const [set] = scan(segment);
    expect(set?.body.toString()).toBe(codeBlocksOf(entryPage, 'text')[0]);
    expect(openEnvelope(set?.body ?? Buffer.alloc(0))).toMatchObject({ version: set?.version, expiresAtMs: set?.expiresAtMs });
  });

  test('says what damage to its example costs', () => {
    const keysAfterFlipAt = (at: number): unknown[] => {
      const bytes = Buffer.from(segment);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return scan(bytes).map(({ key, isBodyIntact }) => [key, isBodyIntact]);
    };
    const set = scan(segment)[0];
    const bodyAt = SEGMENT_HEADER_LENGTH + RECORD_HEAD_LENGTH + 'user:42'.length;
    for (let at = 0; at < bodyAt + (set?.body.length ?? 0); at++) {
      const cost = [
        ...(at >= SEGMENT_HEADER_LENGTH && at < bodyAt ? [] : [['user:42', at < SEGMENT_HEADER_LENGTH]]),
        ['user:7', true],
      ];
      expect({ at, cost: keysAfterFlipAt(at) }).toEqual({ at, cost });
    }
  });

  test('has links only to headings that are there', () => {
    for (const [, file = '', anchor = ''] of page.matchAll(/\]\(([\w-]*\.md)?#([\w-]+)\)/g)) {
      const target = file === '' ? page : readPage(`docs/${file}`);
      const anchors = [...target.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replaceAll(' ', '-'));
      expect(anchors).toContain(anchor);
    }
  });
});
