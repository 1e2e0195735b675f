/**
 * Loads that nobody waits for any more because their callers were given a value past its TTL. Such a load goes on and its value is
 * kept, but not for ever (G14): a loader that never settles must neither hold memory nor stand in the way of the next load.
 *
 * 1. A load that callers left early (`soft_timeout`) goes on until its `load_timeout`. 2. A load that has reached it is late: it
 * counts as a failed attempt, and goes on for {@link LATE_MS} more, or as long again where `load_timeout` is longer. 3. After the
 * pause that follows a failure, the next caller who needs a load lets go of a late one and loads anew. 4. However many callers
 * keep waiting, no load is joined longer than {@link LATE_MS} after the longest wait that any of its callers allows. 5. While the
 * service closes, no load goes on without a caller.
 */
import type { Clock } from '../base/clock.js';
import { CacheError } from '../base/errors.js';
import type { Flight } from './flight.js';
import type { LoadPauses } from './load-pauses.js';
import type { ServiceCore } from './service-core.js';

/** How long a load that is over its time goes on. */
const LATE_MS = 30_000;

/** See the file's header. */
export class LateLoads {
  readonly #core: ServiceCore;
  readonly #clock: Clock;
  readonly #pauses: LoadPauses;

  constructor(core: ServiceCore) {
    this.#core = core;
    this.#clock = core.parts.clock;
    this.#pauses = core.loadPauses;
  }

  /** A caller leaves with a value past its TTL, who would have waited for `timeoutMs` (0: for ever) from now. */
  left(flight: Flight, timeoutMs: number): void {
    if (flight.isOver || flight.isLate || this.#core.isClosing) return;
    const nowMs = this.#clock.nowMs();
    if (flight.isHeldElsewhere) {
      this.#keep(flight, nowMs + (timeoutMs === 0 ? LATE_MS : timeoutMs));
      return;
    }
    // From when it was opened, so that no number of callers who leave makes it go on longer.
    const endMs = flight.openedMs + flight.limitMs;
    if (endMs > nowMs && endMs < Infinity) this.#keep(flight, endMs);
    else if (flight.keptUntilMs === 0) this.#keep(flight, nowMs + LATE_MS);
  }

  /** The time of a flight is up, and it is to go on. */
  add(flight: Flight): void {
    if (flight.isOver || flight.isLate || this.#core.isClosing) return;
    flight.isLate = true;
    this.#pauses.failed(flight.key);
    this.#keep(flight, this.#clock.nowMs() + (flight.limitMs < Infinity ? Math.max(LATE_MS, flight.limitMs) : LATE_MS));
  }

  /** Lets go of a flight if a caller who needs a load had better not wait for it. */
  release(flight: Flight, isForced: boolean): void {
    if (this.#isDueToGo(flight, isForced)) flight.abandon(this.#tooSlow(flight));
  }

  #isDueToGo(flight: Flight, isForced: boolean): boolean {
    if (flight.isOver) return false;
    if (flight.isLate && flight.waiters === 0) {
      if (isForced || flight.isOvertaken) return true;
      if (this.#pauses.isOn && !this.#pauses.isPausing(flight.key)) return true;
    }
    return flight.limitMs < Infinity && this.#clock.nowMs() >= flight.openedMs + flight.limitMs + LATE_MS;
  }

  #keep(flight: Flight, untilMs: number): void {
    if (untilMs <= flight.keptUntilMs) return;
    const isKept = flight.keptUntilMs > 0;
    flight.keptUntilMs = untilMs;
    if (!isKept) this.#watch(flight);
  }

  #watch(flight: Flight): void {
    const cancel = this.#clock.schedule(
      () => {
        forget();
        this.#timeUp(flight);
      },
      Math.max(0, flight.keptUntilMs - this.#clock.nowMs()),
    );
    const forget = flight.whenLeft(cancel);
  }

  #timeUp(flight: Flight): void {
    if (flight.keptUntilMs > this.#clock.nowMs()) {
      this.#watch(flight);
      return;
    }
    flight.keptUntilMs = 0;
    const isHere = !flight.isLate && !flight.isHeldElsewhere;
    if (isHere && flight.limitMs < Infinity) this.add(flight);
    else if (flight.waiters === 0) {
      if (isHere) this.#pauses.failed(flight.key);
      flight.abandon(this.#tooSlow(flight));
    }
  }

  #tooSlow({ key }: Flight): CacheError {
    return new CacheError('CACHE_LOAD_TIMEOUT', 'The load took too long to go on', { service: this.#core.name, key });
  }
}
