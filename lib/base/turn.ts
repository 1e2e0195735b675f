/** Turns of the event loop. Held on to, because tests of users replace the global functions. */

/** Calls back after the event loop has polled once: what has arrived until then was read. */
export const { setImmediate: afterPolling } = globalThis;
