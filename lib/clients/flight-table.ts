/** The loads of one service by key: the newest of each, which is the one that callers join or wait behind. */
import type { Flight } from './flight.js';

/** See the file's header. Bounded by the loads in flight (G14). */
export class FlightTable {
  readonly #flights = new Map<string, Flight>();

  /** Keys being loaded. */
  get size(): number {
    return this.#flights.size;
  }

  /** The newest flight of a key; `undefined` when none is under way. */
  get(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /** Makes a flight the newest of its key, and takes it out when it is over. */
  add(flight: Flight): void {
    this.#flights.set(flight.key, flight);
    void flight.left.then(() => {
      if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
    });
  }

  /** Everything under way. */
  all(): Flight[] {
    return [...this.#flights.values()];
  }
}
