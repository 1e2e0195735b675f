/**
 * Long work in slices: the event loop gets its turn after each, so that nothing else waits for the end of the work. One slice of
 * the whole process runs in each turn, in the order in which they were asked for: ten long calls take ten times as long, and
 * nobody else waits longer.
 */
import type { Clock } from './clock.js';
import { afterPolling } from './turn.js';

/** How long a slice takes. */
const SLICE_MS = 8;
/** The clock is read once for so many steps, unless a step may take long by itself. */
const STEPS_PER_LOOK = 64;

const waiting: (() => void)[] = [];

/** One slice a turn. */
function beginNext(): void {
  waiting.shift()?.();
  if (waiting.length > 0) afterPolling(beginNext);
}

/**
 * Tells when a slice is over.
 *
 * @example
 * const slices = new TimeSlices(clock);
 * for (const item of items) {
 *   work(item);
 *   if (slices.isOver()) await slices.next();
 * }
 */
export class TimeSlices {
  readonly #clock: Clock;
  readonly #stepsPerLook: number;
  #untilMs: number;
  #steps = 0;

  /** Starts the first slice. */
  constructor(clock: Clock, stepsPerLook = STEPS_PER_LOOK) {
    this.#clock = clock;
    this.#stepsPerLook = stepsPerLook;
    this.#untilMs = clock.nowMs() + SLICE_MS;
  }

  /** Notes a step; whether the slice is over. */
  isOver(): boolean {
    if (++this.#steps % this.#stepsPerLook !== 0) return false;
    return this.#clock.nowMs() >= this.#untilMs;
  }

  /** Lets everything else have its turn, then starts the next slice. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (waiting.push(resolve) === 1) afterPolling(beginNext);
    });
    this.#untilMs = this.#clock.nowMs() + SLICE_MS;
  }
}
