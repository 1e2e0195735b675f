/** Whether the disk works, and when one that has failed is asked again: one that hangs would cost every caller a deadline. */
import type { Clock } from '../base/clock.js';
import { RETRY_MS } from './saved-facts.js';

/** See the file's header. */
export class DiskTrouble {
  readonly #clock: Clock;
  readonly #onRetryDue: () => void;
  /** When it may be asked again; `undefined` while it works. */
  #retryAtMs: number | undefined;
  #error: unknown;
  #cancelRetry: (() => void) | undefined;

  /** @param onRetryDue it is time to ask the disk again */
  constructor(clock: Clock, onRetryDue: () => void) {
    this.#clock = clock;
    this.#onRetryDue = onRetryDue;
  }

  /** Whether the disk has failed and has not worked since. */
  get isLasting(): boolean {
    return this.#retryAtMs !== undefined;
  }

  /** Why the disk can't be written to; `undefined` while it can. */
  get error(): unknown {
    return this.#error;
  }

  /** How long the disk has to be left alone; 0 or less: it may be asked. */
  get waitMs(): number {
    return this.#retryAtMs === undefined ? 0 : this.#retryAtMs - this.#clock.nowMs();
  }

  /** Notes a failure. */
  note(error: unknown): void {
    this.#error = error;
    // Only a disk that was asked just now has failed just now.
    if (this.#clock.nowMs() >= (this.#retryAtMs ?? 0)) this.#retryAtMs = this.#clock.nowMs() + RETRY_MS;
    this.planRetry(RETRY_MS);
  }

  /** Asks for a retry after so long, unless one is planned. */
  planRetry(waitMs: number): void {
    this.#cancelRetry ??= this.#clock.schedule(() => {
      this.#cancelRetry = undefined;
      this.#onRetryDue();
    }, waitMs);
  }

  /** Lets the disk be asked at once. */
  hurry(): void {
    if (this.#retryAtMs !== undefined) this.#retryAtMs = this.#clock.nowMs();
  }

  /** The disk works. */
  end(): void {
    this.#retryAtMs = undefined;
    this.#error = undefined;
    this.stop();
  }

  /** Plans nothing any more. */
  stop(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }
}
