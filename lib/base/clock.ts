/**
 * The only sources of time. Everything that reads time takes a {@link Clock}, so tests can run on a fake one.
 * `nowMs` never goes backwards: a step of the wall clock must not revive or kill entries.
 */

/** A source of time and timers. */
export interface Clock {
  /** Milliseconds since the Unix epoch, monotonic within the process; fractions allowed. */
  nowMs(): number;
  /**
   * Calls `callback` once after `delayMs`; returns a function that cancels it. The timer keeps the process alive only if
   * `isAwaited`: that is for deadlines of calls somebody waits for, which must end one way or the other.
   */
  schedule(callback: () => void, delayMs: number, isAwaited?: boolean): () => void;
}

/** The longest delay a Node timer takes before it overflows to 1 ms. */
const MAX_TIMER_MS = 2_147_483_647;

/** The real clock: wall time at process start plus the monotonic time since. */
export const systemClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  schedule(callback, delayMs, isAwaited = false) {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
    if (!isAwaited) timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
