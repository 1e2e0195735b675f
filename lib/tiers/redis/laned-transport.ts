/**
 * A transport with a lane of its own for writes. A server whose writes are paused (`CLIENT PAUSE … WRITE`) holds back a whole
 * connection from its first write on, reads included: on two connections the reads go on. While the lane is not connected,
 * writes go with the reads.
 *
 * The lane has further clients of our own, to the same place. It connects when the other one has, and looks again whenever that one
 * is lost or finds others: after a failover both have to find the same servers.
 */
import type { Command } from 'ioredis';
import type { MasterNode, RedisTransport, Route, TransportListener } from './redis-transport.js';
import { isWriteCommand } from './write-commands.js';
import type { WriteLane } from './write-lane.js';

/** See the file's header. */
export class LanedTransport implements RedisTransport {
  readonly isCluster: boolean;
  readonly send: Route['send'];
  readonly socketFor: Route['socketFor'];
  readonly #inner: RedisTransport;
  readonly #openLane: () => WriteLane;
  #lane: WriteLane | undefined;
  #isClosed = false;

  /** @param openLane makes the lane, not connected yet */
  constructor(inner: RedisTransport, openLane: () => WriteLane) {
    this.isCluster = inner.isCluster;
    this.#inner = inner;
    this.#openLane = openLane;
    this.send = (command) => {
      this.#routeOf(command, inner).send(command);
    };
    this.socketFor = (command) => this.#routeOf(command, inner).socketFor(command);
  }

  open(listener: TransportListener): void {
    this.#inner.open({
      onReady: (isOther) => {
        this.#connectLane();
        listener.onReady(isOther);
      },
      onClosed: () => {
        this.#lane?.drop([]);
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
        this.#routeOf(command, node, node.address).send(command);
      },
      socketFor: (command) => this.#routeOf(command, node, node.address).socketFor(command),
    }));
  }

  locate(): Promise<void> | undefined {
    return this.#inner.locate();
  }

  drop(silent: ReadonlySet<MasterNode>): void {
    this.#lane?.drop([...silent].map(({ address }) => address));
    this.#inner.drop(silent);
  }

  close(): void {
    this.#isClosed = true;
    this.#lane?.close();
    this.#inner.close();
  }

  #routeOf(command: Command, otherwise: Route, address?: string): Route {
    return (isWriteCommand(command.name) ? this.#lane?.routeOf(command, address) : undefined) ?? otherwise;
  }

  #connectLane(): void {
    if (this.#isClosed) return;
    this.#lane ??= this.#openLane();
    this.#lane.connect();
  }
}
