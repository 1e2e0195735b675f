/**
 * A Redis Cluster. ioredis keeps a connection to every node, knows who has which slot and follows MOVED, ASK and TRYAGAIN; what
 * is added here is what it keeps to itself: which masters there should be, also those it has lost, and that there are others.
 *
 * 1. A lost node leads to a new look at the slots, and so to a probe. 2. Nothing is sent while the cluster is not connected: it
 * would wait in a queue. 3. A client that was handed in is neither closed nor told to reconnect.
 */
import type { Cluster, Command, Redis } from 'ioredis';
import { socketOf, type SocketCounters } from './arrivals.js';
import { destroySocket } from './node-socket.js';
import { isError } from './redis-errors.js';
import { DEAF, type MasterNode, type RedisTransport, type TransportListener } from './redis-transport.js';

/** What the transport is made of. */
export interface ClusterTransportParts {
  readonly client: Cluster;
  /** False for a client that was handed in. */
  readonly isOwned: boolean;
  /** ioredis's own class; passed in because ioredis is loaded on demand. */
  readonly Command: typeof Command;
  /** A key that no service can own; probes put a bucket behind it. */
  readonly probeKey: string;
}

/** How many buckets are tried to find one whose slot a master has. */
const MAX_PROBE_BUCKETS = 1024;

/** See the file's header. */
export class ClusterTransport implements RedisTransport {
  readonly isCluster = true;
  readonly #parts: ClusterTransportParts;
  /** The slots of the probe keys, by bucket. */
  readonly #bucketSlots: number[] = [];
  /** The slots of tags; there are as many as a service has buckets. */
  readonly #tagSlots = new Map<string, number>();
  /** The nodes' clients by address, as far as their sockets were asked for: every reply asks. */
  readonly #nodes = new Map<string, Redis>();
  #listener: TransportListener = DEAF;
  /** The masters of the last look, to notice others. */
  #known = '';
  #isClosed = false;

  constructor(parts: ClusterTransportParts) {
    this.#parts = parts;
  }

  open(listener: TransportListener): void {
    const { client } = this.#parts;
    this.#listener = listener;
    client.on('ready', this.#onReady);
    client.on('close', this.#onClose);
    client.on('error', this.#onError);
    client.on('node error', this.#onError);
    client.on('+node', this.#onNode);
    client.on('-node', this.#onLostNode);
    client.on('refresh', this.#onRefresh);
    if (client.status === 'ready') this.#onReady();
    // Why it failed comes as an error event; the rejection knows no more than that no node was of use.
    else if (client.status === 'wait') client.connect().catch(() => undefined);
  }

  readonly send = (command: Command): void => {
    const { client } = this.#parts;
    if (client.status === 'ready') void client.sendCommand(command);
    else command.reject(new Error('the cluster is not connected'));
  };

  readonly socketFor = (command: Command): SocketCounters | undefined => {
    const address = this.#parts.client.slots[command.getSlot()]?.[0];
    return address === undefined ? undefined : this.#socketAt(address);
  };

  serverOf(slotTag: string): string {
    let slot = this.#tagSlots.get(slotTag);
    if (slot === undefined) {
      slot = new this.#parts.Command('get', [`{${slotTag}}`]).getSlot();
      this.#tagSlots.set(slotTag, slot);
    }
    return this.#parts.client.slots[slot]?.[0] ?? '';
  }

  masters(): readonly MasterNode[] {
    const buckets = this.#bucketsByMaster();
    return this.#addresses().map((address) => ({
      address,
      probeKey: `${this.#parts.probeKey}:{${buckets.get(address) ?? 0}}`,
      send: (command) => {
        const node = this.#nodeAt(address);
        if (node === undefined) command.reject(new Error(`no connection to ${address}`));
        else void node.sendCommand(command);
      },
      socketFor: () => this.#socketAt(address),
    }));
  }

  locate(): Promise<void> | undefined {
    const addresses = this.#addresses();
    const isComplete = addresses.length > 0 && addresses.every((address) => this.#nodeAt(address) !== undefined);
    return isComplete ? undefined : this.#refresh();
  }

  drop(silent: ReadonlySet<MasterNode>): void {
    if (!this.#parts.isOwned) return;
    const nodes = [...silent].map(({ address }) => this.#nodeAt(address)).filter((node) => node !== undefined);
    if (nodes.length === 0) {
      this.#reconnect();
      return;
    }
    for (const node of nodes) destroySocket(node);
    this.#refresh().then(
      () => {
        this.#listener.onReady(true);
      },
      () => {
        this.#reconnect();
      },
    );
  }

  close(): void {
    const { client, isOwned } = this.#parts;
    this.#isClosed = true;
    this.#listener = DEAF;
    client.off('ready', this.#onReady);
    client.off('close', this.#onClose);
    client.off('+node', this.#onNode);
    client.off('-node', this.#onLostNode);
    client.off('refresh', this.#onRefresh);
    client.off('node error', this.#onError);
    // The error listener of our own stays: a node that fails while closing must not end the process.
    if (isOwned) client.disconnect();
    else client.off('error', this.#onError);
  }

  /** Everything anew, from the configured nodes on. */
  #reconnect(): void {
    const { client } = this.#parts;
    if (this.#isClosed || !['connecting', 'connect', 'ready'].includes(client.status)) return;
    for (const node of client.nodes()) destroySocket(node);
    client.disconnect(true);
  }

  #refresh(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#parts.client.refreshSlotsCache((error) => {
        if (isError(error)) reject(error);
        else resolve();
      });
    });
  }

  /** Who has slots, in order. */
  #addresses(): string[] {
    const found = new Set<string>();
    let last: string | undefined;
    for (const keys of this.#parts.client.slots) {
      const address = (keys as string[] | undefined)?.[0];
      if (address === last || address === undefined) continue;
      found.add((last = address));
    }
    return [...found].sort();
  }

  #nodeAt(address: string): Redis | undefined {
    return this.#parts.client.nodes().find(({ options }) => `${options.host ?? ''}:${options.port ?? 0}` === address);
  }

  #socketAt(address: string): SocketCounters | undefined {
    let node = this.#nodes.get(address);
    if (node === undefined && (node = this.#nodeAt(address)) !== undefined) this.#nodes.set(address, node);
    return socketOf(node);
  }

  /** For every master a bucket that is in its slots, where one is found soon enough. */
  #bucketsByMaster(): ReadonlyMap<string, number> {
    const { client } = this.#parts;
    const found = new Map<string, number>();
    const count = this.#addresses().length;
    for (let bucket = 0; bucket < MAX_PROBE_BUCKETS && found.size < count; bucket++) {
      const address = client.slots[this.#slotOf(bucket)]?.[0];
      if (address !== undefined && !found.has(address)) found.set(address, bucket);
    }
    return found;
  }

  #slotOf(bucket: number): number {
    const { Command, probeKey } = this.#parts;
    return (this.#bucketSlots[bucket] ??= new Command('get', [`${probeKey}:{${bucket}}`]).getSlot());
  }

  /** Whether the masters are others than at the last look; the first ones are not. */
  #lookAgain(): boolean {
    const now = this.#addresses().join(' ');
    const isOther = this.#known !== '' && now !== this.#known;
    this.#known = now;
    return isOther;
  }

  readonly #onReady = (): void => {
    const isFirst = this.#known === '';
    this.#lookAgain();
    this.#listener.onReady(!isFirst);
  };

  readonly #onClose = (): void => {
    this.#listener.onClosed();
  };

  readonly #onRefresh = (): void => {
    if (this.#parts.client.status === 'ready' && this.#lookAgain()) this.#listener.onReady(true);
  };

  readonly #onNode = (): void => {
    this.#nodes.clear();
  };

  /** Its commands have failed, and its slots may have another master by now. */
  readonly #onLostNode = (): void => {
    this.#nodes.clear();
    if (this.#isClosed || this.#parts.client.status !== 'ready') return;
    const tell = (): void => {
      if (this.#parts.client.status === 'ready') this.#listener.onReady(true);
    };
    this.#refresh().then(tell, tell);
  };

  readonly #onError = (error: unknown): void => {
    this.#listener.onError(error);
  };
}
