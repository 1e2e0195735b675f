/**
 * Counters of one service: plain numeric fields, so that counting costs one addition. With `enable_metrics = false`
 * nothing is reported: the counters then belong to nobody.
 */
import type { LagSummary } from './lag-histogram.js';
import type { OwedWrites } from './owed-writes.js';

/** What has been counted since the service was opened. */
export interface ServiceCounters {
  l1Hits: number;
  l2Hits: number;
  staleHits: number;
  misses: number;
  loads: number;
  loadErrors: number;
  loadTimeouts: number;
  /** Callers who got a value past its TTL without a load being tried, because the last ones failed. */
  loadsSpared: number;
  writes: number;
  writesFailed: number;
  writesSuperseded: number;
  /** Writes and deletions that went to the log because Redis did not confirm them. */
  writesLogged: number;
  /** Logged values that were given up: no room, or a failing disk. Their keys are invalidated instead. */
  valuesGivenUp: number;
  /** Times the whole service was invalidated because the log could not hold more. */
  serviceInvalidations: number;
  /** Records of the logs of dead processes that could not be read. */
  logDamage: number;
  /** Logged values that Redis took. */
  replayed: number;
  /** Logged keys that were invalidated in Redis. */
  replayedInvalidations: number;
  /** Logged writes that Redis had something newer than. */
  replaySuperseded: number;
  deletes: number;
  promotions: number;
  evictions: number;
  undecodable: number;
  l2Errors: number;
  l2Timeouts: number;
  /** Keys and tags that other processes said they had written or invalidated. */
  invalidationsReceived: number;
  /** Messages that were malformed or from something else. */
  invalidationsIgnored: number;
  /** Times L1 was dropped because messages may have been missed; the first connection counts. */
  invalidationGaps: number;
  /** Times the link over which messages come was lost. */
  invalidationLinkLosses: number;
}

/** Counters at nothing. */
export function createCounters(): ServiceCounters {
  return {
    l1Hits: 0,
    l2Hits: 0,
    staleHits: 0,
    misses: 0,
    loads: 0,
    loadErrors: 0,
    loadTimeouts: 0,
    loadsSpared: 0,
    writes: 0,
    writesFailed: 0,
    writesSuperseded: 0,
    writesLogged: 0,
    valuesGivenUp: 0,
    serviceInvalidations: 0,
    logDamage: 0,
    replayed: 0,
    replayedInvalidations: 0,
    replaySuperseded: 0,
    deletes: 0,
    promotions: 0,
    evictions: 0,
    undecodable: 0,
    l2Errors: 0,
    l2Timeouts: 0,
    invalidationsReceived: 0,
    invalidationsIgnored: 0,
    invalidationGaps: 0,
    invalidationLinkLosses: 0,
  };
}

/** A snapshot for people and dashboards. */
export interface ServiceMetrics extends Readonly<ServiceCounters> {
  readonly service: string;
  /** False when `global.enable_metrics` is false: then every counter is 0. */
  readonly enabled: boolean;
  /** Hits of both tiers over hits and misses; absent before the first read. */
  readonly hitRatio?: number;
  /** Entries in L1 now; 0 without L1. */
  readonly l1Entries: number;
  /** Approximate bytes in L1; 0 unless `l1.max_bytes` is set. */
  readonly l1Bytes: number;
  /** Writes waiting for Redis now. */
  readonly pendingWrites: number;
  /** Keys in the log now: Redis has not been told of their last write. */
  readonly loggedKeys: number;
  /** Bytes of the log on the disk now. */
  readonly logBytes: number;
  /** What Redis has not been told yet: `owed.total` is 0 when that is nothing. */
  readonly owed: OwedWrites;
  /** Loads under way now. */
  readonly loadsInFlight: number;
  /** How late messages of other processes came; absent before the first one. */
  readonly invalidationLag?: LagSummary;
}

/** Values that are read when the snapshot is taken. */
export interface ServiceGauges {
  readonly l1Entries: number;
  readonly l1Bytes: number;
  readonly pendingWrites: number;
  readonly loggedKeys: number;
  readonly logBytes: number;
  readonly owed: OwedWrites;
  readonly loadsInFlight: number;
  readonly invalidationLag: LagSummary | undefined;
}

/** Builds the snapshot. */
export function snapshotMetrics(
  service: string,
  enabled: boolean,
  counters: ServiceCounters,
  { invalidationLag, ...gauges }: ServiceGauges,
): ServiceMetrics {
  const counted = enabled ? counters : createCounters();
  const hits = counted.l1Hits + counted.l2Hits;
  const reads = hits + counted.misses;
  const lag = enabled && invalidationLag !== undefined ? { invalidationLag } : {};
  return { service, enabled, ...counted, ...(reads > 0 ? { hitRatio: hits / reads } : {}), ...gauges, ...lag };
}
