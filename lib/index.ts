/** The public face of oxcache: named exports, no logic. */
export { init, getClient, shutdown } from './manager/registry.js';
export { createManager, type ManagerOptions } from './manager/create-manager.js';
export { CacheManager } from './manager/cache-manager.js';
export { closeOnSignals, type CloseOnSignalsOptions } from './manager/close-on-signals.js';
export { cached } from './wrap/cached.js';
export type { Cached } from './wrap/create-cached.js';
export type { CachedFunction } from './wrap/cached-function.js';
export type { CachedOptions } from './wrap/cached-options.js';
export { CacheError, CACHE_ERROR_CODES, type CacheErrorCode, type CacheErrorDetails, type ConfigIssue } from './base/errors.js';
export type { Duration } from './base/duration.js';
export type { Clock } from './base/clock.js';
export type { ConfigObject } from './config/config-object.js';
export type {
  CacheClient,
  LoadContext,
  Loader,
  LoadOptions,
  LookupResult,
  ManyLoader,
  SetOptions,
  SetResult,
} from './clients/cache-client.js';
export type { Lock, LockOptions } from './clients/lock.js';
export { CACHE_EVENTS, type CacheEventMap, type CacheEventName, type TierName, type WriteResult } from './observe/events.js';
export type { EndpointHealth, ManagerHealth, ServiceHealth, SyncHealth } from './observe/health.js';
export type { LagSummary } from './observe/lag-histogram.js';
export type { Logger } from './observe/logger.js';
export type { ServiceMetrics } from './observe/metrics.js';
export type { OwedWrites } from './observe/owed-writes.js';
