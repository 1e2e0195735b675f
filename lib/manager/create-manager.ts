/** From a configuration to a running manager. Nothing is opened before the whole configuration and all options are sound. */
import type { Cluster, Redis } from 'ioredis';
import { systemClock, type Clock } from '../base/clock.js';
import { CoarseClock } from '../base/coarse-clock.js';
import { misuse } from '../base/describe-value.js';
import { nearestName } from '../base/nearest-name.js';
import { requireOptionNames } from '../base/option-names.js';
import { systemRandom } from '../base/random.js';
import type { ConfigObject } from '../config/config-object.js';
import { loadConfig } from '../config/load-config.js';
import type { RedisMode, ResolvedConfig } from '../config/resolved-config.js';
import { EventHub } from '../observe/event-hub.js';
import { createLogger, isWritten, type Logger } from '../observe/logger.js';
import { ReplayLine } from '../observe/replay-line.js';
import type { ServiceCore } from '../clients/service-core.js';
import { assembleService, type SharedParts } from './assemble-service.js';
import { CacheManager } from './cache-manager.js';
import { HeldSecrets } from './held-secrets.js';

/** What `init` and `createManager` may be given beside the configuration. */
export interface ManagerOptions {
  /**
   * Existing ioredis clients, `Redis` or `Cluster`: one for all services, or by service name. They are used, never closed or
   * changed.
   */
  readonly connections?: Redis | Cluster | Readonly<Record<string, Redis | Cluster>>;
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
  const secrets = new HeldSecrets();
  try {
    secrets.holdThoseOf(clientsOf(options.connections));
    const manager = await openManager(source, options, secrets);
    manager.onceClosed(secrets.release);
    return manager;
  } catch (error) {
    secrets.release();
    throw error;
  }
}

async function openManager(source: string | ConfigObject, options: ManagerOptions, secrets: HeldSecrets): Promise<CacheManager> {
  const { connections } = options;
  const config = await loadConfig(source, {
    env: options.env ?? process.env,
    connectedMode: (service) => modeOf(connectionOf(connections, service)),
    onSecrets: secrets.hold,
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
  const cores = await assembleAll(config, shared, connections);
  // A logger of the user's own, or none, is not to be drawn over.
  if (options.logger === undefined && isWritten('info', config.global.logLevel) && process.stderr.isTTY)
    shared.events.on('replay', new ReplayLine(process.stderr).show);
  const { pool, buses, keeper } = shared.infrastructure ?? {};
  // First what was cleared by processes that are gone: before Redis can be read, and told that all is well.
  await keeper?.start();
  await Promise.all([pool?.connect(), buses?.start(), keeper?.settle()]);
  await Promise.all(cores.map((core) => core.learned));
  return new CacheManager(cores, shared);
}

/** Builds all services at the same time, or none. */
async function assembleAll(
  config: ResolvedConfig,
  shared: SharedParts,
  connections: ManagerOptions['connections'],
): Promise<ServiceCore[]> {
  const { infrastructure } = shared;
  const assembling = config.services.map((service) => assembleService(service, shared, connectionOf(connections, service.name)));
  try {
    const cores = await Promise.all(assembling);
    for (const core of cores) await infrastructure?.buses.follow(core);
    return cores;
  } catch (error) {
    infrastructure?.buses.close();
    infrastructure?.pool.close();
    for (const end of await Promise.allSettled(assembling)) {
      if (end.status === 'rejected') continue;
      end.value.receiver?.close();
      await end.value.parts.redis?.outbox.close();
    }
    await infrastructure?.keeper.close();
    throw error;
  }
}

function connectionOf(connections: ManagerOptions['connections'], service: string): Redis | Cluster | undefined {
  if (connections === undefined) return undefined;
  if (isRedis(connections)) return connections;
  return Object.hasOwn(connections, service) ? connections[service] : undefined;
}

function clientsOf(connections: ManagerOptions['connections']): readonly (Redis | Cluster)[] {
  if (connections === undefined) return [];
  return isRedis(connections) ? [connections] : Object.values(connections);
}

/** What a client that was handed in is connected to. */
function modeOf(client: Redis | Cluster | undefined): RedisMode | undefined {
  if (client === undefined) return undefined;
  if (client.isCluster) return 'cluster';
  return Array.isArray((client as Redis).options.sentinels) ? 'sentinel' : 'standalone';
}

function isRedis(value: unknown): value is Redis | Cluster {
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
  for (const client of clientsOf(connections) as readonly unknown[]) {
    if (!isRedis(client))
      throw misuse('connections', 'an ioredis client, or an object of ioredis clients by service name', client);
    checkPrefix(client.options.keyPrefix ?? '');
    if (client.isCluster) checkCluster(client as Cluster);
  }
}

/** Most `:` in a client's prefix: with those of `key_prefix`, an entry's tag can still tell how many there are. */
const MAX_GIVEN_SEPARATORS = 20;

/** Refuses what would let names of a service as a whole meet names of another application's entries (G1). */
function checkPrefix(keyPrefix: string): void {
  const parts = keyPrefix.split(':');
  const hasEmptyPart = parts.some((part, i) => part === '' && i < parts.length - 1);
  if (!hasEmptyPart && parts.length - 1 <= MAX_GIVEN_SEPARATORS) return;
  throw new TypeError(
    `A client in \`connections\` has a \`keyPrefix\` that begins with \`:\`, or has \`::\` or more than ${MAX_GIVEN_SEPARATORS} \`:\` in it; names could then be the same as another application's. Hand in one with another prefix`,
  );
}

/** What would break the cache in ways that nobody would look for in the client's options. */
function checkCluster({ options }: Cluster): void {
  const { scaleReads, keyPrefix = '' } = options;
  if (scaleReads !== undefined && scaleReads !== 'master') {
    throw new TypeError(
      'A Cluster client in `connections` reads from replicas (`scaleReads`), which may not have the newest values yet; hand in one that reads from the masters',
    );
  }
  if (/[{}]/.test(keyPrefix)) {
    throw new TypeError(
      'A Cluster client in `connections` has a `keyPrefix` with `{` or `}`, which would decide the slot of every key; hand in one without',
    );
  }
}

function checkServiceNames(connections: Readonly<Record<string, Redis | Cluster>>, config: ResolvedConfig): void {
  const names = config.services.filter((service) => service.l2 !== undefined).map((service) => service.name);
  for (const name of Object.keys(connections)) {
    if (names.includes(name)) continue;
    const nearest = nearestName(name, names);
    const hint = nearest === undefined ? `services with L2 are: ${names.join(', ') || 'none'}` : `did you mean "${nearest}"?`;
    throw new TypeError(`\`connections\` names "${name}", which is not a service with L2; ${hint}`);
  }
}
