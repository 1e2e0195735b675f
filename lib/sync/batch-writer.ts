/**
 * Carries one service's writes to Redis in batches. Writes of the same key that wait together become one; while a batch is
 * under way the next one gathers. Each write is settled by itself (G8), whatever happened to its neighbours.
 *
 * 1. At most `maxPending` writes and about `maxPendingBytes` wait or are under way; further ones wait for room, in order (G14). 2. A write that waits or
 * is under way can be found by its key, so that reads see their own process's writes. 3. An awaited write that Redis has
 * something newer than is made newer and sent again: what was there when it was called must not stand because of a clock. A later
 * write of this process to the key stands for it, so the order of calls is kept.
 */
import type { Clock } from '../base/clock.js';
import { CacheError } from '../base/errors.js';
import type { WriteOutcome } from '../tiers/redis/write-script.js';
import { PendingWrite, type WriteEnds, type WriteOrigin } from './pending-write.js';
import { RoomQueue } from './room-queue.js';
import { cutBatch, sizeOfBatch, type SentBatch } from './take-batch.js';

/** How writes gather. */
export interface BatchPolicy {
  /** Writes in one batch at most. */
  readonly maxBatch: number;
  /** Batches under way at most. */
  readonly maxInFlight: number;
  /** How long the first write of a batch waits for company; 0: to the end of the tick. */
  readonly delayMs: number;
  /** Writes waiting or under way at most. */
  readonly maxPending: number;
  /** Bytes waiting or under way at most, the write that exceeds them included. */
  readonly maxPendingBytes: number;
}

/** What follows upon outcomes (callers in a loop) leaves in parts of this many: Redis does one while the next is prepared. */
const PART_SIZE = 16;

/** How often a write is made newer than what others put in its way: the first time suffices unless they go on. */
const MAX_RENEWALS = 5;

/** See the file's header. */
export class BatchWriter<R = never> {
  readonly #apply: (writes: readonly PendingWrite<R>[]) => Promise<WriteOutcome[]>;
  readonly #ends: WriteEnds<R>;
  readonly #clock: Clock;
  readonly #policy: BatchPolicy;
  #gathered = new Map<string, PendingWrite<R>>();
  /** The batches whose outcomes are not known, oldest first; Redis has answered all but `maxInFlight` of them. */
  readonly #underWay: SentBatch<R>[] = [];
  #underWayCount = 0;
  /** Of what waits or is under way. */
  #bytes = 0;
  /** Batches that Redis has not answered. */
  #unanswered = 0;
  readonly #batchesUnderWay = new Set<Promise<void>>();
  readonly #waiting = new RoomQueue();
  #flushes = 0;
  #isTickPlanned = false;
  #isSettling = false;
  #isOverdue = false;
  #cancelTimer: (() => void) | undefined;

  constructor(
    apply: (writes: readonly PendingWrite<R>[]) => Promise<WriteOutcome[]>,
    clock: Clock,
    policy: BatchPolicy,
    ends: WriteEnds<R> = {},
  ) {
    this.#apply = apply;
    this.#ends = ends;
    this.#clock = clock;
    this.#policy = policy;
  }

  /** Writes that wait or are under way. */
  get size(): number {
    return this.#gathered.size + this.#underWayCount;
  }

  /** Whether a write may be {@link put} at once. */
  get hasRoom(): boolean {
    return this.#waiting.size === 0 && this.#fits;
  }

  /** Whether a batch that gathers can't get any larger: it has its size, or nothing more is let in. */
  get #isFull(): boolean {
    return this.#gathered.size >= this.#policy.maxBatch || !this.#fits;
  }

  get #fits(): boolean {
    return this.size < this.#policy.maxPending && this.#bytes < this.#policy.maxPendingBytes;
  }

  /** Runs `action`, which may {@link put} one write, as soon as there is room for it: at once, or in its turn. */
  whenRoom(action: () => void): void {
    if (this.hasRoom) action();
    else this.#waiting.push(action);
  }

  /**
   * Takes a write on its way; resolves to what became of it and never rejects. An older version than one that waits for the
   * same key is `older` at once; a newer one takes its place, and both get the same outcome.
   *
   * @param origin who it is from
   */
  put(key: string, redisKey: string, sealed: string | Buffer, version: string, origin: WriteOrigin): Promise<WriteOutcome | R> {
    const waiting = this.#gathered.get(key);
    if (waiting !== undefined) {
      if (version < waiting.version) return Promise.resolve('older');
      this.#bytes += sealed.length - waiting.sealed.length;
      waiting.take({ sealed, version }, origin);
      return waiting.outcome;
    }
    const write = new PendingWrite<R>(key, redisKey, sealed, version, origin);
    this.#gathered.set(key, write);
    this.#bytes += sealed.length;
    this.#plan();
    return write.outcome;
  }

  /** The newest write of `key` that Redis has not confirmed; `undefined` when there is none. */
  find(key: string): PendingWrite<R> | undefined {
    if (this.size === 0) return undefined;
    const waiting = this.#gathered.get(key);
    if (waiting !== undefined) return waiting;
    for (let i = this.#underWay.length - 1; i >= 0; i--) {
      const sent = this.#underWay[i]?.byKey.get(key);
      if (sent !== undefined) return sent;
    }
    return undefined;
  }

  /** Sends what waits without further delay; resolves when every write taken before the call is settled. */
  async flush(): Promise<void> {
    this.#flushes++;
    try {
      this.#pump(true);
      // In line behind those who wait for room.
      if (this.#waiting.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#pump(true);
      const taken = [...this.#gathered.values(), ...this.#underWay.flatMap((batch) => batch.writes)];
      await Promise.all([...taken.map((write) => write.outcome), ...this.#batchesUnderWay]);
    } finally {
      this.#flushes--;
    }
  }

  /** Gives up on Redis for everything that waits or is under way; resolves when the outcome of each is known. */
  async abandon(error: CacheError): Promise<void> {
    const outcomes: Promise<unknown>[] = [];
    do {
      const left = [...this.#gathered.values(), ...this.#underWay.flatMap((batch) => batch.writes)];
      for (const { sealed } of this.#gathered.values()) this.#bytes -= sealed.length;
      this.#gathered = new Map();
      for (const write of left) {
        outcomes.push(write.outcome);
        if (!write.isSettled) this.#end(write, error);
      }
      // Those who wait for room are let in, whatever is under way, and meet the same end.
      this.#waiting.admitAll();
    } while (this.#gathered.size > 0);
    this.#pump(false);
    await Promise.all(outcomes);
  }

  #plan(): void {
    if (this.#policy.delayMs > 0 && !this.#isFull && this.#flushes === 0) {
      this.#cancelTimer ??= this.#clock.schedule(this.#onTimer, this.#policy.delayMs);
      return;
    }
    if (this.#isSettling && this.#gathered.size >= PART_SIZE) this.#pump(false);
    this.#planTick();
  }

  #planTick(): void {
    if (!this.#isTickPlanned) process.nextTick(this.#onTick);
    this.#isTickPlanned = true;
  }

  readonly #onTick = (): void => {
    this.#isTickPlanned = false;
    this.#isSettling = false;
    this.#pump(false);
  };

  readonly #onTimer = (): void => {
    this.#cancelTimer = undefined;
    this.#pump(true);
  };

  /** Sends batches while the line has room. With a delay, an incomplete batch is sent only when it `isDue`. */
  #pump(isDue: boolean): void {
    const { maxInFlight, delayMs } = this.#policy;
    const mayWait = delayMs > 0 && !isDue && !this.#isOverdue;
    while (this.#gathered.size > 0 && this.#unanswered < maxInFlight) {
      if (mayWait && this.#flushes === 0 && !this.#isFull) break;
      this.#send(this.#takeBatch());
    }
    // What has waited its time and found the line busy does not wait for another delay.
    this.#isOverdue = !mayWait && this.#gathered.size > 0;
    if (this.#gathered.size === 0) {
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    } else if (delayMs > 0) {
      this.#cancelTimer ??= this.#clock.schedule(this.#onTimer, delayMs);
    }
  }

  #takeBatch(): ReadonlyMap<string, PendingWrite<R>> {
    const gathered = this.#gathered;
    const count = sizeOfBatch(gathered, this.#policy.maxBatch);
    if (count < gathered.size) return cutBatch(gathered, count);
    this.#gathered = new Map();
    return gathered;
  }

  #send(byKey: ReadonlyMap<string, PendingWrite<R>>): void {
    const batch: SentBatch<R> = { byKey, writes: [...byKey.values()], outcomes: undefined };
    this.#underWayCount += batch.writes.length;
    this.#underWay.push(batch);
    this.#unanswered++;
    const end = (outcomes: WriteOutcome[] | CacheError): void => {
      this.#batchesUnderWay.delete(done);
      this.#unanswered--;
      batch.outcomes = outcomes;
      this.#settleInOrder();
    };
    const done = this.#apply(batch.writes).then(end, (error: unknown) => {
      end(CacheError.is(error) ? error : internal('A batch failed unexpectedly', error));
    });
    this.#batchesUnderWay.add(done);
  }

  /** In the order of sending: a failure told after the success of a newer write of its key would put the older one in its place. */
  #settleInOrder(): void {
    for (let oldest = this.#underWay[0]; oldest?.outcomes !== undefined; oldest = this.#underWay[0]) {
      this.#underWay.shift();
      this.#settle(oldest.writes, oldest.outcomes);
    }
    this.#waiting.admit(() => this.#fits);
    if (this.#gathered.size > 0) this.#pump(this.#policy.delayMs === 0);
  }

  #settle(writes: readonly PendingWrite<R>[], outcomes: WriteOutcome[] | CacheError): void {
    this.#underWayCount -= writes.length;
    this.#isSettling = this.#policy.delayMs === 0;
    this.#planTick();
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i] as PendingWrite<R>;
      this.#bytes -= write.sealed.length;
      if (write.isSettled) continue;
      const outcome = Array.isArray(outcomes) ? outcomes[i] : outcomes;
      this.#end(write, outcome ?? internal('Redis confirmed fewer writes than were sent'));
    }
  }

  #end(write: PendingWrite<R>, outcome: WriteOutcome): void {
    // At once, and not when somebody hears of the outcome: the write must be found by its key at every moment.
    const { rescue, onConfirmed } = this.#ends;
    if (typeof outcome !== 'string') {
      write.settle(rescue === undefined ? outcome : rescue(write, outcome));
      return;
    }
    if (outcome === 'older') {
      const { sealed, version } = write;
      if (write.recall() && this.#goesOn(write)) return;
      // What Redis has said is about what it was sent.
      Object.assign(write, { sealed, version });
    }
    const more = onConfirmed?.(write);
    write.settle(more === undefined ? outcome : more.then(() => outcome));
  }

  /** Whether an awaited write that Redis has something newer than is not over yet. */
  #goesOn(write: PendingWrite<R>): boolean {
    const later = this.find(write.key);
    if (later !== undefined && later.version > write.version) {
      later.standFor(write);
      write.settle(later.outcome);
      return true;
    }
    if (write.newer === undefined || write.renewals === MAX_RENEWALS) return false;
    const renewed = this.#ends.renew?.(write, write.newer);
    if (renewed === undefined) return false;
    write.renewals++;
    write.sealed = renewed.sealed;
    write.version = renewed.version;
    // In the same turn in which it left its batch: it must be found by its key at every moment.
    const overtaken = this.#gathered.get(write.key);
    this.#gathered.set(write.key, write);
    this.#bytes += write.sealed.length - (overtaken?.sealed.length ?? 0);
    overtaken?.settle('older');
    // Somebody waits: it does not gather for another delay.
    this.#isOverdue = true;
    return true;
  }
}

function internal(message: string, cause?: unknown): CacheError {
  return new CacheError('CACHE_INTERNAL', message, { cause });
}
