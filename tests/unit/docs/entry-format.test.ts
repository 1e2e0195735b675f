import { describe, expect, test } from '@jest/globals';
import { expandPayload } from '../../../lib/codec/compression.js';
import { HEADER_LENGTH, openEnvelope, sealEnvelope, type OpenedEnvelope } from '../../../lib/codec/envelope.js';
import { formatTagOf, MAX_SEPARATORS } from '../../../lib/codec/format-tag.js';
import { jsonCodec } from '../../../lib/codec/json-codec.js';
import { createMsgpackCodec } from '../../../lib/codec/msgpack-codec.js';
import { codeBlocksOf, readPage, sectionOf, tableOf } from './read-page.js';

const page = readPage('docs/entry-format.md');
const rows = tableOf(sectionOf(page, '## The bytes')).map(([offset, length, field = '', , example = '']) => ({
  offset: Number(offset),
  length: length === '' ? undefined : Number(length),
  field,
  example,
}));
const exampleOf = (field: string): string => rows.find((row) => row.field === field)?.example ?? '';

const examples = sectionOf(page, '## Worked example');
const [valueText = '', markText = '', colonText = ''] = codeBlocksOf(examples, 'text');
const bytes = Buffer.from(valueText);
const packed = codeBlocksOf(examples, 'hex').map((block) => Buffer.from(block.replaceAll('\n', ''), 'hex'));
const decoded = [...examples.matchAll(/^Decodes to `(.+)`\.$/gm)].map(([, text = '']) => JSON.parse(text) as unknown);

function open(raw: Buffer): OpenedEnvelope {
  const opened = openEnvelope(raw);
  if (typeof opened === 'string') throw new Error(`not an entry: ${opened}`);
  return opened;
}

async function decode(entry: OpenedEnvelope): Promise<unknown> {
  const payload = entry.compression === '-' ? entry.payload : await expandPayload(entry.payload, entry.compression, 1_000_000);
  return (entry.codec === 'm' ? createMsgpackCodec() : jsonCodec).decode(payload);
}

describe('docs/entry-format.md', () => {
  test('gives every byte of the header an offset', () => {
    let end = 0;
    for (const { offset, length, field } of rows) {
      expect({ field, offset }).toEqual({ field, offset: end });
      end += length ?? 0;
    }
    expect(rows.at(-1)).toMatchObject({ field: 'payload', offset: HEADER_LENGTH });
  });

  test('shows in its table what is in the worked example', () => {
    for (const { offset, length, field, example } of rows) {
      const actual = bytes.toString('utf8', offset, length === undefined ? undefined : offset + length);
      expect({ field, actual }).toEqual({ field, actual: field === 'end' ? '\n' : example });
    }
  });

  test('has a worked example that the code decodes to what the page says, and would write like this', () => {
    const { payload, ...header } = open(bytes);
    expect(header).toEqual({
      kind: exampleOf('kind'),
      version: exampleOf('version'),
      codec: exampleOf('codec'),
      compression: exampleOf('compression'),
      createdAtMs: Number(exampleOf('created')),
      freshUntilMs: Number(exampleOf('fresh until')),
      expiresAtMs: Number(exampleOf('expires')),
    });
    expect(payload.toString()).toBe(exampleOf('payload'));
    expect(sealEnvelope(header, exampleOf('payload'))).toBe(valueText);
    expect(examples).toContain(`these ${bytes.length} bytes`);
    expect(new Date(header.createdAtMs).toISOString()).toBe('2026-01-01T00:00:00.123Z');
  });

  test('has packed and compressed examples that decode to what the page says', async () => {
    const opened = packed.map(open);
    expect(opened.map(({ codec, compression }) => codec + compression)).toEqual(['m-', 'jg']);
    expect(await Promise.all(opened.map(decode))).toEqual(decoded);
  });

  test('has the mark of a deletion as the code would write it', () => {
    const { payload, ...header } = open(Buffer.from(`${markText}\n`));
    expect({ kind: header.kind, payload: payload.length, hours: (header.expiresAtMs - header.createdAtMs) / 3_600_000 }).toEqual({
      kind: 'd',
      payload: 0,
      hours: 1,
    });
    expect(sealEnvelope(header, '')).toBe(`${markText}\n`);
  });

  test('has the example below a prefix with ":" as the code would write it, and the tags that the code gives', () => {
    const tag = formatTagOf('shop:cart');
    expect(examples).toContain('`shop:cart`');
    const { payload, ...header } = open(bytes);
    expect(sealEnvelope(header, payload.toString(), tag)).toBe(colonText);
    const tags = tableOf(sectionOf(page, '### Prefixes with a colon')).map(([count, name]) => [count, name?.replaceAll('`', '')]);
    const tagAt = (separators: number): string => formatTagOf(`p${':p'.repeat(separators)}`);
    expect(tags).toEqual([
      ['none', tagAt(0)],
      ['1 to 26', `${tagAt(1)} to ${tagAt(26)}`],
      ['27 to 52', `${tagAt(27)} to ${tagAt(52)}`],
    ]);
    expect(MAX_SEPARATORS).toBe(52);
  });

  test('has examples in which no byte can be changed unnoticed', () => {
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(typeof openEnvelope(changed)).toBe('string');
    }
  });
});
