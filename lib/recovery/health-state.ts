/**
 * Whether one Redis may be used: a pure function from a state and an event to the next state and what is to be done. It reads
 * no clock and does no I/O; `docs/recovery.md` explains it to users.
 *
 * 1. Traffic flows in `replaying` and `healthy` only. 2. At most one probe is under way. 3. A first return is used at once;
 * from the third within {@link FLAP_WINDOW_MS} on each waits longer. 4. An outage is told of once, however often it changes.
 */
import { classifyRefusal, concernsWrites, isDenial, type Failure, type FailureCode } from '../tiers/redis/redis-errors.js';
import { addDenial } from './health-denials.js';
import { nextDueMs, roomBelievedMs } from './health-due.js';
import type { HealthAction, HealthEvent, HealthReport } from './health-events.js';
import { allowsTraffic, type HealthState } from './health-facts.js';
import { FLAP_WINDOW_MS, MAX_PAUSE_MS, MAX_PROBE_PAUSE_MS, pauseOf, RATE_PAUSE_MS } from './health-pauses.js';
import { noteFull, noteRoom } from './health-room.js';
import type { HealthStep } from './health-step.js';
import { refuseWrites, resumeWrites, suspendWrites } from './health-writes.js';
import { count, emptyWindow, findTooManyFailures, WINDOW_MS } from './health-window.js';

/** See the file's header. */
export function reduceHealth(
  state: HealthState,
  event: HealthEvent,
): { readonly state: HealthState; readonly actions: readonly HealthAction[] } {
  const step = new Step(state, event.atMs);
  step.take(event);
  step.settle();
  return { state: step.state, actions: step.actions };
}

/** One application of {@link reduceHealth}: a copy of the state that is being changed, and the actions so far. */
class Step implements HealthStep {
  readonly state: HealthStep['state'];
  readonly actions: HealthAction[] = [];
  readonly atMs: number;

  constructor(state: HealthState, atMs: number) {
    this.state = { ...state };
    this.atMs = atMs;
  }

  take(event: HealthEvent): void {
    const { state } = this;
    const isOpen = allowsTraffic(state.phase);
    switch (event.type) {
      case 'ready':
        state.isLinked = true;
        state.mustRelink = false;
        if (isOpen) this.#probe();
        return;
      case 'closed':
        state.isLinked = false;
        state.isProbeStale = state.isProbing;
        if (isOpen) this.#degrade({ code: 'UNREACHABLE', reason: 'connection lost' });
        else this.#stayDown(state.failure);
        return;
      case 'error':
        if (!isOpen) this.#explain(event.failure);
        return;
      case 'unreachable':
        if (!isOpen) this.#tell(event.failure);
        return;
      case 'missed':
        if (!isOpen) return;
        this.#countFailure(event.successes);
        if (event.isWrite === true) suspendWrites(this);
        this.#probe();
        return;
      case 'lost':
        if (!isOpen) return;
        this.#countFailure(event.successes);
        // Mostly the end of the connection is about to be told; if not, the answer to a probe brings it to light.
        if (findTooManyFailures(state.window) !== undefined) this.#probe();
        return;
      case 'refused':
        this.#refuse(event.failure, event.subject ?? '', isOpen);
        return;
      case 'allowed':
        this.#allow(event.subject);
        return;
      case 'accepted':
        noteRoom(this);
        return;
      case 'probe-answered':
        state.isProbing = false;
        if (!state.isProbeStale) this.#answer(event.hasWritten, event.successes);
        state.isProbeStale = false;
        return;
      case 'probe-failed':
        state.isProbing = false;
        if (!state.isProbeStale) this.#failProbe(event.failure, event.isSilent, isOpen);
        state.isProbeStale = false;
        return;
      case 'replay-began':
        state.replays++;
        if (isOpen) state.phase = 'replaying';
        return;
      case 'replay-ended':
        state.replays--;
        if (isOpen && state.replays === 0) state.phase = 'healthy';
        return;
      case 'tick':
        if (!isOpen) return;
        if (state.flapLevel > 0 && this.atMs >= state.sinceMs + FLAP_WINDOW_MS) this.#calmDown();
        if (this.atMs >= roomBelievedMs(state)) {
          state.isFullReported = false;
          this.#report({ about: 'accepting' });
        }
        if (this.atMs >= state.nextPingMs) this.#probe();
    }
  }

  /** Does what has become due, and asks for a tick at what will be next. */
  settle(): void {
    const { state } = this;
    if (state.phase === 'degraded' && state.isLinked && !state.isProbing && this.atMs >= state.notBeforeMs) {
      if (state.mustRelink && state.canRelink) {
        this.#relink();
      } else {
        state.phase = 'recovering';
        this.#probe();
      }
    }
    const wakeMs = nextDueMs(state);
    if (wakeMs === state.wakeMs) return;
    state.wakeMs = wakeMs;
    this.actions.push({ type: 'wake', atMs: wakeMs });
  }

  #probe(): void {
    if (this.state.isProbing) return;
    this.state.isProbing = true;
    this.actions.push({ type: 'probe', mustWrite: this.state.mustWrite });
  }

  #relink(): void {
    this.state.mustRelink = false;
    this.state.isLinked = false;
    this.actions.push({ type: 'relink' });
  }

  #answer(hasWritten: boolean, successes: number): void {
    const { state } = this;
    state.nextPingMs = this.atMs + state.pingIntervalMs;
    if (hasWritten) resumeWrites(this);
    if (allowsTraffic(state.phase)) {
      if (state.mustWrite) this.#probe();
      state.window = count(state.window, this.atMs, successes, 0);
      this.#judge(undefined);
    }
    if (state.phase !== 'recovering') return;
    // A refusal of a write may have come in since the probe was sent; then only a written one will do.
    if (state.mustWrite) state.phase = 'degraded';
    else this.#open();
  }

  #open(): void {
    const { state } = this;
    const isFirst = !state.hasOpened;
    const downMs = state.isTold ? this.atMs - state.sinceMs : undefined;
    state.phase = state.replays > 0 ? 'replaying' : 'healthy';
    state.sinceMs = this.atMs;
    state.hasOpened = true;
    state.isTold = false;
    state.tries = 0;
    state.window = emptyWindow(this.atMs);
    this.actions.push({ type: 'open-gate' }, { type: 'tell-usable', isFirst, downMs });
    if (downMs === undefined) return;
    state.lastReturnsMs = [state.lastReturnsMs[1], this.atMs];
    state.interruptions++;
    // Where it comes and goes, its return is only believed after a while: see #calmDown.
    if (state.flapLevel > 0) return;
    this.#report({ about: 'recovered', downMs });
    state.reported = [];
  }

  #calmDown(): void {
    const { state } = this;
    if (state.flapLevel > 0) this.#report({ about: 'steady', interruptions: state.interruptions });
    state.flapLevel = 0;
    state.interruptions = 0;
    state.lastReturnsMs = [-Infinity, -Infinity];
    state.reported = [];
  }

  #degrade(failure: Failure, pauseMs = 0): void {
    const { state } = this;
    if (this.atMs - state.sinceMs >= FLAP_WINDOW_MS) this.#calmDown();
    const wouldBeThird = this.atMs - state.lastReturnsMs[0] < FLAP_WINDOW_MS;
    if (state.flapLevel > 0 || wouldBeThird) state.flapLevel++;
    state.phase = 'degraded';
    state.writeFailure = undefined;
    state.sinceMs = this.atMs;
    state.tries = 0;
    state.notBeforeMs = this.atMs + Math.max(pauseMs, pauseOf(state.flapLevel, MAX_PAUSE_MS));
    this.#tell(failure);
  }

  /** An attempt to get back failed, or the connection it was made over. */
  #stayDown(failure: Failure): void {
    this.state.phase = 'degraded';
    this.#tell(failure);
  }

  #failProbe(failure: Failure, isSilent: boolean, isOpen: boolean): void {
    const { state } = this;
    this.#noteRefusal(failure.code);
    if (classifyRefusal(failure.code) === 'writes') {
      if (state.phase === 'recovering') this.#open();
      if (allowsTraffic(state.phase)) refuseWrites(this, failure);
      return;
    }
    if (isOpen) this.#degrade(failure);
    else if (state.phase === 'recovering') this.#stayDown(failure);
    if (isSilent && state.canRelink) {
      if (state.isLinked) this.#relink();
      return;
    }
    // A silent server shows itself by a new connection; one that refuses has to be asked again.
    state.tries++;
    const longestMs = state.mustRelink ? MAX_PAUSE_MS : MAX_PROBE_PAUSE_MS;
    state.notBeforeMs = Math.max(state.notBeforeMs, this.atMs + pauseOf(state.tries, longestMs));
  }

  #refuse(failure: Failure, subject: string, isOpen: boolean): void {
    this.#noteRefusal(failure.code);
    if (classifyRefusal(failure.code) === 'full') noteFull(this, failure);
    // Not a reason to stop what works: it costs a round trip, and what does not work is known.
    else if (isDenial(failure.code)) this.#deny(failure, subject);
    else if (isOpen && classifyRefusal(failure.code) === 'writes') refuseWrites(this, failure);
    else if (isOpen) this.#degrade(failure);
  }

  #noteRefusal(code: FailureCode): void {
    if (concernsWrites(code)) this.state.mustWrite = true;
    if (code === 'READONLY') this.state.mustRelink = true;
  }

  #deny(failure: Failure, subject: string): void {
    const { denials, isNews } = addDenial(this.state.denials, { failure, subject, lastMs: this.atMs });
    this.state.denials = denials;
    if (isNews) this.#report({ about: 'refusing', failure });
  }

  #allow(subject: string): void {
    const { state } = this;
    const left = state.denials.filter((denial) => denial.subject !== subject);
    if (left.length === 0 && state.denials.length > 0) this.#report({ about: 'allowing' });
    state.denials = left;
  }

  #countFailure(successes: number): void {
    this.state.window = count(this.state.window, this.atMs, successes, 1);
  }

  /** A server that answers is not used all the same where too much fails; `cause` is the reason then, where there is one. */
  #judge(cause: Failure | undefined): void {
    const found = findTooManyFailures(this.state.window);
    if (found === undefined) return;
    const reason = `${found.failed} of ${found.total} commands failed within ${WINDOW_MS / 1000} s`;
    this.#degrade(cause ?? { code: 'FAILING', reason }, RATE_PAUSE_MS);
  }

  /** Listeners and callers learn that Redis can't be used, and why. */
  #tell(failure: Failure): void {
    const { state } = this;
    const isNews = !state.isTold;
    state.failure = failure;
    this.actions.push({ type: 'close-gate', reason: failure.reason });
    if (isNews) {
      state.isTold = true;
      state.sinceMs = this.atMs;
      this.actions.push({ type: 'tell-degraded', reason: failure.reason });
    }
    this.#reportDown(failure, isNews);
  }

  /** Why an attempt failed; that it did will be told by what follows. */
  #explain(failure: Failure): void {
    this.state.failure = failure;
    if (!this.state.isTold) return;
    this.actions.push({ type: 'close-gate', reason: failure.reason });
    this.#reportDown(failure, false);
  }

  #reportDown(failure: Failure, isNews: boolean): void {
    const { state } = this;
    if (state.reported.includes(failure.code)) return;
    state.reported = [...state.reported, failure.code];
    if (isNews) this.#report({ about: 'degraded', failure, isFlapping: state.flapLevel > 0 });
    else this.#report({ about: 'changed', failure });
  }

  #report(report: HealthReport): void {
    this.actions.push({ type: 'report', report });
  }
}
