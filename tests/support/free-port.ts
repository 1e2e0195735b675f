/** Ports nobody listens on. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range systems take the ports of outgoing connections from, so that a stopped server finds its port free again.
const FIRST_PORT = 10_000;
const LAST_PORT = 32_000;

/**
 * Returns a port of 127.0.0.1 that was free a moment ago; another process may still be quicker. With `offsets`, the ports
 * that far above it were free as well.
 */
export async function findFreePort(offsets: readonly number[] = [0]): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT - Math.max(...offsets));
    const areFree = await Promise.all(offsets.map((offset) => canListen(port + offset)));
    if (areFree.every(Boolean)) return port;
  }
  throw new Error(`No free port found between ${FIRST_PORT} and ${LAST_PORT}`);
}

/** Whether nobody listens on a port of 127.0.0.1. */
export function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}
