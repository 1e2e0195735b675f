/** One caller's wait for a flight, with a limit; the last caller to give up takes the flight down. */
import type { Clock } from '../base/clock.js';
import type { Flight, LoadEnd } from './flight.js';

/** How long a caller waits. */
export interface Patience {
  /** 0: as long as it takes. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** The error of a wait that took too long. */
  readonly onTimeout: () => Error;
}

/** Waits for `flight`; rejects with the loader's error, the signal's reason, or the time-out's error. */
export function waitAtMost(flight: Flight, clock: Clock, { timeoutMs, signal, onTimeout }: Patience): Promise<LoadEnd> {
  if (timeoutMs === 0 && signal === undefined) return flight.end;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
    };
    const giveUp = (error: Error): void => {
      stop();
      reject(error);
      if (--flight.waiters === 0 && !flight.isOver) flight.abandon(error);
    };
    const onAbort = (): void => {
      giveUp(signal?.reason as Error);
    };
    const cancel =
      timeoutMs === 0
        ? () => undefined
        : clock.schedule(
            () => {
              giveUp(onTimeout());
            },
            timeoutMs,
            true,
          );
    if (signal?.aborted === true) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    flight.end.finally(stop).then(resolve, reject);
  });
}
