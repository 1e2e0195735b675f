/**
 * G1: whatever prefixes, services and keys there are, a name in Redis is one service's alone, or its entries are unreadable for
 * everybody else; and what belongs to a service as a whole is never anybody's entry.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openEnvelope, sealEnvelope, type EntryHeader } from '../../lib/codec/envelope.js';
import { KeySpace, commonPrefixOf } from '../../lib/tiers/redis/key-space.js';

const schema = JSON.parse(readFileSync('schemas/config.schema.json', 'utf8')) as {
  properties: { services: { propertyNames: { pattern: string } } };
  definitions: { global: { properties: { key_prefix: { pattern: string } } } };
};
const PREFIX = new RegExp(schema.definitions.global.properties.key_prefix.pattern);
const SERVICE = new RegExp(schema.properties.services.propertyNames.pattern);

const HEADER: EntryHeader = {
  kind: 'v',
  version: '17000000000000001node001',
  codec: 'j',
  compression: '-',
  createdAtMs: 1_700_000_000_000,
  freshUntilMs: 1_700_000_060_000,
  expiresAtMs: 1_700_000_120_000,
};

/** Few words, and those that common names are made of, so that names meet. */
const word = fc.constantFrom('a', 'b', 'marks', 'stream', 'bus', 'lock', 'probe');
const prefix = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(':'));
const key = fc
  .array(fc.oneof(word, fc.constantFrom('', '{1}', '\u0001oxcache:')), { minLength: 1, maxLength: 6 })
  .map((words) => words.join(':'))
  .filter((text) => text !== '');
const isBucketed = fc.boolean();

interface Owner {
  readonly prefix: string;
  readonly service: string;
  readonly key: string;
}

/** All that an entry's name can stand for without a cluster: it is cut at every `:`. */
function ownersOf(name: string): Owner[] {
  const owners: Owner[] = [];
  const parts = name.split(':');
  for (let i = 1; i < parts.length - 1; i++) {
    const owner = { prefix: parts.slice(0, i).join(':'), service: parts[i] ?? '', key: parts.slice(i + 1).join(':') };
    if (PREFIX.test(owner.prefix) && SERVICE.test(owner.service) && owner.key !== '') owners.push(owner);
  }
  return owners;
}

/** The names of a service as a whole. */
function commonNames(space: KeySpace, ofKey: string): string[] {
  const marks = space.buckets.map((bucket) => space.marksOf(bucket));
  return [space.stream, space.channel, space.lockOf(ofKey), ...marks];
}

describe('a name in Redis', () => {
  test('of an entry is unreadable for every other service that it can stand for', () => {
    let met = 0;
    fc.assert(
      fc.property(prefix, word, key, (ofPrefix, service, ofKey) => {
        const own = new KeySpace(ofPrefix, service);
        const sealed = Buffer.from(sealEnvelope(HEADER, '1', own.formatTag));
        const owners = ownersOf(own.nameOf(ofKey));
        expect(owners).toContainEqual({ prefix: ofPrefix, service, key: ofKey });
        for (const owner of owners) {
          const other = new KeySpace(owner.prefix, owner.service);
          expect(other.nameOf(owner.key)).toBe(own.nameOf(ofKey));
          const isOwn = owner.prefix === ofPrefix && owner.service === service;
          if (!isOwn) met++;
          const opened = openEnvelope(sealed, other.formatTag);
          if (isOwn) expect(opened).toMatchObject({ kind: 'v', version: HEADER.version });
          else expect(opened).toBe('prefix');
        }
      }),
      { numRuns: 1000 },
    );
    expect(met).toBeGreaterThan(500);
  });

  test('of an entry in a cluster is that of one service', () => {
    fc.assert(
      fc.property(prefix, word, key, prefix, word, key, (oneP, oneS, oneK, otherP, otherS, otherK) => {
        const one = new KeySpace(oneP, oneS, '', true).nameOf(oneK);
        const other = new KeySpace(otherP, otherS, '', true).nameOf(otherK);
        expect(one === other).toBe(oneP === otherP && oneS === otherS && oneK === otherK);
      }),
      { numRuns: 1000 },
    );
  });

  test('of a service as a whole, or of a connection, is never that of an entry', () => {
    fc.assert(
      fc.property(prefix, word, key, isBucketed, (ofPrefix, service, ofKey, isCluster) => {
        const names = commonNames(new KeySpace(ofPrefix, service, '', isCluster), ofKey);
        for (const name of [...names, `${commonPrefixOf(ofPrefix)}probe`]) expect(ownersOf(name)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test('of a service as a whole is that of one service, whatever keys are locked', () => {
    fc.assert(
      fc.property(prefix, word, key, prefix, word, key, isBucketed, (oneP, oneS, oneK, otherP, otherS, otherK, isCluster) => {
        fc.pre(oneP !== otherP || oneS !== otherS);
        const one = commonNames(new KeySpace(oneP, oneS, '', isCluster), oneK);
        const other = new Set(commonNames(new KeySpace(otherP, otherS, '', isCluster), otherK));
        expect(one.filter((name) => other.has(name))).toEqual([]);
        expect(one).not.toContain(`${commonPrefixOf(otherP)}probe`);
      }),
      { numRuns: 2000 },
    );
  });

  test('is the same whether a part of the prefix comes from a connection that was handed in', () => {
    fc.assert(
      fc.property(prefix, prefix, word, key, (given, ofPrefix, service, ofKey) => {
        const one = new KeySpace(ofPrefix, service, `${given}:`);
        const other = new KeySpace(`${given}:${ofPrefix}`, service);
        expect([one.nameOf(ofKey), one.formatTag, one.stream]).toEqual([other.nameOf(ofKey), other.formatTag, other.stream]);
      }),
    );
  });
});
