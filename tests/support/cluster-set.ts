/**
 * A Redis cluster of real processes: what a test of cluster mode talks to. Slots are moved as operators move them, key by key,
 * so clients are answered MOVED, ASK and TRYAGAIN; a master that is killed is replaced by its replica after about two seconds.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates, type Certificates } from './certificates.js';
import { RedisServer } from './redis-server.js';
import type { RedisServerOptions } from './redis-server-options.js';
import { isFollowing, roleOf } from './sentinel-set.js';
import { SlotMove } from './slot-move.js';
import type { SteppedClock } from './stepped-clock.js';
import { until } from './until.js';

/** Options of `ClusterSet.start`; all may be absent. */
export interface ClusterSetOptions {
  /** How many masters share the slots; absent: 3. */
  readonly masters?: number;
  /** How many replicas each of them has; absent: 0. */
  readonly replicas?: 0 | 1;
  readonly password?: string;
  /** TLS everywhere, with one authority. */
  readonly tls?: RedisServerOptions['tls'];
  /** Every node saves every write before it is answered. */
  readonly appendonly?: boolean;
  /** Further directives of every node. */
  readonly config?: Readonly<Record<string, string>>;
  /** Clocks that the test steps, of the masters and then the replicas in order; absent, or `undefined` at a place: the machine's. */
  readonly clocks?: readonly (SteppedClock | undefined)[];
}

const SLOTS = 16_384;
const NODE_TIMEOUT_MS = 1000;
const CHANGE_TIMEOUT_MS = 20_000;

/** See the file's header. */
export class ClusterSet {
  readonly #folder: string;
  readonly #password: string | undefined;
  readonly #masters: RedisServer[] = [];
  readonly #replicas: RedisServer[] = [];
  /** The nodes' ids, which they keep over restarts. */
  readonly #ids = new Map<RedisServer, string>();

  private constructor(folder: string, password: string | undefined) {
    this.#folder = folder;
    this.#password = password;
  }

  /** Starts all nodes and joins them; resolves once every one of them calls the cluster well and the replicas follow. */
  static async start(options: ClusterSetOptions = {}): Promise<ClusterSet> {
    const set = new ClusterSet(mkdtempSync(join(tmpdir(), 'oxcache-cluster-')), options.password);
    try {
      await set.#start(options);
    } catch (error) {
      await set.stop();
      throw error;
    }
    return set;
  }

  /** All nodes, as `host:port`, masters first. */
  get nodes(): readonly string[] {
    return this.#servers().map(({ address }) => address);
  }

  /** The masters; a replica that takes over comes to its master's place. */
  get masters(): readonly RedisServer[] {
    return this.#masters;
  }

  /** Their replicas, in the same order; the process of a killed master takes its replica's place, to be started with `restart`. */
  get replicas(): readonly RedisServer[] {
    return this.#replicas;
  }

  /** PEM files; present with `tls`. */
  get certificates(): Certificates | undefined {
    return this.#masters[0]?.certificates;
  }

  /** The master that has a slot, as the running masters agree. */
  async slotOwner(slot: number): Promise<RedisServer> {
    const owners = await Promise.all(this.#running(this.#masters).map((node) => this.#ownerSaidBy(node, slot)));
    const owner = this.#servers().find((server) => this.#ids.get(server) === owners[0]);
    if (owner === undefined || new Set(owners).size !== 1) throw new Error(`The nodes do not agree on slot ${slot}`);
    return owner;
  }

  /** Moves slots and all that is in them: those given, or the first so many that `from` has. Resolves to those moved. */
  async moveSlots(from: RedisServer, to: RedisServer, slots: number | readonly number[]): Promise<readonly number[]> {
    const moved = typeof slots === 'number' ? (await this.#slotsOf(from)).slice(0, slots) : slots;
    for (const slot of moved) await (await this.beginMove(from, to, slot)).finish();
    return moved;
  }

  /** Opens a slot for moving and moves none of its keys yet: `moveKeys(n)` moves some, `finish` the rest and the slot itself. */
  async beginMove(from: RedisServer, to: RedisServer, slot: number): Promise<SlotMove> {
    const side = (server: RedisServer): { server: RedisServer; id: string } => ({ server, id: this.#idOf(server) });
    return SlotMove.begin({
      slot,
      from: side(from),
      to: side(to),
      others: this.#running(this.#masters).filter((node) => node !== from && node !== to),
      password: this.#password,
    });
  }

  /** `kill -9` for a master; resolves to its replica once that has taken over and the cluster is well. */
  async killMaster(index: number): Promise<RedisServer> {
    const { master, replica } = this.#pair(index);
    await master.kill();
    return this.#takenOver(index, replica, master);
  }

  /** Makes a master's replica the master while both are well; resolves to it once that is done. */
  async failover(index: number): Promise<RedisServer> {
    const { master, replica } = this.#pair(index);
    await until(() => isFollowing(replica));
    // Asked again while it is not done: a master that does not yet know its replica as one lets the request pass unanswered.
    const isDone = async (): Promise<boolean> => {
      if ((await roleOf(replica)) === 'master') return true;
      await replica.call('CLUSTER', 'FAILOVER');
      return until(async () => (await roleOf(replica)) === 'master', { timeoutMs: 1000 });
    };
    await until(isDone, { timeoutMs: CHANGE_TIMEOUT_MS });
    return this.#takenOver(index, replica, master);
  }

  /** Resolves once all running nodes call the cluster well and know the same masters and the replicas of each. */
  async well(): Promise<void> {
    const isWell = async (node: RedisServer): Promise<boolean> => {
      const info = String(await node.call('CLUSTER', 'INFO'));
      if (!info.includes('cluster_state:ok') || !info.includes(`cluster_slots_ok:${SLOTS}`)) return false;
      const lines = String(await node.call('CLUSTER', 'NODES')).split('\n');
      const rowOf = (server: RedisServer): string => lines.find((line) => line.startsWith(this.#idOf(server))) ?? '';
      return (
        this.#masters.every((master) => rowOf(master).includes('master')) &&
        this.#running(this.#replicas).every((replica) => rowOf(replica).includes('slave'))
      );
    };
    const describe = (node: RedisServer) => ({ timeoutMs: CHANGE_TIMEOUT_MS, describe: `${node.address} to be well` });
    await Promise.all(this.#running(this.#servers()).map((node) => until(() => isWell(node), describe(node))));
  }

  /** Ends all processes. May be called in any state, and again. */
  async stop(): Promise<void> {
    await Promise.all(this.#servers().map((server) => server.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start({ masters = 3, replicas = 0, password, tls, appendonly, config, clocks }: ClusterSetOptions): Promise<void> {
    const certificates = tls === undefined ? undefined : await makeCertificates(this.#folder);
    const options: RedisServerOptions = {
      cluster: true,
      ...(appendonly === undefined ? {} : { appendonly }),
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined || certificates === undefined ? {} : { tls, certificates }),
      config: {
        'cluster-node-timeout': String(NODE_TIMEOUT_MS),
        'cluster-announce-ip': '127.0.0.1',
        // A replica takes over however long ago it lost its master, and stays with the shard it was given.
        'cluster-replica-validity-factor': '0',
        'cluster-allow-replica-migration': 'no',
        'repl-diskless-sync-delay': '0',
        ...(password === undefined ? {} : { masterauth: password }),
        ...(tls === undefined ? {} : { 'tls-cluster': 'yes', 'tls-replication': 'yes' }),
        ...config,
      },
    };
    await Promise.all(
      Array.from({ length: masters * (1 + replicas) }, async (_, index) => {
        const clock = clocks?.[index];
        const server = await RedisServer.start({ ...options, ...(clock === undefined ? {} : { clock }) });
        (index < masters ? this.#masters : this.#replicas).push(server);
        this.#ids.set(server, String(await server.call('CLUSTER', 'MYID')));
      }),
    );
    await this.#join();
    await Promise.all(this.#replicas.map((replica, index) => this.#follow(replica, this.#idOf(this.#masters[index]))));
    await this.well();
  }

  /** Gives every master its slots and makes all nodes know each other. */
  async #join(): Promise<void> {
    const nodes = this.#servers();
    const firstOf = (index: number): number => Math.floor((SLOTS * index) / this.#masters.length);
    await Promise.all(nodes.map((node, index) => node.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)));
    await Promise.all(
      // One by one: Redis 6.2 takes no ranges.
      this.#masters.map((node, index) => {
        const slots = Array.from({ length: firstOf(index + 1) - firstOf(index) }, (_, i) => firstOf(index) + i);
        return node.call('CLUSTER', 'ADDSLOTS', ...slots);
      }),
    );
    for (const [index, node] of nodes.entries()) {
      for (const other of nodes.slice(index + 1)) await node.call('CLUSTER', 'MEET', '127.0.0.1', other.port);
    }
    const ids = [...this.#ids.values()];
    const knowsAll = async (node: RedisServer): Promise<boolean> => {
      const table = String(await node.call('CLUSTER', 'NODES'));
      return !table.includes('handshake') && ids.every((id) => table.includes(id));
    };
    await Promise.all(nodes.map((node) => until(() => knowsAll(node), { describe: `${node.address} to know the others` })));
  }

  async #follow(replica: RedisServer, masterId: string): Promise<void> {
    await replica.call('CLUSTER', 'REPLICATE', masterId);
    await until(() => isFollowing(replica));
  }

  async #takenOver(index: number, replica: RedisServer, before: RedisServer): Promise<RedisServer> {
    await until(async () => (await roleOf(replica)) === 'master', {
      timeoutMs: CHANGE_TIMEOUT_MS,
      describe: `${replica.address} to take over from ${before.address}`,
    });
    this.#masters[index] = replica;
    this.#replicas[index] = before;
    await this.well();
    return replica;
  }

  async #ownerSaidBy(node: RedisServer, slot: number): Promise<string | undefined> {
    const rows = (await node.call('CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][];
    return rows.find(([first, last]) => first <= slot && slot <= last)?.[2][2];
  }

  async #slotsOf(master: RedisServer): Promise<readonly number[]> {
    const rows = (await master.call('CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][];
    const own = rows.filter(([, , [, , id]]) => id === this.#idOf(master));
    return own.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
  }

  #pair(index: number): { master: RedisServer; replica: RedisServer } {
    const [master, replica] = [this.#masters[index], this.#replicas[index]];
    if (master === undefined || !replica?.isRunning) throw new Error(`Master ${index} has no replica that runs`);
    return { master, replica };
  }

  #idOf(server: RedisServer | undefined): string {
    const id = server === undefined ? undefined : this.#ids.get(server);
    if (id === undefined) throw new Error('This server is no node of the cluster');
    return id;
  }

  #servers(): readonly RedisServer[] {
    return [...this.#masters, ...this.#replicas];
  }

  #running(servers: readonly RedisServer[]): readonly RedisServer[] {
    return servers.filter(({ isRunning }) => isRunning);
  }
}
