/** How many reads are under way to one server, and what becomes of those that wait. */
import { describe, expect, test } from '@jest/globals';
import { CacheError } from '../../../../lib/base/errors.js';
import { ReadLane, type Reads } from '../../../../lib/tiers/redis/read-lane.js';
import { ValueSizes } from '../../../../lib/tiers/redis/value-sizes.js';

interface Sent {
  readonly keys: readonly string[];
  readonly onDone: (failure?: CacheError) => void;
}

/** A lane, what it has sent, and the ends of its reads. */
function useLane(): {
  lane: ReadLane;
  sent: Sent[];
  failed: string[];
  ask: (slot: string, keys: string[], sizes: ValueSizes) => void;
} {
  const sent: Sent[] = [];
  const failed: string[] = [];
  const lane = new ReadLane((reads: Reads, onDone) => sent.push({ keys: reads.keys, onDone }));
  const ask = (slot: string, keys: string[], sizes: ValueSizes): void => {
    const receivers = keys.map((key) => ({ receive: () => undefined, fail: () => void failed.push(key) }));
    lane.add(slot, { keys, receivers, sizes: keys.map(() => sizes) });
  };
  return { lane, sent, failed, ask };
}

function sizesOf(bytes: number): ValueSizes {
  const sizes = new ValueSizes();
  sizes.expectedBytes = bytes;
  return sizes;
}

function keysOf(count: number, name = 'k'): string[] {
  return Array.from({ length: count }, (_, i) => `${name}${i}`);
}

function timeOut(): CacheError {
  return new CacheError('CACHE_L2_TIMEOUT', 'too late');
}

describe('a lane', () => {
  test('sends what there is room for, and the rest in order as answers come', () => {
    const { sent, ask } = useLane();
    const small = sizesOf(100);
    const keys = keysOf(10 * 512);
    for (let i = 0; i < 10; i++) ask('', keys.slice(i * 512, (i + 1) * 512), small);
    expect(sent.map(({ keys: { length } }) => length)).toEqual([512, 512, 512, 512]);
    for (let i = 0; i < 10; i++) sent[i]?.onDone();
    expect(sent.flatMap((each) => each.keys)).toEqual(keys);
  });

  test('sends one value at a time when each is as large as the window', () => {
    const { sent, ask } = useLane();
    ask('', keysOf(5), sizesOf(10 * 1024 * 1024));
    for (let i = 0; i < 5; i++) {
      expect(sent.slice(i).map(({ keys }) => keys)).toEqual([[`k${i}`]]);
      sent[i]?.onDone();
    }
  });

  test('divides by the bytes that are expected', () => {
    const { sent, ask } = useLane();
    ask('', keysOf(100), sizesOf(100 * 1024));
    expect(sent.map(({ keys: { length } }) => length)).toEqual([10, 10, 10, 10]);
  });

  test('learns while reads wait', () => {
    const { sent, ask } = useLane();
    const sizes = sizesOf(1024 * 1024);
    ask('', keysOf(100), sizes);
    expect(sent).toHaveLength(4);
    sizes.expectedBytes = 100;
    sent[0]?.onDone();
    expect(sent.at(-1)?.keys).toHaveLength(96);
  });

  test('what waits travels with its own slot only, and each slot gets its turn', () => {
    const { sent, ask } = useLane();
    const large = sizesOf(10 * 1024 * 1024);
    ask('a', ['a1'], large);
    ask('b', ['b1', 'b2'], large);
    ask('c', ['c1'], large);
    for (let i = 0; i < 4; i++) sent[i]?.onDone();
    expect(sent.map(({ keys }) => keys)).toEqual([['a1'], ['b1'], ['c1'], ['b2']]);
  });

  test('G6: what waits fails with a part that got no answer in time, and with nothing else', () => {
    const { sent, failed, ask } = useLane();
    const large = sizesOf(10 * 1024 * 1024);
    ask('', ['a', 'b', 'c'], large);
    sent[0]?.onDone(new CacheError('CACHE_L2_UNAVAILABLE', 'refused'));
    expect(failed).toEqual([]);
    expect(sent).toHaveLength(2);
    sent[1]?.onDone(timeOut());
    expect(failed).toEqual(['c']);
    // And goes on with what is asked for afterwards.
    ask('', ['d'], large);
    expect(sent.at(-1)?.keys).toEqual(['d']);
  });

  test('all that waits can be failed at once', () => {
    const { lane, sent, failed, ask } = useLane();
    ask('x', keysOf(2000), sizesOf(10_000));
    ask('y', keysOf(2, 'y'), sizesOf(10_000));
    const underWay = sent.reduce((count, { keys }) => count + keys.length, 0);
    lane.failWaiting(timeOut());
    expect(failed).toHaveLength(2002 - underWay);
    for (const { onDone } of [...sent]) onDone();
    expect(sent.reduce((count, { keys }) => count + keys.length, 0)).toBe(underWay);
  });
});

describe('the expected size', () => {
  test('rises fast and falls slowly, to what is there', () => {
    const sizes = new ValueSizes();
    for (let i = 0; i < 10; i++) sizes.note(1_000_000);
    expect(sizes.expectedBytes).toBeGreaterThan(900_000);
    for (let i = 0; i < 10; i++) sizes.note(100);
    expect(sizes.expectedBytes).toBeGreaterThan(500_000);
    for (let i = 0; i < 1000; i++) sizes.note(100);
    expect(sizes.expectedBytes).toBeLessThan(200);
    for (let i = 0; i < 1000; i++) sizes.note(0);
    expect(sizes.expectedBytes).toBeGreaterThanOrEqual(0);
  });
});
