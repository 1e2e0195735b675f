/** What a process makes of the marks it reads, and what it does where there are none. No network: Redis replies what it is told to. */
import { describe, expect, test } from '@jest/globals';
import { HybridClock } from '../../../../lib/base/hybrid-clock.js';
import { FakeClock } from '../../../../lib/testing/fake-clock.js';
import { ClearLine } from '../../../../lib/tiers/redis/clear-line.js';
import { KeySpace } from '../../../../lib/tiers/redis/key-space.js';
import { isPassed, NEVER } from '../../../../lib/tiers/redis/marks-script.js';
import type { RedisConnection } from '../../../../lib/tiers/redis/redis-connection.js';
import { ServiceMarks } from '../../../../lib/tiers/redis/service-marks.js';

const NOW_MS = 1_700_000_000_000;
const versionAt = (ms: number, node = 'other00'): string => `${ms}0000${node}`;
/** Far beyond what a process follows by itself. */
const FAR = versionAt(NOW_MS + 3_600_000);

type Reply = (string | null)[] | Error;

/** Marks over a Redis that has what `hashes` say, by name. */
class Bench {
  readonly clock = new HybridClock(new FakeClock(NOW_MS), 'me00000');
  readonly clearLine = new ClearLine(this.clock);
  readonly hashes = new Map<string, Record<string, string> | Error>();
  /** The commands sent, and where to. */
  readonly sent: string[] = [];
  readonly foreign: string[] = [];
  losses = 0;
  takesMarks = false;
  /** What the script that makes marks says. */
  opened: [string, string, number] = [NEVER, NEVER, 0];
  /** What the script that clears says, one after the other. */
  cleared: string[] = [];
  readonly keySpace: KeySpace;
  readonly marks: ServiceMarks;

  constructor(isCluster = false) {
    this.clock.anchor(NOW_MS, NOW_MS, NOW_MS);
    this.keySpace = new KeySpace('oxcache', 's', '', isCluster);
    const connection = {
      eviction: {
        known: () => Promise.resolve({ takesMarks: this.takesMarks }),
        refresh: () => Promise.resolve(),
      },
      send: (name: string, args: readonly string[]) => {
        this.sent.push(name);
        const reply = name === 'hmget' ? this.#read(args) : this.#run(args);
        return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply);
      },
    };
    this.marks = new ServiceMarks({
      connection: connection as unknown as RedisConnection,
      keySpace: this.keySpace,
      announcer: undefined,
      clock: this.clock,
      clearLine: this.clearLine,
      timeoutMs: 1000,
      onLoss: () => this.losses++,
      onForeign: (tag) => this.foreign.push(tag),
    });
  }

  /** What a reader is told of each tag. */
  ask(...tags: string[]): Promise<(string | undefined)[]> {
    return Promise.all(tags.map((tag) => new Promise<string | undefined>((resolve) => this.marks.ask(tag, resolve))));
  }

  #read([name = '', ...fields]: readonly string[]): Reply {
    const hash = this.hashes.get(name);
    return hash instanceof Error ? hash : fields.map((field) => hash?.[field] ?? null);
  }

  #run(args: readonly string[]): unknown {
    // The script that makes marks has one argument more than the one that clears.
    if (args.length === 3 + 6) {
      this.hashes.set(args[2] ?? '', { c: this.opened[0], h: this.opened[1] });
      return this.opened;
    }
    return this.cleared.shift() ?? '';
  }
}

const MARKS = 'oxcache::s:marks';
const wrongType = Object.assign(new Error('WRONGTYPE Operation against a key holding the wrong kind of value'), {
  name: 'ReplyError',
});

describe('a question about tags', () => {
  test('is one command for all that is asked in a tick, and each is told of its own', async () => {
    const bench = new Bench();
    bench.hashes.set(MARKS, { c: NEVER, h: versionAt(NOW_MS), ta: versionAt(NOW_MS - 5) });
    expect(await bench.ask('a', 'b', 'a')).toEqual([versionAt(NOW_MS - 5), '', versionAt(NOW_MS - 5)]);
    expect(bench.sent).toEqual(['hmget']);
  });

  test('where marks were removed because of their age, may have been one of them', async () => {
    const bench = new Bench();
    bench.hashes.set(MARKS, { c: NEVER, h: versionAt(NOW_MS), p: versionAt(NOW_MS - 9), ta: versionAt(NOW_MS - 5) });
    expect(await bench.ask('a', 'b')).toEqual([versionAt(NOW_MS - 5), versionAt(NOW_MS - 9)]);
  });

  test('that finds what is no version reports it, and nothing is known of the tag', async () => {
    const bench = new Bench();
    bench.hashes.set(MARKS, { c: NEVER, h: NEVER, ta: 'x', tb: versionAt(NOW_MS) });
    expect(await bench.ask('a', 'b')).toEqual([undefined, versionAt(NOW_MS)]);
    expect(bench.foreign).toEqual(['a']);
  });

  test('obeys no version from far ahead, unless Redis has applied it', async () => {
    const bench = new Bench();
    bench.hashes.set(MARKS, { c: NEVER, h: versionAt(NOW_MS), ta: FAR });
    expect(await bench.ask('a')).toEqual(['']);
    bench.hashes.set(MARKS, { c: NEVER, h: FAR, ta: FAR });
    expect(await bench.ask('a')).toEqual([FAR]);
  });

  test('that Redis does not answer leaves it open', async () => {
    const bench = new Bench();
    bench.hashes.set(MARKS, new Error('no connection'));
    expect(await bench.ask('a')).toEqual([undefined]);
  });

  test.each([undefined, wrongType])(
    'that finds no marks makes some; if they were lost, copies are forgotten (%s)',
    async (found) => {
      const bench = new Bench();
      if (found !== undefined) bench.hashes.set(MARKS, found);
      bench.opened = [versionAt(NOW_MS), versionAt(NOW_MS), 1];
      expect(await bench.ask('a')).toEqual(['']);
      expect(bench.sent).toEqual(['hmget', 'evalsha']);
      expect(bench.losses).toBe(1);
      expect(bench.clearLine.hides(versionAt(NOW_MS - 1))).toBe(true);
    },
  );
});

describe('learning', () => {
  test('tells whether there was a clear that was not known', async () => {
    const bench = new Bench();
    bench.hashes.set(MARKS, { c: NEVER, h: NEVER });
    expect(await bench.marks.learn()).toBe(false);
    bench.hashes.set(MARKS, { c: versionAt(NOW_MS), h: versionAt(NOW_MS) });
    expect(await bench.marks.learn()).toBe(true);
    expect(await bench.marks.learn()).toBe(false);
  });

  test('follows the highest version, however far ahead it is', async () => {
    const bench = new Bench();
    bench.hashes.set(MARKS, { c: NEVER, h: FAR });
    await bench.marks.learn();
    expect(bench.clock.versionOf(bench.clock.stamp()) > FAR).toBe(true);
  });

  test.each([
    [true, 1],
    [false, 0],
  ])('makes marks that are missing only where they may have been evicted (%s)', async (takesMarks, scripts) => {
    const bench = new Bench();
    bench.takesMarks = takesMarks;
    await bench.marks.learn();
    expect(bench.sent.filter((name) => name === 'evalsha')).toHaveLength(scripts);
  });
});

describe('in a cluster', () => {
  test('the highest version of all buckets is told, without what this process wrote itself', async () => {
    const bench = new Bench(true);
    const own = versionAt(NOW_MS + 9, 'me00000');
    bench.hashes.set(bench.keySpace.marksOf(3), { c: NEVER, h: versionAt(NOW_MS + 5) });
    bench.hashes.set(bench.keySpace.marksOf(7), { c: NEVER, h: versionAt(NOW_MS + 2) });
    bench.hashes.set(bench.keySpace.marksOf(9), { c: NEVER, h: own });
    expect(await bench.marks.highest(own)).toBe(versionAt(NOW_MS + 5));
    // One of its own that it had not heard of was raised above what others had written.
    expect(await bench.marks.highest(versionAt(NOW_MS + 8, 'me00000'))).toBe(own);
  });

  test('there is none where nothing was ever applied', async () => {
    expect(await new Bench(true).marks.highest('')).toBe('');
  });

  test('a clear is as new as the newest bucket demands, and noted with that version in all', async () => {
    const bench = new Bench(true);
    const version = versionAt(NOW_MS, 'me00000');
    const raised = versionAt(NOW_MS + 7, 'me00000');
    bench.cleared = [...Array.from({ length: 63 }, () => version), raised, ...Array.from({ length: 64 }, () => raised)];
    expect(await bench.marks.clear(version, false)).toBe(raised);
    expect(bench.sent).toHaveLength(128);
    expect(bench.clock.versionOf(bench.clock.stamp()) > raised).toBe(true);
  });
});

test('marks that are removed again and again are an error in the end', async () => {
  const bench = new Bench();
  await expect(bench.marks.opened(0, () => Promise.resolve(undefined))).rejects.toMatchObject({ code: 'CACHE_L2_UNAVAILABLE' });
  expect(bench.sent).toHaveLength(4);
});

test.each<readonly [string, string, string, boolean]>([
  ['5', '4', '9', false],
  ['5', '5', '9', false],
])('an invalidation is not passed by what is not newer (%s, %s)', (version, highest, newest, isTrue) => {
  expect(isPassed(`${version}me00000`, `${highest}me00000`, `${newest}me00000`)).toBe(isTrue);
});

test('an invalidation is passed by what others have written, and by what its process had not heard of', () => {
  expect(isPassed('5me00000', '6other00', '9me00000')).toBe(true);
  expect(isPassed('5me00000', '6me00000', '9me00000')).toBe(false);
  expect(isPassed('5me00000', '6me00000', '5me00000')).toBe(true);
});
