/**
 * What a service does when other processes write (G5): it drops its own L1 copies and lets nothing land that was fetched
 * before (G4). It never writes to Redis, and passes nothing on.
 *
 * While the link is lost nothing is heard: with `on_link_loss = "serve"` L1 goes on answering, each copy within its TTL; with
 * `bypass` L1 is trusted only for {@link SILENCE_MS} after the last sign of life, a frozen process included.
 */
import type { Clock } from '../base/clock.js';
import type { InvalidationMessage } from '../codec/invalidation-message.js';
import type { ResolvedSync } from '../config/resolved-config.js';
import type { SyncHealth } from '../observe/health.js';
import { LagHistogram, type LagSummary } from '../observe/lag-histogram.js';
import type { BusFollower } from '../sync/invalidation-bus.js';
import { SILENCE_MS } from '../sync/linked-bus.js';
import { PendingRead } from './pending-read.js';
import type { RedisSide, ServiceCore } from './service-core.js';

/** While nothing is heard, and where it could not be asked, Redis is asked for clears this often. */
const ASK_MS = 500;
/** How often the signs of life are looked at. */
const LOOK_MS = 200;

/** The part of the bus that is asked. */
export interface LinkLife {
  /** When the link last showed life, in milliseconds on this process's clock. */
  readonly lastLifeMs: number;
}

/** See the file's header. */
export class InvalidationReceiver implements BusFollower {
  readonly streamName: string;
  readonly channelName: string;
  readonly origin: string;
  readonly #core: ServiceCore;
  readonly #redis: RedisSide;
  readonly #sync: ResolvedSync;
  readonly #clock: Clock;
  readonly #lag = new LagHistogram();
  #isConnected = false;
  #lostBecause: string | undefined;
  #sinceMs: number;
  #cancelLook: () => void = () => undefined;
  #cancelAsk: () => void = () => undefined;
  /** What L1 is trusted by; `undefined`: it is trusted anyway. */
  #link: LinkLife | undefined;

  constructor(core: ServiceCore, redis: RedisSide, sync: ResolvedSync) {
    this.#core = core;
    this.#redis = redis;
    this.#sync = sync;
    this.#clock = core.parts.clock;
    this.#sinceMs = this.#clock.nowMs();
    const { keySpace, connection } = redis;
    this.streamName = keySpace.stream;
    this.channelName = keySpace.channel;
    this.origin = connection.nodeId;
  }

  /** With `on_link_loss = "bypass"`: from now on L1 is trusted only as long as the link shows life. */
  watch(link: LinkLife): void {
    const { memory } = this.#core.parts;
    if (this.#sync.onLinkLoss !== 'bypass' || memory === undefined) return;
    this.#link = link;
    const look = (): void => {
      this.#trust();
      this.#cancelLook = this.#clock.schedule(look, LOOK_MS);
    };
    look();
  }

  /** Whether what is kept now would be served: false once `bypass` has run out of signs of life. */
  get isTrusted(): boolean {
    return this.#clock.nowMs() < this.#trustEndMs;
  }

  /** The state of the link. */
  health(): SyncHealth {
    const base = { transport: this.#sync.transport, sinceMs: this.#sinceMs };
    if (this.#isConnected) return { ...base, status: 'connected' };
    return { ...base, status: 'lost', ...(this.#lostBecause === undefined ? {} : { reason: this.#lostBecause }) };
  }

  /** How late messages came; `undefined` before the first. */
  lag(): LagSummary | undefined {
    return this.#lag.summary();
  }

  receive({ kind, version, keys, tags }: InvalidationMessage, lagMs: number | undefined): void {
    if (this.#core.isClosed) return;
    const { memory, fence, counters, events } = this.#core.parts;
    const { tier } = this.#redis;
    if (lagMs !== undefined) this.#lag.add(lagMs);
    // What this process writes from now on is newer than all it has heard of.
    const isSound = tier.clock.observe(version);
    if (kind === 'c') {
      this.#core.forgetCopies();
      // Redis knows of the clear, unless it was made up.
      if (isSound) tier.clearLine.raise(version);
      else void this.#core.questionVersions();
      counters.invalidationsReceived++;
      if (events.hears('invalidate')) events.emit('invalidate', { service: this.#core.name, reason: 'clear' });
      return;
    }
    const { outbox } = this.#redis;
    for (const key of keys) {
      memory?.delete(key);
      fence.overtake(key);
      if (outbox.loggedKeys > 0) outbox.doubt(key, version);
    }
    for (const [tag, tagVersion] of tags) this.#core.tags.invalidated(tag, tagVersion);
    counters.invalidationsReceived += keys.length + tags.length;
    if (!events.hears('invalidate')) return;
    const names = tags.length === 0 ? { keys } : { keys, tags: tags.map(([tag]) => tag) };
    events.emit('invalidate', { service: this.#core.name, reason: 'remote', ...names });
  }

  ignored(): void {
    this.#core.parts.counters.invalidationsIgnored++;
  }

  gap(reason: string): void {
    if (this.#core.isClosed) return;
    const { counters, events, logger, memory } = this.#core.parts;
    counters.invalidationGaps++;
    const held = memory?.size ?? 0;
    this.#core.tags.onGap();
    this.#core.forgetCopies();
    this.#redis.outbox.doubtAll();
    // A clear may have been among what was missed.
    this.#askForClears();
    if (held === 0) return;
    logger.info(
      `"${this.#core.name}" dropped its ${held} L1 entries: messages of other processes may have been missed (${reason}).`,
    );
    if (events.hears('invalidate')) events.emit('invalidate', { service: this.#core.name, reason: 'link' });
  }

  linkLost(reason: string): void {
    if (this.#core.isClosed) return;
    this.#lostBecause = reason;
    this.#setConnected(false);
    this.#core.parts.counters.invalidationLinkLosses++;
    this.#core.tags.onLinkDown();
    // What Redis is being asked for may be older than a write nobody will tell of. A load is not: its version decides in Redis, and
    // in L1 what is heard when the link is back.
    this.#core.parts.fence.overtakeWhere((ticket) => ticket instanceof PendingRead);
    this.#askForClears();
  }

  linkRestored(): void {
    if (this.#core.isClosed) return;
    this.#setConnected(true);
    this.#trust();
    this.#core.tags.onLinkUp();
  }

  /** Ends the timers. */
  close(): void {
    this.#cancelLook();
    this.#cancelAsk();
  }

  get #trustEndMs(): number {
    return this.#link === undefined ? Infinity : this.#link.lastLifeMs + SILENCE_MS;
  }

  #trust(): void {
    this.#core.parts.memory?.trustUntil(this.#trustEndMs);
  }

  /** Asks Redis whether the service was cleared; again and again while nobody would tell. */
  #askForClears(): void {
    this.#cancelAsk();
    void this.#core.learnMarks().then((isAnswered) => {
      if (this.#core.isClosed || (isAnswered && this.#isConnected)) return;
      this.#cancelAsk();
      this.#cancelAsk = this.#clock.schedule(() => {
        this.#askForClears();
      }, ASK_MS);
    });
  }

  #setConnected(isConnected: boolean): void {
    this.#isConnected = isConnected;
    this.#sinceMs = this.#clock.nowMs();
  }
}
