import { describe, expect, test } from '@jest/globals';
import { MAX_MESSAGE_LENGTH, openMessage, sealMessage } from '../../../lib/codec/invalidation-message.js';

const ORIGIN = '7k3x9q2';
const VERSION = '17672256001230007k3x9q2a'.slice(0, 17) + ORIGIN;

describe('invalidation messages', () => {
  test('are a tag, the sender, the version, the kind and the keys', () => {
    expect(sealMessage(ORIGIN, VERSION, 'k', ['42', 'a"b'])).toBe(`OXM1${ORIGIN}${VERSION}k["42","a\\"b"]`);
    expect(sealMessage(ORIGIN, VERSION, 'c')).toBe(`OXM1${ORIGIN}${VERSION}c`);
    expect(sealMessage(ORIGIN, VERSION, 'h', ['ignored'])).toBe(`OXM1${ORIGIN}${VERSION}h`);
  });

  test('open to what was sealed', () => {
    for (const kind of ['c', 'h'] as const)
      expect(openMessage(sealMessage(ORIGIN, VERSION, kind))).toEqual({
        origin: ORIGIN,
        version: VERSION,
        kind,
        keys: [],
        tags: [],
      });
    const keys = ['a', '\ud800', '\u0000', 'ü', ']', '"'];
    const opened = { origin: ORIGIN, version: VERSION, kind: 'k', keys, tags: [] };
    expect(openMessage(sealMessage(ORIGIN, VERSION, 'k', keys))).toEqual(opened);
  });

  test('name invalidated tags with their versions, among the keys', () => {
    const text = sealMessage(ORIGIN, VERSION, 'k', ['a', ['tag', VERSION], 'b']);
    expect(text.endsWith(`k["a",["tag","${VERSION}"],"b"]`)).toBe(true);
    expect(openMessage(text)).toMatchObject({ keys: ['a', 'b'], tags: [['tag', VERSION]] });
    expect(openMessage(sealMessage(ORIGIN, VERSION, 'k', [['tag', VERSION]]))).toMatchObject({
      keys: [],
      tags: [['tag', VERSION]],
    });
  });

  const good = sealMessage(ORIGIN, VERSION, 'k', ['key']);
  test.each([
    ['nothing', ''],
    ['another version of the format', good.replace('OXM1', 'OXM2')],
    ['foreign text', '{"type":"invalidate","key":"a key that is long enough to be looked at"}'],
    ['a torn end', good.slice(0, -1)],
    ['a torn head', good.slice(0, 35)],
    ['an unknown kind', good.replace('k[', 'x[')],
    ['no keys', sealMessage(ORIGIN, VERSION, 'k', [])],
    ['an empty key', sealMessage(ORIGIN, VERSION, 'k', ['a', ''])],
    ['keys that are not texts', good.replace('"key"', '1')],
    ['something else than a list', good.replace('["key"]', '{"0":"key"}')],
    ['a tag without a version', sealMessage(ORIGIN, VERSION, 'k', ['a', ['tag', '']])],
    ['a tag without a name', sealMessage(ORIGIN, VERSION, 'k', ['a', ['', VERSION]])],
    ['a pair of three', good.replace('"key"', `["tag","${VERSION}","more"]`)],
    ['more than there should be', `${sealMessage(ORIGIN, VERSION, 'c')} `],
    ['a version without a time', sealMessage(ORIGIN, `x${VERSION.slice(1)}`, 'c')],
    ['a sender with a line break', sealMessage('7k3x\nq2', VERSION, 'c')],
  ])('are told from %s', (_, text) => {
    expect(openMessage(text)).toBeUndefined();
  });

  test('are not looked into when they are absurdly large', () => {
    const keys = ['x'.repeat(MAX_MESSAGE_LENGTH)];
    expect(openMessage(sealMessage(ORIGIN, VERSION, 'k', keys))).toBeUndefined();
  });

  test('hold the largest batch of the longest keys', () => {
    const keys = Array.from({ length: 10_000 }, (_, i) => String(i).padEnd(1024, 'x'));
    expect(openMessage(sealMessage(ORIGIN, VERSION, 'k', keys))?.keys).toEqual(keys);
  });
});
