/** Whatever bytes come over the bus: nothing is thrown, and what is not a message is none (G13). */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openMessage, sealMessage, type InvalidationMessage } from '../../lib/codec/invalidation-message.js';

const node = fc.string({
  unit: fc.constantFrom(...'0123456789abcdefghijklmnopqrstuvwxyz'.split('')),
  minLength: 7,
  maxLength: 7,
});
const digits = fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), minLength: 17, maxLength: 17 });
const text = fc.string({ unit: 'binary', minLength: 1 });
const version = fc.tuple(digits, node).map(([time, writer]) => time + writer);
const message: fc.Arbitrary<InvalidationMessage> = fc
  .record({
    origin: node,
    version,
    kind: fc.constantFrom('k', 'c', 'h'),
    keys: fc.array(text, { minLength: 1, maxLength: 20 }),
    tags: fc.array(fc.tuple(text, version), { maxLength: 3 }),
  })
  .map((made) => (made.kind === 'k' ? made : { ...made, keys: [], tags: [] }));

const seal = ({ origin, version: newest, kind, keys, tags }: InvalidationMessage): string =>
  sealMessage(origin, newest, kind, [...keys, ...tags]);

describe('G13: invalidation messages', () => {
  test('every message survives the way there', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(openMessage(seal(sent))).toEqual(sent);
      }),
    );
  });

  test('no text makes opening throw, and what opens could have been sent', () => {
    const mangled = fc
      .tuple(message, fc.nat(), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }))
      .map(([sent, at, removed, added]) => {
        const sealed = seal(sent);
        const from = at % (sealed.length + 1);
        return sealed.slice(0, from) + added + sealed.slice(from + removed);
      });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), mangled), (arrived) => {
        const opened = openMessage(arrived);
        if (opened === undefined) return;
        expect(openMessage(seal(opened))).toEqual(opened);
        expect(opened.keys.every((key) => key !== '')).toBe(true);
        expect(opened.keys.length + opened.tags.length > 0).toBe(opened.kind === 'k');
      }),
      { numRuns: 2000 },
    );
  });
});
