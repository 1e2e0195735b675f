/** The loads of one service by key: the newest of each, which is the one that callers join or wait behind. */
import type { Flight } from './flight.js';

/** See the file's header. Bounded by the loads in flight (G14). */
export class FlightTable {
  readonly #flights = new Map<string, Flight>();
  readonly #all = new Set<Flight>();

  /** Loads under way. */
  get size(): number {
    return this.#all.size;
  }

  /** The newest flight of a key; `undefined` when none is under way. */
  get(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /** Adds a flight until it is over; `isJoinable` makes it the newest of its key. */
  add(flight: Flight, isJoinable: boolean): void {
    this.#all.add(flight);
    if (isJoinable) this.#flights.set(flight.key, flight);
    void flight.left.then(() => {
      this.#all.delete(flight);
      if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
    });
  }

  /** Everything under way. */
  all(): Flight[] {
    return [...this.#all];
  }
}
