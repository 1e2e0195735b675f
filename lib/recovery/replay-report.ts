/** What a replay did so far. */
import type { Clock } from '../base/clock.js';
import type { CacheError } from '../base/errors.js';
import type { WriteOutcome } from '../tiers/redis/write-script.js';

/** How far a replay is: `interrupted` ones go on later. */
export type ReplayPhase = 'started' | 'progress' | 'finished' | 'interrupted';

/** Progress is told of this often at most. */
const PROGRESS_MS = 500;

/** See the file's header. */
export class ReplayReport {
  /** Values that Redis took. */
  restored = 0;
  /** Keys that were removed from Redis, or would have been. */
  invalidated = 0;
  /** Keys of which Redis had something newer. */
  superseded = 0;
  /** Writes that Redis refused one by one; they stay in the log. */
  failed = 0;
  /** Keys that are still in the log. */
  pending = 0;
  /** Why it was cut off, or the last refusal; `undefined` when all went well. */
  failure: unknown;
  /** Whether Redis was away before: people want to hear of that, and not of a single write that timed out. */
  readonly followsOutage: boolean;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #toldMs: number;

  constructor(clock: Clock, followsOutage = false) {
    this.followsOutage = followsOutage;
    this.#clock = clock;
    this.#startedMs = clock.nowMs();
    this.#toldMs = this.#startedMs;
  }

  /** Keys that Redis has been told of. */
  get replayed(): number {
    return this.restored + this.invalidated + this.superseded;
  }

  /** Milliseconds since the replay began. */
  get durationMs(): number {
    return this.#clock.nowMs() - this.#startedMs;
  }

  /** Whether it is time to tell of the progress; then not again for a while. */
  isProgressDue(): boolean {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#toldMs < PROGRESS_MS) return false;
    this.#toldMs = nowMs;
    return true;
  }

  /** Notes how many keys are still in the log. */
  withPending(pending: number): this {
    this.pending = pending;
    return this;
  }

  /** Counts a write that Redis has been told of. */
  count(isValue: boolean, outcome: Exclude<WriteOutcome, CacheError>): void {
    if (outcome === 'older') this.superseded++;
    else if (isValue) this.restored++;
    else this.invalidated++;
  }

  /** Counts a write that Redis refused. */
  refuse(error: CacheError): void {
    this.failed++;
    this.failure = error;
  }
}
