/** Versions: strictly increasing, newer than what was seen, in the order of the server's time whatever the local clock says. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HybridClock, VERSION_LENGTH } from '../../../lib/base/hybrid-clock.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const SERVER_MS = 1_700_000_000_000;

function makeClock(startMs = SERVER_MS, nodeId = 'node001'): { clock: FakeClock; hybrid: HybridClock; next: () => string } {
  const clock = new FakeClock(startMs);
  const hybrid = new HybridClock(clock, nodeId);
  return { clock, hybrid, next: () => hybrid.versionOf(hybrid.stamp()) };
}

/** Compares the clock with a server whose time is `serverMs`, over a round trip of `roundTripMs`. */
function anchor({ clock, hybrid }: { clock: FakeClock; hybrid: HybridClock }, serverMs: number, roundTripMs = 0): void {
  const sentMs = clock.nowMs();
  clock.advance(roundTripMs);
  hybrid.anchor(serverMs, sentMs, clock.nowMs());
}

/** The milliseconds in a version. */
const msOf = (version: string): number => Number(version.slice(0, 13));

describe('a version', () => {
  test('is 24 characters: 13 digits of milliseconds, 4 of the counter, 7 of the process', () => {
    const { hybrid, next } = makeClock();
    hybrid.anchor(SERVER_MS, SERVER_MS, SERVER_MS);
    const version = next();
    expect(version).toHaveLength(VERSION_LENGTH);
    expect(version).toMatch(/^1700000000000\d{4}node001$/);
  });

  test('needs a node id of seven characters', () => {
    expect(() => new HybridClock(new FakeClock(), 'short')).toThrow(TypeError);
  });

  test('is newer than the one before, also while time stands still for a hundred thousand of them', () => {
    const { hybrid, next } = makeClock();
    hybrid.anchor(SERVER_MS, SERVER_MS, SERVER_MS);
    let last = next();
    for (let i = 0; i < 100_000; i++) {
      const version = next();
      if (version <= last || version.length !== VERSION_LENGTH) throw new Error(`${version} after ${last}`);
      last = version;
    }
    expect(msOf(last)).toBe(SERVER_MS + Math.floor(100_000 / 1024));
  });

  test('follows the time when that moves on', () => {
    const { clock, hybrid, next } = makeClock();
    hybrid.anchor(SERVER_MS, SERVER_MS, SERVER_MS);
    for (const ms of [1, 0.5, 0.5, 1000, 86_400_000]) {
      clock.advance(ms);
      expect(msOf(next())).toBe(Math.floor(clock.nowMs()));
    }
  });

  test('of different processes at the same time differs', () => {
    const [a, b] = [makeClock(SERVER_MS, 'aaaaaaa'), makeClock(SERVER_MS, 'bbbbbbb')];
    for (const each of [a, b]) anchor(each, SERVER_MS);
    expect(a.next() < b.next()).toBe(true);
  });
});

describe('an observed version', () => {
  test('is older than every later one', () => {
    const { hybrid, next } = makeClock();
    hybrid.anchor(SERVER_MS, SERVER_MS, SERVER_MS);
    const ahead = `${SERVER_MS + 30_000}0007otherid`;
    hybrid.observe(ahead);
    expect(next() > ahead).toBe(true);
  });

  test('changes nothing when it is older', () => {
    const { hybrid, next } = makeClock();
    hybrid.anchor(SERVER_MS, SERVER_MS, SERVER_MS);
    const before = next();
    hybrid.observe(`${SERVER_MS - 5000}0000otherid`);
    const after = next();
    expect(after > before).toBe(true);
    expect(msOf(after)).toBe(SERVER_MS);
  });

  test('is not followed when it is more than a minute ahead', () => {
    const { hybrid, next } = makeClock();
    hybrid.anchor(SERVER_MS, SERVER_MS, SERVER_MS);
    hybrid.observe(`${SERVER_MS + 61_000}0000otherid`);
    expect(msOf(next())).toBe(SERVER_MS);
  });

  test.each(['', 'x'.repeat(24), `${SERVER_MS}abcdotherid`, '9'.repeat(24)])('that is none (%j) does no harm', (text) => {
    const { hybrid, next } = makeClock();
    hybrid.anchor(SERVER_MS, SERVER_MS, SERVER_MS);
    const before = next();
    hybrid.observe(text);
    const after = next();
    expect(after > before).toBe(true);
    expect(after).toMatch(/^\d{17}node001$/);
    expect(msOf(after)).toBe(SERVER_MS);
  });
});

describe('a clock that is compared with Redis', () => {
  test.each([-10, 10])('takes over its time when its own is %i minutes off', (minutes) => {
    const wrong = makeClock(SERVER_MS + minutes * 60_000);
    expect(wrong.hybrid.isAnchored).toBe(false);
    anchor(wrong, SERVER_MS);
    expect(wrong.hybrid.isAnchored).toBe(true);
    expect(wrong.hybrid.nowMs()).toBe(SERVER_MS);
    expect(wrong.hybrid.offsetMs).toBe(-minutes * 60_000);
    expect(msOf(wrong.next())).toBe(SERVER_MS);
  });

  test.each([-10, 10])('puts what it did before, %i minutes off, where it belongs on the time of Redis', (minutes) => {
    const wrong = makeClock(SERVER_MS + minutes * 60_000);
    const right = makeClock(SERVER_MS, 'rightid');
    anchor(right, SERVER_MS);
    const early = wrong.hybrid.stamp();
    for (const { clock } of [wrong, right]) clock.advance(5);
    const between = right.next();
    for (const { clock } of [wrong, right]) clock.advance(5);
    const late = wrong.hybrid.stamp();
    anchor(wrong, SERVER_MS + 10);
    const [earlyVersion, lateVersion] = [wrong.hybrid.versionOf(early), wrong.hybrid.versionOf(late)];
    expect(msOf(earlyVersion)).toBe(SERVER_MS);
    expect(earlyVersion < between).toBe(true);
    expect(between < lateVersion).toBe(true);
    expect(lateVersion < wrong.next()).toBe(true);
  });

  test('knows how uncertain that is: half a round trip', () => {
    const local = makeClock(SERVER_MS);
    anchor(local, SERVER_MS + 20, 40);
    expect(local.hybrid.offsetMs).toBe(0);
    expect(local.hybrid.uncertaintyMs).toBe(20);
  });

  test('does not move for what a round trip can explain', () => {
    const local = makeClock(SERVER_MS);
    anchor(local, SERVER_MS);
    anchor(local, SERVER_MS + 55, 100);
    expect(local.hybrid.offsetMs).toBe(0);
  });

  test('moves by what a round trip cannot explain, and never makes an older version by that', () => {
    const local = makeClock(SERVER_MS);
    anchor(local, SERVER_MS);
    const before = local.next();
    anchor(local, SERVER_MS - 10_000 + 5, 10);
    expect(local.hybrid.offsetMs).toBe(-9995);
    expect(local.next() > before).toBe(true);
    anchor(local, local.clock.nowMs() + 10_000);
    expect(local.hybrid.offsetMs).toBe(10_000);
    expect(msOf(local.next())).toBe(Math.floor(local.clock.nowMs()) + 10_000);
  });
});

test('versions of one process sort like the calls that made them, whatever happens in between', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('stamp' as const) }),
    fc.record({ do: fc.constant('advance' as const), ms: fc.double({ min: 0, max: 5000, noNaN: true }) }),
    fc.record({
      do: fc.constant('anchor' as const),
      offsetMs: fc.integer({ min: -600_000, max: 600_000 }),
      roundTripMs: fc.nat(500),
    }),
    fc.record({
      do: fc.constant('observe' as const),
      aheadMs: fc.integer({ min: -100_000, max: 100_000 }),
      counter: fc.nat(1023),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const local = makeClock();
      const stamps: number[] = [];
      let seen = '';
      for (const each of steps) {
        if (each.do === 'advance') local.clock.advance(each.ms);
        else if (each.do === 'anchor') anchor(local, local.clock.nowMs() + each.offsetMs, each.roundTripMs);
        else if (each.do === 'observe') {
          const ms = Math.floor(local.hybrid.nowMs()) + each.aheadMs;
          const version = `${String(ms).padStart(13, '0')}${String(each.counter).padStart(4, '0')}otherid`;
          local.hybrid.observe(version);
          if (each.aheadMs < 59_000 && local.hybrid.isAnchored && version > seen) seen = version;
        } else {
          stamps.push(local.hybrid.stamp());
          if (local.hybrid.isAnchored) expect(local.hybrid.versionOf(stamps.at(-1) ?? 0) > seen).toBe(true);
        }
      }
      const versions = stamps.map((stamp) => local.hybrid.versionOf(stamp));
      for (const version of versions) expect(version).toMatch(/^\d{17}node001$/);
      expect(versions).toEqual([...versions].sort());
      expect(new Set(versions).size).toBe(versions.length);
    }),
    { numRuns: 500 },
  );
});

describe('G16: local time that was moved forward', () => {
  /** A clock that counts as having slept when the test says so. */
  class Sleeper extends FakeClock {
    jumpedMs = 0;
    jump(ms: number): void {
      this.jumpedMs += ms;
      this.advance(ms);
    }
  }

  function makeSleeper(): { clock: Sleeper; hybrid: HybridClock; jumps: () => number; next: () => string } {
    const clock = new Sleeper(SERVER_MS);
    let jumps = 0;
    const hybrid = new HybridClock(clock, 'node001', () => jumps++);
    hybrid.anchor(SERVER_MS, SERVER_MS, SERVER_MS);
    return { clock, hybrid, jumps: () => jumps, next: () => hybrid.versionOf(hybrid.stamp()) };
  }

  test('has lives end at once, and asks for a comparison once', () => {
    const { clock, hybrid, jumps } = makeSleeper();
    clock.jump(6000);
    expect(hybrid.nowMs()).toBe(SERVER_MS + 6000);
    hybrid.nowMs();
    expect(jumps()).toBe(1);
  });

  test('makes no version and no time of the future: it may have been set, while the server has not slept', () => {
    const { clock, hybrid, next } = makeSleeper();
    clock.jump(3_600_000);
    expect(hybrid.provenMs()).toBe(SERVER_MS);
    expect(msOf(next())).toBe(SERVER_MS);
    hybrid.anchor(SERVER_MS, clock.nowMs(), clock.nowMs());
    expect(hybrid.nowMs()).toBe(SERVER_MS);
    expect(hybrid.provenMs()).toBe(SERVER_MS);
    expect(msOf(next())).toBe(SERVER_MS);
  });

  test('is followed by versions as soon as the server says that it was sleep', () => {
    const { clock, hybrid, next } = makeSleeper();
    clock.jump(6000);
    next();
    hybrid.anchor(SERVER_MS + 6000, clock.nowMs(), clock.nowMs());
    expect(hybrid.provenMs()).toBe(SERVER_MS + 6000);
    expect(msOf(next())).toBe(SERVER_MS + 6000);
  });

  test('is nothing special before the first comparison', () => {
    const clock = new Sleeper(SERVER_MS);
    const hybrid = new HybridClock(clock, 'node001', () => {
      throw new Error('there is nothing to compare with');
    });
    const early = hybrid.stamp();
    clock.jump(6000);
    const late = hybrid.stamp();
    hybrid.anchor(SERVER_MS + 6000, clock.nowMs(), clock.nowMs());
    expect(hybrid.versionOf(early) < hybrid.versionOf(late)).toBe(true);
    expect(msOf(hybrid.versionOf(late))).toBe(SERVER_MS + 6000);
  });
});
