/**
 * A clock for paths where reading the real one would cost more than the work itself. Sparse reads are exact. In a tight
 * loop (a burst) the real clock is read once per {@link BUDGET} questions; in between, callers compare with a horizon
 * {@link GUARD_MS} ahead of the last reading: a deadline beyond it can't have passed, short of the thread being blocked for
 * longer than that between two reads of one burst, and a deadline within it is checked with the exact time. A burst ends
 * with the turn of the event loop it began in, so an idle process has nothing armed and keeps no stale time.
 */
import { systemClock } from './clock.js';
import type { Clock } from './clock.js';
import { afterPolling } from './turn.js';

/** Calls `callback` once, at the end of the current turn of the event loop. */
export type EndOfTurn = (callback: () => void) => void;

/** How far ahead of the last real reading the horizon lies in a burst, in milliseconds. */
export const GUARD_MS = 1000;
/** Questions answered from one real reading in a burst. */
export const BUDGET = 128;
/** A burst begins when this many readings in a row fall into {@link STREAK_WINDOW_MS}. */
export const STREAK_READS = 8;
const STREAK_WINDOW_MS = 0.25;
/** A burst whose budget lasted longer than this is over: the reads are not dense any more. */
const MAX_BUDGET_MS = 2;

const onEndOfTurn: EndOfTurn = (callback) => {
  // Without a reference it would wait until something wakes the loop, and what wakes it would find the time from before.
  afterPolling(callback);
};

/** Exact when reads are sparse, nearly free when they are dense. */
export class CoarseClock {
  readonly #source: Clock;
  readonly #endOfTurn: EndOfTurn | undefined;
  #budget = 0;
  #lastMs = 0;
  #isBursting = false;
  #isArmed = false;
  #streakReads = 0;
  #streakStartMs = 0;

  /**
   * @param endOfTurn ends bursts; absent: there are none and every read is exact. By default only the system clock has
   *   bursts, because any other clock may jump between two reads of one turn.
   */
  constructor(source: Clock, endOfTurn: EndOfTurn | undefined = source === systemClock ? onEndOfTurn : undefined) {
    this.#source = source;
    this.#endOfTurn = endOfTurn;
  }

  /**
   * Whether `horizonMs` and `lastMs` may be used as they are, which uses up a part of the burst's budget. When not, ask
   * `readMs`. Two calls instead of one keep the caller's fast path free of everything that could call out.
   */
  spend(): boolean {
    return this.#budget-- > 0;
  }

  /** What lies after this moment is in the future, provided `spend` has just said yes. Milliseconds since the epoch. */
  get horizonMs(): number {
    return this.#lastMs + GUARD_MS;
  }

  /** The time of the latest reading, never later than now. Milliseconds since the epoch. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** The exact time; frequent readings begin a burst or renew its budget. Milliseconds since the epoch. */
  readMs(): number {
    const previousMs = this.#lastMs;
    const nowMs = this.nowMs();
    this.#budget = 0;
    if (this.#endOfTurn === undefined) return nowMs;
    if (this.#isBursting) {
      if (nowMs - previousMs <= MAX_BUDGET_MS) this.#budget = BUDGET;
      else this.#isBursting = false;
    } else if (nowMs - this.#streakStartMs > STREAK_WINDOW_MS) {
      this.#streakStartMs = nowMs;
      this.#streakReads = 1;
    } else if (++this.#streakReads >= STREAK_READS) {
      this.#beginBurst(this.#endOfTurn);
    }
    return nowMs;
  }

  /** The exact time, in milliseconds since the epoch; for what is not dense by nature. */
  nowMs(): number {
    return (this.#lastMs = this.#source.nowMs());
  }

  #beginBurst(endOfTurn: EndOfTurn): void {
    this.#isBursting = true;
    this.#budget = BUDGET;
    if (this.#isArmed) return;
    this.#isArmed = true;
    endOfTurn(() => {
      this.#isArmed = false;
      this.#isBursting = false;
      this.#budget = 0;
      this.#streakReads = 0;
    });
  }
}
