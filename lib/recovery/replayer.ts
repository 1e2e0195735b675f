/**
 * Tells Redis what the log has for it (G7). First what ends staleness: the invalidation of the whole service, deletions,
 * keys whose value was given up, has expired or is too old. Then the values, each only if Redis has nothing newer.
 *
 * 1. Everything goes through the versioned script: replaying twice, or half, or late does no harm. 2. A write leaves the log
 * only when Redis has confirmed it or something newer, so a replay may be cut off at any point and go on later. 3. Reads of
 * this process are answered from the log until then, and live writes overtake what is replayed. 4. Nothing is sent behind a newer write
 * of this process: the mark of a deletion, or the newer value, may be evicted before the older value arrives.
 */
import type { Clock } from '../base/clock.js';
import type { CacheError } from '../base/errors.js';
import { pause } from '../base/pause.js';
import { TimeSlices } from '../base/time-slices.js';
import type { Random } from '../base/random.js';
import { tagsOfSealed, textOfSealed } from '../codec/envelope.js';
import type { RedisConnection } from '../tiers/redis/redis-connection.js';
import type { RedisTier } from '../tiers/redis/redis-tier.js';
import { deletionLifeMs } from '../tiers/redis/tag-mark.js';
import type { WriteOutcome } from '../tiers/redis/write-script.js';
import { DatasetMark } from './dataset-mark.js';
import type { LogEntry } from './log-entry.js';
import { ReplayBatches, type ReplayPace, type ReplayWrite } from './replay-batches.js';
import { ReplayReport, type ReplayPhase } from './replay-report.js';
import type { WriteAheadLog } from './write-ahead-log.js';

/** What a replayer is made of. */
export interface ReplayerParts {
  readonly log: WriteAheadLog;
  readonly tier: RedisTier;
  readonly connection: RedisConnection;
  readonly clock: Clock;
  readonly random: Random;
  /** What happens when Redis has lost its data: it is filled from the log, or only told what is invalid. */
  readonly mode: 'restore' | 'safe';
  /** Older writes are replayed as invalidations, which Redis remembers for as long. */
  readonly maxAgeMs: number;
  readonly pace: ReplayPace;
  /** Whether this process is sending Redis a newer write of the key at this moment. */
  readonly isOvertaken: (key: string, version: string) => boolean;
  /**
   * Redis has something that this process did not write: something newer, or what a dead process had left in its log. A copy of
   * its own is old. `version`: of what was replayed.
   */
  readonly onSuperseded: (key: string, version: string) => void;
  /** Whether this process knows that one of the tags was invalidated after a write of this version. */
  readonly areTagsOlder: (tags: readonly string[], version: string) => boolean;
  /** The whole service was invalidated, perhaps by a dead process. */
  readonly onInvalidated: () => void;
  readonly onPhase: (phase: ReplayPhase, report: ReplayReport) => void;
}

/** How fast to replay unless told otherwise. */
export const DEFAULT_PACE: ReplayPace = { keysPerSecond: 20_000, batchKeys: 200, maxInFlight: 2, jitterMs: 250 };

/** What was logged while Redis was in use is replayed after so long: the failure has probably passed. */
const NUDGE_MS = 200;
/** What Redis refuses is tried again after pauses that grow up to this. */
const MAX_PAUSE_MS = 30_000;

/** See the file's header. */
export class Replayer {
  readonly #parts: ReplayerParts;
  readonly #mark: DatasetMark;
  #running: Promise<void> | undefined;
  #batches: ReplayBatches | undefined;
  #pauseMs = NUDGE_MS;
  #isClosed = false;
  #followsOutage = false;
  #cancelNext: (() => void) | undefined;

  constructor(parts: ReplayerParts) {
    this.#parts = parts;
    this.#mark = new DatasetMark(parts.tier);
  }

  /** Redis can be used again: replay now. */
  start(): void {
    this.#pauseMs = NUDGE_MS;
    this.#cancelNext?.();
    this.#cancelNext = undefined;
    this.#followsOutage = true;
    this.#begin();
  }

  /** Something was logged: if Redis is in use after all, replay soon. */
  nudge(): void {
    if (this.#isClosed || !this.#parts.tier.takesWrites || this.#running !== undefined) return;
    this.#cancelNext ??= this.#parts.clock.schedule(() => {
      this.#cancelNext = undefined;
      this.#begin();
    }, this.#pauseMs);
  }

  /** Sends one key's write now; resolves when Redis has it. @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT */
  async replayKey(key: string): Promise<void> {
    const entry = this.#parts.log.find(key);
    if (entry === undefined) return;
    const write = this.#toWrite(entry, !this.#isInvalidation(entry));
    const [outcome] = await this.#parts.tier.apply([write]);
    if (outcome !== undefined) this.#settle(write, outcome, new ReplayReport(this.#parts.clock));
    if (typeof outcome === 'object') throw outcome;
  }

  /** Resolves when no replayed write is on its way. */
  async quiesce(): Promise<void> {
    await this.#batches?.quiesce();
  }

  /** Stops after the batches under way; what is left stays in the log. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelNext?.();
    await this.#running;
  }

  #begin(): void {
    if (this.#isClosed || this.#running !== undefined || !this.#parts.tier.takesWrites) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#hasWork()) this.nudge();
    });
  }

  /** Whether there is anything that nobody else is sending. */
  #hasWork(): boolean {
    const { index } = this.#parts.log;
    if (index.facts.invalidateBefore.version !== '') return true;
    for (const entry of index.entries()) if (this.#isToBeSent(entry)) return true;
    return false;
  }

  /** One replay of what is in the log. Never rejects. */
  async #run(): Promise<void> {
    const { log, connection, mode, clock, onPhase } = this.#parts;
    log.rebase();
    if (!this.#hasWork()) {
      // The records of a log that is being taken over may be all that Redis has lost.
      if (mode === 'safe' && log.adopting.logs === 0) await this.#mark.leave().catch(() => undefined);
      return;
    }
    const report = new ReplayReport(clock, this.#followsOutage);
    const endReplay = connection.beginReplay();
    onPhase('started', report.withPending(log.index.size));
    try {
      await this.#replay(report);
    } catch (error) {
      report.failure = error;
    }
    endReplay();
    await log.settle();
    const isDone = report.failure === undefined && report.failed === 0;
    // The pause grows only while nothing gets better.
    this.#pauseMs = isDone || report.replayed > 0 ? NUDGE_MS : Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
    if (isDone) this.#followsOutage = false;
    onPhase(isDone ? 'finished' : 'interrupted', report.withPending(log.index.size));
  }

  /** @throws {CacheError} when Redis fails again */
  async #replay(report: ReplayReport): Promise<void> {
    const { log, tier, mode, random, clock, pace } = this.#parts;
    // Where marks of deletions may have been evicted, nothing says any more that a value is older than a deletion.
    const mayRestore = !(await this.#parts.connection.eviction.hasTakenTombstones());
    const isRestoring = mayRestore && (mode === 'restore' || (await this.#mark.isThere()));
    const { invalidateBefore } = log.index.facts;
    if (invalidateBefore.version !== '') {
      await tier.clear(invalidateBefore.version, true);
      await log.confirmInvalidation(invalidateBefore);
      this.#parts.onInvalidated();
    }
    await this.#pass(report, (entry) => !isRestoring || this.#isInvalidation(entry), false);
    if (isRestoring && log.index.values > 0 && this.#hasWork()) {
      if (pace.jitterMs > 0) await pause(clock, pace.jitterMs * random());
      await this.#pass(report, () => true, true);
    }
    if (mode === 'safe' && log.adopting.logs === 0) await this.#mark.leave();
  }

  async #pass(report: ReplayReport, isDue: (entry: LogEntry) => boolean, withValues: boolean): Promise<void> {
    const { log, tier, clock, pace, onPhase } = this.#parts;
    const batches = new ReplayBatches(
      (writes) => tier.apply(writes),
      clock,
      pace,
      (write, outcome) => this.#settle(write, outcome, report),
      ({ key, version }) => {
        const entry = log.index.find(key);
        return entry?.version === version && this.#isToBeSent(entry);
      },
    );
    this.#batches = batches;
    const slices = new TimeSlices(clock);
    for (const entry of log.index.entries()) {
      if (slices.isOver()) await slices.next();
      if (!isDue(entry) || !this.#isToBeSent(entry) || !log.index.has(entry)) continue;
      // It was taken over before Redis had said what time it is.
      if (tier.clock.isAbsurd(entry.version))
        log.index.distrust(entry, { version: tier.clock.versionOf(tier.clock.stamp()), isLocalTime: false });
      const sent = batches.add(this.#toWrite(entry, withValues && !this.#isInvalidation(entry)));
      if (sent === undefined) continue;
      await sent;
      if (batches.failure !== undefined || this.#isClosed) break;
      if (report.isProgressDue()) onPhase('progress', report.withPending(log.index.size));
    }
    await batches.finish();
    if (batches.failure !== undefined) throw batches.failure;
  }

  /** Whether nobody else is sending it, nor anything newer. */
  #isToBeSent(entry: LogEntry): boolean {
    return !entry.isUnderWay && !this.#parts.isOvertaken(entry.key, entry.version);
  }

  /** Whether a key is replayed as "what you have is old" and without a value. */
  #isInvalidation(entry: LogEntry): boolean {
    const { tier, maxAgeMs } = this.#parts;
    if (entry.kind !== 'value' || entry.isOver(tier.clock.nowMs(), maxAgeMs)) return true;
    // Redis has confirmed a clear since, and may have lost that with everything else.
    return tier.clearLine.hides(entry.version);
  }

  #toWrite(entry: LogEntry, withValue: boolean): ReplayWrite {
    const { log, tier, maxAgeMs, areTagsOlder } = this.#parts;
    const { key, version } = entry;
    const logged = withValue ? log.read(entry) : undefined;
    // As for a clear: Redis may have confirmed the invalidation of a tag, and have lost it.
    const value = logged === undefined || areTagsOlder(tagsOfSealed(logged), version) ? undefined : logged;
    return {
      key,
      version,
      redisKey: tier.nameOf(key),
      sealed: value === undefined ? tier.sealDeletion(version, deletionLifeMs(key, maxAgeMs)) : textOfSealed(value),
      isValue: value !== undefined,
      isAdopted: entry.adoptedFrom !== undefined,
    };
  }

  #settle(write: ReplayWrite, outcome: WriteOutcome, report: ReplayReport): void {
    const { log, onSuperseded } = this.#parts;
    if (typeof outcome === 'object') {
      report.refuse(outcome satisfies CacheError);
      return;
    }
    const isLatest = log.index.find(write.key)?.version === write.version;
    // Redis tells the other processes, and leaves out the one that sends.
    if (write.isAdopted) onSuperseded(write.key, write.version);
    log.confirm(write.key, write.version);
    report.count(write.isValue, outcome);
    if (outcome === 'older' && isLatest) onSuperseded(write.key, write.version);
  }
}
