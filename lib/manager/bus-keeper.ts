/**
 * The links over which a manager's services hear of the writes of other processes: one for all services that use the
 * same database of a Redis, though their connections differ in how long they may take to be made. With streams in a cluster one for each service: a blocking read asks for the streams of one slot, and
 * each service's is in another.
 */
import { systemClock, type Clock } from '../base/clock.js';
import type { ServiceCore } from '../clients/service-core.js';
import type { Logger } from '../observe/logger.js';
import type { InvalidationBus } from '../sync/invalidation-bus.js';
import { LinkReport } from '../sync/link-report.js';
import type { BusParts } from '../sync/linked-bus.js';
import { PubSubBus } from '../sync/pubsub-bus.js';
import { StreamBus } from '../sync/stream-bus.js';
import { linkIdentity } from '../tiers/redis/connection-options.js';
import type { RedisConnection } from '../tiers/redis/redis-connection.js';

/** How long messages gather while a process hears nothing but its own, in milliseconds: reading each by itself would cost it more than writing them. */
const GATHER_MS = 1;

/** What shares a link. */
interface Shared {
  /** Where the link leads. */
  readonly place: string | RedisConnection;
  /** The connections of those who share it. */
  readonly connections: Set<RedisConnection>;
  readonly transport: 'stream' | 'pubsub';
  readonly bus: InvalidationBus;
}

/** See the file's header. */
export class BusKeeper {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #buses: Shared[] = [];

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Lets a service hear of others from {@link start} on; one that has no use for it is left alone. */
  async follow({ receiver, parts }: ServiceCore): Promise<void> {
    const { redis, config } = parts;
    if (receiver === undefined || redis === undefined || config.sync === undefined || config.l2 === undefined) return;
    const { connection, openLink } = redis;
    const { transport } = config.sync;
    const { Command } = await import('ioredis');
    const place = connection.isOwned ? linkIdentity(config.l2) : connection;
    let shared = this.#buses.find((one) => one.place === place && one.transport === transport);
    if (shared === undefined || (connection.isCluster && transport === 'stream')) {
      const { endpoint } = connection;
      const connections = new Set<RedisConnection>();
      const isRedisUsable = (): boolean => [...connections].some(({ isUsable }) => isUsable);
      const report = new LinkReport({ clock: this.#clock, logger: this.#logger, endpoint, isRedisUsable });
      // Each looks again at its server when the other one has found a replica: a link notices within its next read.
      const onReplica = (): void => {
        for (const each of connections) each.look();
      };
      const { connectionTimeoutMs: timeoutMs } = config.l2;
      const link = { client: openLink, Command, clock: this.#clock, timeoutMs, report, onReplica };
      const bus = openBus(link, transport, connection, connections);
      shared = { place, connections, transport, bus };
      this.#buses.push(shared);
    }
    const { bus, connections } = shared;
    if (!connections.has(connection)) {
      connections.add(connection);
      connection.listen({
        onReplica: () => {
          bus.doubt();
        },
      });
    }
    bus.follow(receiver);
    receiver.watch(bus);
  }

  /** Resolves when all are heard, or the first attempt has failed. Never rejects. */
  async start(): Promise<void> {
    await Promise.all(this.#buses.map(({ bus }) => bus.start()));
  }

  /** Ends all links. */
  close(): void {
    for (const { bus } of this.#buses) bus.close();
  }
}

function openBus(
  link: BusParts,
  transport: 'stream' | 'pubsub',
  connection: RedisConnection,
  connections: ReadonlySet<RedisConnection>,
): InvalidationBus {
  if (transport === 'pubsub') return new PubSubBus(link);
  return new StreamBus({
    ...link,
    serverNowMs: () => connection.hybridClock.nowMs(),
    sentCommands: () => [...connections].reduce((total, { sentCommands }) => total + sentCommands, 0),
    // Another clock may stand still.
    gatherMs: link.clock === systemClock ? GATHER_MS : 0,
  });
}
