/**
 * What all clients of one service share: its tiers, its counters and events, the fence, and the loads in flight. A view of
 * the service (one tier only) has its own paths over the same core, so that G3 and G4 hold across views.
 */
import type { Cluster, Redis } from 'ioredis';
import type { BackgroundTasks } from '../base/background-tasks.js';
import type { Clock } from '../base/clock.js';
import { CacheError } from '../base/errors.js';
import { pause } from '../base/pause.js';
import type { ResolvedService } from '../config/resolved-config.js';
import type { EventHub } from '../observe/event-hub.js';
import type { CacheEventMap } from '../observe/events.js';
import type { Logger } from '../observe/logger.js';
import type { ServiceHealth } from '../observe/health.js';
import { NOTHING_OWED, type OwedWrites } from '../observe/owed-writes.js';
import { snapshotMetrics, type ServiceCounters, type ServiceMetrics } from '../observe/metrics.js';
import { WriteFence } from '../sync/write-fence.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { KeySpace } from '../tiers/redis/key-space.js';
import type { RedisConnection } from '../tiers/redis/redis-connection.js';
import { tagOfMark } from '../tiers/redis/tag-mark.js';
import type { RedisTier } from '../tiers/redis/redis-tier.js';
import { BulkCalls } from './bulk-calls.js';
import type { FlightTable } from './flight-table.js';
import { DEFAULT_MAX_KEY_LENGTH } from './guards.js';
import { InvalidationReceiver } from './invalidation-receiver.js';
import { LoadPauses } from './load-pauses.js';
import type { Lifetimes } from './lifetimes.js';
import { NestingWatch } from './load-scope.js';
import type { Outbox } from './outbox.js';
import { Tags } from './tags.js';

/** L2 and what carries writes to it. */
export interface RedisSide {
  readonly tier: RedisTier;
  readonly outbox: Outbox;
  readonly connection: RedisConnection;
  readonly keySpace: KeySpace;
  /** Makes another client of the same Redis, not connected yet, for the link over which messages come. */
  readonly openLink: () => Redis | Cluster;
}

/** What the composition root hands over. */
export interface ServiceParts {
  readonly config: ResolvedService;
  readonly strategies: Readonly<Record<string, number>>;
  readonly metricsEnabled: boolean;
  readonly memory: MemoryTier | undefined;
  readonly redis: RedisSide | undefined;
  readonly clock: Clock;
  readonly lifetimes: Lifetimes;
  readonly fence: WriteFence;
  readonly flights: FlightTable;
  readonly background: BackgroundTasks;
  readonly events: EventHub;
  readonly counters: ServiceCounters;
  readonly logger: Logger;
}

/** How often Redis is asked at most whether it knows of versions that are far ahead. */
const QUESTION_EVERY_MS = 1000;

/** How a failure came about, as its event says. */
type FailureDetails = Pick<CacheEventMap['error'], 'background' | 'failed' | 'asked'>;

/** See the file's header. */
export class ServiceCore {
  readonly parts: ServiceParts;
  readonly name: string;
  readonly maxKeyLength: number;
  /** Values that are being compressed. Only a later call overtakes them, so the fence of the fetches won't do. */
  readonly compressing = new WriteFence();
  /** Calls about many keys that write. */
  readonly bulk = new BulkCalls();
  readonly tags: Tags;
  /** Keys whose loads fail, and until when they are left alone. */
  readonly loadPauses: LoadPauses;
  /** Which loads are watched for loads that they ask for in turn. */
  readonly nesting = new NestingWatch();
  /** Hears of the writes of other processes; absent without L2, or with `sync.enabled = false`. */
  readonly receiver: InvalidationReceiver | undefined;
  #phase: 'open' | 'draining' | 'closed' = 'open';
  /** Resolves when the last {@link learnMarks} has ended. */
  learned: Promise<unknown> = Promise.resolve();
  #questionedMs = -Infinity;
  #question: Promise<unknown> | undefined;

  constructor(parts: ServiceParts) {
    this.parts = parts;
    this.name = parts.config.name;
    this.maxKeyLength = parts.config.l2?.maxKeyLength ?? DEFAULT_MAX_KEY_LENGTH;
    this.tags = new Tags(this);
    this.loadPauses = new LoadPauses(parts.clock, parts.config.loadBackoffMs);
    const { redis, config } = parts;
    const hasSync = redis !== undefined && config.sync !== undefined;
    this.receiver = hasSync ? new InvalidationReceiver(this, redis, config.sync) : undefined;
  }

  /** Whether closing has ended: every call fails with CACHE_CLOSED. */
  get isClosed(): boolean {
    return this.#phase === 'closed';
  }

  /** Whether closing has begun: nothing new is started, and what is loaded from now on is not kept. */
  get isClosing(): boolean {
    return this.#phase !== 'open';
  }

  /** Whether nothing that was accepted is left to do. */
  get isIdle(): boolean {
    const { redis, flights, background } = this.parts;
    return (
      flights.size === 0 &&
      background.size === 0 &&
      this.bulk.size === 0 &&
      this.compressing.size === 0 &&
      (redis?.outbox.pendingWrites ?? 0) === 0
    );
  }

  /** Begins to close: work that has begun elsewhere may still end here (G9). */
  beginDraining(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'draining';
    // A load that goes on without anybody who waits for it may never end.
    for (const flight of this.parts.flights.all()) if (flight.waiters === 0) flight.abandon(this.#closedError());
  }

  /** From now on every call fails with CACHE_CLOSED. */
  markClosed(): void {
    this.#phase = 'closed';
  }

  /** @throws {CacheError} CACHE_CLOSED */
  requireOpen(): void {
    if (this.#phase === 'closed') throw this.#closedError();
  }

  /** For what would begin something new. @throws {CacheError} CACHE_CLOSED as soon as closing has begun */
  requireNotClosing(): void {
    if (this.#phase !== 'open') throw this.#closedError();
  }

  /** Has closing wait for a call that neither the outbox nor a flight knows of; returns the call. */
  accept<T>(call: Promise<T>): Promise<T> {
    this.parts.background.add(call, () => undefined);
    return call;
  }

  /** Resolves when what was accepted before the call is done. */
  async settle(): Promise<void> {
    const { redis, flights, background } = this.parts;
    // Both at once: the end of a load may wait for room among the writes.
    await Promise.all([this.bulk.flush(redis?.outbox), ...flights.all().map((flight) => flight.left)]);
    await redis?.outbox.flush();
    await background.drain();
  }

  /** Drops all that L1 holds, and lets nothing land there that is on its way: others have written what this process cannot know. */
  forgetCopies(): void {
    this.parts.memory?.clear();
    this.tags.cleared();
    this.parts.fence.overtakeAll();
  }

  /** Drops what L1 holds under a key, or with a tag whose mark the key is. */
  forget(key: string, version: string): void {
    const tag = tagOfMark(key);
    if (tag !== undefined) this.tags.invalidated(tag, version);
    this.parts.memory?.delete(key);
    this.parts.fence.overtake(key);
  }

  /** Redis gave a newer version to the invalidation of a tag, whose mark the key is, that this process has called. */
  raised(key: string, version: string): void {
    const tag = tagOfMark(key);
    if (tag !== undefined) this.tags.raised(tag, version);
  }

  /** Learns of clears and of the newest versions from Redis; false when it could not be asked. Never rejects. */
  learnMarks(): Promise<boolean> {
    const learned = this.#learnMarks();
    this.learned = learned;
    return learned;
  }

  /**
   * Asks Redis, once a second at most, for its clock and its newest versions, because a version or a time is too far ahead of that
   * clock. Resolves when it was asked after this call. Never rejects.
   */
  questionVersions(): Promise<unknown> {
    const { clock } = this.parts;
    const waitMs = this.#questionedMs + QUESTION_EVERY_MS - clock.nowMs();
    this.#question ??= (waitMs > 0 ? pause(clock, waitMs) : Promise.resolve()).then(() => {
      this.#question = undefined;
      this.#questionedMs = clock.nowMs();
      if (this.isClosed) return undefined;
      return Promise.all([this.parts.redis?.connection.compareClocks(), this.learnMarks()]);
    });
    return this.#question;
  }

  /** The state of this service, as seen by a view with or without L2. */
  health(redis: RedisSide | undefined): ServiceHealth {
    const l2 = redis?.connection.health();
    const sync = redis === undefined ? undefined : this.receiver?.health();
    const l2Status = l2?.status ?? 'healthy';
    const open = l2Status === 'recovering' ? 'degraded' : l2Status;
    const status = this.#phase === 'open' ? open : this.#phase;
    return {
      service: this.name,
      status,
      owed: this.owed(redis).total,
      ...(l2 === undefined ? {} : { l2 }),
      ...(sync === undefined ? {} : { sync }),
    };
  }

  /** What Redis has not been told yet, what is still being compressed included. */
  owed(redis: RedisSide | undefined): OwedWrites {
    if (redis === undefined) return NOTHING_OWED;
    const { owed } = redis.outbox;
    const { size } = this.compressing;
    return size === 0 ? owed : { ...owed, total: owed.total + size, pending: owed.pending + size };
  }

  /** What has been counted. */
  metrics(): ServiceMetrics {
    const { memory, redis, counters, flights, metricsEnabled } = this.parts;
    return snapshotMetrics(this.name, metricsEnabled, counters, {
      l1Entries: memory?.size ?? 0,
      l1Bytes: memory?.bytes ?? 0,
      pendingWrites: redis?.outbox.pendingWrites ?? 0,
      loggedKeys: redis?.outbox.loggedKeys ?? 0,
      logBytes: redis?.outbox.logBytes ?? 0,
      owed: this.owed(redis),
      loadsInFlight: flights.size,
      invalidationLag: this.receiver?.lag(),
    });
  }

  /** Counts and reports what failed without failing a call, or what failed in the background. */
  report(error: CacheError, key: string | undefined, isBackground: boolean): void {
    this.countFailure(error);
    this.tell(error, key, { background: isBackground });
  }

  /** Counts a failure, by its code. */
  countFailure({ code }: CacheError): void {
    const { counters } = this.parts;
    if (code === 'CACHE_L2_TIMEOUT') counters.l2Timeouts++;
    else if (code === 'CACHE_L2_UNAVAILABLE') counters.l2Errors++;
    else if (code === 'CACHE_DECODE_FAILED') counters.undecodable++;
  }

  /** Tells the log and those who listen of a failure that has been counted. */
  tell(error: CacheError, key: string | undefined, details: FailureDetails): void {
    const { events, logger } = this.parts;
    const named = key === undefined ? {} : { key };
    logger.debug(`${error.code}: ${error.message}`, { service: this.name, ...named });
    if (events.hears('error')) events.emit('error', { service: this.name, ...named, error, ...details });
  }

  /** Counts a hit and tells those who listen. */
  hit(key: string, tier: 'l1' | 'l2', isStale: boolean): void {
    const { counters, events } = this.parts;
    if (tier === 'l1') counters.l1Hits++;
    else counters.l2Hits++;
    if (isStale) counters.staleHits++;
    if (events.hearsHits) events.emit('hit', { service: this.name, key, tier, stale: isStale });
  }

  /** Counts a miss and tells those who listen. */
  miss(key: string): void {
    const { counters, events } = this.parts;
    counters.misses++;
    if (events.hears('miss')) events.emit('miss', { service: this.name, key });
  }

  /** Names the service and key in an error of a lower room. */
  locate(error: CacheError, key: string | undefined): CacheError {
    if (error.service !== undefined) return error;
    return new CacheError(error.code, error.message, { service: this.name, key, cause: error.cause });
  }

  #closedError(): CacheError {
    return new CacheError('CACHE_CLOSED', `The cache "${this.name}" is closed`, { service: this.name });
  }

  async #learnMarks(): Promise<boolean> {
    const { period } = this.tags;
    const isNews = await this.parts.redis?.tier.learnMarks();
    if (isNews !== undefined) this.tags.onLearned(period);
    if (isNews === true && !this.isClosed) this.forgetCopies();
    return isNews !== undefined;
  }
}
