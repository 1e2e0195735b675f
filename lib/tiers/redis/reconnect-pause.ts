/** How long a client of ours waits before it tries to connect again: doubled each time, spread so that processes do not come at once. */
import type { Random } from '../../base/random.js';

const FIRST_MS = 50;
/** How late a Redis that returned may be noticed. */
const LONGEST_MS = 1000;

/** Milliseconds before the attempt after the `attempt`th failed one, counted from 1. */
export function reconnectPauseMs(attempt: number, random: Random): number {
  return Math.min(FIRST_MS * 2 ** Math.min(attempt - 1, 10), LONGEST_MS) * (0.75 + random() / 2);
}
