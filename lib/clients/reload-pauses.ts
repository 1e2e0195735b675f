/**
 * Keeps reloads ahead of time from hammering a source: one at a time per key, and none for a while after one has failed or was left
 * to another process.
 * The cached value is still fresh meanwhile, so nobody misses anything.
 */
import type { Clock } from '../base/clock.js';

/** How long a key is left alone after a failed reload. */
const PAUSE_MS = 1000;

/** Keys remembered at most (G14); beyond it the pauses are forgotten, which costs some loads. */
const MAX_KEYS = 10_000;

/** See the file's header. */
export class ReloadPauses {
  readonly #clock: Clock;
  /** By key: until when it is left alone; Infinity while its reload is under way. */
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a reload may start now; if so, it counts as under way until {@link ended}. */
  mayStart(key: string): boolean {
    const untilMs = this.#untilMs.get(key);
    if (untilMs !== undefined && untilMs > this.#clock.nowMs()) return false;
    if (this.#untilMs.size >= MAX_KEYS) this.#untilMs.clear();
    this.#untilMs.set(key, Infinity);
    return true;
  }

  /** The reload of a key is over. */
  ended(key: string): void {
    this.#untilMs.delete(key);
  }

  /** The reload of a key is over and has failed, or another process is at it. */
  failed(key: string): void {
    this.#untilMs.set(key, this.#clock.nowMs() + PAUSE_MS);
  }
}
