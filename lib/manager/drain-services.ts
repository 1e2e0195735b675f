/**
 * The time between the beginning of closing and its end (G9). It is over when nothing is left to do in any of the services, or
 * at the deadline. Services drain together, because a load of one is often followed by a write to another.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { atMost } from '../base/deadline.js';
import type { Clock } from '../base/clock.js';
import type { ServiceCore } from '../clients/service-core.js';

/** Resolves when all services are idle, or after `deadlineMs`. Never rejects. */
export async function drainServices(cores: readonly ServiceCore[], clock: Clock, deadlineMs: number): Promise<void> {
  let isOver = false;
  const drain = async (): Promise<void> => {
    do {
      await Promise.all(cores.map((core) => core.settle()));
      // Callers whose calls have just ended go on now, perhaps with another call.
      await nextTurn();
    } while (!isOver && !cores.every((core) => core.isIdle));
  };
  await atMost(clock, deadlineMs, drain());
  isOver = true;
}
