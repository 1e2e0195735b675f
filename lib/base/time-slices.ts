/** Long work in slices: the event loop gets its turn after each, so that nothing else waits for the end of the work. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from './clock.js';

/** How long a slice takes. */
const SLICE_MS = 8;
/** The clock is read once for so many steps. */
const STEPS_PER_LOOK = 64;

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
  #untilMs: number;
  #steps = 0;

  /** Starts the first slice. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#untilMs = clock.nowMs() + SLICE_MS;
  }

  /** Notes a step; whether the slice is over. */
  isOver(): boolean {
    if (++this.#steps % STEPS_PER_LOOK !== 0) return false;
    return this.#clock.nowMs() >= this.#untilMs;
  }

  /** Lets everything else have its turn, then starts the next slice. */
  async next(): Promise<void> {
    await turn();
    this.#untilMs = this.#clock.nowMs() + SLICE_MS;
  }
}
