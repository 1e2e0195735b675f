/** What the rules of one service are judged with: its own tables, the global ones, and where to report. */
import { CacheError } from '../base/errors.js';
import type { Duration } from '../base/duration.js';
import { parseDurationMs } from '../base/duration.js';
import type { ConfigIssues } from './config-issues.js';
import type { GlobalConfig, GlobalDefaults, ServiceConfig } from './config-object.js';
import type { ConfigPath } from './config-path.js';
import type { Strategies } from './check-values.js';
import type { RedisMode } from './resolved-config.js';

/** The tables that a service has and inherits. */
export type TableName = 'l1' | 'l2' | 'two_level' | 'sync' | 'wal';

/** What is known while the services are resolved. */
export interface ConfigFacts {
  readonly global: GlobalConfig & GlobalDefaults;
  readonly strategies: Strategies;
  readonly issues: ConfigIssues;
  /** The mode of the Redis connection that the application hands in for the service called `name`; `undefined`: it does not. */
  readonly connectedMode: (name: string) => RedisMode | undefined;
}

/** One service, with everything faulty already taken out. */
export class ServiceContext {
  readonly name: string;
  readonly own: ServiceConfig;
  readonly facts: ConfigFacts;

  constructor(name: string, own: ServiceConfig, facts: ConfigFacts) {
    this.name = name;
    this.own = own;
    this.facts = facts;
  }

  /** The path of a key of this service. */
  path(...keys: string[]): ConfigPath {
    return ['services', this.name, ...keys];
  }

  /** Notes a problem of this service. */
  add(keys: readonly string[], message: string): void {
    this.facts.issues.add(this.path(...keys), message);
  }

  /** Whether what `key` of `table` is, here or where it is inherited from, can be relied on. */
  isSound(table: TableName, key: string): boolean {
    const { issues } = this.facts;
    return issues.areSound(this.path(table, key)) && (this.states(table, key) || issues.areSound(['global', table, key]));
  }

  /** Whether the service's `ttl`, here or where it is inherited from, can be relied on. */
  isTtlSound(): boolean {
    const { issues } = this.facts;
    return issues.areSound(this.path('ttl')) && (this.own.ttl !== undefined || issues.areSound(['global', 'default_ttl']));
  }

  /** Says where a value comes from when this service does not state it itself; else nothing. */
  origin(table: TableName, key: string): string {
    return this.states(table, key) ? '' : `, inherited from \`global.${table}.${key}\`,`;
  }

  /** Whether the service states `key` of `table` itself, so that it is not inherited. */
  states(table: TableName, key: string): boolean {
    const own: object | undefined = this.own[table];
    return own !== undefined && Object.hasOwn(own, key);
  }

  /** The milliseconds of a duration that was checked, whole and at least 1 unless it is 0. */
  ms(value: Duration): number {
    return wholeMs(value, this.facts.strategies);
  }
}

/** The milliseconds of a duration that was checked, whole and at least 1 unless it is 0: timers and Redis know no fractions. */
export function wholeMs(value: Duration, strategies: Strategies): number {
  const ms = parseDurationMs(value, strategies);
  if (ms === undefined) throw new CacheError('CACHE_INTERNAL', 'A duration reached the resolver unchecked; please report this.');
  return ms === 0 ? 0 : Math.max(1, Math.round(ms));
}
