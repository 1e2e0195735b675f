/** Waiting with an end. */
import type { Clock } from './clock.js';

/** Resolves when `work` has ended or the time is up, whichever comes first; rejects with what `work` does. Keeps the process alive until then. */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  let cancel = (): void => undefined;
  const timeUp = new Promise<void>((resolve) => {
    cancel = clock.schedule(resolve, ms, true);
  });
  try {
    await Promise.race([work, timeUp]);
  } finally {
    cancel();
  }
}
