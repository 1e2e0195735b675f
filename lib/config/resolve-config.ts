/** The whole configuration, from a checked tree to the frozen result. */
import type { Strategies } from './check-values.js';
import type { ConfigIssues } from './config-issues.js';
import type { ConfigObject, ServiceConfig } from './config-object.js';
import { schemaDefaults } from './config-schema.js';
import { omitUndefined } from './inherit.js';
import { resolveService } from './resolve-service.js';
import type { RedisMode, ResolvedConfig, ResolvedGlobal } from './resolved-config.js';
import type { ConfigFacts } from './service-context.js';
import { ServiceContext, wholeMs } from './service-context.js';

/** A checked configuration: everything faulty has been taken out, so keys that are required may be gone. */
export type CheckedConfig = Partial<Omit<ConfigObject, 'services'>> & {
  readonly services?: Readonly<Record<string, Partial<ServiceConfig>>>;
};

function deepFreeze<T extends object>(value: T): T {
  for (const child of Object.values(value) as unknown[]) {
    if (typeof child === 'object' && child !== null) deepFreeze(child);
  }
  return Object.freeze(value);
}

function resolveGlobal({ global, strategies }: ConfigFacts): ResolvedGlobal {
  return {
    defaultTtlMs: wholeMs(global.default_ttl, strategies),
    healthCheckIntervalMs: wholeMs(global.health_check_interval, strategies),
    enableMetrics: global.enable_metrics,
    keyPrefix: global.key_prefix,
    logLevel: global.log_level,
    strategies: { ...strategies },
  };
}

function isComplete(service: Partial<ServiceConfig>): service is ServiceConfig {
  return service.cache_type !== undefined;
}

/**
 * Applies inheritance, defaults and the rules between keys to `config`.
 *
 * @param connectedMode - the mode of the Redis connection that the application hands in for the service with that name, if it does
 * @throws {CacheError} `CACHE_CONFIG_INVALID` when `issues` holds any problem in the end, found here or before
 */
export function resolveConfig(
  config: CheckedConfig,
  strategies: Strategies,
  issues: ConfigIssues,
  connectedMode: (name: string) => RedisMode | undefined,
  file: string | undefined,
): ResolvedConfig {
  const global = { ...schemaDefaults('global'), ...omitUndefined(config.global ?? {}) };
  const facts: ConfigFacts = { global, strategies, issues, connectedMode };
  const services = Object.entries(config.services ?? {}).flatMap(([name, service]) =>
    isComplete(service) ? [resolveService(new ServiceContext(name, service, facts))] : [],
  );
  issues.throwIfAny();
  return deepFreeze({ ...omitUndefined({ file }), global: resolveGlobal(facts), services });
}
