/**
 * The version of the last clear of a service, as far as this process knows: an entry older than that counts as nothing,
 * whether Redis has removed it yet or not. That is why a clear is done as soon as its version is known.
 */
import { VERSION_LENGTH, type HybridClock } from '../../base/hybrid-clock.js';

/** See the file's header. */
export class ClearLine {
  readonly #clock: HybridClock;
  #version = '';

  constructor(clock: HybridClock) {
    this.#clock = clock;
  }

  /** Whether an entry with this version was cleared. */
  hides(version: string): boolean {
    return version < this.#version;
  }

  /** Learns of a clear; returns whether it was news. What is no version is ignored. */
  raise(version: string): boolean {
    if (version.length !== VERSION_LENGTH || version <= this.#version) return false;
    // Made by a broken clock: obeying it would empty the service until that time.
    if (!this.#clock.accepts(version)) return false;
    this.#version = version;
    return true;
  }
}
