/**
 * Makes the ioredis clients of one endpoint: the one that services share, unless the application handed it in, and further
 * ones of our own to the same place, for what would block it. ioredis is loaded by whoever makes a factory.
 */
import type { Cluster, ClusterNode, Redis, RedisOptions } from 'ioredis';
import type * as Ioredis from 'ioredis';
import type { Clock } from '../../base/clock.js';
import type { Random } from '../../base/random.js';
import { describeEndpoint } from '../../config/describe-endpoint.js';
import type { ResolvedL2 } from '../../config/resolved-config.js';
import { ClusterTransport } from './cluster-transport.js';
import { toClusterOptions, toRedisOptions } from './connection-options.js';
import { reconnectPauseMs } from './reconnect-pause.js';
import type { RedisTransport } from './redis-transport.js';
import { sentinelConnectorOf } from './sentinel-connector.js';
import { SingleTransport } from './single-transport.js';

/** How those who look at Redis's list of clients know what a link is for. */
const LINK_NAME = 'oxcache-bus';

/** What a factory needs. */
export interface ClientFactoryParts {
  readonly ioredis: Pick<typeof Ioredis, 'Cluster' | 'Command' | 'Redis' | 'SentinelConnector'>;
  readonly l2: ResolvedL2;
  /** The service that asked first; named where a TLS file cannot be read. */
  readonly service: string;
  /** The client that was handed in, if one was. */
  readonly given: Redis | Cluster | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** A key that no service can own, for probes. */
  readonly probeKey: string;
  /** The longest deadline of the services' commands. */
  readonly probeTimeoutMs: () => number;
}

/** See the file's header. */
export class ClientFactory {
  readonly #parts: ClientFactoryParts;

  constructor(parts: ClientFactoryParts) {
    this.#parts = parts;
  }

  /** Where the clients connect to, for people; without credentials. */
  get endpoint(): string {
    const { given, l2 } = this.#parts;
    return given === undefined ? describeEndpoint(l2) : describeGiven(given);
  }

  /** Puts the shared client behind a transport. @throws {CacheError} CACHE_CONFIG_INVALID when a TLS file cannot be read */
  makeTransport(): RedisTransport {
    const { ioredis, l2, service, given, clock, random, probeKey, probeTimeoutMs } = this.#parts;
    const isOwned = given === undefined;
    if (isOwned ? l2.mode === 'cluster' : given.isCluster) {
      const { nodes, options } = toClusterOptions(l2, service, random);
      const client = isOwned ? new ioredis.Cluster(nodes, options) : (given as Cluster);
      return new ClusterTransport({ client, isOwned, Command: ioredis.Command, probeKey });
    }
    const client = isOwned ? new ioredis.Redis(this.#singleOptions()) : (given as Redis);
    const isSentinel = isBehindSentinels(client);
    // Behind sentinels another server may be the primary by then: a silent one is not waited for longer than for a command.
    const silenceMs = (): number =>
      isSentinel ? Math.min(l2.connectionTimeoutMs, Math.max(probeTimeoutMs(), 100)) : l2.connectionTimeoutMs;
    return new SingleTransport({ client, isOwned, isSentinel, clock, endpoint: this.endpoint, probeKey, silenceMs });
  }

  /**
   * A further client to the same place, not connected yet and its caller's to close: it reconnects by itself, keeps no queue,
   * and puts no prefix before keys, also where the one that was handed in does.
   */
  openLink(): Redis | Cluster {
    const { ioredis, l2, service, given, random } = this.#parts;
    const pause = (attempt: number): number => reconnectPauseMs(attempt, random);
    if (given === undefined && l2.mode === 'cluster') {
      const { nodes, options } = toClusterOptions(l2, service, random);
      const redisOptions = { ...options.redisOptions, connectionName: LINK_NAME };
      return new ioredis.Cluster(nodes, { ...options, enableOfflineQueue: false, redisOptions });
    }
    const own = { lazyConnect: true, enableOfflineQueue: false, keyPrefix: '' } as const;
    const single = {
      ...own,
      connectionName: LINK_NAME,
      retryStrategy: pause,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
    };
    if (given === undefined) return new ioredis.Redis({ ...this.#singleOptions(), ...single });
    // What suits the application's commands need not suit a read that waits: its deadlines are the link's own.
    const patient = { protocol: 2, maxRetriesPerRequest: 0, enableReadyCheck: false, commandTimeout: undefined } as object;
    if (!given.isCluster) {
      const hasOwnWay = !isBehindSentinels(given as Redis) || (given as Redis).options.Connector !== undefined;
      return (given as Redis).duplicate({ ...single, ...patient, ...(hasOwnWay ? {} : this.#sentinelOptions()) });
    }
    const redisOptions: object = { ...patient, connectionName: LINK_NAME, keyPrefix: '' };
    return (given as Cluster).duplicate([], { ...own, clusterRetryStrategy: pause, redisOptions });
  }

  #singleOptions(): ReturnType<typeof toRedisOptions> {
    const { l2, service, random } = this.#parts;
    return { ...toRedisOptions(l2, service, random), ...(l2.mode === 'sentinel' ? this.#sentinelOptions() : {}) };
  }

  #sentinelOptions(): Pick<RedisOptions, 'Connector'> {
    return { Connector: sentinelConnectorOf(this.#parts.ioredis.SentinelConnector) };
  }
}

function isBehindSentinels(client: Redis): boolean {
  return Array.isArray(client.options.sentinels);
}

function describeGiven(client: Redis | Cluster): string {
  if (client.isCluster) {
    // What it was started with: the nodes it has found since come and go, and the name has to last.
    const { startupNodes } = client as unknown as { readonly startupNodes: readonly ClusterNode[] };
    return `redis+cluster://${startupNodes.map(describeStartupNode).sort().join(',')}`;
  }
  const { host, port, path, db, name, sentinels } = (client as Redis).options;
  if (Array.isArray(sentinels)) {
    const nodes = sentinels.map((node) => `${node.host ?? 'localhost'}:${node.port ?? 26379}`).sort();
    return `redis+sentinel://${nodes.join(',')}/${name ?? ''}/${db ?? 0}`;
  }
  return typeof path !== 'string' ? `redis://${host ?? 'localhost'}:${port ?? 6379}/${db ?? 0}` : `unix:${path}`;
}

/** ioredis takes a port alone, a table, and texts that may hold a password (G11). */
function describeStartupNode(node: ClusterNode): string {
  if (typeof node === 'number') return `127.0.0.1:${node}`;
  if (typeof node === 'object') return `${node.host ?? '127.0.0.1'}:${node.port ?? 6379}`;
  return node.replace(/^[a-z]+:\/{0,2}/i, '').replace(/^.*@/, '');
}
