/**
 * A transport with a lane of its own for writes. A server whose writes are paused (`CLIENT PAUSE … WRITE`) holds back a whole
 * connection from its first write on, reads included: on two connections the reads go on. While the lane is not connected,
 * writes go with the reads.
 *
 * The lane is a further client of our own, to the same place. It connects when the other one has, and anew whenever that one
 * does: after a failover both have to find the same server.
 */
import type { Command, Redis } from 'ioredis';
import { socketOf } from './arrivals.js';
import type { MasterNode, RedisTransport, Route, TransportListener } from './redis-transport.js';
import { isWriteCommand } from './write-commands.js';

/** See the file's header. */
export class LanedTransport implements RedisTransport {
  readonly isCluster = false;
  readonly send: Route['send'];
  readonly socketFor: Route['socketFor'];
  readonly #inner: RedisTransport;
  readonly #openLane: () => Redis;
  #lane: Redis | undefined;
  #isClosed = false;

  /** @param openLane makes the client of the lane, not connected yet, which reconnects by itself and keeps no queue */
  constructor(inner: RedisTransport, openLane: () => Redis) {
    this.#inner = inner;
    this.#openLane = openLane;
    this.send = (command) => {
      this.#send(command, inner);
    };
    this.socketFor = (command) => this.#socketFor(command, inner);
  }

  open(listener: TransportListener): void {
    this.#inner.open({
      onReady: (isOther) => {
        this.#connectLane();
        listener.onReady(isOther);
      },
      onClosed: () => {
        this.#dropLane();
        listener.onClosed();
      },
      onError: (error) => {
        listener.onError(error);
      },
      onMisplaced: (failure) => {
        listener.onMisplaced(failure);
      },
    });
  }

  serverOf(slotTag: string): string {
    return this.#inner.serverOf(slotTag);
  }

  masters(): readonly MasterNode[] {
    return this.#inner.masters().map((node) => ({
      ...node,
      send: (command) => {
        this.#send(command, node);
      },
      socketFor: (command) => this.#socketFor(command, node),
    }));
  }

  locate(): Promise<void> | undefined {
    return this.#inner.locate();
  }

  drop(silent: ReadonlySet<MasterNode>): void {
    this.#dropLane();
    this.#inner.drop(silent);
  }

  close(): void {
    this.#isClosed = true;
    // The error listener stays: a socket that fails while closing must not end the process.
    this.#lane?.disconnect();
    this.#inner.close();
  }

  #send(command: Command, route: Route): void {
    const lane = this.#laneFor(command);
    if (lane === undefined) route.send(command);
    else void lane.sendCommand(command);
  }

  #socketFor(command: Command, route: Route): ReturnType<Route['socketFor']> {
    const lane = this.#laneFor(command);
    return lane === undefined ? route.socketFor(command) : socketOf(lane);
  }

  #laneFor({ name }: Command): Redis | undefined {
    return this.#lane?.status === 'ready' && isWriteCommand(name) ? this.#lane : undefined;
  }

  #connectLane(): void {
    if (this.#lane !== undefined || this.#isClosed) return;
    this.#lane = this.#openLane();
    // What keeps it from connecting keeps the other client, too, or the writes go over that one.
    this.#lane.on('error', () => undefined);
    this.#lane.connect().catch(() => undefined);
  }

  /** Without the polite half-close that a frozen server would never answer; it connects anew. */
  #dropLane(): void {
    (this.#lane as unknown as { stream?: { destroy(): void } } | undefined)?.stream?.destroy();
  }
}
