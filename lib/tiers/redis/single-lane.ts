/**
 * The connection for writes to one server, or to the primary that sentinels name. ioredis connects it anew whenever it is lost, and
 * then it may find another server than the one that is read from: after a failover in which only this connection was cut.
 *
 * So it is used only once both connections are known to lead to a primary. If their addresses differ, and the one for reads is not
 * new itself, that one is older than the failover and is ended, which ends both; neither is used before it was found again.
 */
import type { Command, Redis } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import { socketOf } from './arrivals.js';
import { destroySocket } from './node-socket.js';
import { failureOf } from './redis-errors.js';
import type { Route } from './redis-transport.js';
import { provePrimary, type Ask } from './server-role.js';
import type { WriteLane } from './write-lane.js';

/** How long a connection for reads counts as new: a name with several addresses may lead two connections to two of them. */
const NEW_MS = 10_000;

/** What a lane is made of. */
export interface SingleLaneParts {
  /** For writes: not connected yet, without a queue, ours to close. */
  readonly client: Redis;
  /** For reads. */
  readonly reads: Redis;
  /** Whether {@link reads} may be ended: not one that was handed in. */
  readonly isOwned: boolean;
  /** The class of commands that fit both; passed in because ioredis is loaded on demand. */
  readonly Command: typeof Command;
  readonly clock: Clock;
}

/** See the file's header. */
export class SingleLane implements WriteLane {
  readonly #parts: SingleLaneParts;
  readonly #route: Route;
  #isProven = false;
  /** Counts the attempts at proving; only the last one counts. */
  #attempts = 0;
  #readsSinceMs = -Infinity;

  constructor(parts: SingleLaneParts) {
    const { client } = parts;
    this.#parts = parts;
    this.#route = {
      send: (command) => {
        void client.sendCommand(command);
      },
      socketFor: () => socketOf(client),
    };
    // What keeps it from connecting keeps the other client, too, or the writes go over that one.
    client.on('error', () => undefined);
    client.on('ready', this.#prove);
    client.on('close', this.#doubt);
  }

  connect(): void {
    this.#readsSinceMs = this.#parts.clock.nowMs();
    const { client } = this.#parts;
    if (client.status === 'wait') client.connect().catch(() => undefined);
    else this.#prove();
  }

  routeOf(): Route | undefined {
    return this.#isProven && this.#parts.client.status === 'ready' ? this.#route : undefined;
  }

  drop(): void {
    this.#doubt();
    destroySocket(this.#parts.client);
  }

  close(): void {
    const { client } = this.#parts;
    this.#doubt();
    client.off('ready', this.#prove);
    client.off('close', this.#doubt);
    // The error listener stays: a socket that fails while closing must not end the process.
    client.disconnect();
  }

  readonly #doubt = (): void => {
    this.#isProven = false;
    this.#attempts++;
  };

  readonly #prove = (): void => {
    const { client, reads, clock } = this.#parts;
    this.#doubt();
    // Whichever of the two is ready last calls this again.
    if (client.status !== 'ready' || reads.status !== 'ready') return;
    if (peerOf(client) !== peerOf(reads) && clock.nowMs() - this.#readsSinceMs > NEW_MS) {
      this.#endReads();
      return;
    }
    const attempt = this.#attempts;
    const endClient = (): void => {
      destroySocket(client);
    };
    const endReads = (): void => {
      this.#endReads();
    };
    void Promise.all([this.#isPrimary(reads, endReads), this.#isPrimary(client, endClient)]).then(([isOne, isOther]) => {
      if (attempt === this.#attempts) this.#isProven = isOne && isOther;
    });
  };

  /** Never rejects. A server that does not tell its role counts as one: the probes have it take a write. */
  async #isPrimary(client: Redis, onReplica: () => void): Promise<boolean> {
    const ask: Ask = (name, args) => {
      const command = new this.#parts.Command(name, args, { replyEncoding: 'utf8' });
      void client.sendCommand(command);
      return command.promise;
    };
    try {
      await provePrimary(ask);
      return true;
    } catch (error) {
      if (failureOf(error).code === 'READONLY') onReplica();
      return false;
    }
  }

  #endReads(): void {
    const { reads, isOwned } = this.#parts;
    if (isOwned) destroySocket(reads);
  }
}

/** Where the socket of a client leads, as the system sees it; of a socket in the file system nothing. */
function peerOf(client: Redis): string {
  const { stream } = client as unknown as { readonly stream?: { readonly remoteAddress?: string; readonly remotePort?: number } };
  return `${stream?.remoteAddress ?? ''} ${stream?.remotePort ?? ''}`;
}
