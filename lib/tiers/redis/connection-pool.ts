/**
 * The connections of one manager: services that use the same Redis in the same way share one. ioredis is loaded when the
 * first connection is asked for, so that a configuration without L2 never pays for it.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import { NODE_ID_LENGTH } from '../../base/hybrid-clock.js';
import { randomId, type Random } from '../../base/random.js';
import { describeEndpoint } from '../../config/describe-endpoint.js';
import type { ResolvedService } from '../../config/resolved-config.js';
import { CoalescedReader } from './coalesced-reader.js';
import { connectionIdentity, toRedisOptions } from './connection-options.js';
import { RedisConnection, type MonitorFactory } from './redis-connection.js';

/** What a pool needs from outside. */
export interface PoolParts {
  readonly clock: Clock;
  readonly random: Random;
  /** `global.key_prefix`. */
  readonly keyPrefix: string;
  /** Makes what decides on the use of a connection. */
  readonly monitor: MonitorFactory;
}

/** A shared connection with the readers that gather reads over it, one per deadline. */
interface Pooled {
  readonly connection: RedisConnection;
  readonly readers: Map<number, CoalescedReader>;
}

/** See the file's header. */
export class ConnectionPool {
  readonly #parts: PoolParts;
  readonly #nodeId: string;
  readonly #byIdentity = new Map<string | Redis, Pooled>();

  constructor(parts: PoolParts) {
    this.#parts = parts;
    this.#nodeId = randomId(parts.random, NODE_ID_LENGTH);
  }

  /**
   * The connection of a service; `given` is one the user handed in.
   *
   * @throws {CacheError} CACHE_CONFIG_INVALID when a TLS file cannot be read
   */
  async acquire(
    service: ResolvedService,
    given: Redis | undefined,
  ): Promise<{ connection: RedisConnection; reader: CoalescedReader }> {
    const { l2 } = service;
    if (l2 === undefined) throw new TypeError(`Expected the service "${service.name}" to have L2`);
    const identity = given ?? connectionIdentity(l2);
    let pooled = this.#byIdentity.get(identity);
    if (pooled === undefined) {
      const { Redis: RedisClass, Command } = await import('ioredis');
      const connection = new RedisConnection({
        endpoint: given === undefined ? describeEndpoint(l2) : describeGiven(given),
        client: given ?? new RedisClass(toRedisOptions(l2, service.name, this.#parts.random)),
        isOwned: given === undefined,
        Command,
        clock: this.#parts.clock,
        nodeId: this.#nodeId,
        connectionTimeoutMs: l2.connectionTimeoutMs,
        // No service can have an empty name, so nobody's entry is called that.
        probeKey: `${given?.options.keyPrefix ?? ''}${this.#parts.keyPrefix}::probe`,
        monitor: this.#parts.monitor,
      });
      pooled = { connection, readers: new Map() };
      this.#byIdentity.set(identity, pooled);
    }
    pooled.connection.allowProbes(l2.commandTimeoutMs);
    let reader = pooled.readers.get(l2.commandTimeoutMs);
    if (reader === undefined) {
      reader = new CoalescedReader(pooled.connection, l2.commandTimeoutMs);
      pooled.readers.set(l2.commandTimeoutMs, reader);
    }
    return { connection: pooled.connection, reader };
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
}

function describeGiven(client: Redis): string {
  const { host, port, path, db } = client.options;
  return typeof path !== 'string' ? `redis://${host ?? 'localhost'}:${port ?? 6379}/${db ?? 0}` : `unix:${path}`;
}
