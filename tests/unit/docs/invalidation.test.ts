import { describe, expect, test } from '@jest/globals';
import { openMessage, sealMessage } from '../../../lib/codec/invalidation-message.js';
import { SILENCE_MS } from '../../../lib/sync/linked-bus.js';
import { streamLengthOf } from '../../../lib/tiers/redis/announcement.js';
import { codeBlocksOf, readPage, sectionOf, tableOf } from './read-page.js';

const page = readPage('docs/invalidation.md');
const section = sectionOf(page, '## The message');

describe('docs/invalidation.md', () => {
  test('shows a message that is what the table says', () => {
    const rows = tableOf(section);
    const [, , , , origin = ''] = rows[1] ?? [];
    const [, , , , version = ''] = rows[2] ?? [];
    const shown = /"(OXM1.*)"/.exec(codeBlocksOf(section, 'console')[0] ?? '')?.[1] ?? '';
    const text = JSON.parse(`"${shown}"`) as string;
    expect(openMessage(text)).toEqual({ origin, version, kind: 'k', keys: ['42', '7'], tags: [] });
    expect(sealMessage(origin, version, 'k', ['42', '7'])).toBe(text);
    let end = 0;
    for (const [offset, length = '', , , example = ''] of rows) {
      expect(Number(offset)).toBe(end);
      end += length === '' ? 0 : Number(length);
      if (length !== '') expect(example).toHaveLength(Number(length));
    }
  });

  test('names the bounds that hold', () => {
    expect(page).toContain(`\`D\` is ${SILENCE_MS / 1000} s`);
    expect(page).toContain(`about ${Number(streamLengthOf('')).toLocaleString('en-US')} messages (\`MAXLEN ~\``);
  });
});
