/** G17: in which order invalidations and writes with tags go in a cluster, and what they are compared with. No network. */
import { expect, test } from '@jest/globals';
import type { ServiceMarks } from '../../../../lib/tiers/redis/service-marks.js';
import { TagOrder } from '../../../../lib/tiers/redis/tag-order.js';
import type { TagReceiver } from '../../../../lib/tiers/redis/tag-questions.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Marks that say what they are told to; absent: that can't be known. */
class FakeMarks {
  readonly asked: string[] = [];
  readonly #versions: Readonly<Record<string, string | undefined>>;

  constructor(versions: Readonly<Record<string, string | undefined>> = {}) {
    this.#versions = versions;
  }

  ask(tag: string, receive: TagReceiver): void {
    this.asked.push(tag);
    receive(this.#versions[tag]);
  }

  highest(newest: string): Promise<string> {
    return Promise.resolve(`above ${newest}`);
  }
}

const orderOf = (marks: FakeMarks): TagOrder => new TagOrder(marks as unknown as ServiceMarks);

test('the newest of the marks counts', async () => {
  expect(await orderOf(new FakeMarks({ a: '3', b: '7', c: '' })).newestMark(['a', 'b', 'c'])).toBe('7');
});

test('tags without marks were never invalidated', async () => {
  expect(await orderOf(new FakeMarks({ a: '', b: '' })).newestMark(['a', 'b'])).toBe('');
});

test.each([[['a', 'unknown']], [['unknown', 'a']]])('if one mark is not known, nothing is known (%j)', async (tags) => {
  expect(await orderOf(new FakeMarks({ a: '3' })).newestMark(tags)).toBeUndefined();
});

test('marks are read at once while no invalidation of this process is under way', () => {
  const marks = new FakeMarks({ a: '' });
  void orderOf(marks).newestMark(['a']);
  expect(marks.asked).toEqual(['a']);
});

test('marks are read after the invalidations that were sent before, also after one that fails', async () => {
  const marks = new FakeMarks({ a: '' });
  const order = orderOf(marks);
  let endFirst: () => void = () => undefined;
  order.hold(new Promise<void>((resolve) => (endFirst = resolve)));
  order.hold(Promise.reject(new Error('no answer')));
  const newest = order.newestMark(['a']);
  await settle();
  expect(marks.asked).toEqual([]);
  endFirst();
  expect(await newest).toBe('');
  void order.newestMark(['b']);
  expect(marks.asked).toEqual(['a', 'b']);
});

test('an invalidation exceeds what the buckets have', async () => {
  expect(await orderOf(new FakeMarks()).floor('5')).toBe('above 5');
});
