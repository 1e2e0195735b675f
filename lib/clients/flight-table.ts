/** The loads of one service by key: the newest of each, which is the one that callers join or wait behind. */
import type { Flight, FlightHome } from './flight.js';

/** See the file's header. Bounded by the loads in flight (G14). */
export class FlightTable implements FlightHome {
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
    flight.home = this;
  }

  /** A flight is over. */
  leave(flight: Flight): void {
    this.#all.delete(flight);
    if (this.#flights.get(flight.key) === flight) this.#uncover(flight);
  }

  /** One that was given up before its turn leaves the key to the one before it. */
  #uncover({ key, behind }: Flight): void {
    let before = behind;
    while (before?.isOver === true) before = before.behind;
    if (before === undefined) this.#flights.delete(key);
    else this.#flights.set(key, before);
  }

  /** Everything under way. */
  all(): Flight[] {
    return [...this.#all];
  }
}
