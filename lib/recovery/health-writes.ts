/**
 * The rules for a Redis that answers reads and takes no writes: its writes are paused, it can't save, it lacks replicas. Reads go
 * on, writes are refused here at once, and only a probe that writes shows the end of it.
 */
import type { Failure } from '../tiers/redis/redis-errors.js';
import { MAX_PROBE_PAUSE_MS, pauseOf } from './health-pauses.js';
import type { HealthStep } from './health-step.js';
import { emptyWindow } from './health-window.js';

/** A write was not answered in time: no further ones cost anybody a deadline until a probe has told why. */
export function suspendWrites({ state, actions }: HealthStep): void {
  state.mustWrite = true;
  if (state.areWritesStopped) return;
  state.areWritesStopped = true;
  actions.push({ type: 'stop-writes', reason: 'a write was not answered in time' });
}

/** Redis is used for reads and takes no writes. */
export function refuseWrites({ state, actions, atMs }: HealthStep, failure: Failure): void {
  const before = state.writeFailure;
  state.mustWrite = true;
  state.areWritesStopped = true;
  state.writeFailure = failure;
  // What failed is known, and no sign of anything else.
  state.window = emptyWindow(atMs);
  state.tries = before === undefined ? 1 : state.tries + 1;
  state.nextPingMs = atMs + pauseOf(state.tries, MAX_PROBE_PAUSE_MS);
  actions.push({ type: 'stop-writes', reason: failure.reason });
  if (before?.code === failure.code) return;
  if (before === undefined) {
    state.sinceMs = atMs;
    state.isTold = true;
    actions.push({ type: 'tell-degraded', reason: failure.reason });
  }
  actions.push({ type: 'report', report: { about: 'read-only', failure } });
}

/** Redis took a write. */
export function resumeWrites({ state, actions, atMs }: HealthStep): void {
  state.mustWrite = false;
  if (!state.areWritesStopped) return;
  state.areWritesStopped = false;
  actions.push({ type: 'stop-writes', reason: undefined });
  const isTold = state.writeFailure !== undefined;
  const downMs = atMs - state.sinceMs;
  state.writeFailure = undefined;
  // Listeners replay what was logged meanwhile. Where nothing may be sent, opening the gate tells them.
  if (state.phase !== 'healthy' && state.phase !== 'replaying') return;
  actions.push({ type: 'tell-usable', isFirst: false, downMs: isTold ? downMs : undefined });
  if (!isTold) return;
  state.sinceMs = atMs;
  state.isTold = false;
  state.tries = 0;
  actions.push({ type: 'report', report: { about: 'writable', downMs } });
}
