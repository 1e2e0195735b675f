import { describe, expect, test } from '@jest/globals';
import { nearestName } from '../../../lib/base/nearest-name.js';

const KEYS = ['max_capacity', 'max_bytes', 'ttl', 'tti', 'eviction', 'l1', 'l2'];

describe('nearestName', () => {
  test.each([
    ['max_capcity', 'max_capacity'],
    ['maxCapacity', 'max_capacity'],
    ['max-bytes', 'max_bytes'],
    ['evictoin', 'eviction'],
    ['EVICTION', 'eviction'],
    ['ttl', 'ttl'],
    ['ttll', 'ttl'],
    ['L1', 'l1'],
  ])('takes %p for %p', (name, expected) => {
    expect(nearestName(name, KEYS)).toBe(expected);
  });

  test.each(['colour', '', 'l3', 'x', 'completely_different_thing'])('finds nothing near %p', (name) => {
    expect(nearestName(name, KEYS)).toBeUndefined();
  });

  test('counts two neighbours in the wrong order as one slip', () => {
    expect(nearestName('flase', ['else', 'false'])).toBe('false');
  });

  test('finds nothing among no candidates', () => {
    expect(nearestName('ttl', [])).toBeUndefined();
  });

  test('a name of a million letters costs no more than a long one', () => {
    expect(nearestName('x'.repeat(1_000_000), KEYS)).toBeUndefined();
  });
});
