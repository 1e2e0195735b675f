/** Letting time pass. */
import type { Clock } from './clock.js';

/** Resolves after `ms` milliseconds; keeps the process alive until then if somebody waits for it (`isAwaited`). */
export function pause(clock: Clock, ms: number, isAwaited = false): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(resolve, ms, isAwaited);
  });
}
