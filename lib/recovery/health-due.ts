/** What the rules of `health-state.ts` wait for, as times: they know no timers, and ask to be woken at the earliest of these. */
import { allowsTraffic, type HealthState } from './health-facts.js';
import { FLAP_WINDOW_MS } from './health-pauses.js';

/** When something has to be done, if nothing happens before; `undefined`: never. */
export function nextDueMs(state: HealthState): number | undefined {
  const { phase, isLinked, isProbing, notBeforeMs, nextPingMs, flapLevel, sinceMs } = state;
  if (phase === 'degraded') return isLinked && !isProbing ? notBeforeMs : undefined;
  if (!allowsTraffic(phase)) return undefined;
  const dueMs = Math.min(
    roomBelievedMs(state),
    isProbing ? Infinity : nextPingMs,
    flapLevel > 0 ? sinceMs + FLAP_WINDOW_MS : Infinity,
  );
  return dueMs === Infinity ? undefined : dueMs;
}

/** When it will be believed that a full Redis has room again: at the edge every other write fits. `Infinity`: there is no question. */
export function roomBelievedMs({ isFull, isFullReported, lastFullMs }: HealthState): number {
  return isFullReported && !isFull ? lastFullMs + FLAP_WINDOW_MS : Infinity;
}
