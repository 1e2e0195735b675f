/**
 * The only sources of time. Everything that reads time takes a {@link Clock}, so tests can run on a fake one.
 * `nowMs` never goes backwards: a step of the wall clock must not revive or lengthen anything.
 */

/** A source of time and timers. */
export interface Clock {
  /** Milliseconds since the Unix epoch, monotonic within the process; fractions allowed. */
  nowMs(): number;
  /** By how much {@link nowMs} has been moved forward in all, after the machine slept; absent: that does not happen. */
  readonly jumpedMs?: number;
  /**
   * Calls `callback` once after `delayMs`; returns a function that cancels it. The timer keeps the process alive only if
   * `isAwaited`: that is for deadlines of calls somebody waits for, which must end one way or the other.
   */
  schedule(callback: () => void, delayMs: number, isAwaited?: boolean): () => void;
}

/** The longest delay a Node timer takes before it overflows to 1 ms. */
const MAX_TIMER_MS = 2_147_483_647;

/** By how much the wall clock has to get ahead of monotonic time to count as a sleep: more than readings differ by. */
const MIN_SLEEP_MS = 100;

/** Where a {@link SystemClock} reads time, in milliseconds. */
export interface TimeSources {
  /** Never goes backwards; stands still while the machine sleeps. */
  monotonicMs(): number;
  /** Since the epoch; may be set. */
  wallMs(): number;
}

/**
 * Wall time at the start, plus the monotonic time since, plus the time the machine slept, in which monotonic time stands still.
 * Sleep is what the wall clock gets ahead of monotonic time. A wall clock that is set forward looks the same: then lives end early,
 * which is the safe side. One that is set back changes nothing, and a sleep after that is noticed as before.
 *
 * Every reading compares the two, so the first one after waking knows.
 */
export class SystemClock implements Clock {
  jumpedMs = 0;
  readonly #sources: TimeSources;
  #offsetMs: number;
  /** How far the wall clock was ahead of monotonic time when it was least so since the last sleep. */
  #gapMs: number;

  /** @param startMs the wall time at which monotonic time was 0 */
  constructor(sources: TimeSources, startMs: number) {
    this.#sources = sources;
    this.#offsetMs = startMs;
    this.#gapMs = sources.wallMs() - sources.monotonicMs();
  }

  nowMs(): number {
    const monotonicMs = this.#sources.monotonicMs();
    const aheadMs = this.#sources.wallMs() - monotonicMs - this.#gapMs;
    if (aheadMs > MIN_SLEEP_MS) return this.#wake();
    if (aheadMs < 0) this.#gapMs += aheadMs;
    return monotonicMs + this.#offsetMs;
  }

  schedule(callback: () => void, delayMs: number, isAwaited = false): () => void {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
    if (!isAwaited) timer.unref();
    return () => {
      clearTimeout(timer);
    };
  }

  #wake(): number {
    // The wall first: the process may have been paused between the two readings, and that is no sleep.
    const wallMs = this.#sources.wallMs();
    const monotonicMs = this.#sources.monotonicMs();
    const aheadMs = wallMs - monotonicMs - this.#gapMs;
    if (aheadMs > MIN_SLEEP_MS) {
      this.#gapMs += aheadMs;
      this.#offsetMs += aheadMs;
      this.jumpedMs += aheadMs;
    }
    return monotonicMs + this.#offsetMs;
  }
}

/** The real clock. */
export const systemClock: Clock = new SystemClock(
  { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
  performance.timeOrigin,
);
