/** The entries that left L1 in the course of one change, to be told of when the change is complete: listeners may use the tier. */
import type { EvictReason, MemoryTierOptions } from './memory-entry.js';

/** See the file's header. */
export class Departures {
  readonly #onEvict: MemoryTierOptions['onEvict'];
  #departed: { readonly key: string; readonly reason: EvictReason }[] = [];

  /** @param onEvict absent: nobody is told */
  constructor(onEvict: MemoryTierOptions['onEvict']) {
    this.#onEvict = onEvict;
  }

  /** An entry left. */
  note(key: string | undefined, reason: EvictReason): void {
    if (key !== undefined && this.#onEvict !== undefined) this.#departed.push({ key, reason });
  }

  /** Tells of those that left. */
  report(): void {
    if (this.#departed.length === 0) return;
    const departed = this.#departed;
    this.#departed = [];
    for (const { key, reason } of departed) this.#onEvict?.(key, reason);
  }
}
