/** What a loader sees of its flight. */
import type { LoadContext } from './cache-client.js';
import type { Flight } from './flight.js';

/** What a loader is given; its signal is made only when the loader looks at it. */
export class FlightContext implements LoadContext<unknown> {
  readonly key: string;
  declare readonly stale?: unknown;
  readonly #flight: Flight;

  constructor(flight: Flight) {
    this.key = flight.key;
    if (flight.stale !== undefined) this.stale = flight.stale;
    this.#flight = flight;
  }

  get signal(): AbortSignal {
    return this.#flight.signal;
  }
}
