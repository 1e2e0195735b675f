/**
 * The connections of one manager: services that use the same Redis in the same way share one. ioredis is loaded when the
 * first connection is asked for, so that a configuration without L2 never pays for it.
 */
import type { Cluster, Redis } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import { NODE_ID_LENGTH } from '../../base/hybrid-clock.js';
import { randomId, type Random } from '../../base/random.js';
import type { Logger } from '../../observe/logger.js';
import type { ResolvedL2, ResolvedService } from '../../config/resolved-config.js';
import { ClientFactory, type ClientFactoryParts } from './client-factory.js';
import { CoalescedReader } from './coalesced-reader.js';
import { connectionIdentity } from './connection-options.js';
import type { MonitorFactory } from './connection-parts.js';
import { commonPrefixOf } from './key-space.js';
import { RedisConnection } from './redis-connection.js';
import type { RedisTransport } from './redis-transport.js';

/** What a pool needs from outside. */
export interface PoolParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** `global.key_prefix`. */
  readonly keyPrefix: string;
  /** Makes what decides on the use of a connection. */
  readonly monitor: MonitorFactory;
  /** Told of a `maxmemory-policy` that evicts. */
  readonly onEvictionPolicy: (policy: string, endpoint: string) => void;
}

/** What a service gets of the pool. */
export interface Acquired {
  readonly connection: RedisConnection;
  /** Gathers the reads of all services with the same deadline. */
  readonly reader: CoalescedReader;
  /**
   * Makes a further ioredis client to the same Redis, for what blocks: not connected yet, the caller's to close, reconnecting
   * by itself, without a queue and without a `keyPrefix`.
   */
  readonly openLink: () => Redis | Cluster;
  /** The database in which the entries are. */
  readonly database: number;
}

/** A shared connection with the readers that gather reads over it, one per deadline. */
interface Pooled {
  readonly connection: RedisConnection;
  readonly factory: ClientFactory;
  readonly transport: RedisTransport;
  readonly readers: Map<number, CoalescedReader>;
}

/** See the file's header. */
export class ConnectionPool {
  readonly #parts: PoolParts;
  readonly #nodeId: string;
  readonly #byIdentity = new Map<string | Redis | Cluster, Pooled>();

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#nodeId = randomId(parts.random, NODE_ID_LENGTH);
  }

  /**
   * The connection of a service; `given` is one the user handed in.
   *
   * @throws {CacheError} CACHE_CONFIG_INVALID when a TLS file cannot be read
   */
  async acquire(service: ResolvedService, given: Redis | Cluster | undefined): Promise<Acquired> {
    const { l2 } = service;
    if (l2 === undefined) throw new TypeError(`Expected the service "${service.name}" to have L2`);
    // First, so that services that are opened at the same time find each other's connection.
    const ioredis = await import('ioredis');
    const identity = given ?? connectionIdentity(l2);
    let pooled = this.#byIdentity.get(identity);
    if (pooled === undefined) {
      pooled = this.#open(ioredis, service.name, l2, given);
      this.#byIdentity.set(identity, pooled);
    }
    pooled.connection.allowProbes(l2.commandTimeoutMs);
    let reader = pooled.readers.get(l2.commandTimeoutMs);
    if (reader === undefined) {
      reader = new CoalescedReader(pooled.connection, pooled.transport, l2.commandTimeoutMs);
      pooled.readers.set(l2.commandTimeoutMs, reader);
    }
    const { connection, factory } = pooled;
    const openLink = (): Redis | Cluster => factory.openLink();
    return { connection, reader, openLink, database: factory.database };
  }

  /** Connects all; resolves when each can be used or its first attempt has failed. Never rejects. */
  async connect(): Promise<void> {
    await Promise.all([...this.#byIdentity.values()].map(({ connection }) => connection.connect()));
  }

  /** Lets go of all connections; those that were handed in stay open. */
  close(): void {
    for (const { connection } of this.#byIdentity.values()) connection.close();
    this.#byIdentity.clear();
  }

  #open(ioredis: ClientFactoryParts['ioredis'], service: string, l2: ResolvedL2, given: Redis | Cluster | undefined): Pooled {
    const { clock, random, logger, keyPrefix, monitor, onEvictionPolicy } = this.#parts;
    const factory: ClientFactory = new ClientFactory({
      ioredis,
      l2,
      service,
      given,
      clock,
      random,
      warn: (line) => {
        logger.warn(line);
      },
      probeKey: `${commonPrefixOf(`${given?.options.keyPrefix ?? ''}${keyPrefix}`)}probe`,
      probeTimeoutMs: () => connection.probeTimeoutMs,
    });
    const transport = factory.makeTransport();
    const connection: RedisConnection = new RedisConnection({
      endpoint: factory.endpoint,
      transport,
      isOwned: given === undefined,
      Command: ioredis.Command,
      clock,
      nodeId: this.#nodeId,
      connectionTimeoutMs: l2.connectionTimeoutMs,
      monitor,
      onEvictionPolicy,
    });
    return { connection, factory, transport, readers: new Map() };
  }
}
