/**
 * A clock that stands still until it is told to move. Timers fire inside `advance` and `set`, in the order they are due
 * (those due at the same moment in the order they were scheduled), each with the time at which it was due.
 */
import { misuse } from '../base/describe-value.js';
import type { Clock } from '../base/clock.js';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * The clock of tests.
 *
 * @example
 * const clock = new FakeClock();
 * clock.schedule(() => console.log('half a second later'), 500);
 * clock.advance(1000);
 */
export class FakeClock implements Clock {
  #nowMs: number;
  #scheduled = 0;
  readonly #timers = new Set<Timer>();

  /** Starts at `startMs`, in milliseconds since the Unix epoch. */
  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#scheduled++, callback };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** How many timers are waiting. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /**
   * Moves the time on by `ms` (fractions allowed) and fires what becomes due, also what those timers schedule.
   *
   * @throws {TypeError} when `ms` is not a non-negative number
   */
  advance(ms: number): void {
    if (!(ms >= 0)) throw misuse('ms', 'a non-negative number of milliseconds', ms);
    this.set(this.#nowMs + ms);
  }

  /**
   * Moves the time to `ms` since the epoch and fires what becomes due.
   *
   * @throws {TypeError} when that lies in the past: a clock never goes backwards
   */
  set(ms: number): void {
    if (!(ms >= this.#nowMs)) throw misuse('ms', `a time not before the present one (${String(this.#nowMs)})`, ms);
    for (let timer = this.#nextDue(ms); timer !== undefined; timer = this.#nextDue(ms)) {
      this.#timers.delete(timer);
      // A callback may have moved the time itself; a timer that is overdue by then fires late, never in the past.
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback();
    }
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  #nextDue(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > untilMs) continue;
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order))
        next = timer;
    }
    return next;
  }
}
