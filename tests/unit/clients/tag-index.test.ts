/** The index of tags over a real L1: what an invalidation drops, and that the index stays small. */
import { describe, expect, test } from '@jest/globals';
import { BackgroundTasks } from '../../../lib/base/background-tasks.js';
import { CoarseClock } from '../../../lib/base/coarse-clock.js';
import { TagIndex } from '../../../lib/clients/tag-index.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { MemoryTier } from '../../../lib/tiers/memory/memory-tier.js';

interface Opened {
  readonly memory: MemoryTier;
  readonly index: TagIndex;
  readonly background: BackgroundTasks;
  keep(key: string, ...tags: string[]): void;
}

function open(maxCapacity: number): Opened {
  const background = new BackgroundTasks();
  const clock = new FakeClock();
  const memory = new MemoryTier({
    config: {
      maxCapacity,
      ttlMs: 60_000,
      eviction: 'lru',
      isolation: 'shared',
    },
    staleTtlMs: 0,
    trackFreshness: false,
    clock: new CoarseClock(clock),
  });
  const index = new TagIndex(memory, maxCapacity, background);
  const keep = (key: string, ...tags: string[]): void => {
    index.add(key, tags);
    memory.write(key, key, clock.nowMs(), clock.nowMs() + 60_000, Infinity);
  };
  return { memory, index, background, keep };
}

describe('the index of tags', () => {
  test('drops the copies with a tag and no others, and then knows nothing of it', () => {
    const { memory, index, keep } = open(10);
    keep('a', 'red', 'round');
    keep('b', 'red');
    keep('c', 'round');
    memory.write('d', 'd', 0, 1e15, Infinity);
    index.drop('red');
    expect(['a', 'b', 'c', 'd'].filter((key) => memory.has(key))).toEqual(['c', 'd']);
    index.drop('red');
    index.drop('unknown');
    expect(memory.size).toBe(2);
  });

  test('counts a pair once, however often it is added', () => {
    const { index, keep } = open(10);
    for (let i = 0; i < 5; i++) keep('a', 'red', 'round');
    expect(index.size).toBe(2);
    index.drop('red');
    expect(index.size).toBe(1);
    index.clear();
    expect(index.size).toBe(0);
  });

  test('G14: keys that L1 does not hold any more are swept out, those it holds stay', () => {
    const { memory, index, keep } = open(10);
    for (let i = 0; i < 5000; i++) {
      keep(`k${i}`, 'all');
      expect(index.size).toBeLessThanOrEqual(2 * 10 + 1000);
    }
    expect(memory.size).toBe(10);
    index.drop('all');
    expect(memory.size).toBe(0);
    expect(index.size).toBe(0);
  });

  test('G14: where all is in use, the oldest copies go, not all of them; nothing is held that is not listed', () => {
    const { memory, index, keep } = open(100);
    const tagsOf = (i: number): string[] => ['common', ...Array.from({ length: 63 }, (_, j) => `t${i}:${j}`)];
    for (let i = 0; i < 100; i++) {
      keep(`k${i}`, ...tagsOf(i));
      expect(index.size).toBeLessThanOrEqual(2 * 100 + 1000);
    }
    const held = Array.from({ length: 100 }, (_, i) => i).filter((i) => memory.has(`k${i}`));
    // The newest ones, without a gap, and about as many as there is room for.
    expect(held).toEqual(Array.from({ length: held.length }, (_, i) => 100 - held.length + i));
    expect(held.length).toBeGreaterThanOrEqual(10);
    for (const i of held) {
      index.drop(`t${i}:62`);
      expect(memory.has(`k${i}`)).toBe(false);
    }
  });

  test('a tag of very many keys is dropped at once, though they are removed in slices; what is written meanwhile stays', async () => {
    const { memory, index, background, keep } = open(20_000);
    for (let i = 0; i < 20_000; i++) keep(`k${i}`, 'all');
    index.drop('all');
    expect(memory.size).toBe(20_000);
    expect([memory.read('k0'), memory.read('k19999')]).toEqual([undefined, undefined]);
    keep('k5', 'other');
    await background.drain();
    expect(memory.size).toBe(1);
    expect(memory.read('k5')).toBe('k5');
    index.drop('other');
    expect(memory.size).toBe(0);
  });

  test('G14: adding a key to a full index looks at a few pairs, never at all of them', () => {
    const { memory, index, keep } = open(20_000);
    let looks = 0;
    const has = memory.has.bind(memory);
    memory.has = (key) => {
      looks++;
      return has(key);
    };
    let most = 0;
    let largest = 0;
    for (let i = 0; i < 40_000; i++) {
      looks = 0;
      keep(`k${i}`, 'a', 'b', `c${i % 7}`);
      most = Math.max(most, looks);
      largest = Math.max(largest, index.size);
    }
    expect(most).toBeLessThan(1000);
    expect(largest).toBeLessThanOrEqual(2 * 20_000 + 1000);
    expect(memory.size).toBeGreaterThan(10_000);
    expect(memory.has('k39999')).toBe(true);
  });

  test('G14: a full index is made room in once in a while, not for every entry', () => {
    const { memory, index, keep } = open(1000);
    let looks = 0;
    const has = memory.has.bind(memory);
    memory.has = (key) => {
      looks++;
      return has(key);
    };
    for (let i = 0; i < 20_000; i++) keep(`k${i}`, 'a', 'b', `c${i % 7}`, `d${i}`);
    expect(index.size).toBeLessThanOrEqual(2 * 1000 + 1000);
    // About what is added, several times over, and not the square of it.
    expect(looks).toBeLessThan(20_000 * 4 * 20);
  });
});
