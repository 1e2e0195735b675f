/** Questions about tags: in few commands, each of a bounded size, and with a failure where Redis could not be asked. */
import { describe, expect, test } from '@jest/globals';
import type { CacheError } from '../../../../lib/base/errors.js';
import { timedOut, unavailable } from '../../../../lib/tiers/redis/redis-errors.js';
import { MAX_PARTS, MAX_TAGS, TagQuestions } from '../../../../lib/tiers/redis/tag-questions.js';

/** A Redis that answers when it is told to. */
class Bench {
  readonly parts: { readonly bucket: number; readonly tags: readonly string[]; answer(): void; fail(error: Error): void }[] = [];
  readonly answers = new Map<string, string | undefined>();
  readonly failures = new Map<string, CacheError>();
  readonly #questions: TagQuestions;

  constructor(bucketOf: (tag: string) => number = () => 0) {
    this.#questions = new TagQuestions(bucketOf, (bucket, tags) => {
      return new Promise((resolve, reject) => {
        const answer = (): void => {
          resolve(tags.map((tag) => `version of ${tag}`));
        };
        this.parts.push({ bucket, tags, answer, fail: reject });
      });
    });
  }

  ask(...tags: readonly string[]): void {
    for (const tag of tags) {
      this.#questions.ask(tag, (version, failure) => {
        if (failure === undefined) this.answers.set(tag, version);
        else this.failures.set(tag, failure);
      });
    }
  }
}

/** Lets what is due in this turn happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`);

describe('the tags of one tick', () => {
  test('are one command, each tag once, and everybody who asked gets the answer', async () => {
    const bench = new Bench();
    bench.ask('a', 'b', 'a');
    expect(bench.parts).toEqual([]);
    await turn();
    expect(bench.parts.map(({ tags }) => tags)).toEqual([['a', 'b']]);
    bench.parts[0]?.answer();
    await turn();
    expect(Object.fromEntries(bench.answers)).toEqual({ a: 'version of a', b: 'version of b' });
  });

  test('are a command for each bucket', async () => {
    const bench = new Bench((tag) => tag.length);
    bench.ask('a', 'bb', 'c');
    await turn();
    expect(bench.parts.map(({ bucket, tags }) => [bucket, tags])).toEqual([
      [1, ['a', 'c']],
      [2, ['bb']],
    ]);
  });

  test('G14: are cut into parts, however many they are, of which few are under way', async () => {
    const bench = new Bench();
    const tags = many(512 * 128);
    bench.ask(...tags);
    let answered = 0;
    for (await turn(); answered < bench.parts.length; await turn()) {
      expect(bench.parts.length - answered).toBeLessThanOrEqual(MAX_PARTS);
      bench.parts[answered++]?.answer();
    }
    expect(Math.max(...bench.parts.map((part) => part.tags.length))).toBe(MAX_TAGS);
    expect(bench.parts.flatMap((part) => part.tags)).toEqual(tags);
    expect(bench.answers.size).toBe(tags.length);
    expect(bench.failures.size).toBe(0);
  });
});

describe('a part that fails', () => {
  test('is a failure for each who asked', async () => {
    const bench = new Bench();
    bench.ask('a', 'b');
    await turn();
    bench.parts[0]?.fail(unavailable(new Error('lost')));
    await turn();
    expect([...bench.failures.values()].map(({ code }) => code)).toEqual(['CACHE_L2_UNAVAILABLE', 'CACHE_L2_UNAVAILABLE']);
    bench.ask('a');
    await turn();
    expect(bench.parts).toHaveLength(2);
  });

  test('G6: takes along what waits when it was not answered in time, and leaves other buckets alone', async () => {
    const bench = new Bench((tag) => (tag.startsWith('other') ? 1 : 0));
    bench.ask(...many(MAX_TAGS * (MAX_PARTS + 3)), 'other');
    await turn();
    expect(bench.parts).toHaveLength(MAX_PARTS + 1);
    bench.parts[0]?.fail(timedOut(100));
    await turn();
    // The first part, and the three that waited; the others of the window have deadlines of their own.
    expect(bench.failures.size).toBe(MAX_TAGS * 4);
    expect(bench.parts).toHaveLength(MAX_PARTS + 1);
    for (const part of bench.parts.slice(1)) part.answer();
    await turn();
    expect(bench.answers.size).toBe(MAX_TAGS * (MAX_PARTS - 1) + 1);
  });

  test('lets what waits go on when Redis refused it', async () => {
    const bench = new Bench();
    bench.ask(...many(MAX_TAGS * (MAX_PARTS + 1)));
    await turn();
    bench.parts[0]?.fail(unavailable(new Error('NOPERM')));
    await turn();
    expect(bench.failures.size).toBe(MAX_TAGS);
    expect(bench.parts).toHaveLength(MAX_PARTS + 1);
  });
});
