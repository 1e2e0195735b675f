/** The rules by which a Redis is used or not, one by one, and what holds whatever happens. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { HealthAction, HealthEvent, HealthReport } from '../../../lib/recovery/health-events.js';
import { describeDenials } from '../../../lib/recovery/health-denials.js';
import { allowsTraffic, initialHealth, type HealthState } from '../../../lib/recovery/health-facts.js';
import { reduceHealth } from '../../../lib/recovery/health-state.js';
import type { Failure, FailureCode } from '../../../lib/tiers/redis/redis-errors.js';

type Occurrence = HealthEvent extends infer E ? (E extends HealthEvent ? Omit<E, 'atMs' | 'successes'> : never) : never;

const PING_MS = 30_000;
const START_MS = 1_700_000_000_000;

const failure = (code: FailureCode, reason: string = code): Failure => ({ code, reason });
const ready = { type: 'ready' } as const;
const closed = { type: 'closed' } as const;
const missed = { type: 'missed' } as const;
const missedWrite = { type: 'missed', isWrite: true } as const;
const refusedConnection = { type: 'error', failure: failure('UNREACHABLE', 'ECONNREFUSED') } as const;
const answered = (hasWritten = false): Occurrence => ({ type: 'probe-answered', hasWritten });
const silent: Occurrence = { type: 'probe-failed', failure: failure('UNREACHABLE', 'silent'), isSilent: true };
const refusedProbe = (code: FailureCode): Occurrence => ({ type: 'probe-failed', failure: failure(code), isSilent: false });
const refused = (code: FailureCode): Occurrence => ({ type: 'refused', failure: failure(code) });

/** Plays events against the rules, as a monitor would, with a clock of its own. */
class Play {
  state: HealthState;
  nowMs = START_MS;
  /** The actions of the last event. */
  actions: readonly HealthAction[] = [];
  readonly reports: HealthReport[] = [];
  readonly told: string[] = [];
  probes = 0;
  isGateOpen = false;
  areWritesStopped = false;

  constructor(canRelink = true) {
    this.state = initialHealth(this.nowMs, { pingIntervalMs: PING_MS, canRelink });
  }

  take(occurrence: Occurrence, successes = 0): this {
    const before = this.state;
    const step = reduceHealth(before, { ...occurrence, atMs: this.nowMs, successes });
    this.state = step.state;
    this.actions = step.actions;
    for (const action of step.actions) {
      if (action.type === 'report') this.reports.push(action.report);
      if (action.type === 'probe') this.probes++;
      if (action.type === 'open-gate') this.isGateOpen = true;
      if (action.type === 'close-gate') this.isGateOpen = false;
      if (action.type === 'stop-writes') this.areWritesStopped = action.reason !== undefined;
      if (action.type === 'tell-degraded') this.told.push('degraded');
      if (action.type === 'tell-usable') this.told.push(action.downMs === undefined ? 'usable' : 'recovered');
    }
    return this;
  }

  /** Moves the time on, with every tick that was asked for. */
  pass(ms: number): this {
    const untilMs = this.nowMs + ms;
    while (this.state.wakeMs !== undefined && this.state.wakeMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.state.wakeMs);
      this.take({ type: 'tick' });
    }
    this.nowMs = untilMs;
    return this;
  }

  has(type: HealthAction['type']): boolean {
    return this.actions.some((action) => action.type === type);
  }

  get phase(): string {
    return this.state.phase;
  }

  get about(): string[] {
    return this.reports.map((report) => ('failure' in report ? `${report.about} ${report.failure.code}` : report.about));
  }

  /** How long the next probe is away. */
  get pauseMs(): number {
    return this.state.wakeMs === undefined ? Infinity : this.state.wakeMs - this.nowMs;
  }

  up(): this {
    return this.take(ready).take(answered());
  }

  /** Down and, as soon as the pause is over, up again; resolves to the pause. */
  flap(): number {
    this.take(closed).take(ready);
    const pauseMs = this.phase === 'recovering' ? 0 : this.pauseMs;
    this.pass(pauseMs === Infinity ? 0 : pauseMs).take(answered());
    return pauseMs;
  }
}

describe('the first connection', () => {
  test('is degraded, without anybody being told, until a probe is answered', () => {
    const play = new Play();
    expect([play.phase, play.isGateOpen, play.told]).toEqual(['degraded', false, []]);
    play.take(ready);
    expect([play.phase, play.isGateOpen, play.probes]).toEqual(['recovering', false, 1]);
    play.take(answered());
    expect([play.phase, play.isGateOpen]).toEqual(['healthy', true]);
    expect(play.actions).toContainEqual({ type: 'tell-usable', isFirst: true, downMs: undefined });
    expect(play.reports).toEqual([]);
  });

  test('that fails is an outage, told of and reported once, whatever number of attempts', () => {
    const play = new Play();
    for (let i = 0; i < 5; i++) play.take(refusedConnection).take(closed).pass(1000);
    expect(play.told).toEqual(['degraded']);
    expect(play.reports).toEqual([{ about: 'degraded', failure: refusedConnection.failure, isFlapping: false }]);
    play.up();
    expect(play.told).toEqual(['degraded', 'recovered']);
    expect(play.actions).toContainEqual({ type: 'tell-usable', isFirst: true, downMs: 5000 });
    expect(play.about).toEqual(['degraded UNREACHABLE', 'recovered']);
  });

  test('that takes too long is told of while it is still being made', () => {
    const play = new Play().take({ type: 'unreachable', failure: failure('UNREACHABLE', 'nobody') });
    expect([play.told, play.phase]).toEqual([['degraded'], 'degraded']);
    expect(play.up().phase).toBe('healthy');
  });
});

describe('an outage', () => {
  test('begins at once with the end of the connection, and ends with the first answer over the next one', () => {
    const play = new Play().up().take(closed);
    expect([play.phase, play.isGateOpen]).toEqual(['degraded', false]);
    play.pass(400).take(ready);
    expect(play.phase).toBe('recovering');
    play.take(answered());
    expect(play.actions).toContainEqual({ type: 'tell-usable', isFirst: false, downMs: 400 });
    expect(play.about).toEqual(['degraded UNREACHABLE', 'recovered']);
  });

  test('begins with a missed probe; one missed command causes just the probe', () => {
    const play = new Play().up().take(missed);
    expect([play.phase, play.probes]).toEqual(['healthy', 2]);
    expect(play.take(missed).probes).toBe(2);
    play.take(silent);
    expect([play.phase, play.has('relink')]).toEqual(['degraded', true]);
    expect(play.take(closed).take(ready).phase).toBe('recovering');
  });

  test('is reported again only when its reason is of another kind, once per kind', () => {
    const play = new Play().up().take(closed);
    const wrong = { type: 'error', failure: failure('WRONGPASS') } as const;
    for (let i = 0; i < 4; i++) play.take(refusedConnection).take(closed).take(wrong).take(closed);
    expect(play.about).toEqual(['degraded UNREACHABLE', 'changed WRONGPASS']);
    expect(play.state.failure.code).toBe('WRONGPASS');
    expect(play.told).toEqual(['usable', 'degraded']);
  });

  test('does not relink a connection that was handed in, but asks again', () => {
    const play = new Play(false).up().take(missed).take(silent);
    expect([play.phase, play.has('relink'), play.pauseMs]).toEqual(['degraded', false, 250]);
    expect(play.pass(250).phase).toBe('recovering');
  });

  test('asks a Redis that refuses again after 250 ms, then less often, at least once a second', () => {
    const play = new Play().take(ready);
    const pauses = [];
    for (let i = 0; i < 6; i++) {
      play.take(refusedProbe('LOADING'));
      pauses.push(play.pauseMs);
      play.pass(play.pauseMs);
    }
    expect(pauses).toEqual([250, 500, 1000, 1000, 1000, 1000]);
    expect(play.take(answered()).phase).toBe('healthy');
    expect(play.about).toEqual(['degraded LOADING', 'recovered']);
  });

  test('is not ended by the answer to a probe over a connection that is gone', () => {
    const play = new Play().up().take(missed).take(closed).take(ready);
    expect([play.phase, play.probes]).toEqual(['degraded', 2]);
    play.take(answered());
    expect([play.phase, play.probes]).toEqual(['recovering', 3]);
    expect(play.take(answered()).phase).toBe('healthy');
  });
});

describe('health checks', () => {
  test('come at every interval, and one that is missed ends the use', () => {
    const play = new Play().up().pass(PING_MS - 1);
    expect(play.probes).toBe(1);
    expect(play.pass(1).probes).toBe(2);
    play.take(answered()).pass(PING_MS);
    expect(play.probes).toBe(3);
    expect(play.take(refusedProbe('NOAUTH')).phase).toBe('degraded');
  });
});

describe('refusals', () => {
  test.each<FailureCode>(['LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'BUSY', 'NOAUTH', 'WRONGPASS'])(
    '%s stops the traffic, and any probe that is answered lets it flow again',
    (code) => {
      const play = new Play().up().take(refused(code));
      expect([play.isGateOpen, play.phase]).toEqual([false, 'recovering']);
      expect(play.actions).toContainEqual({ type: 'probe', mustWrite: false });
      expect(play.take(answered()).phase).toBe('healthy');
      expect(play.about).toEqual([`degraded ${code}`, 'recovered']);
    },
  );

  test.each<FailureCode>(['MISCONF', 'NOREPLICAS'])('%s stops writes and nothing else, until one was taken', (code) => {
    const play = new Play().up().take(refused(code));
    expect([play.phase, play.isGateOpen, play.areWritesStopped]).toEqual(['healthy', true, true]);
    expect(play.told.at(-1)).toBe('degraded');
    for (const pauseMs of [250, 500, 1000, 1000]) {
      play.pass(pauseMs - 1);
      expect(play.has('probe')).toBe(false);
      play.pass(1);
      expect(play.actions).toContainEqual({ type: 'probe', mustWrite: true });
      play.take(refusedProbe(code));
    }
    expect(play.isGateOpen).toBe(true);
    play.pass(1000).take(answered(true));
    expect([play.phase, play.areWritesStopped, play.told.at(-1)]).toEqual(['healthy', false, 'recovered']);
    expect(play.about).toEqual([`read-only ${code}`, 'writable']);
  });

  test('a write that is not answered stops writes at once, without a word, until a probe has told why', () => {
    const play = new Play().up().take(missedWrite);
    expect([play.isGateOpen, play.areWritesStopped]).toEqual([true, true]);
    expect(play.actions).toContainEqual({ type: 'probe', mustWrite: true });
    play.take(missedWrite).take(answered(true));
    expect([play.areWritesStopped, play.about, play.told.at(-1)]).toEqual([false, [], 'usable']);
  });

  test('a write that is not answered while everything else is means that Redis takes none', () => {
    const play = new Play().up();
    for (let i = 0; i < 30; i++) play.take(missedWrite);
    play.take(refusedProbe('PAUSED'));
    expect([play.isGateOpen, play.areWritesStopped, play.phase]).toEqual([true, true, 'healthy']);
    play.take(missed).take(refusedProbe('PAUSED')).pass(10_000).take(refusedProbe('PAUSED')).pass(1000).take(answered(true));
    expect([play.areWritesStopped, play.about]).toEqual([false, ['read-only PAUSED', 'writable']]);
  });

  test('a reading probe that was under way does not end it', () => {
    const play = new Play().up().take(missed).take(missedWrite).take(answered(false));
    expect(play.areWritesStopped).toBe(true);
    expect(play.actions).toContainEqual({ type: 'probe', mustWrite: true });
  });

  test('writes that stopped without a word go on without one: what was logged is replayed, and no outage is told of', () => {
    const play = new Play(false).up().take(missedWrite).take(answered(true));
    expect([play.phase, play.areWritesStopped, play.told]).toEqual(['healthy', false, ['usable', 'usable']]);
    expect(play.actions).toContainEqual({ type: 'tell-usable', isFirst: false, downMs: undefined });
    expect(play.reports).toEqual([]);
  });

  test('a connection that is lost meanwhile comes back for reads, and for writes when one was taken', () => {
    const play = new Play().up().take(missedWrite).take(refusedProbe('PAUSED'));
    play.take(closed);
    expect([play.isGateOpen, play.areWritesStopped]).toEqual([false, true]);
    play.take(ready);
    expect(play.actions).toContainEqual({ type: 'probe', mustWrite: true });
    play.take(refusedProbe('PAUSED'));
    expect([play.isGateOpen, play.areWritesStopped]).toEqual([true, true]);
    play.pass(1000).take(answered(true));
    expect([play.isGateOpen, play.areWritesStopped]).toEqual([true, false]);
  });

  test('READONLY leads to a new connection before each probe, with growing pauses', () => {
    const play = new Play().up().take(refused('READONLY'));
    expect([play.phase, play.has('relink'), play.has('probe')]).toEqual(['degraded', true, false]);
    const pauses = [];
    for (let i = 0; i < 7; i++) {
      play.take(closed).take(ready);
      expect(play.actions).toContainEqual({ type: 'probe', mustWrite: true });
      play.take(refusedProbe('READONLY'));
      pauses.push(play.pauseMs);
      play.pass(play.pauseMs);
      expect(play.has('relink')).toBe(true);
    }
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
    play.take(closed).take(ready).take(answered(true));
    expect(play.phase).toBe('healthy');
    expect(play.about).toEqual(['degraded READONLY', 'recovered']);
  });

  test('READONLY on a connection that was handed in is asked about where it is', () => {
    const play = new Play(false).up().take(refused('READONLY'));
    expect(play.actions).toContainEqual({ type: 'probe', mustWrite: true });
  });

  test('a refusal of a write that comes in during a probe makes that probe worthless', () => {
    const play = new Play().up().take(refused('LOADING')).take(refused('MISCONF')).take(answered(false));
    expect(play.isGateOpen).toBe(false);
    expect(play.actions).toContainEqual({ type: 'probe', mustWrite: true });
  });

  test('OOM stops nothing, is reported once, and ends when a value is taken', () => {
    const play = new Play().up();
    for (let i = 0; i < 100; i++) play.take(refused('OOM'), 1).pass(1000);
    expect([play.phase, play.state.isFull]).toEqual(['healthy', true]);
    play.take({ type: 'accepted' });
    expect(play.state.isFull).toBe(false);
    expect(play.about).toEqual(['refusing OOM']);
    play.pass(30_000);
    expect(play.about).toEqual(['refusing OOM', 'accepting']);
  });

  test('OOM on and off again is not reported every time', () => {
    const play = new Play().up();
    for (let i = 0; i < 50; i++) play.take(refused('OOM')).pass(500).take({ type: 'accepted' }).pass(500);
    expect(play.about).toEqual(['refusing OOM']);
    play.pass(30_000).take(refused('OOM'));
    expect(play.about).toEqual(['refusing OOM', 'accepting', 'refusing OOM']);
  });

  test.each(['NOPERM', 'UNSUPPORTED'] as const)('%s is reported once, and never stops the traffic', (code) => {
    const play = new Play().up();
    for (let i = 0; i < 100; i++) play.take(refused(code)).pass(10);
    expect([play.phase, ...play.about]).toEqual(['healthy', `refusing ${code}`]);
    expect(describeDenials(play.state.denials, play.nowMs)).toBe(`it refuses commands: ${code}`);
    expect(describeDenials(play.state.denials, play.nowMs + 300_000)).toBeUndefined();
  });

  test('each command that is denied is reported, and the end when none is any more', () => {
    const denied = (subject: string): Occurrence => ({ type: 'refused', failure: failure('NOPERM', `no ${subject}`), subject });
    const play = new Play().up();
    for (const subject of ['get', 'scan', 'get']) play.take(denied(subject)).pass(10);
    expect(play.reports).toHaveLength(2);
    expect(describeDenials(play.state.denials, play.nowMs)).toBe('it refuses commands: no scan; no get');
    play.take({ type: 'allowed', subject: 'get' });
    expect(describeDenials(play.state.denials, play.nowMs)).toBe('it refuses commands: no scan');
    play.take({ type: 'allowed', subject: 'other' }).take({ type: 'allowed', subject: 'scan' });
    expect(describeDenials(play.state.denials, play.nowMs)).toBeUndefined();
    expect(play.about.slice(2)).toEqual(['allowing']);
  });
});

describe('too many failures', () => {
  test('stop the traffic though every probe is answered, for a second at least', () => {
    const play = new Play().up();
    for (let i = 0; i < 19; i++) play.take(missed, 2).take(answered()).pass(50);
    expect(play.phase).toBe('healthy');
    while (play.phase === 'healthy') play.take(missed).take(answered()).pass(50);
    expect(play.state.failure.reason).toMatch(/^\d+ of \d+ commands failed within 5 s$/);
    play.pass(900);
    expect(play.phase).toBe('degraded');
    play.pass(100);
    expect(play.phase).toBe('recovering');
    expect(play.take(answered()).phase).toBe('healthy');
    expect(play.take(missed).take(answered()).phase).toBe('healthy');
  });

  test('are half of at least twenty: fewer commands say nothing', () => {
    const few = new Play().up();
    for (let i = 0; i < 19; i++) few.take({ type: 'lost' });
    expect([few.phase, few.probes]).toEqual(['healthy', 1]);
    expect(few.take({ type: 'lost' }).probes).toBe(2);
    expect(few.take(answered()).phase).toBe('degraded');
  });

  test('of a Redis that turns out to be silent are an outage like any other', () => {
    const play = new Play().up();
    for (let i = 0; i < 100; i++) play.take(missed);
    expect(play.phase).toBe('healthy');
    play.take(silent);
    expect([play.phase, ...play.about]).toEqual(['degraded', 'degraded UNREACHABLE']);
  });

  test('are not hidden by an hour of success before them, nor remembered for more than five seconds', () => {
    const play = new Play().up().pass(1000).take(missed).take(answered());
    for (let i = 0; i < 120; i++) play.pass(PING_MS).take(answered());
    // So many in twenty seconds are 2500 in five.
    play.nowMs += 20_000;
    play.take({ type: 'lost' }, 10_000);
    for (let i = 0; i < 2500; i++) play.take({ type: 'lost' });
    expect(play.take(answered()).phase).toBe('degraded');
    const slow = new Play().up();
    for (let i = 0; i < 100; i++) slow.take(missed).take(answered()).pass(300);
    expect(slow.told).toEqual(['usable']);
  });
});

describe('flapping', () => {
  test('is waited out from the third return within 30 s on, twice as long each time up to 5 s', () => {
    const play = new Play().up();
    expect(Array.from({ length: 9 }, () => play.flap())).toEqual([0, 0, 250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  test('is over after 30 s of calm', () => {
    const play = new Play().up();
    for (let i = 0; i < 6; i++) play.flap();
    play.pass(30_000).take(answered());
    expect([play.flap(), play.flap(), play.flap()]).toEqual([0, 0, 250]);
  });

  test('is over after 30 s of calm also where the tick that should find that is late', () => {
    const play = new Play().up();
    for (let i = 0; i < 6; i++) play.flap();
    play.nowMs += 30_000;
    expect(play.flap()).toBe(0);
    expect(play.about.slice(-3)).toEqual(['steady', 'degraded UNREACHABLE', 'recovered']);
  });

  test('once begun is not over because it takes longer from one time to the next', () => {
    const play = new Play().up();
    for (let i = 0; i < 3; i++) play.flap();
    expect([play.pass(20_000).flap(), play.pass(20_000).flap(), play.pass(20_000).flap()]).toEqual([500, 1000, 2000]);
  });

  test('is waited out also where it ends with a probe that is refused', () => {
    const play = new Play().up();
    for (let i = 0; i < 5; i++) play.flap();
    play.take(missed).take(refusedProbe('LOADING'));
    expect([play.phase, play.pauseMs]).toEqual(['degraded', 2000]);
  });

  test('is not what rare outages are', () => {
    const play = new Play().up();
    for (let i = 0; i < 10; i++) expect(play.pass(16_000).flap()).toBe(0);
  });

  test('is reported when it begins and when it is over, not in between', () => {
    const play = new Play().up();
    // An outage of long ago is no part of it.
    play.flap();
    play.reports.length = 0;
    play.pass(PING_MS).take(answered());
    for (let i = 0; i < 20; i++) play.flap();
    const lines = ['degraded UNREACHABLE', 'recovered', 'degraded UNREACHABLE', 'recovered', 'degraded UNREACHABLE'];
    expect(play.about).toEqual(lines);
    expect(play.reports.at(-1)).toMatchObject({ isFlapping: true });
    play.pass(29_999);
    expect(play.about).toEqual(lines);
    play.pass(1);
    expect(play.reports.at(-1)).toEqual({ about: 'steady', interruptions: 20 });
  });

  test('does not hide another kind of failure', () => {
    const play = new Play().up();
    for (let i = 0; i < 5; i++) play.flap();
    play.take(refused('NOAUTH'));
    expect(play.about.at(-1)).toBe('degraded NOAUTH');
  });
});

describe('replays', () => {
  test('are a state of their own, until the last one has ended', () => {
    const play = new Play().up();
    play.take({ type: 'replay-began' }).take({ type: 'replay-began' });
    expect([play.phase, play.isGateOpen]).toEqual(['replaying', true]);
    expect(play.take({ type: 'replay-ended' }).phase).toBe('replaying');
    expect(play.take({ type: 'replay-ended' }).phase).toBe('healthy');
  });

  test('that an outage interrupts go on after it', () => {
    const play = new Play().up().take({ type: 'replay-began' }).take(closed);
    expect(play.phase).toBe('degraded');
    expect(play.take(ready).take(answered()).phase).toBe('replaying');
    play.take(closed).take({ type: 'replay-ended' });
    expect(play.take(ready).take(answered()).phase).toBe('healthy');
  });
});

describe('whatever happens', () => {
  const code = fc.constantFrom<FailureCode>(
    'READONLY',
    'LOADING',
    'MISCONF',
    'PAUSED',
    'OOM',
    'NOPERM',
    'UNSUPPORTED',
    'NOAUTH',
    'UNREACHABLE',
    'OTHER',
  );
  const happening = fc.oneof(
    fc.constantFrom<Occurrence>(ready, closed, missed, missedWrite, { type: 'lost' }, refusedConnection, { type: 'accepted' }),
    fc.constantFrom<Occurrence>({ type: 'replay-began' }, { type: 'replay-ended' }, { type: 'tick' }),
    code.map(refused),
    code.map((one): Occurrence => ({ type: 'unreachable', failure: failure(one) })),
    fc.boolean().map((hasWritten) => answered(hasWritten)),
    fc
      .tuple(code, fc.boolean())
      .map(([one, isSilent]): Occurrence => ({ type: 'probe-failed', failure: failure(one), isSilent })),
  );
  const story = fc.array(fc.tuple(happening, fc.nat({ max: 3000 }), fc.nat({ max: 50 })), { maxLength: 120 });

  test('traffic flows in the states that allow it only, one probe at a time, and every change is told once', () => {
    fc.assert(
      fc.property(story, fc.boolean(), (events, canRelink) => {
        const play = new Play(canRelink);
        let isProbing = false;
        let replays = 0;
        for (const [occurrence, ms, successes] of events) {
          const isAnswer = occurrence.type === 'probe-answered' || occurrence.type === 'probe-failed';
          if (isAnswer && !isProbing) continue;
          if (occurrence.type === 'replay-ended' && replays === 0) continue;
          if (occurrence.type === 'replay-began') replays++;
          if (occurrence.type === 'replay-ended') replays--;
          // As many ticks as were asked for come on time.
          const probesBefore = play.probes;
          play.take(occurrence, successes);
          if (isAnswer) isProbing = false;
          const started = play.probes - probesBefore;
          expect(started).toBeLessThanOrEqual(isProbing ? 0 : 1);
          isProbing ||= started === 1;
          expect(play.state.isProbing).toBe(isProbing);
          expect(play.isGateOpen).toBe(allowsTraffic(play.state.phase));
          const takesWritesAgain = play.actions.some((action) => action.type === 'stop-writes' && action.reason === undefined);
          if (play.has('tell-usable')) expect(play.has('open-gate') || takesWritesAgain).toBe(true);
          if (play.state.phase === 'recovering') expect(isProbing).toBe(true);
          if (play.isGateOpen) expect(play.state.phase).toBe(replays > 0 ? 'replaying' : 'healthy');
          const beforePass = play.probes;
          play.pass(ms);
          expect(play.probes - beforePass).toBeLessThanOrEqual(isProbing ? 0 : 1);
          isProbing ||= play.probes > beforePass;
        }
        // Nothing but what was told is taken back; a use that begins again without a word may follow upon another.
        for (const [i, word] of play.told.entries()) expect(word === 'recovered').toBe(play.told[i - 1] === 'degraded');
      }),
      { numRuns: 500 },
    );
  });

  test('a Redis that breaks down in any way as soon as it is back is used at most a dozen times in 30 s', () => {
    const breakdown = fc.constantFrom<Occurrence[]>(
      [closed, ready],
      [missed, silent, closed, ready],
      [refused('LOADING')],
      [refused('READONLY'), closed, ready],
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(breakdown, fc.nat({ max: 200 })), { minLength: 200, maxLength: 400 }), (breakdowns) => {
        const play = new Play().up();
        const opened: number[] = [];
        for (const [events, ms] of breakdowns) {
          for (const event of events) play.take(event);
          for (let i = 0; i < 10 && !play.isGateOpen; i++) {
            if (play.state.isProbing) play.take(answered(true));
            else if (!play.state.isLinked) play.take(closed).take(ready);
            else play.pass(play.pauseMs);
          }
          expect(play.isGateOpen).toBe(true);
          opened.push(play.nowMs);
          play.pass(ms);
        }
        for (const [i, fromMs] of opened.entries())
          expect(opened.slice(i).filter((atMs) => atMs - fromMs < 30_000).length).toBeLessThanOrEqual(12);
        // A class of reason is new at most once per kind: the log does not grow with the number of changes.
        expect(play.reports.length).toBeLessThanOrEqual(8);
      }),
      { numRuns: 100 },
    );
  });
});
