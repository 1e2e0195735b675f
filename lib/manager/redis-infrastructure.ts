/**
 * What services with Redis share: connections with their monitors, the links to other processes, and the keeper of the logs. It is a module of its own so
 * that a configuration without Redis does not load it, nor what it imports.
 */
import type { Clock } from '../base/clock.js';
import type { Random } from '../base/random.js';
import type { Logger } from '../observe/logger.js';
import { HealthMonitor } from '../recovery/health-monitor.js';
import { LogKeeper } from '../recovery/log-keeper.js';
import { nodeDisk } from '../recovery/node-disk.js';
import { ConnectionPool } from '../tiers/redis/connection-pool.js';
import { BusKeeper } from './bus-keeper.js';

/** What services with Redis share. */
export interface Infrastructure {
  readonly pool: ConnectionPool;
  readonly keeper: LogKeeper;
  readonly buses: BusKeeper;
}

/** What it is made of. */
export interface InfrastructureParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly keyPrefix: string;
  readonly intervalMs: number;
}

/** Makes the shared parts; nothing is opened yet. */
export function openInfrastructure({ clock, random, logger, keyPrefix, intervalMs }: InfrastructureParts): Infrastructure {
  return {
    pool: new ConnectionPool({
      clock,
      random,
      logger,
      keyPrefix,
      monitor: (connection) => new HealthMonitor(connection, { clock, logger, intervalMs }),
      onEvictionPolicy: (policy, endpoint) => {
        logger.warn(evictionLine(policy, endpoint));
      },
    }),
    buses: new BusKeeper(clock, logger),
    keeper: new LogKeeper({ disk: nodeDisk, clock, random, logger, intervalMs }),
  };
}

function evictionLine(policy: string, endpoint: string): string {
  const cost = policy.startsWith('volatile-')
    ? 'the mark of a deletion may be evicted before its time, and a write that is older than the deletion could then land'
    : 'if the marks of a service are evicted, all its entries count as cleared';
  return `Redis at ${endpoint} evicts keys (maxmemory-policy ${policy}): ${cost}. See "Redis evicts keys" in docs/operations.md; with "noeviction" or enough memory nothing is lost.`;
}
