/**
 * The only "at most this long". A deadline is never judged before what has arrived was read (G16): a process that stood still
 * finds its timers due and the answers unread.
 *
 * 1. The last {@link WATCH_MS} of a deadline are watched. It passes only if the event loop ran on time in them and, where the
 *    caller can tell, nothing was moving; else they are watched again. 2. Before it passes, the event loop polls once more.
 * 3. Repetitions are bounded: {@link MAX_LATE} for a slow event loop, {@link MAX_STRETCH} times the deadline for what moves.
 */
import type { Clock } from './clock.js';
import { afterPolling } from './turn.js';

/** How much of the end of a deadline is watched, in milliseconds; of a short one half. */
const WATCH_MS = 50;

/** How often the end is watched again because this process was slow. */
const MAX_LATE = 3;

/** How many times its length a deadline may take while something moves. */
export const MAX_STRETCH = 5;

/** Begins to watch; the returned function tells whether what is waited for has come nearer since. */
export type Watch = () => () => boolean;

/** What may be said about a deadline. */
export interface DeadlineOptions {
  /** Whether somebody waits for it, so that it keeps the process alive. */
  readonly isAwaited?: boolean;
  /** Absent: nobody can tell. */
  readonly watch?: Watch;
}

const NO_OPTIONS: DeadlineOptions = {};

/** The options of a deadline that somebody waits for. */
export const AWAITED: DeadlineOptions = { isAwaited: true };

/** Calls `onPassed` once after `ms` milliseconds, unless it is cancelled. See the file's header. */
export class Deadline {
  readonly #clock: Clock;
  readonly #onPassed: () => void;
  readonly #options: DeadlineOptions;
  readonly #watchMs: number;
  #latesLeft = MAX_LATE;
  #movesLeft: number;
  #hasMoved: (() => boolean) | undefined;
  #isOver = false;
  #cancelTimer: () => void;

  constructor(clock: Clock, ms: number, onPassed: () => void, options: DeadlineOptions = NO_OPTIONS) {
    this.#clock = clock;
    this.#onPassed = onPassed;
    this.#options = options;
    this.#watchMs = Math.min(WATCH_MS, ms / 2);
    this.#movesLeft = ms === 0 ? 0 : (ms * (MAX_STRETCH - 1)) / this.#watchMs;
    const beginWatch = (): void => {
      this.#beginWatch();
    };
    this.#cancelTimer = clock.schedule(beginWatch, ms - this.#watchMs, options.isAwaited);
  }

  /** What was waited for has happened. Cancelling twice changes nothing. */
  cancel(): void {
    this.#isOver = true;
    this.#cancelTimer();
  }

  #beginWatch(): void {
    const begunMs = this.#clock.nowMs();
    this.#hasMoved = this.#options.watch?.();
    const endWatch = (): void => {
      const isLate = this.#clock.nowMs() - begunMs > 2 * this.#watchMs;
      // Never without a reference: the loop of an idle process would sleep before it calls back, until something else happens.
      afterPolling(() => {
        if (!this.#isOver) this.#judge(isLate);
      });
    };
    this.#cancelTimer = this.#clock.schedule(endWatch, this.#watchMs, this.#options.isAwaited);
  }

  #judge(isLate: boolean): void {
    if ((isLate && this.#latesLeft-- > 0) || (this.#hasMoved?.() === true && this.#movesLeft-- > 0)) {
      this.#beginWatch();
      return;
    }
    this.#isOver = true;
    this.#onPassed();
  }
}

/** Resolves when `work` has ended or the time is up, whichever comes first; rejects with what `work` does. Keeps the process alive until then. */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  let cancel = (): void => undefined;
  const timeUp = new Promise<void>((resolve) => {
    const deadline = new Deadline(clock, ms, resolve, AWAITED);
    cancel = () => {
      deadline.cancel();
    };
  });
  try {
    await Promise.race([work, timeUp]);
  } finally {
    cancel();
  }
}
