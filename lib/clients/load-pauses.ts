/**
 * Keeps a failing source from being asked once per caller: after a failed load a key is left alone for `load_backoff`, twice as long
 * after each further failure, 30 s at most. Meanwhile callers get the value past its TTL where there is one, and reloads ahead of
 * time do not start. A load that succeeds ends it.
 */
import type { Clock } from '../base/clock.js';

/** The longest pause, unless `load_backoff` itself is longer. */
const LONGEST_MS = 30_000;

/** How long reloads ahead of time leave a key alone with `load_backoff = 0`, or because another process is reloading it. */
const RELOAD_PAUSE_MS = 1000;

/** Keys remembered at most (G14); beyond it the oldest pause is forgotten, which costs a load. */
const MAX_KEYS = 10_000;

interface Pause {
  readonly untilMs: number;
  /** Failures in a row; 0: the key is left to another process. */
  readonly failures: number;
}

/** The pauses of one service, by key. */
export class LoadPauses {
  readonly #clock: Clock;
  readonly #firstMs: number;
  readonly #pauses = new Map<string, Pause>();
  /** Keys with a reload ahead of time under way. */
  readonly #reloading = new Set<string>();

  /** @param firstMs `load_backoff`; 0: failures do not keep callers from loading */
  constructor(clock: Clock, firstMs: number) {
    this.#clock = clock;
    this.#firstMs = firstMs;
  }

  /** Keys remembered. */
  get size(): number {
    return this.#pauses.size;
  }

  /** Whether failed loads are followed by pauses. */
  get isOn(): boolean {
    return this.#firstMs > 0;
  }

  /** Whether a caller who can have a value past its TTL is to be spared a load of `key` now. */
  isPausing(key: string): boolean {
    if (this.#pauses.size === 0 || !this.isOn) return false;
    const pause = this.#pauses.get(key);
    return pause !== undefined && pause.failures > 0 && pause.untilMs > this.#clock.nowMs();
  }

  /** A load of `key` has failed, or has taken longer than its callers would wait. */
  failed(key: string): void {
    const nowMs = this.#clock.nowMs();
    const last = this.#pauses.get(key);
    // Failures so far apart have nothing to do with each other.
    const failures = last !== undefined && nowMs - last.untilMs < LONGEST_MS ? last.failures + 1 : 1;
    const firstMs = this.isOn ? this.#firstMs : RELOAD_PAUSE_MS;
    const pauseMs = this.isOn ? Math.min(firstMs * 2 ** (failures - 1), Math.max(LONGEST_MS, firstMs)) : firstMs;
    this.#note(key, { untilMs: nowMs + pauseMs, failures });
  }

  /** A load of `key` has succeeded. */
  succeeded(key: string): void {
    if (this.#pauses.size > 0) this.#pauses.delete(key);
  }

  /** Whether a reload ahead of time may start now; if so, it counts as under way until {@link reloadEnded}. */
  mayReload(key: string): boolean {
    const pause = this.#pauses.get(key);
    if (this.#reloading.has(key) || (pause !== undefined && pause.untilMs > this.#clock.nowMs())) return false;
    this.#reloading.add(key);
    return true;
  }

  /** The reload ahead of time of a key is over. */
  reloadEnded(key: string): void {
    this.#reloading.delete(key);
  }

  /** Another process is reloading the key. */
  leftToOthers(key: string): void {
    this.#note(key, { untilMs: this.#clock.nowMs() + RELOAD_PAUSE_MS, failures: 0 });
  }

  #note(key: string, pause: Pause): void {
    // Last in the order of the map, so that the first is the oldest.
    this.#pauses.delete(key);
    for (const oldest of this.#pauses.keys()) {
      if (this.#pauses.size < MAX_KEYS) break;
      this.#pauses.delete(oldest);
    }
    this.#pauses.set(key, pause);
  }
}
