/** Ends a connection without the polite half-close that a frozen server would never answer. */
import type { Redis } from 'ioredis';

/** Destroys the socket of a client, if it has one; what the client does then is for its own options to say. */
export function destroySocket(client: Redis): void {
  (client as unknown as { stream?: { destroy(): void } }).stream?.destroy();
}
