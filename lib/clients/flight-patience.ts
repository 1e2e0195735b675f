/** One caller's wait for a flight, with a limit; the last caller to give up takes the flight down. */
import type { Clock } from '../base/clock.js';
import { AWAITED, Deadline } from '../base/deadline.js';
import type { Flight, LoadEnd } from './flight.js';

/** How long a caller waits. */
export interface Patience {
  /** 0: as long as it takes. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Whether a value past its TTL will do while another process loads a new one; the flight then goes on for this caller. */
  readonly takesStale: boolean;
  /** The error of a wait that took too long. */
  readonly onTimeout: () => Error;
}

/** Waits for `flight`; rejects with the loader's error, the signal's reason, or the time-out's error. */
export function waitAtMost(
  flight: Flight,
  clock: Clock,
  { timeoutMs, signal, takesStale, onTimeout }: Patience,
): Promise<LoadEnd> {
  if (timeoutMs === 0 && signal === undefined && !takesStale) return flight.end;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      deadline?.cancel();
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
    const onTime = (): void => {
      giveUp(onTimeout());
    };
    const deadline = timeoutMs === 0 ? undefined : new Deadline(clock, timeoutMs, onTime, AWAITED);
    if (signal?.aborted === true) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    flight.end.finally(stop).then(resolve, reject);
    if (!takesStale) return;
    flight.whenLent((end) => {
      resolve(end);
      // The caller is gone, but what it asked for is still wanted, within its time.
      signal?.removeEventListener('abort', onAbort);
    });
  });
}
