/** Who loads next: what a flight does while another process has the lease of its key, step by step on a fake clock. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { BackgroundTasks } from '../../../lib/base/background-tasks.js';
import { CacheError } from '../../../lib/base/errors.js';
import { Flight, type LoadEnd } from '../../../lib/clients/flight.js';
import { LEASE_MS, leaseNameOf } from '../../../lib/clients/load-lease.js';
import { LoadTurns, type TurnResult } from '../../../lib/clients/load-turns.js';
import type { LookNotes } from '../../../lib/clients/look-notes.js';
import type { RedisSide, ServiceCore } from '../../../lib/clients/service-core.js';
import { WriteFence } from '../../../lib/sync/write-fence.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const UNUSABLE = new CacheError('CACHE_L2_UNAVAILABLE', 'away');
const FOUND: LoadEnd = { source: 'l2', value: 'v' };

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let clock: FakeClock;
/** Measures how long work takes: none, unless a test says so. */
let workClock: FakeClock;
let random: () => number;
let fence: WriteFence;
let background: BackgroundTasks;
let reported: string[];
/** What was asked, in order: `take k`, `look k`, `release k`. */
let asked: string[];
let take: (key: string) => Promise<string | undefined>;
let look: (notes: LookNotes) => LoadEnd | undefined;
let renewals: number;

beforeEach(() => {
  clock = new FakeClock();
  workClock = new FakeClock();
  random = () => 0.5;
  fence = new WriteFence();
  background = new BackgroundTasks();
  reported = [];
  asked = [];
  take = () => Promise.resolve(undefined);
  look = () => undefined;
  renewals = 0;
});

function keyOf(leaseName: string): string {
  return leaseName.slice(leaseNameOf('').length);
}

function turnsOf(...flights: Flight[]): LoadTurns {
  const tier = {
    unusableError: () => UNUSABLE,
    acquireLease: (name: string) => {
      asked.push(`take ${keyOf(name)}`);
      return take(keyOf(name));
    },
    extendLease: () => {
      renewals++;
      return Promise.resolve(true);
    },
    releaseLease: (name: string, holder: string) => {
      asked.push(`release ${keyOf(name)} ${holder === 'token' ? 'by token' : 'by owner'}`);
      return Promise.resolve(true);
    },
  };
  const redis = { tier, outbox: { push: () => Promise.resolve() } } as unknown as RedisSide;
  const core = {
    parts: { clock, fence, background },
    locate: (error: CacheError) => error,
    report: (error: CacheError) => reported.push(error.code),
  } as unknown as ServiceCore;
  for (const flight of flights) {
    flight.waiters = 1;
    fence.admit(flight);
  }
  const lookAt = (notes: LookNotes): Promise<LoadEnd | undefined> => {
    asked.push(`look ${notes.key}`);
    return Promise.resolve(look(notes));
  };
  return new LoadTurns({ core, redis, look: lookAt, isOneCall: false }, flights, random, workClock);
}

/** The turn, as long as it has not come. */
function watch(turns: LoadTurns): { result: TurnResult | undefined } {
  const watched: { result: TurnResult | undefined } = { result: undefined };
  void turns.next().then((result) => (watched.result = result));
  return watched;
}

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed++) {
    clock.advance(1);
    await settle();
  }
}

describe('a flight whose lease is free', () => {
  test('is looked for once more, and then to be loaded here; it is given back when the flight has ended', async () => {
    take = () => Promise.resolve('token');
    const flight = new Flight('k', false);
    const turns = turnsOf(flight);
    expect(await turns.next()).toMatchObject({ mine: [flight] });
    expect([asked, turns.isOver]).toEqual([['take k', 'look k'], true]);
    flight.land(FOUND);
    await background.drain();
    expect(asked.at(-1)).toBe('release k by token');
    expect(clock.pendingTimers).toBe(0);
  });

  test('G3: is not loaded if the value is there by now', async () => {
    take = () => Promise.resolve('token');
    look = () => FOUND;
    const flight = new Flight('k', false);
    const { found, mine } = await turnsOf(flight).next();
    expect([found.get(flight), mine]).toEqual([FOUND, []]);
  });

  test('is loaded without a look where that is asked for', async () => {
    take = () => Promise.resolve('token');
    look = () => FOUND;
    const flight = new Flight('k', true);
    expect((await turnsOf(flight).next()).mine).toEqual([flight]);
    expect(asked).toEqual(['take k']);
  });

  test('G4: begins clean if it was overtaken meanwhile, and is overtaken by what is written from then on', async () => {
    const flight = new Flight('k', false);
    take = () => {
      fence.overtake('k');
      return Promise.resolve('token');
    };
    expect((await turnsOf(flight).next()).mine).toEqual([flight]);
    expect(flight.isOvertaken).toBe(false);
    fence.overtake('k');
    expect(flight.isOvertaken).toBe(true);
  });
});

describe('a lease of a load whose answer comes after its time', () => {
  test('is asked for once more, and then the load goes on with what it got', async () => {
    take = () => {
      clock.advance(LEASE_MS);
      return Promise.resolve('token');
    };
    const flight = new Flight('k', false);
    expect((await turnsOf(flight).next()).mine).toEqual([flight]);
    expect(asked).toEqual(['take k', 'take k', 'look k']);
  });

  test('is left to the process that has it by then', async () => {
    const answers = ['token', undefined];
    take = () => {
      clock.advance(LEASE_MS);
      return Promise.resolve(answers.shift());
    };
    const flight = new Flight('k', false);
    const watched = watch(turnsOf(flight));
    await settle();
    expect([asked, watched.result, flight.isHeldElsewhere]).toEqual([['take k', 'take k'], undefined, true]);
    flight.abandon(new Error('nobody waits'));
  });

  test('is renewed as early as if it had come at once', async () => {
    take = () => {
      clock.advance(LEASE_MS / 2);
      return Promise.resolve('token');
    };
    const flight = new Flight('k', false);
    await turnsOf(flight).next();
    expect(renewals).toBe(0);
    clock.advance(0);
    expect(renewals).toBe(1);
    flight.land(FOUND);
  });
});

describe('a flight whose lease another process has', () => {
  test.each([
    [40, 0],
    [20, 1 - Number.EPSILON],
  ])('asks 20 to 40 times a second (%i), and has no timer once it was given up', async (times, part) => {
    random = () => part;
    const flight = new Flight('k', false);
    const turns = turnsOf(flight);
    const watched = watch(turns);
    await pass(200);
    asked.length = 0;
    await pass(1000);
    expect(asked.filter((what) => what === 'take k')).toHaveLength(times);
    expect(watched.result).toBeUndefined();
    asked.length = 0;
    flight.abandon(new Error('nobody waits'));
    await settle();
    expect([watched.result?.mine, asked]).toEqual([[], []]);
    expect([clock.pendingTimers, turns.isOver, flight.isOvertaken]).toEqual([0, true, true]);
  });

  test('looks at once, without a pause, when it was overtaken', async () => {
    const flight = new Flight('k', false);
    const watched = watch(turnsOf(flight));
    await settle();
    look = () => FOUND;
    // Time that passes before the write is none in which this has kept the event loop busy.
    workClock.advance(1000);
    fence.overtake('k');
    await settle();
    expect(watched.result?.found.get(flight)).toBe(FOUND);
    expect([flight.isOvertaken, clock.pendingTimers, flight.onOvertaken]).toEqual([false, 0, undefined]);
  });

  test('asks only for the one that was overtaken, and for all when it is time', async () => {
    const watched = watch(turnsOf(new Flight('a', false), new Flight('b', false), new Flight('c', false)));
    await pass(200);
    asked.length = 0;
    fence.overtake('b');
    await settle();
    expect(asked).toEqual(['look b', 'take b']);
    asked.length = 0;
    await pass(50);
    expect(asked).toEqual(expect.arrayContaining(['take a', 'take b', 'take c']));
    expect(watched.result).toBeUndefined();
  });

  test('comes with all others that are free at the same time', async () => {
    const flights = ['a', 'b', 'c'].map((key) => new Flight(key, false));
    const turns = turnsOf(...flights);
    const watched = watch(turns);
    await pass(20);
    take = (key) => Promise.resolve(key === 'b' ? undefined : 'token');
    await pass(60);
    expect(watched.result?.mine).toEqual([flights[0], flights[2]]);
    expect(turns.isOver).toBe(false);
  });

  test('lends what is past its TTL as long as that may be served', async () => {
    const flight = new Flight('k', false);
    flight.stale = 'old';
    const lent: unknown[] = [];
    flight.join({
      landed: () => undefined,
      failed: () => undefined,
      offered: () => lent.push(flight.staleEnd(clock.nowMs())),
    });
    const turns = turnsOf(flight);
    look = (it) => {
      it.stale = 'old';
      return undefined;
    };
    const watched = watch(turns);
    await settle();
    const old = { source: 'l1', value: 'old', isStale: true };
    expect(lent).toEqual([old]);
    lent.length = 0;
    // Overtaken, and not looked for yet.
    flight.isOvertaken = true;
    flight.lend();
    expect(lent).toEqual([]);
    look = () => undefined;
    await pass(60);
    flight.lend();
    expect([lent, watched.result]).toEqual([[], undefined]);
  });

  test('is left to that process where it is a reload ahead of time and nobody else waits', async () => {
    const flight = new Flight('k', true);
    flight.isBackground = true;
    look = () => FOUND;
    const { found } = await turnsOf(flight).next();
    expect([found.get(flight), flight.isLeftToOthers]).toEqual([FOUND, true]);
  });

  test('is waited for where somebody joined a reload ahead of time, who takes what the other process loaded', async () => {
    const flight = new Flight('k', true);
    flight.isBackground = true;
    const turns = turnsOf(flight);
    flight.waiters = 2;
    const watched = watch(turns);
    await pass(100);
    expect(watched.result).toBeUndefined();
    look = () => FOUND;
    await pass(60);
    expect([watched.result?.found.get(flight), flight.isLeftToOthers]).toEqual([FOUND, false]);
  });
});

describe('G6: a flight whose lease cannot be asked for', () => {
  test('is loaded here at once where Redis is known to be away', async () => {
    take = () => Promise.reject(UNUSABLE);
    const flight = new Flight('k', false);
    expect((await turnsOf(flight).next()).mine).toEqual([flight]);
    expect([reported, flight.hasWaitedInVain]).toEqual([[], false]);
  });

  test('is loaded here after one deadline, and gives back by its name what it may have', async () => {
    take = () => Promise.reject(new CacheError('CACHE_L2_TIMEOUT', 'no answer'));
    const flight = new Flight('k', false);
    expect((await turnsOf(flight).next()).mine).toEqual([flight]);
    expect([reported, flight.hasWaitedInVain]).toEqual([['CACHE_L2_TIMEOUT'], true]);
    flight.land(FOUND);
    await background.drain();
    expect(asked).toEqual(['take k', 'release k by owner']);
  });

  test('is loaded here when L2 cannot be read any more while it waits', async () => {
    const flight = new Flight('k', false);
    const watched = watch(turnsOf(flight));
    await settle();
    look = (it) => {
      it.hasWaitedInVain = true;
      return undefined;
    };
    await pass(60);
    expect([watched.result?.mine, flight.hasWaitedInVain]).toEqual([[flight], true]);
  });
});
