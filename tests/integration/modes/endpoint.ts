/** One connection as services get it, over real servers, with a record of what it told and of what was logged. */
import { afterEach, beforeEach, expect } from '@jest/globals';
import type { Cluster, Redis } from 'ioredis';
import { systemClock } from '../../../lib/base/clock.js';
import { systemRandom } from '../../../lib/base/random.js';
import type { ConfigObject } from '../../../lib/config/config-object.js';
import { loadConfig } from '../../../lib/config/load-config.js';
import { HealthMonitor } from '../../../lib/recovery/health-monitor.js';
import { ConnectionPool, type Acquired } from '../../../lib/tiers/redis/connection-pool.js';
import { until } from '../../support/until.js';

/** Deadlines short enough for tests, long enough for a busy machine. */
export const COMMAND_TIMEOUT_MS = 500;
const CONNECTION_TIMEOUT_MS = 2000;
const INTERVAL_MS = 30_000;

/** The settings of the Redis tier. */
export type L2 = NonNullable<NonNullable<ConfigObject['services'][string]['l2']>>;

/** A connection and what became of it. */
export interface Endpoint extends Acquired {
  /** What listeners were told, in order: `usable`, `degrade`, `recover`, `failover`. */
  readonly told: string[];
  /** What was logged. */
  readonly lines: string[];
  readonly pool: ConnectionPool;
  /** Writes and reads a key; resolves to whether both worked. */
  works(key: string): Promise<boolean>;
}

/** Opens connections and ends them with the test; what anything left to reject unheard fails the test. */
export function useEndpoints(): {
  open(l2: L2, given?: Redis | Cluster): Promise<Endpoint>;
  afterwards(cleanup: () => unknown): void;
} {
  const cleanups: (() => unknown)[] = [];
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => {
    unheard.push(reason);
  };
  const warned = (warning: Error): void => {
    if (warning.name === 'MaxListenersExceededWarning') unheard.push(warning);
  };
  beforeEach(() => {
    unheard.length = 0;
    process.on('unhandledRejection', hear);
    process.on('warning', warned);
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    process.off('unhandledRejection', hear);
    process.off('warning', warned);
    expect(unheard).toEqual([]);
  });
  return {
    afterwards: (cleanup) => {
      cleanups.push(cleanup);
    },
    async open(l2, given) {
      const endpoint = await openEndpoint(l2, given);
      cleanups.push(() => {
        endpoint.pool.close();
      });
      return endpoint;
    },
  };
}

async function openEndpoint(l2: L2, given?: Redis | Cluster): Promise<Endpoint> {
  const deadlines = { command_timeout_ms: COMMAND_TIMEOUT_MS, connection_timeout_ms: CONNECTION_TIMEOUT_MS };
  const services = { s: { cache_type: 'l2' as const, l2: { ...deadlines, ...l2 } } };
  const mode = given === undefined ? undefined : given.isCluster ? ('cluster' as const) : ('standalone' as const);
  const config = await loadConfig({ services }, { env: {}, connectedMode: () => mode });
  const [service] = config.services;
  if (service === undefined) throw new Error('The configuration has no service');
  const lines: string[] = [];
  const log = (line: string): void => {
    lines.push(line);
  };
  const logger = { error: log, warn: log, info: log, debug: log };
  const pool = new ConnectionPool({
    clock: systemClock,
    random: systemRandom,
    logger,
    keyPrefix: 'modes',
    onEvictionPolicy: () => undefined,
    monitor: (connection) => new HealthMonitor(connection, { clock: systemClock, logger, intervalMs: INTERVAL_MS }),
  });
  const acquired = await pool.acquire(service, given);
  const { connection } = acquired;
  const told: string[] = [];
  connection.listen({
    onUsable: () => told.push('usable'),
    onDegrade: () => told.push('degrade'),
    onRecover: () => told.push('recover'),
    onFailover: () => told.push('failover'),
  });
  await pool.connect();
  const works = async (key: string): Promise<boolean> => {
    const value = String(performance.now());
    await connection.send('set', [key, value], COMMAND_TIMEOUT_MS);
    return (await connection.send<string>('get', [key], COMMAND_TIMEOUT_MS)) === value;
  };
  return { ...acquired, told, lines, pool, works };
}

/** Waits until commands flow. */
export async function usable({ connection, lines }: Endpoint, timeoutMs = 15_000): Promise<void> {
  await until(() => connection.isUsable, { timeoutMs, describe: () => `the gate to open; logged: ${lines.join('\n')}` });
}

/** Waits until none do. */
export async function unusable({ connection, lines }: Endpoint): Promise<void> {
  await until(() => !connection.isUsable, { describe: () => `the gate to close; logged: ${lines.join('\n')}` });
}

/** Sends until it works again. */
export async function worksAgain(endpoint: Endpoint, key: string): Promise<void> {
  const describe = (): string => `commands to work; logged: ${endpoint.lines.join('\n')}`;
  await until(() => endpoint.works(key), { timeoutMs: 20_000, intervalMs: 20, describe });
}
