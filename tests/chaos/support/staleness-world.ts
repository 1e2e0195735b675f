/** The Redis of a staleness run in one of its modes, proxies in front of every node, and keys of somebody else in it. */
import { Cluster, Redis } from 'ioredis';
import type { ConfigObject } from '../../../lib/index.js';
import { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import type { ClusterSet } from '../../support/cluster-set.js';
import { Deployment } from '../../support/deployment.js';
import type { RedisServer } from '../../support/redis-server.js';
import type { SentinelSet } from '../../support/sentinel-set.js';

/** The modes that are run. */
export const STALENESS_MODES = ['stream', 'pubsub', 'sentinel', 'cluster'] as const;

/** One of {@link STALENESS_MODES}: the first two are standalone. */
export type StalenessMode = (typeof STALENESS_MODES)[number];

type L2Settings = NonNullable<ConfigObject['services']>[string]['l2'];

const FOREIGN = new Map([
  ['chaosx:shared:k1', 'of a prefix that begins alike'],
  ['chaos:shared2:k1', 'of a service that begins alike'],
  ['k1', 'of nobody'],
]);

/** See the file's header. */
export class StalenessWorld {
  readonly mode: StalenessMode;
  readonly #deployment: Deployment;
  readonly #proxies: TcpFaultProxy[] = [];
  readonly #routes: Record<number, number> = {};
  #client: Redis | Cluster | undefined;

  private constructor(mode: StalenessMode, deployment: Deployment) {
    this.mode = mode;
    this.#deployment = deployment;
  }

  /** Starts everything. */
  static async start(mode: StalenessMode): Promise<StalenessWorld> {
    const isStandalone = mode === 'stream' || mode === 'pubsub';
    const deployment = await Deployment.start(isStandalone ? 'standalone' : mode, { appendonly: isStandalone });
    const world = new StalenessWorld(mode, deployment);
    try {
      for (const { port } of world.servers()) {
        const proxy = await TcpFaultProxy.start(port);
        world.#proxies.push(proxy);
        world.#routes[port] = proxy.port;
      }
      world.#client = world.#connect();
      await world.plant();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  /** Where a process finds Redis, as its configuration says it. */
  get l2(): L2Settings {
    return { ...this.#deployment.l2, command_timeout_ms: 500, connection_timeout_ms: 1000 };
  }

  get standalone(): RedisServer | undefined {
    return this.#deployment.standalone;
  }

  get sentinel(): SentinelSet | undefined {
    return this.#deployment.sentinel;
  }

  get cluster(): ClusterSet | undefined {
    return this.#deployment.cluster;
  }

  /** The port of the proxy for each port of Redis. */
  get routes(): Readonly<Record<number, number>> {
    return this.#routes;
  }

  /** The proxies in front of all nodes. */
  get proxies(): readonly TcpFaultProxy[] {
    return this.#proxies;
  }

  /** The processes that hold data, replicas included. */
  servers(): readonly RedisServer[] {
    return this.#deployment.servers;
  }

  /** The processes clients write to. */
  masters(): readonly RedisServer[] {
    return this.#deployment.primaries;
  }

  /** Puts somebody else's keys there. */
  async plant(): Promise<void> {
    for (const [key, text] of FOREIGN) await this.#redis().set(key, text);
  }

  /** What has become of somebody else's keys; empty when they are as they were (G1). */
  async foreignFindings(): Promise<string[]> {
    const found = await Promise.all([...FOREIGN].map(async ([key, text]) => [key, text, await this.#redis().get(key)]));
    return found.flatMap(([key, text, now]) => (now === text ? [] : [`FOREIGN ${key ?? ''} is now ${now ?? 'gone'}`]));
  }

  /** Ends everything. May be called in any state. */
  async stop(): Promise<void> {
    this.#client?.disconnect();
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    await this.#deployment.stop();
  }

  #redis(): Redis | Cluster {
    if (this.#client === undefined) throw new Error('The world is not there yet');
    return this.#client;
  }

  #connect(): Redis | Cluster {
    const { standalone, sentinel, cluster } = this;
    const options = { maxRetriesPerRequest: null, retryStrategy: () => 20, disconnectTimeout: 50 };
    const endpoint = (node: string): { host: string; port: number } => ({ host: '127.0.0.1', port: Number(node.split(':')[1]) });
    let client: Redis | Cluster;
    if (cluster !== undefined) {
      client = new Cluster(cluster.nodes.map(endpoint), {
        redisOptions: { disconnectTimeout: 50 },
        clusterRetryStrategy: () => 20,
      });
    } else if (sentinel !== undefined) {
      const sentinels = sentinel.nodes.map(endpoint);
      client = new Redis({ ...options, sentinels, name: sentinel.masterName, sentinelRetryStrategy: () => 20 });
    } else {
      client = new Redis({ ...options, port: standalone?.port ?? 0, host: '127.0.0.1' });
    }
    client.on('error', () => undefined);
    return client;
  }
}
