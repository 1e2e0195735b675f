/**
 * When a lease that Redis granted is over, by the clock of the process that asked for it. Redis began to count at some moment
 * between the sending of the command and the answer, so only the sending is certain: an answer that comes late, over a slow
 * network or after a blocked event loop, may be about a lease that is over.
 *
 * Clocks are compared, not timers: a process that slept finds the time passed when it wakes.
 */

/** How much faster than this process's clock the clock of Redis may run: a share of the lease's time, and a constant. */
const DRIFT_SHARE = 0.01;
const DRIFT_MS = 2;

/** The time until which a lease of `ttlMs`, asked for at `sentMs`, is certainly held. Both on this process's clock. */
export function leaseEndMs(sentMs: number, ttlMs: number): number {
  return sentMs + ttlMs - (ttlMs * DRIFT_SHARE + DRIFT_MS);
}
