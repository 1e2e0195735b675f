/**
 * One caller's wait for a flight, with a limit. The last caller to give up takes the flight down; one who leaves with a value past
 * its TTL lets it go on ({@link LateLoads}). A wait that is over holds nothing, however long the flight goes on.
 */
import { watchAbort } from '../base/abort-watch.js';
import type { Clock } from '../base/clock.js';
import { AWAITED, Deadline } from '../base/deadline.js';
import type { Flight, FlightWaiter, LoadEnd } from './flight.js';
import type { LateLoads } from './late-loads.js';

/** How long a caller waits, and for what. */
export interface Patience {
  /** 0: as long as it takes. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Whether a value past its TTL will do when the time is up. */
  readonly allowsStale: boolean;
  /** Whether a value past its TTL will do while another process loads a new one. */
  readonly borrows: boolean;
  /** From when on a value past its TTL will do anyway, in milliseconds on the clock; `undefined`: never. */
  readonly softAtMs: number | undefined;
  /** Whether the load goes on when the time is up, with or without a value past its TTL. */
  readonly letsGoOn: boolean;
  /** The error of a wait that took too long. */
  readonly onTimeout: () => Error;
}

/** Waits for `flight`; rejects with the loader's error, the signal's reason, or the time-out's error. */
export function waitAtMost(flight: Flight, clock: Clock, late: LateLoads, patience: Patience): Promise<LoadEnd> {
  const { timeoutMs, signal, borrows, softAtMs } = patience;
  flight.limitMs = timeoutMs === 0 ? Infinity : Math.max(flight.limitMs, timeoutMs);
  if (flight.isOver) return flight.end;
  if (timeoutMs === 0 && signal === undefined && !borrows && softAtMs === undefined) {
    flight.waiters++;
    return flight.end;
  }
  return new Promise((resolve, reject) => {
    new FlightWait(flight, clock, late, patience, { resolve, reject }).start();
  });
}

interface Settle {
  readonly resolve: (end: LoadEnd) => void;
  readonly reject: (error: unknown) => void;
}

class FlightWait implements FlightWaiter {
  readonly #flight: Flight;
  readonly #clock: Clock;
  readonly #late: LateLoads;
  readonly #patience: Patience;
  readonly #settle: Settle;
  readonly #startedMs: number;
  #isSoftTimeUp = false;
  #stops: (() => void)[] = [];

  constructor(flight: Flight, clock: Clock, late: LateLoads, patience: Patience, settle: Settle) {
    this.#flight = flight;
    this.#clock = clock;
    this.#late = late;
    this.#patience = patience;
    this.#settle = settle;
    this.#startedMs = clock.nowMs();
  }

  start(): void {
    const { timeoutMs, signal, softAtMs } = this.#patience;
    this.#flight.join(this);
    if (signal?.aborted === true) {
      this.#giveUp(signal.reason);
      return;
    }
    if (signal !== undefined) {
      const onAbort = (): void => {
        this.#giveUp(signal.reason);
      };
      this.#stops.push(watchAbort(signal, onAbort));
    }
    if (timeoutMs > 0) this.#plan(() => this.#timeUp(), timeoutMs);
    if (softAtMs !== undefined) {
      const softMs = softAtMs - this.#startedMs;
      if (softMs > 0) this.#plan(() => this.#softTimeUp(), softMs);
      else this.#isSoftTimeUp = true;
    }
    this.offered();
  }

  landed(end: LoadEnd): void {
    this.#stop();
    this.#settle.resolve(end);
  }

  failed(error: unknown): void {
    this.#stop();
    this.#settle.reject(error);
  }

  offered(): void {
    const { borrows, timeoutMs } = this.#patience;
    if (!this.#isSoftTimeUp && !(borrows && this.#flight.isHeldElsewhere)) return;
    const end = this.#flight.staleEnd(this.#clock.nowMs());
    if (end === undefined) return;
    const leftMs = timeoutMs === 0 ? 0 : Math.max(1, this.#startedMs + timeoutMs - this.#clock.nowMs());
    this.#late.left(this.#flight, leftMs);
    this.landed(end);
    this.#flight.leave(this, undefined);
  }

  #softTimeUp(): void {
    this.#isSoftTimeUp = true;
    this.offered();
  }

  #timeUp(): void {
    const { allowsStale, letsGoOn, onTimeout } = this.#patience;
    const error = onTimeout();
    const end = allowsStale ? this.#flight.staleEnd(this.#clock.nowMs()) : undefined;
    if ((end !== undefined || letsGoOn) && !this.#flight.isHeldElsewhere) this.#late.add(this.#flight);
    if (end === undefined) {
      this.#giveUp(error);
      return;
    }
    this.landed(end);
    this.#flight.leave(this, error);
  }

  #giveUp(reason: unknown): void {
    this.failed(reason);
    this.#flight.leave(this, reason);
  }

  #plan(callback: () => void, delayMs: number): void {
    const deadline = new Deadline(this.#clock, delayMs, callback, AWAITED);
    this.#stops.push(() => {
      deadline.cancel();
    });
  }

  #stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }
}
