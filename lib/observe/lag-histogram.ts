/**
 * How late something came, as a histogram of fixed size: eight steps for every doubling, so that a percentile is right to
 * within a tenth, from a hundredth of a millisecond to a quarter of an hour.
 */

/** What a histogram says. Milliseconds. */
export interface LagSummary {
  readonly count: number;
  /** Half came within this. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const LEAST_MS = 0.01;
const STEPS_PER_DOUBLING = 8;
const STEPS = 27 * STEPS_PER_DOUBLING;

/** See the file's header. */
export class LagHistogram {
  readonly #counts = new Uint32Array(STEPS);
  #count = 0;
  #maxMs = 0;

  /** Counts one; what is negative, because two clocks differ, counts as 0. */
  add(lagMs: number): void {
    const step = lagMs <= LEAST_MS ? 0 : Math.ceil(Math.log2(lagMs / LEAST_MS) * STEPS_PER_DOUBLING);
    const at = Math.min(step, STEPS - 1);
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#count++;
    if (lagMs > this.#maxMs) this.#maxMs = lagMs;
  }

  /** What has been counted; `undefined`: nothing yet. */
  summary(): LagSummary | undefined {
    if (this.#count === 0) return undefined;
    return { count: this.#count, p50Ms: this.#percentile(0.5), p99Ms: this.#percentile(0.99), maxMs: this.#maxMs };
  }

  #percentile(share: number): number {
    let left = Math.ceil(this.#count * share);
    for (let step = 0; step < STEPS; step++) {
      left -= this.#counts[step] as number;
      if (left <= 0) return Math.min(this.#maxMs, LEAST_MS * 2 ** (step / STEPS_PER_DOUBLING));
    }
    return this.#maxMs;
  }
}
