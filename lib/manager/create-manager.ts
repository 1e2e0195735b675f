/** From a configuration to a running manager. Nothing is opened before the whole configuration and all options are sound. */
import type { Redis } from 'ioredis';
import { systemClock, type Clock } from '../base/clock.js';
import { CoarseClock } from '../base/coarse-clock.js';
import { misuse } from '../base/describe-value.js';
import { nearestName } from '../base/nearest-name.js';
import { requireOptionNames } from '../base/option-names.js';
import { systemRandom } from '../base/random.js';
import type { ConfigObject } from '../config/config-object.js';
import { loadConfig } from '../config/load-config.js';
import type { ResolvedConfig } from '../config/resolved-config.js';
import { EventHub } from '../observe/event-hub.js';
import { createLogger, isWritten, type Logger } from '../observe/logger.js';
import { ReplayLine } from '../observe/replay-line.js';
import type { ServiceCore } from '../clients/service-core.js';
import { assembleService, type SharedParts } from './assemble-service.js';
import { CacheManager } from './cache-manager.js';

/** What `init` and `createManager` may be given beside the configuration. */
export interface ManagerOptions {
  /** Existing ioredis clients: one for all services, or by service name. They are used, never closed or changed. */
  readonly connections?: Redis | Readonly<Record<string, Redis>>;
  /** Where log messages go; absent: winston, to standard error. `global.log_level` applies to it too. */
  readonly logger?: Logger;
  /** Where `${NAME}` in the configuration comes from; absent: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The source of time, for tests: `FakeClock` of `oxcache/testing`. Absent: the real one. */
  readonly clock?: Clock;
}

const OPTION_NAMES = ['connections', 'logger', 'env', 'clock'];

/**
 * Makes a manager outside the process-wide registry.
 *
 * @param source the path of a TOML file, or the same as an object
 * @throws {CacheError} CACHE_CONFIG_NOT_FOUND, CACHE_CONFIG_SYNTAX, CACHE_CONFIG_INVALID
 * @throws {TypeError} when an option is unknown or of the wrong type
 * @example
 * await using manager = await createManager('config.toml');
 * const users = manager.client<User>('user_cache');
 */
export async function createManager(source: string | ConfigObject, options: ManagerOptions = {}): Promise<CacheManager> {
  checkOptions(options);
  const { connections } = options;
  const connectedServices =
    connections === undefined ? undefined : isRedis(connections) ? ('all' as const) : new Set(Object.keys(connections));
  const config = await loadConfig(source, {
    env: options.env ?? process.env,
    ...(connectedServices === undefined ? {} : { connectedServices }),
  });
  if (connections !== undefined && !isRedis(connections)) checkServiceNames(connections, config);
  const clock = options.clock ?? systemClock;
  const logger = createLogger(config.global.logLevel, options.logger);
  const { keyPrefix, healthCheckIntervalMs: intervalMs } = config.global;
  const hasRedis = config.services.some((service) => service.l2 !== undefined);
  const parts = { clock, random: systemRandom, logger, keyPrefix, intervalMs };
  const shared: SharedParts = {
    global: config.global,
    clock,
    coarseClock: new CoarseClock(clock),
    random: systemRandom,
    logger,
    events: new EventHub(),
    infrastructure: hasRedis ? (await import('./redis-infrastructure.js')).openInfrastructure(parts) : undefined,
  };
  const cores: ServiceCore[] = [];
  try {
    for (const service of config.services)
      cores.push(await assembleService(service, shared, connectionOf(connections, service.name)));
  } catch (error) {
    shared.infrastructure?.pool.close();
    for (const core of cores) await core.parts.redis?.outbox.close();
    await shared.infrastructure?.keeper.close();
    throw error;
  }
  // A logger of the user's own, or none, is not to be drawn over.
  if (options.logger === undefined && isWritten('info', config.global.logLevel) && process.stderr.isTTY)
    shared.events.on('replay', new ReplayLine(process.stderr).show);
  await shared.infrastructure?.pool.connect();
  return new CacheManager(cores, shared);
}

function connectionOf(connections: ManagerOptions['connections'], service: string): Redis | undefined {
  if (connections === undefined) return undefined;
  return isRedis(connections) ? connections : connections[service];
}

function isRedis(value: unknown): value is Redis {
  return typeof value === 'object' && value !== null && typeof (value as { sendCommand?: unknown }).sendCommand === 'function';
}

function checkOptions(options: unknown): asserts options is ManagerOptions {
  if (typeof options !== 'object' || options === null) throw misuse('options', 'an object', options);
  requireOptionNames(options, OPTION_NAMES);
  const { connections, logger } = options as ManagerOptions;
  if (
    logger !== undefined &&
    !['error', 'warn', 'info', 'debug'].every(
      (name) => typeof (logger as unknown as Record<string, unknown>)[name] === 'function',
    )
  ) {
    throw misuse('logger', 'an object with the methods error, warn, info and debug', logger);
  }
  if (connections === undefined) return;
  const clients: unknown[] = isRedis(connections) ? [connections] : Object.values(connections as object);
  for (const client of clients) {
    if (!isRedis(client))
      throw misuse('connections', 'an ioredis client, or an object of ioredis clients by service name', client);
    if ((client as unknown as { isCluster?: boolean }).isCluster === true) {
      throw new TypeError('A Cluster client in `connections` is not available yet in this version; hand in a Redis client');
    }
  }
}

function checkServiceNames(connections: Readonly<Record<string, Redis>>, config: ResolvedConfig): void {
  const names = config.services.filter((service) => service.l2 !== undefined).map((service) => service.name);
  for (const name of Object.keys(connections)) {
    if (names.includes(name)) continue;
    const nearest = nearestName(name, names);
    const hint = nearest === undefined ? `services with L2 are: ${names.join(', ') || 'none'}` : `did you mean "${nearest}"?`;
    throw new TypeError(`\`connections\` names "${name}", which is not a service with L2; ${hint}`);
  }
}
