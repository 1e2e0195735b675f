/**
 * One server, or the primary that sentinels name: ioredis asks them anew for every connection.
 *
 * A server that accepts a connection and says nothing on it is as good as none: the connection is ended after a while, because
 * the kernel of a frozen host goes on accepting.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import { Deadline } from '../../base/deadline.js';
import { socketOf } from './arrivals.js';
import { DEAF, type MasterNode, type RedisTransport, type Route, type TransportListener } from './redis-transport.js';

/** What the transport is made of. */
export interface SingleTransportParts {
  readonly client: Redis;
  /** False for a client that was handed in. */
  readonly isOwned: boolean;
  /** Whether sentinels say where the primary is. */
  readonly isSentinel: boolean;
  readonly clock: Clock;
  /** For people, and as the address of the only master; without credentials. */
  readonly endpoint: string;
  readonly probeKey: string;
  /** How long a server that accepted a connection may take to answer the login. */
  readonly silenceMs: () => number;
}

/** See the file's header. */
export class SingleTransport implements RedisTransport {
  readonly isCluster = false;
  readonly mustProbeWrites: boolean;
  readonly send: Route['send'];
  readonly socketFor: Route['socketFor'];
  readonly #parts: SingleTransportParts;
  readonly #masters: readonly MasterNode[];
  #listener: TransportListener = DEAF;
  #hasBeenReady = false;
  #watchdog: Deadline | undefined;

  constructor(parts: SingleTransportParts) {
    const { client, endpoint, probeKey, isSentinel } = parts;
    this.#parts = parts;
    this.mustProbeWrites = isSentinel;
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
      },
    ];
  }

  open(listener: TransportListener): void {
    const { client } = this.#parts;
    this.#listener = listener;
    client.on('connect', this.#onConnect);
    client.on('ready', this.#onReady);
    client.on('close', this.#onClose);
    client.on('error', this.#onError);
    if (client.status === 'ready') this.#onReady();
    else if (client.status === 'wait') this.#connect();
  }

  masters(): readonly MasterNode[] {
    return this.#masters;
  }

  locate(): undefined {
    return undefined;
  }

  /** Without the polite half-close that a frozen server would never answer. */
  drop(): void {
    if (this.#parts.isOwned) (this.#parts.client as unknown as { stream?: { destroy(): void } }).stream?.destroy();
  }

  close(): void {
    const { client, isOwned } = this.#parts;
    this.#listener = DEAF;
    this.#watchdog?.cancel();
    client.off('connect', this.#onConnect);
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

  readonly #onConnect = (): void => {
    const { isOwned, clock, silenceMs } = this.#parts;
    if (!isOwned) return;
    this.#watchdog?.cancel();
    const waitMs = silenceMs();
    this.#watchdog = new Deadline(clock, waitMs, () => {
      this.#listener.onSilence(`connected, but no answer within ${waitMs} ms`);
      this.drop();
    });
  };

  readonly #onReady = (): void => {
    this.#watchdog?.cancel();
    const isOther = this.#hasBeenReady && this.#parts.isSentinel;
    this.#hasBeenReady = true;
    this.#listener.onReady(isOther);
  };

  readonly #onClose = (): void => {
    this.#watchdog?.cancel();
    this.#listener.onClosed();
  };

  readonly #onError = (error: unknown): void => {
    this.#listener.onError(error);
  };
}
