/** Stops the whole process for a while, as a long computation, a garbage collection or a busy machine does. */
import { requireMs } from './check-arguments.js';

/**
 * Blocks the event loop for `ms` milliseconds: no timer fires, no answer is read, no other code of this thread runs. Uses no
 * processor time, so other processes go on at full speed.
 *
 * @throws {TypeError} when `ms` is not a non-negative number
 * @example
 * const read = users.get('42'); // sent to Redis
 * await new Promise(setImmediate);
 * blockEventLoop(2000); // the answer waits in the socket, longer than command_timeout_ms
 * await read; // the value: a pause of our own is not an outage
 */
export function blockEventLoop(ms: number): void {
  requireMs('ms', ms);
  // Nobody wakes it, so this always lasts until the timeout.
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
