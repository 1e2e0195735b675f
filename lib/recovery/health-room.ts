/** The rules for a Redis that has no room for new values: everything else goes on, and writes are still tried. */
import type { Failure } from '../tiers/redis/redis-errors.js';
import type { HealthStep } from './health-step.js';

/** A value was refused for want of room. */
export function noteFull({ state, actions, atMs }: HealthStep, failure: Failure): void {
  state.lastFullMs = atMs;
  if (!state.isFull) actions.push({ type: 'set-full', isFull: true });
  state.isFull = true;
  if (!state.isFullReported) actions.push({ type: 'report', report: { about: 'refusing', failure } });
  state.isFullReported = true;
}

/** A value was taken. */
export function noteRoom({ state, actions }: HealthStep): void {
  if (!state.isFull) return;
  state.isFull = false;
  actions.push({ type: 'set-full', isFull: false });
}
