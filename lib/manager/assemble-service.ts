/** The composition root: the one place where the concrete parts of a service meet. */
import type { Cluster, Redis } from 'ioredis';
import { BackgroundTasks } from '../base/background-tasks.js';
import type { CacheError } from '../base/errors.js';
import type { Clock } from '../base/clock.js';
import type { CoarseClock } from '../base/coarse-clock.js';
import type { Random } from '../base/random.js';
import { FlightTable } from '../clients/flight-table.js';
import { Lifetimes } from '../clients/lifetimes.js';
import { Outbox } from '../clients/outbox.js';
import { Renewal } from '../clients/renewal.js';
import { ServiceCore, type RedisSide } from '../clients/service-core.js';
import { jsonCodec } from '../codec/json-codec.js';
import { createMsgpackCodec } from '../codec/msgpack-codec.js';
import type { PayloadCodec } from '../codec/payload-codec.js';
import type { ResolvedGlobal, ResolvedService, ResolvedTwoLevel } from '../config/resolved-config.js';
import { EventHub } from '../observe/event-hub.js';
import type { Logger } from '../observe/logger.js';
import { createCounters, type ServiceCounters } from '../observe/metrics.js';
import type { LogResult, ServiceLog } from '../recovery/service-log.js';
import { BatchWriter, type BatchPolicy } from '../sync/batch-writer.js';
import type { OnConfirmed, Rescue } from '../sync/pending-write.js';
import { WriteFence } from '../sync/write-fence.js';
import { MemoryTier } from '../tiers/memory/memory-tier.js';
import { KeySpace } from '../tiers/redis/key-space.js';
import { RedisTier } from '../tiers/redis/redis-tier.js';
import type { ScriptWrite, WriteOutcome } from '../tiers/redis/write-script.js';
import type { Infrastructure } from './redis-infrastructure.js';

/** What every service of a manager shares. */
export interface SharedParts {
  readonly global: ResolvedGlobal;
  readonly clock: Clock;
  readonly coarseClock: CoarseClock;
  readonly random: Random;
  readonly logger: Logger;
  readonly events: EventHub;
  /** Absent where no service has L2. */
  readonly infrastructure: Infrastructure | undefined;
}

/** Writes in one script call when no batch size is configured, and script calls under way: enough to keep both ends busy. */
const DEFAULT_BATCH = 128;
const MAX_IN_FLIGHT = 4;
/** Writes waiting at most for a service without a `two_level` table. */
const DEFAULT_MAX_PENDING = 10_000;
/** Bytes waiting at most: what a process can spare for a Redis that is slow, not away. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** Builds one service. @throws {CacheError} CACHE_CONFIG_INVALID when a TLS file cannot be read */
export async function assembleService(
  config: ResolvedService,
  shared: SharedParts,
  given: Redis | Cluster | undefined,
): Promise<ServiceCore> {
  const { clock, random, logger, global } = shared;
  const events = new EventHub(shared.events);
  const counters = createCounters();
  const memory = config.l1 === undefined ? undefined : assembleMemory(config, shared, events, counters);
  // Reports need the core, which needs the parts that report.
  const reporter: { core?: ServiceCore } = {};
  const redis = await assembleRedis(config, shared, given, { events, counters, reporter });
  const core = new ServiceCore({
    config,
    strategies: global.strategies,
    metricsEnabled: global.enableMetrics,
    memory,
    redis,
    clock,
    lifetimes: new Lifetimes(config, clock, redis?.tier.clock, random),
    fence: new WriteFence(),
    flights: new FlightTable(),
    background: new BackgroundTasks(),
    events,
    counters,
    logger,
  });
  reporter.core = core;
  redis?.connection.listen({
    onDegrade: (reason) => {
      events.emit('degrade', { service: config.name, reason });
    },
    onRecover: (downMs) => {
      events.emit('recover', { service: config.name, downMs });
    },
  });
  return core;
}

function assembleMemory(config: ResolvedService, shared: SharedParts, events: EventHub, counters: ServiceCounters): MemoryTier {
  if (config.l1 === undefined) throw new TypeError('Expected a service with L1');
  return new MemoryTier({
    config: config.l1,
    staleTtlMs: config.staleTtlMs,
    trackFreshness: config.refreshAhead > 0,
    clock: shared.coarseClock,
    onEvict: (key, reason) => {
      counters.evictions++;
      if (events.hears('evict')) events.emit('evict', { service: config.name, key, reason });
    },
  });
}

/** What the Redis side of a service reports to. */
interface Bystanders {
  readonly events: EventHub;
  readonly counters: ServiceCounters;
  readonly reporter: { core?: ServiceCore };
}

async function assembleRedis(
  config: ResolvedService,
  shared: SharedParts,
  given: Redis | Cluster | undefined,
  { events, counters, reporter }: Bystanders,
): Promise<RedisSide | undefined> {
  const { infrastructure } = shared;
  if (config.l2 === undefined || infrastructure === undefined) return undefined;
  const { connection, reader, openLink, database } = await infrastructure.pool.acquire(config, given);
  const { isCluster } = connection;
  const keySpace = new KeySpace(shared.global.keyPrefix, config.name, given?.options.keyPrefix, isCluster, database);
  const tier = new RedisTier({
    service: config.name,
    l2: config.l2,
    connection,
    reader,
    keySpace,
    systemClock: shared.clock,
    transport: config.sync?.transport,
    codecs: codecsOf(config),
    onUndecodable: (error) => {
      reporter.core?.report(error, error.key, false);
    },
    onResent: (key, version) => reporter.core?.forget(key, version),
    onRaised: (key, version) => reporter.core?.raised(key, version),
    onMarksLost: () => reporter.core?.forgetCopies(),
    onClockDoubt: () => void reporter.core?.questionVersions(),
  });
  connection.listen({
    // The first thing asked on a new connection: what is read later is compared with it.
    onUsable: () => void reporter.core?.learnMarks(),
    onFailover: () => void tier.resendRecent(),
  });
  const { wal } = config;
  const report = (error: CacheError): void => {
    reporter.core?.report(error, error.key, true);
  };
  const onSuperseded = (key: string, version: string): void => reporter.core?.forget(key, version);
  const onInvalidated = (): void => reporter.core?.forgetCopies();
  let log: ServiceLog | undefined;
  /** Empty until there is one: nothing is on its way then. */
  const sending: { writer?: BatchWriter<LogResult> } = {};
  if (wal !== undefined) {
    const { assembleLog } = await import('./assemble-log.js');
    const { keeper } = infrastructure;
    log = await assembleLog(wal, {
      config,
      shared,
      keeper,
      tier,
      connection,
      keySpace,
      events,
      counters,
      report,
      isOvertaken: (key, version) => (sending.writer?.find(key)?.version ?? '') > version,
      onSuperseded,
      areTagsOlder: (tags, version) => reporter.core?.tags.areOlder(tags, version) === true,
      onInvalidated,
    });
  }
  const writer = (sending.writer = assembleWriter(config, shared, tier, log, reporter));
  return { tier, connection, keySpace, openLink, outbox: new Outbox(tier, writer, log) };
}

/** What Redis does not confirm goes to the log; what it confirms, the log may forget. */
function assembleWriter(
  config: ResolvedService,
  shared: SharedParts,
  tier: RedisTier,
  log: ServiceLog | undefined,
  reporter: Bystanders['reporter'],
): BatchWriter<LogResult> {
  const policy = policyOf(config.twoLevel);
  const apply = (writes: readonly ScriptWrite[]): Promise<WriteOutcome[]> => tier.apply(writes, false);
  const { renew } = new Renewal({
    tier,
    tombstoneTtlMs: config.tombstoneTtlMs,
    tags: () => reporter.core?.tags,
    loggedVersionOf: (key) => log?.ownVersionOf(key) ?? '',
  });
  if (log === undefined) return new BatchWriter<LogResult>(apply, shared.clock, policy, { renew });
  const rescue: Rescue<LogResult> = ({ key, sealed, version }) =>
    // With `wal.mode = "always"` it is there already, or on its way; who put it there waits for that.
    log.release(key, version) ? 'logged' : log.put(key, sealed, version);
  const onConfirmed: OnConfirmed<LogResult> = ({ key, version }) =>
    // A write that ends before an older logged one does: killed now, a successor would bring the older one back.
    !log.isBlank && log.confirm(key, version) ? log.settle() : undefined;
  return new BatchWriter<LogResult>(apply, shared.clock, policy, { rescue, onConfirmed, renew });
}

/** The codec to write with, and the other one, for entries from before the setting was changed. */
function codecsOf(config: ResolvedService): readonly [PayloadCodec, () => PayloadCodec] {
  let msgpack: PayloadCodec | undefined;
  const getMsgpack = (): PayloadCodec => (msgpack ??= createMsgpackCodec());
  return config.serialization === 'msgpack' ? [getMsgpack(), () => jsonCodec] : [jsonCodec, getMsgpack];
}

function policyOf(twoLevel: ResolvedTwoLevel | undefined): BatchPolicy {
  const maxPending = twoLevel?.maxPending ?? DEFAULT_MAX_PENDING;
  const bounds = { maxInFlight: MAX_IN_FLIGHT, maxPending, maxPendingBytes: MAX_PENDING_BYTES };
  if (twoLevel?.enableBatchWrite !== true) return { ...bounds, maxBatch: DEFAULT_BATCH, delayMs: 0 };
  // A caller who waits for Redis is not made to wait for the interval too.
  const delayMs = twoLevel.writeThrough ? 0 : twoLevel.batchIntervalMs;
  return { ...bounds, maxBatch: twoLevel.batchSize, delayMs };
}
