/**
 * The connections for writes to the masters of a cluster: a further ioredis cluster. That connects to a node when it is first sent
 * something, and never again to one that was lost; so this one is connected to all masters as soon as they are known.
 *
 * A write for a master that is not connected goes with the reads, and has the masters looked for, once a second at most: nothing
 * runs here while nobody writes.
 */
import type { Cluster, Command, Redis } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import { socketOf } from './arrivals.js';
import { destroySocket } from './node-socket.js';
import type { Route } from './redis-transport.js';
import type { WriteLane } from './write-lane.js';

/** Pause between two looks for the masters. */
const LOOK_EVERY_MS = 1000;

/** See the file's header. */
export class ClusterLane implements WriteLane {
  readonly #client: Cluster;
  readonly #clock: Clock;
  readonly #route: Route;
  #lookedAtMs = -Infinity;

  /** @param client not connected yet, without a queue, ours to close */
  constructor(client: Cluster, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
    this.#route = {
      send: (command) => {
        void client.sendCommand(command);
      },
      socketFor: (command) => socketOf(this.#nodeFor(command)),
    };
    client.on('refresh', this.#connectNodes);
    // What keeps it from connecting keeps the other client, too, or the writes go over that one.
    client.on('error', () => undefined);
  }

  connect(): void {
    const { status } = this.#client;
    if (status === 'wait') this.#client.connect().catch(() => undefined);
    else this.#look();
  }

  routeOf(command: Command, address?: string): Route | undefined {
    if (this.#client.status !== 'ready') return undefined;
    // A message to a channel goes to any node.
    if (address === undefined && typeof command.getSlot() !== 'number') return this.#route;
    const node = address === undefined ? this.#nodeFor(command) : this.#nodeAt(address);
    if (node?.status === 'ready') return address === undefined ? this.#route : routeTo(node);
    if (this.#clock.nowMs() - this.#lookedAtMs >= LOOK_EVERY_MS) this.#look();
    return undefined;
  }

  drop(addresses: readonly string[]): void {
    const dropped = addresses.length === 0 ? this.#client.nodes() : addresses.map((address) => this.#nodeAt(address));
    for (const node of dropped) if (node !== undefined) destroySocket(node);
  }

  close(): void {
    this.#client.off('refresh', this.#connectNodes);
    // The error listener stays: a node that fails while closing must not end the process.
    this.#client.disconnect();
  }

  /** Finds out who the masters are. */
  #look(): void {
    if (this.#client.status !== 'ready') return;
    this.#lookedAtMs = this.#clock.nowMs();
    this.#client.refreshSlotsCache(() => undefined);
  }

  #nodeFor(command: Command): Redis | undefined {
    const address = this.#client.slots[command.getSlot()]?.[0];
    return address === undefined ? undefined : this.#nodeAt(address);
  }

  #nodeAt(address: string): Redis | undefined {
    return this.#client.nodes('master').find(({ options }) => `${options.host ?? ''}:${options.port ?? 0}` === address);
  }

  readonly #connectNodes = (): void => {
    for (const node of this.#client.nodes('master')) if (node.status === 'wait') node.connect().catch(() => undefined);
  };
}

/** The way to one node and no other. */
function routeTo(node: Redis): Route {
  return {
    send: (command) => {
      void node.sendCommand(command);
    },
    socketFor: () => socketOf(node),
  };
}
