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
import { ClusterLane } from './cluster-lane.js';
import { ClusterTransport } from './cluster-transport.js';
import { prepareCluster } from './cluster-client.js';
import { addressConnector, sentinelConnector, withLogin, type Connector, type ConnectorParts } from './connector.js';
import { lookupMs, toClusterOptions, toRedisOptions } from './connection-options.js';
import { patientCommand } from './gated-command.js';
import { LanedTransport } from './laned-transport.js';
import { SingleLane } from './single-lane.js';
import { reconnectPauseMs } from './reconnect-pause.js';
import type { ConnectFailure } from './redis-errors.js';
import type { RedisTransport } from './redis-transport.js';
import { databaseOf, SingleTransport } from './single-transport.js';
import type { WriteLane } from './write-lane.js';
import { askPatiently } from './slot-lookup.js';

/** How those who look at Redis's list of clients know what a link is for. */
const LINK_NAME = 'oxcache-bus';
const LANE_NAME = 'oxcache-writes';

/** What a factory needs. */
export interface ClientFactoryParts {
  readonly ioredis: Pick<typeof Ioredis, 'AbstractConnector' | 'Cluster' | 'Command' | 'Redis' | 'SentinelConnector'>;
  readonly l2: ResolvedL2;
  /** The service that asked first; named where a TLS file cannot be read. */
  readonly service: string;
  /** The client that was handed in, if one was. */
  readonly given: Redis | Cluster | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Takes a line for the log. */
  readonly warn: (line: string) => void;
  /** A key that no service can own, for probes. */
  readonly probeKey: string;
  /** The longest deadline of the services' commands. */
  readonly probeTimeoutMs: () => number;
}

/** See the file's header. */
export class ClientFactory {
  readonly #parts: ClientFactoryParts;
  /** The database; that of a client that was handed in, as of now: it may leave it. A cluster has one. */
  readonly database: number;
  readonly #warned = new Set<string>();

  constructor(parts: ClientFactoryParts) {
    const { given, l2 } = parts;
    this.#parts = parts;
    if (given === undefined) this.database = l2.db ?? 0;
    else this.database = given.isCluster ? 0 : databaseOf(given as Redis);
  }

  /** Where the clients connect to, for people; without credentials. */
  get endpoint(): string {
    const { given, l2 } = this.#parts;
    return given === undefined ? describeEndpoint(l2) : describeGiven(given, this.database);
  }

  /** Puts the shared client behind a transport. @throws {CacheError} CACHE_CONFIG_INVALID when a TLS file cannot be read */
  makeTransport(): RedisTransport {
    const { ioredis, l2, given, clock, probeKey } = this.#parts;
    const isOwned = given === undefined;
    if (isOwned ? l2.mode === 'cluster' : given.isCluster) {
      const client = isOwned ? this.#makeCluster({}, {}) : (given as Cluster);
      const cluster = new ClusterTransport({ client, isOwned, Command: ioredis.Command, probeKey });
      return new LanedTransport(cluster, () => new ClusterLane(this.openLink(LANE_NAME) as Cluster, clock));
    }
    const client = isOwned ? this.#makeSingle({}) : (given as Redis);
    const isSentinel = isBehindSentinels(client);
    const { endpoint } = this;
    const single = new SingleTransport({ client, isOwned, isSentinel, database: this.database, endpoint, probeKey });
    const Command = isOwned ? ioredis.Command : patientCommand(ioredis.Command);
    const openLane = (): WriteLane =>
      new SingleLane({ client: this.openLink(LANE_NAME) as Redis, reads: client, isOwned, Command, clock });
    return new LanedTransport(single, openLane);
  }

  /**
   * A further client to the same place, not connected yet and its caller's to close: it reconnects by itself, keeps no queue,
   * and puts no prefix before keys, also where the one that was handed in does.
   */
  openLink(connectionName = LINK_NAME): Redis | Cluster {
    const { l2, given, random } = this.#parts;
    const name = { connectionName };
    if (given === undefined && l2.mode === 'cluster') return this.#makeCluster({ enableOfflineQueue: false }, name);
    const pause = (attempt: number): number => reconnectPauseMs(attempt, random);
    const own = { lazyConnect: true, enableOfflineQueue: false, enableReadyCheck: false, keyPrefix: '' } as const;
    const single = { ...own, ...name, retryStrategy: pause, autoResubscribe: false, autoResendUnfulfilledCommands: false };
    if (given === undefined) return this.#makeSingle(single);
    const parts = this.#connectorParts(() => l2.connectionTimeoutMs);
    // What suits the application's commands need not suit a read that waits: its deadlines are the link's own.
    // A wait that the client ended by itself would pass for an answer, and a socket that is silent meanwhile is well.
    const timeouts = { commandTimeout: undefined, blockingTimeout: undefined, socketTimeout: undefined } as const;
    const patient = { protocol: 2, maxRetriesPerRequest: 0, ...timeouts, disableClientInfo: true } as const;
    if (!given.isCluster) {
      const { options } = given as Redis;
      const Connector = connectorOf(options, parts);
      return (given as Redis).duplicate({ ...single, ...patient, db: this.database, Connector });
    }
    const { redisOptions = {} } = (given as Cluster).options;
    const Connector = connectorOf(redisOptions, parts);
    const nodes: object = { ...patient, ...name, enableReadyCheck: false, keyPrefix: '', Connector };
    const cluster = (given as Cluster).duplicate([], { ...own, clusterRetryStrategy: pause, redisOptions: nodes });
    return this.#prepare(cluster, parts.lastFailure);
  }

  #makeSingle(more: Partial<RedisOptions>): Redis {
    const { ioredis, l2, service, random, probeTimeoutMs } = this.#parts;
    const isSentinel = l2.mode === 'sentinel';
    // Behind sentinels another server may be the primary by then: a silent one is not waited for longer than for a command.
    const answerMs = (): number =>
      isSentinel ? Math.min(l2.connectionTimeoutMs, Math.max(probeTimeoutMs(), 100)) : l2.connectionTimeoutMs;
    const parts = this.#connectorParts(answerMs);
    const Connector = isSentinel ? sentinelConnector(parts) : addressConnector(parts);
    return new ioredis.Redis({ ...toRedisOptions(l2, service, random), ...(more as object), Connector });
  }

  #makeCluster(more: object, forNodes: object): Cluster {
    const { ioredis, l2, service, random } = this.#parts;
    const { nodes, options } = toClusterOptions(l2, service, random);
    const parts = this.#connectorParts(() => l2.connectionTimeoutMs);
    const redisOptions = { ...options.redisOptions, ...forNodes, Connector: addressConnector(parts) };
    return this.#prepare(new ioredis.Cluster(nodes, { ...options, ...more, redisOptions }), parts.lastFailure);
  }

  #prepare(cluster: Cluster, lastFailure: () => ConnectFailure | undefined): Cluster {
    askPatiently(cluster, this.#parts.clock, lookupMs(this.#parts.l2));
    return prepareCluster(cluster, lastFailure);
  }

  #connectorParts(answerMs: () => number): ConnectorParts & { readonly lastFailure: () => ConnectFailure | undefined } {
    const { ioredis, clock } = this.#parts;
    let last: ConnectFailure | undefined;
    return {
      ioredis,
      clock,
      answerMs,
      onUnusedPassword: (whose) => {
        this.#warnOfPassword(whose);
      },
      onFailure: (failure) => {
        last = failure;
      },
      lastFailure: () => last,
    };
  }

  /** Once, however many connections there are. */
  #warnOfPassword(whose: 'server' | 'sentinel'): void {
    if (this.#warned.has(whose)) return;
    this.#warned.add(whose);
    const [what, key] = whose === 'server' ? ['It', 'l2.password'] : ['One of the sentinels', 'l2.sentinel.password'];
    this.#parts.warn(
      `Redis at ${this.endpoint}: ${what} has no password, though one is configured; everybody may connect. Set one there, or remove \`${key}\`.`,
    );
  }
}

/** How a client that was handed in is connected to, with our login. */
function connectorOf(options: Pick<RedisOptions, 'Connector' | 'sentinels'>, parts: ConnectorParts): Connector {
  if (options.Connector !== undefined) return withLogin(parts, options.Connector);
  return Array.isArray(options.sentinels) ? sentinelConnector(parts) : addressConnector(parts);
}

function isBehindSentinels(client: Redis): boolean {
  return Array.isArray(client.options.sentinels);
}

function describeGiven(client: Redis | Cluster, db: number): string {
  if (client.isCluster) {
    // What it was started with: the nodes it has found since come and go, and the name has to last.
    const { startupNodes } = client as unknown as { readonly startupNodes: readonly ClusterNode[] };
    return `redis+cluster://${startupNodes.map(describeStartupNode).sort().join(',')}`;
  }
  const { host, port, path, name, sentinels } = (client as Redis).options;
  if (Array.isArray(sentinels)) {
    const nodes = sentinels.map((node) => `${node.host ?? 'localhost'}:${node.port ?? 26379}`).sort();
    return `redis+sentinel://${nodes.join(',')}/${name ?? ''}/${db}`;
  }
  return typeof path !== 'string' ? `redis://${host ?? 'localhost'}:${port ?? 6379}/${db}` : `unix:${path}`;
}

/** ioredis takes a port alone, a table, and texts that may hold a password (G11). */
function describeStartupNode(node: ClusterNode): string {
  if (typeof node === 'number') return `127.0.0.1:${node}`;
  if (typeof node === 'object') return `${node.host ?? '127.0.0.1'}:${node.port ?? 6379}`;
  return node.replace(/^[a-z]+:\/{0,2}/i, '').replace(/^.*@/, '');
}
