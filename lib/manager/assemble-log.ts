/** Puts the log of a service together, and turns what happens to it into counters, events and log messages. */
import { sentences } from '../base/sentences.js';
import { CacheError } from '../base/errors.js';
import type { ResolvedService, ResolvedWal } from '../config/resolved-config.js';
import type { EventHub } from '../observe/event-hub.js';
import type { ServiceCounters } from '../observe/metrics.js';
import type { LogKeeper } from '../recovery/log-keeper.js';
import { logNameOf } from '../recovery/log-name.js';
import type { LogTrouble } from '../recovery/log-trouble.js';
import { nodeDisk } from '../recovery/node-disk.js';
import { DEFAULT_PACE, Replayer } from '../recovery/replayer.js';
import type { ReplayPhase, ReplayReport } from '../recovery/replay-report.js';
import { ServiceLog } from '../recovery/service-log.js';
import { WriteAheadLog } from '../recovery/write-ahead-log.js';
import type { KeySpace } from '../tiers/redis/key-space.js';
import type { RedisConnection } from '../tiers/redis/redis-connection.js';
import type { RedisTier } from '../tiers/redis/redis-tier.js';
import type { SharedParts } from './assemble-service.js';

/** What a log is put together from. */
export interface LogSources {
  readonly config: ResolvedService;
  readonly shared: SharedParts;
  readonly keeper: LogKeeper;
  readonly tier: RedisTier;
  readonly connection: RedisConnection;
  readonly keySpace: KeySpace;
  readonly events: EventHub;
  readonly counters: ServiceCounters;
  /** Reports an error that failed no call. */
  readonly report: (error: CacheError) => void;
  /** Whether this process is sending Redis a newer write of the key. */
  readonly isOvertaken: (key: string, version: string) => boolean;
  /** Redis has something that this process did not write. */
  readonly onSuperseded: (key: string, version: string) => void;
  /** Whether one of the tags is known to have been invalidated after a write of this version. */
  readonly areTagsOlder: (tags: readonly string[], version: string) => boolean;
  /** The whole service was invalidated. */
  readonly onInvalidated: () => void;
}

/** Puts the log of a service together; the keeper hands it what dead processes left. Never rejects because of the disk. */
export async function assembleLog(wal: ResolvedWal, sources: LogSources): Promise<ServiceLog> {
  const { config, shared, keeper, tier, connection, keySpace } = sources;
  const { clock, random } = shared;
  const { endpoint } = connection;
  const onTrouble = (trouble: LogTrouble): void => {
    tellOfTrouble(trouble, wal, sources);
  };
  const { prefix, formatTag } = keySpace;
  const logName = logNameOf(config.name, prefix, endpoint);
  const { folder, makeFolder, error } = await keeper.placeOf(wal.dir, logName);
  if (folder === undefined) onTrouble({ kind: 'disk-failed', count: 0, error, isFirst: true });
  const log = new WriteAheadLog({
    disk: nodeDisk,
    openFiles: keeper.openFiles,
    folder,
    makeFolder,
    clock,
    hybridClock: tier.clock,
    random,
    fsync: wal.fsync,
    fsyncIntervalMs: wal.fsyncIntervalMs,
    maxBytes: wal.maxBytes,
    maxAgeMs: wal.maxAgeMs,
    formatTag,
    about: { service: config.name, keyPrefix: prefix, endpoint, processId: keeper.processId, pid: process.pid },
    onTrouble,
    onAdopted: sources.onSuperseded,
  });
  const replayer = new Replayer({
    log,
    tier,
    connection,
    clock,
    random,
    mode: wal.replay,
    maxAgeMs: wal.maxAgeMs,
    pace: DEFAULT_PACE,
    isOvertaken: sources.isOvertaken,
    onSuperseded: sources.onSuperseded,
    areTagsOlder: sources.areTagsOlder,
    onInvalidated: sources.onInvalidated,
    onPhase: (phase, report) => {
      tellOfReplay(phase, report, sources);
    },
  });
  const serviceLog = new ServiceLog(log, replayer, wal.mode === 'always');
  await keeper.keep(wal.dir, logName, serviceLog);
  connection.listen({
    onUsable: () => {
      serviceLog.replay();
    },
  });
  return serviceLog;
}

function tellOfReplay(phase: ReplayPhase, report: ReplayReport, { config, shared, events, counters }: LogSources): void {
  const { restored, invalidated, superseded, pending, durationMs, failure } = report;
  const { logger } = shared;
  if (phase === 'finished' || phase === 'interrupted') {
    counters.replayed += restored;
    counters.replayedInvalidations += invalidated;
    counters.replaySuperseded += superseded;
    const message = `${restored} values and ${invalidated} invalidations, ${superseded} had been overtaken`;
    const place = `the log of "${config.name}"`;
    if (phase === 'finished') {
      const level = report.followsOutage ? 'info' : 'debug';
      logger[level](`Replayed ${place} in ${(durationMs / 1000).toFixed(1)} s: ${message}.`);
    } else {
      const reason = (failure as Error | undefined)?.message ?? 'closed';
      logger.debug(`The replay of ${place} was interrupted (${reason}) and goes on later: ${message}, ${pending} keys are left.`);
    }
  }
  if (!events.hears('replay')) return;
  events.emit('replay', { service: config.name, phase, restored, invalidated, superseded, pending, durationMs });
}

function tellOfTrouble(trouble: LogTrouble, wal: ResolvedWal, { config, shared, events, counters, report }: LogSources): void {
  const { logger } = shared;
  const service = config.name;
  const log = `the log of "${service}"`;
  switch (trouble.kind) {
    case 'values-given-up':
      if (counters.valuesGivenUp === 0) {
        logger.error(
          `${log} is full (wal.max_bytes = ${wal.maxBytes}): the oldest values are given up; their keys will be invalidated.`,
        );
      }
      counters.valuesGivenUp += trouble.count;
      report(new CacheError('CACHE_LOG_FULL', `${trouble.count} values were given up: ${log} is full`, { service }));
      return;
    case 'service-invalidated':
      counters.serviceInvalidations++;
      logger.error(`${log} cannot hold more keys: all entries of the service will be invalidated when Redis returns.`);
      report(new CacheError('CACHE_LOG_FULL', `${log} was given up for an invalidation of the service`, { service }));
      if (events.hears('invalidate')) events.emit('invalidate', { service, reason: 'log-full' });
      return;
    case 'disk-failed': {
      const reason = reasonOf(trouble.error);
      counters.valuesGivenUp += trouble.count;
      if (trouble.isFirst) {
        logger.error(
          sentences(
            `${log} cannot be written to ${wal.dir}: ${reason}`,
            'Writes that Redis does not confirm are not durable until it can; free space, or set wal.dir to a folder that can be written to.',
          ),
        );
      }
      const message = `${log} could not be written: ${reason}; ${trouble.count} values were given up`;
      report(new CacheError('CACHE_LOG_FULL', message, { service, cause: trouble.error }));
      return;
    }
    case 'disk-recovered':
      logger.info(`${log} can be written again.`);
      return;
    case 'sync-failed':
      logger.error(`${log} could not be forced to the disk (${reasonOf(trouble.error)}); it is written again to another file.`);
      report(new CacheError('CACHE_LOG_FULL', `${log} could not be forced to the disk`, { service, cause: trouble.error }));
      return;
    case 'adopted':
      if (trouble.keys > 0)
        logger.info(
          `Took over ${trouble.logs} logs of "${service}" from processes that are gone, ${trouble.keys} keys in ${(trouble.durationMs / 1000).toFixed(1)} s.`,
        );
      return;
    case 'foreign-files':
      logger.warn(`Left alone, because it is no file of ${log}: ${trouble.paths.join(', ')}`);
      return;
    case 'files-gone': {
      counters.valuesGivenUp += trouble.givenUp;
      const message =
        `${trouble.files} files of ${log} were removed, moved or replaced below ${wal.dir} while in use; what they held was ` +
        `written anew, ${trouble.givenUp} values could not be and their keys will be invalidated`;
      logger.error(`${message}. Leave wal.dir alone while processes use it.`);
      report(new CacheError('CACHE_LOG_CORRUPT', message, { service }));
      return;
    }
    case 'damaged': {
      counters.logDamage += trouble.lost + trouble.invalidated;
      const message = `A log of "${service}" that was taken over is damaged: ${trouble.lost} stretches could not be read; of ${trouble.invalidated} records only the key could, and will be invalidated`;
      logger.error(`${message}.`);
      report(new CacheError('CACHE_LOG_CORRUPT', message, { service }));
    }
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return typeof code === 'string' ? code : String(message);
}
