/**
 * One server, or the primary that sentinels name: they are asked anew for every connection.
 *
 * A client of our own is ready when it has logged in to its database. One that was handed in may be in another one, at any time:
 * ioredis goes on after a refused `SELECT`, and the application may have given one.
 */
import type { Redis } from 'ioredis';
import { socketOf } from './arrivals.js';
import { refusedDatabase } from './login.js';
import { destroySocket } from './node-socket.js';
import { ConnectFailure, isReplyError, type Failure } from './redis-errors.js';
import { DEAF, type MasterNode, type RedisTransport, type Route, type TransportListener } from './redis-transport.js';
import type { Ask } from './server-role.js';

/** What the transport is made of. */
export interface SingleTransportParts {
  readonly client: Redis;
  /** False for a client that was handed in. */
  readonly isOwned: boolean;
  /** Whether sentinels say where the primary is. */
  readonly isSentinel: boolean;
  /** The one that the services use; of a client of our own the login sees to it. */
  readonly database: number;
  /** For people, and as the address of the only master; without credentials. */
  readonly endpoint: string;
  readonly probeKey: string;
}

/** The database a client believes to be in. */
export function databaseOf(client: Redis): number {
  const { condition } = client as unknown as { readonly condition?: { readonly select?: number | null } | null };
  return condition?.select ?? client.options.db ?? 0;
}

/** See the file's header. */
export class SingleTransport implements RedisTransport {
  readonly isCluster = false;
  readonly send: Route['send'];
  readonly socketFor: Route['socketFor'];
  readonly #parts: SingleTransportParts;
  readonly #masters: readonly MasterNode[];
  #listener: TransportListener = DEAF;
  #hasBeenReady = false;

  constructor(parts: SingleTransportParts) {
    const { client, endpoint, probeKey, isOwned } = parts;
    this.#parts = parts;
    this.send = (command) => {
      void client.sendCommand(command);
    };
    this.socketFor = () => socketOf(client);
    this.#masters = [
      {
        address: endpoint,
        probeKey,
        send: this.send,
        socketFor: this.socketFor,
        ...(isOwned ? {} : { proveDatabase: this.#proveDatabase }),
      },
    ];
  }

  open(listener: TransportListener): void {
    const { client } = this.#parts;
    this.#listener = listener;
    client.on('ready', this.#onReady);
    client.on('close', this.#onClose);
    client.on('error', this.#onError);
    if (!this.#parts.isOwned) client.on('select', this.#onSelect);
    if (client.status === 'ready') this.#onReady();
    else if (client.status === 'wait') this.#connect();
  }

  serverOf(): string {
    return '';
  }

  masters(): readonly MasterNode[] {
    return this.#masters;
  }

  locate(): undefined {
    return undefined;
  }

  /** Without the polite half-close that a frozen server would never answer. */
  drop(): void {
    if (this.#parts.isOwned) destroySocket(this.#parts.client);
  }

  close(): void {
    const { client, isOwned } = this.#parts;
    this.#listener = DEAF;
    client.off('select', this.#onSelect);
    client.off('ready', this.#onReady);
    client.off('close', this.#onClose);
    // The error listener of our own stays: a socket that fails while closing must not end the process.
    if (isOwned) client.disconnect();
    else client.off('error', this.#onError);
  }

  #connect(): void {
    // Why it failed comes as an error event; the rejection knows no more than that the connection is closed.
    this.#parts.client.connect().catch(() => undefined);
  }

  readonly #proveDatabase = async (ask: Ask): Promise<void> => {
    const { client, database } = this.#parts;
    const misplaced = this.#misplaced(databaseOf(client));
    if (misplaced !== undefined) throw new ConnectFailure(misplaced);
    // A connection begins in database 0, and the client has not left that.
    if (database === 0) return;
    try {
      await ask('select', [String(database)]);
    } catch (error) {
      throw isReplyError(error) ? new ConnectFailure(refusedDatabase(database, error.message)) : error;
    }
  };

  #misplaced(used: number): Failure | undefined {
    const { database } = this.#parts;
    if (used === database) return undefined;
    return { code: 'DATABASE', reason: `the client that was handed in uses database ${used} now, the cache has ${database}` };
  }

  readonly #onSelect = (used: number): void => {
    const misplaced = this.#misplaced(used);
    if (misplaced !== undefined) this.#listener.onMisplaced(misplaced);
  };

  readonly #onReady = (): void => {
    const isOther = this.#hasBeenReady && this.#parts.isSentinel;
    this.#hasBeenReady = true;
    this.#listener.onReady(isOther);
  };

  readonly #onClose = (): void => {
    this.#listener.onClosed();
  };

  readonly #onError = (error: unknown): void => {
    this.#listener.onError(error);
  };
}
