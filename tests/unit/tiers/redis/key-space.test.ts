/** Where a service's things are in Redis (G1): nobody else's names, and in a cluster one slot for all that belongs together. */
import { describe, expect, test } from '@jest/globals';
import { BUCKETS, bucketOf, commonPrefixOf, KeySpace, slotTagOf } from '../../../../lib/tiers/redis/key-space.js';

const plain = new KeySpace('app', 'users');
const cluster = new KeySpace('app', 'users', '', true);

describe('the names of a service', () => {
  test('are below its prefix; what belongs to all of it is where no service can have entries (G1)', () => {
    expect(plain.nameOf('42')).toBe('app:users:42');
    expect(plain.lockOf('42')).toBe('app::users:lock:42');
    expect(plain.stream).toBe('app::users:stream');
    expect(plain.channel).toBe('app::users:bus');
    expect(plain.buckets.map((bucket) => plain.marksOf(bucket))).toEqual(['app::users:marks']);
  });

  test('that belong to all of it have the first ":" of its prefix three times, where no entry has it (G1)', () => {
    const deep = new KeySpace('shop:cart:eu', 'items');
    expect([deep.stream, deep.marksOf(0), deep.lockOf('x')]).toEqual([
      'shop:::cart:eu::items:stream',
      'shop:::cart:eu::items:marks',
      'shop:::cart:eu::items:lock:x',
    ]);
    expect(commonPrefixOf('shop')).toBe('shop::');
  });

  test('come behind the prefix of a connection that was handed in', () => {
    const given = new KeySpace('app', 'users', 'mine:');
    expect(given.nameOf('42')).toBe('mine:app:users:42');
    expect(given.pattern).toBe('mine:app:users:*');
    expect(given.stream).toBe('mine:::app::users:stream');
    expect([given.prefix, given.formatTag]).toEqual(['mine:app', 'OXa']);
  });

  test('have a pattern that matches nothing else: glob characters stand for themselves (G1)', () => {
    expect(new KeySpace('a*[b]?\\', 's').pattern).toBe('a\\*\\[b\\]\\?\\\\:s:*');
  });
});

describe('in a cluster', () => {
  test('a key is in a bucket that depends on nothing but the key, and the braces hold the bucket only', () => {
    // CRC-32 of "42" is 0x3224b088, so that another language finds the same bucket.
    expect(bucketOf('42')).toBe(0x3224b088 % BUCKETS);
    expect(cluster.nameOf('42')).toBe(`app:users:{${bucketOf('42')}}:42`);
    expect(cluster.lockOf('42')).toBe(`app::users:{${bucketOf('42')}}:lock:42`);
  });

  test('keys are spread over all buckets', () => {
    const counts = new Array<number>(BUCKETS).fill(0);
    for (let i = 0; i < 6400; i++) counts[bucketOf(`user:${i}`)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(50);
    expect(Math.max(...counts)).toBeLessThan(160);
  });

  test('braces in a key do not decide its slot', () => {
    expect(slotTagOf(cluster.nameOf('{a}:{b}'))).toBe(String(bucketOf('{a}:{b}')));
  });

  test('entry, lock and clear mark of a bucket share a slot; every bucket has a clear mark', () => {
    const bucket = bucketOf('x');
    const tags = [cluster.nameOf('x'), cluster.lockOf('x'), cluster.marksOf(bucket)].map(slotTagOf);
    expect(new Set(tags).size).toBe(1);
    expect(new Set(cluster.buckets.map((each) => cluster.marksOf(each))).size).toBe(BUCKETS);
  });
});
