/** The connection for writes to one server, or to the primary that sentinels name. ioredis connects it anew whenever it is lost. */
import type { Redis } from 'ioredis';
import { socketOf } from './arrivals.js';
import { destroySocket } from './node-socket.js';
import type { Route } from './redis-transport.js';
import type { WriteLane } from './write-lane.js';

/** See the file's header. */
export class SingleLane implements WriteLane {
  readonly #client: Redis;
  readonly #route: Route;

  /** @param client not connected yet, without a queue, ours to close */
  constructor(client: Redis) {
    this.#client = client;
    this.#route = {
      send: (command) => {
        void client.sendCommand(command);
      },
      socketFor: () => socketOf(client),
    };
    // What keeps it from connecting keeps the other client, too, or the writes go over that one.
    client.on('error', () => undefined);
  }

  connect(): void {
    if (this.#client.status === 'wait') this.#client.connect().catch(() => undefined);
  }

  routeOf(): Route | undefined {
    return this.#client.status === 'ready' ? this.#route : undefined;
  }

  drop(): void {
    destroySocket(this.#client);
  }

  close(): void {
    // The error listener stays: a socket that fails while closing must not end the process.
    this.#client.disconnect();
  }
}
