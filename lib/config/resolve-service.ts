/** One service, complete: what it says, what it inherits, the defaults, and the rules between its keys (G2: lifetimes). */
import type { L1Config, SyncConfig, TwoLevelConfig, WalConfig, WalDefaults } from './config-object.js';
import { schemaDefaults } from './config-schema.js';
import { inheritTable, omitUndefined } from './inherit.js';
import { resolveL2 } from './resolve-l2.js';
import type { CacheType, ResolvedL1, ResolvedService, ResolvedSync, ResolvedTwoLevel, ResolvedWal } from './resolved-config.js';
import type { ServiceContext, TableName } from './service-context.js';

/** The tables that mean nothing to a kind of service; naming one there is an issue, inheriting one is not. */
const FOREIGN_TABLES: Readonly<Record<CacheType, readonly TableName[]>> = {
  l1: ['l2', 'two_level', 'sync', 'wal'],
  l2: ['l1', 'two_level'],
  'two-level': [],
};

function refuseForeignTables(context: ServiceContext): void {
  const type = context.own.cache_type;
  for (const table of FOREIGN_TABLES[type]) {
    if (context.own[table] === undefined) continue;
    context.add(
      [table],
      `A service of type "${type}" has no use for \`${table}\`; remove the table, or set \`cache_type = "two-level"\`.`,
    );
  }
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}

/** Reports an `l1.ttl` that outlives what it may not outlive (G2). */
function checkL1Ttl(context: ServiceContext, l1TtlMs: number, redisTtlMs: number | undefined): void {
  if (!context.isSound('l1', 'ttl') || !context.isTtlSound()) return;
  const stated = `\`l1.ttl\`${context.origin('l1', 'ttl')} is ${seconds(l1TtlMs)}`;
  if (redisTtlMs !== undefined) {
    if (l1TtlMs <= redisTtlMs || !context.isSound('l2', 'ttl')) return;
    context.add(
      ['l1', 'ttl'],
      `${stated}, longer than the entry's life in Redis of ${seconds(redisTtlMs)}; shorten it, or lengthen \`ttl\` or \`l2.ttl\`.`,
    );
  } else if (context.own.ttl !== undefined && l1TtlMs > context.ms(context.own.ttl)) {
    context.add(
      ['l1', 'ttl'],
      `${stated}, longer than the service's \`ttl\` of ${seconds(context.ms(context.own.ttl))}; shorten it, or remove one of the two.`,
    );
  }
}

function resolveL1(context: ServiceContext, serviceTtlMs: number, redisTtlMs: number | undefined): ResolvedL1 {
  const l1 = {
    ...schemaDefaults('l1'),
    ...omitUndefined<Partial<L1Config>>(inheritTable(context.facts.global.l1, context.own.l1)),
  };
  const ttlMs = l1.ttl === undefined ? Math.min(serviceTtlMs, redisTtlMs ?? serviceTtlMs) : context.ms(l1.ttl);
  const ttiMs = l1.tti === undefined ? undefined : context.ms(l1.tti);
  if (l1.ttl !== undefined) checkL1Ttl(context, ttlMs, redisTtlMs);
  const areLivesSound = context.isSound('l1', 'ttl') && context.isTtlSound() && context.isSound('l2', 'ttl');
  if (ttiMs !== undefined && ttiMs > ttlMs && areLivesSound) {
    const message = `\`l1.tti\`${context.origin('l1', 'tti')} is ${seconds(ttiMs)}, longer than the entry's life in this process of ${seconds(ttlMs)}; shorten it, or remove it.`;
    context.add(['l1', 'tti'], message);
  }
  if (l1.initial_capacity !== undefined && l1.initial_capacity > l1.max_capacity && context.isSound('l1', 'max_capacity')) {
    const message = `\`l1.initial_capacity\`${context.origin('l1', 'initial_capacity')} is ${l1.initial_capacity}, more than \`max_capacity\`, ${l1.max_capacity}; lower it, or remove it.`;
    context.add(['l1', 'initial_capacity'], message);
  }
  return {
    maxCapacity: l1.max_capacity,
    ttlMs,
    eviction: l1.eviction,
    isolation: l1.isolation,
    ...omitUndefined({ maxBytes: l1.max_bytes, ttiMs, initialCapacity: l1.initial_capacity }),
  };
}

function resolveTwoLevel(context: ServiceContext): ResolvedTwoLevel {
  const own = omitUndefined<Partial<TwoLevelConfig>>(inheritTable(context.facts.global.two_level, context.own.two_level));
  const merged = { ...schemaDefaults('two_level'), ...own };
  return {
    writeThrough: merged.write_through,
    promoteOnHit: merged.promote_on_hit,
    enableBatchWrite: merged.enable_batch_write,
    batchSize: merged.batch_size,
    batchIntervalMs: merged.batch_interval_ms,
    maxPending: merged.max_pending,
  };
}

/** `undefined` when it is switched off; see {@link resolveWal}. */
function resolveSync(context: ServiceContext): ResolvedSync | undefined {
  const own = omitUndefined<Partial<SyncConfig>>(inheritTable(context.facts.global.sync, context.own.sync));
  const sync = { ...schemaDefaults('sync'), ...own };
  return sync.enabled ? { transport: sync.transport, onLinkLoss: sync.on_link_loss } : undefined;
}

/** What is said of the log, here, globally and by default: `max_age` counts without a log too. */
function mergeWal(context: ServiceContext): WalDefaults {
  const own = omitUndefined<Partial<WalConfig>>(inheritTable(context.facts.global.wal, context.own.wal));
  return { ...schemaDefaults('wal'), ...own };
}

/** `undefined` when it is switched off. That other keys stay is no issue: a switch is there to be turned back. */
function resolveWal(context: ServiceContext, wal: WalDefaults): ResolvedWal | undefined {
  if (!wal.enabled) return undefined;
  return {
    dir: wal.dir,
    fsync: wal.fsync,
    fsyncIntervalMs: wal.fsync_interval_ms,
    maxBytes: wal.max_bytes,
    maxAgeMs: context.ms(wal.max_age),
    replay: wal.replay,
    mode: wal.mode,
  };
}

/** Processes can only share a load through the Redis that they share. */
function checkSingleFlight(context: ServiceContext): void {
  if (context.own.single_flight !== 'cluster' || context.own.cache_type !== 'l1') return;
  context.add(
    ['single_flight'],
    '`single_flight = "cluster"` needs a Redis that the processes share, and a service of type "l1" has none; use "process", or another `cache_type`.',
  );
}

/** A caller who would wait no longer anyway has no use for a stale value before that. */
function checkSoftTimeout(context: ServiceContext, softMs: number, hardMs: number): void {
  if (softMs === 0 || hardMs === 0 || softMs < hardMs) return;
  context.add(
    ['soft_timeout'],
    `\`soft_timeout\` is ${seconds(softMs)}, not shorter than \`load_timeout\`, ${seconds(hardMs)}; shorten it, or remove one of the two.`,
  );
}

/** Resolves a service, noting problems in the context's issues; the result only counts when there are none. */
export function resolveService(context: ServiceContext): ResolvedService {
  const { own, facts, name } = context;
  refuseForeignTables(context);
  checkSingleFlight(context);
  const service = { ...schemaDefaults('service'), ...omitUndefined(own) };
  checkSoftTimeout(context, context.ms(service.soft_timeout), context.ms(service.load_timeout));
  const wal = mergeWal(context);
  const serviceTtlMs = context.ms(own.ttl ?? facts.global.default_ttl);
  const type = own.cache_type;
  const l2 = type === 'l1' ? undefined : resolveL2(context, serviceTtlMs);
  const l1 = type === 'l2' ? undefined : resolveL1(context, serviceTtlMs, l2?.ttlMs);
  return {
    name,
    cacheType: type,
    ttlMs: l2?.ttlMs ?? l1?.ttlMs ?? serviceTtlMs,
    serialization: own.serialization ?? facts.global.serialization,
    ttlJitter: service.ttl_jitter,
    nullTtlMs: context.ms(service.null_ttl),
    staleTtlMs: context.ms(service.stale_ttl),
    refreshAhead: service.refresh_ahead,
    loadTimeoutMs: context.ms(service.load_timeout),
    softTimeoutMs: context.ms(service.soft_timeout),
    loadBackoffMs: context.ms(service.load_backoff),
    singleFlight: service.single_flight,
    ...omitUndefined({
      l1,
      l2,
      twoLevel: type === 'two-level' ? resolveTwoLevel(context) : undefined,
      sync: l2 === undefined ? undefined : resolveSync(context),
      wal: l2 === undefined ? undefined : resolveWal(context, wal),
    }),
    tombstoneTtlMs: context.ms(wal.max_age),
  };
}
