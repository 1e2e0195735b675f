/** What a connection to Redis is made of: its transport, its monitor, and what is the process's. */
import type { Command } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import type { ConnectionMonitor, MonitoredConnection } from './connection-monitor.js';
import type { RedisTransport } from './redis-transport.js';

/** Makes the monitor of a connection. */
export type MonitorFactory = (connection: MonitoredConnection) => ConnectionMonitor;

/** What a connection is made of. */
export interface ConnectionParts {
  /** For people; without credentials. */
  readonly endpoint: string;
  readonly transport: RedisTransport;
  /** False for a connection that was handed in. */
  readonly isOwned: boolean;
  /** ioredis's own class; passed in because ioredis is loaded on demand. */
  readonly Command: typeof Command;
  readonly clock: Clock;
  readonly nodeId: string;
  readonly connectionTimeoutMs: number;
  readonly monitor: MonitorFactory;
  /** Told of a `maxmemory-policy` that evicts; absent: nobody is. */
  readonly onEvictionPolicy?: (policy: string, endpoint: string) => void;
}
