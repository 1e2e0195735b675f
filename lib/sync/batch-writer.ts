/**
 * Carries one service's writes to Redis in batches. Writes of the same key that wait together become one; while a batch is
 * under way the next one gathers. Each write is settled by itself (G8), whatever happened to its neighbours.
 *
 * 1. At most `maxPending` writes and about `maxPendingBytes` wait or are under way; further ones wait for room, in order (G14). 2. A write that waits or
 * is under way can be found by its key, so that reads see their own process's writes.
 */
import type { Clock } from '../base/clock.js';
import { CacheError } from '../base/errors.js';
import { MAX_BATCH_BYTES, type WriteOutcome } from '../tiers/redis/write-script.js';
import { PendingWrite, type OnConfirmed, type Rescue } from './pending-write.js';

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

/** A batch under way. */
interface SentBatch<R> {
  readonly byKey: ReadonlyMap<string, PendingWrite<R>>;
  readonly writes: readonly PendingWrite<R>[];
  /** What Redis said, until those sent before have their outcomes too. */
  outcomes: WriteOutcome[] | CacheError | undefined;
}

/** See the file's header. */
export class BatchWriter<R = never> {
  readonly #apply: (writes: readonly PendingWrite<R>[]) => Promise<WriteOutcome[]>;
  readonly #rescue: Rescue<R> | undefined;
  readonly #onConfirmed: OnConfirmed<R> | undefined;
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
  /** Actions that wait for room; those before `#waitingFrom` have run. */
  #waiting: (() => void)[] = [];
  #waitingFrom = 0;
  #flushes = 0;
  #isTickPlanned = false;
  #isSettling = false;
  #isOverdue = false;
  #cancelTimer: (() => void) | undefined;

  /** @param rescue absent: what Redis did not confirm ends with its error */
  constructor(
    apply: (writes: readonly PendingWrite<R>[]) => Promise<WriteOutcome[]>,
    clock: Clock,
    policy: BatchPolicy,
    rescue?: Rescue<R>,
    onConfirmed?: OnConfirmed<R>,
  ) {
    this.#apply = apply;
    this.#rescue = rescue;
    this.#onConfirmed = onConfirmed;
    this.#clock = clock;
    this.#policy = policy;
  }

  /** Writes that wait or are under way. */
  get size(): number {
    return this.#gathered.size + this.#underWayCount;
  }

  /** Whether a write may be {@link put} at once. */
  get hasRoom(): boolean {
    return this.#waiting.length === this.#waitingFrom && this.#fits;
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
   */
  put(key: string, redisKey: string, sealed: string | Buffer, version: string): Promise<WriteOutcome | R> {
    const waiting = this.#gathered.get(key);
    if (waiting !== undefined) {
      if (version < waiting.version) return Promise.resolve('older');
      this.#bytes += sealed.length - waiting.sealed.length;
      waiting.sealed = sealed;
      waiting.version = version;
      return waiting.outcome;
    }
    const write = new PendingWrite<R>(key, redisKey, sealed, version);
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
      if (this.#waiting.length > this.#waitingFrom) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#pump(true);
      await Promise.all([...[...this.#gathered.values()].map((write) => write.outcome), ...this.#batchesUnderWay]);
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
      for (const action of this.#waiting.splice(0).slice(this.#waitingFrom)) action();
      this.#waitingFrom = 0;
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
    let count = 0;
    let bytes = 0;
    for (const write of this.#gathered.values()) {
      bytes += write.sealed.length + write.key.length;
      if (count > 0 && (count >= this.#policy.maxBatch || bytes > MAX_BATCH_BYTES)) break;
      count++;
    }
    const gathered = this.#gathered;
    if (count === gathered.size) {
      this.#gathered = new Map();
      return gathered;
    }
    const batch = new Map<string, PendingWrite<R>>();
    for (const [key, write] of gathered) {
      if (batch.size === count) break;
      batch.set(key, write);
      gathered.delete(key);
    }
    return batch;
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
    this.#admitWaiting();
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
    if (typeof outcome !== 'string') {
      write.settle(this.#rescue === undefined ? outcome : this.#rescue(write, outcome));
      return;
    }
    const more = this.#onConfirmed?.(write);
    write.settle(more === undefined ? outcome : more.then(() => outcome));
  }

  #admitWaiting(): void {
    while (this.#waitingFrom < this.#waiting.length && this.#fits) {
      (this.#waiting[this.#waitingFrom++] as () => void)();
    }
    // The part that has run is cut off when it is the larger half, so that cutting costs a constant per action.
    if (this.#waitingFrom * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#waitingFrom);
      this.#waitingFrom = 0;
    }
  }
}

function internal(message: string, cause?: unknown): CacheError {
  return new CacheError('CACHE_INTERNAL', message, { cause });
}
