/**
 * Carries one service's writes to Redis in batches. Writes of the same key that wait together become one; while a batch is
 * under way the next one gathers. Each write is settled by itself (G8), whatever happened to its neighbours.
 *
 * 1. At most `maxPending` writes wait or are under way; further ones wait for room, in order (G14). 2. A write that waits or
 * is under way can be found by its key, so that reads see their own process's writes.
 */
import type { Clock } from '../base/clock.js';
import { CacheError } from '../base/errors.js';
import type { ScriptWrite, WriteOutcome } from '../tiers/redis/write-script.js';

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
}

/**
 * What nobody waits a delay for is spread over the line in parts of at least so many: while Redis carries out one part, this
 * process prepares the next, where one large batch would leave each waiting for the other.
 */
const MIN_SPREAD = 16;

/** Bytes in one batch at most, unless a single write is larger: one script call must not block Redis for long. */
const MAX_BATCH_BYTES = 1024 * 1024;

/** A write that Redis has not confirmed yet. */
export class PendingWrite implements ScriptWrite {
  readonly key: string;
  readonly redisKey: string;
  sealed: string | Buffer;
  version: string;
  readonly outcome: Promise<WriteOutcome>;
  settle: (outcome: WriteOutcome) => void = () => undefined;

  constructor(key: string, redisKey: string, sealed: string | Buffer, version: string) {
    this.key = key;
    this.redisKey = redisKey;
    this.sealed = sealed;
    this.version = version;
    this.outcome = new Promise((resolve) => {
      this.settle = resolve;
    });
  }
}

/** See the file's header. */
export class BatchWriter {
  readonly #apply: (writes: readonly ScriptWrite[]) => Promise<WriteOutcome[]>;
  readonly #clock: Clock;
  readonly #policy: BatchPolicy;
  #gathered = new Map<string, PendingWrite>();
  readonly #underWay = new Map<string, PendingWrite>();
  #underWayCount = 0;
  #batches = 0;
  readonly #batchesUnderWay = new Set<Promise<void>>();
  /** Actions that wait for room; those before `#waitingFrom` have run. */
  #waiting: (() => void)[] = [];
  #waitingFrom = 0;
  #flushes = 0;
  #isTickPlanned = false;
  #cancelTimer: (() => void) | undefined;

  constructor(apply: (writes: readonly ScriptWrite[]) => Promise<WriteOutcome[]>, clock: Clock, policy: BatchPolicy) {
    this.#apply = apply;
    this.#clock = clock;
    // A full queue does not wait for a batch that can't get any larger.
    this.#policy = { ...policy, maxBatch: Math.min(policy.maxBatch, policy.maxPending) };
  }

  /** Writes that wait or are under way. */
  get size(): number {
    return this.#gathered.size + this.#underWayCount;
  }

  /** Runs `action`, which may {@link put} one write, as soon as there is room for it: at once, or in its turn. */
  whenRoom(action: () => void): void {
    if (this.#waiting.length === this.#waitingFrom && this.size < this.#policy.maxPending) action();
    else this.#waiting.push(action);
  }

  /**
   * Takes a write on its way; resolves to what became of it and never rejects. An older version than one that waits for the
   * same key is `older` at once; a newer one takes its place, and both get the same outcome.
   */
  put(key: string, redisKey: string, sealed: string | Buffer, version: string): Promise<WriteOutcome> {
    const waiting = this.#gathered.get(key);
    if (waiting !== undefined) {
      if (version < waiting.version) return Promise.resolve('older');
      waiting.sealed = sealed;
      waiting.version = version;
      return waiting.outcome;
    }
    const write = new PendingWrite(key, redisKey, sealed, version);
    this.#gathered.set(key, write);
    this.#plan();
    return write.outcome;
  }

  /** The newest write of `key` that Redis has not confirmed; `undefined` when there is none. */
  find(key: string): PendingWrite | undefined {
    if (this.size === 0) return undefined;
    return this.#gathered.get(key) ?? this.#underWay.get(key);
  }

  /** Sends what waits without further delay; resolves when every write taken before the call is settled. */
  async flush(): Promise<void> {
    let behind = this.#waiting.length - this.#waitingFrom;
    this.#flushes++;
    try {
      for (;;) {
        this.#pump(true);
        const open = [...this.#gathered.values()].map((write) => write.outcome);
        if (open.length === 0 && this.#batchesUnderWay.size === 0) return;
        await Promise.all([...open, ...this.#batchesUnderWay]);
        if (behind <= 0) return;
        behind -= this.#policy.maxPending;
      }
    } finally {
      this.#flushes--;
    }
  }

  #plan(): void {
    const { delayMs, maxBatch } = this.#policy;
    if (delayMs > 0 && this.#gathered.size < maxBatch && this.#flushes === 0) {
      this.#cancelTimer ??= this.#clock.schedule(this.#onTimer, delayMs);
      return;
    }
    if (this.#isTickPlanned) return;
    this.#isTickPlanned = true;
    process.nextTick(this.#onTick);
  }

  readonly #onTick = (): void => {
    this.#isTickPlanned = false;
    this.#pump(false);
  };

  readonly #onTimer = (): void => {
    this.#cancelTimer = undefined;
    this.#pump(true);
  };

  /** Sends batches while the line has room. With a delay, an incomplete batch is sent only when it `isDue`. */
  #pump(isDue: boolean): void {
    const { maxBatch, maxInFlight, delayMs } = this.#policy;
    while (this.#gathered.size > 0 && this.#batches < maxInFlight) {
      if (delayMs > 0 && !isDue && this.#flushes === 0 && this.#gathered.size < maxBatch) break;
      this.#send(this.#takeBatch());
    }
    if (this.#gathered.size === 0) {
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    } else if (delayMs > 0) {
      this.#cancelTimer ??= this.#clock.schedule(this.#onTimer, delayMs);
    }
  }

  #takeBatch(): PendingWrite[] {
    const { maxBatch, maxInFlight, delayMs } = this.#policy;
    const spread = Math.max(MIN_SPREAD, Math.ceil(this.#gathered.size / maxInFlight));
    const limit = delayMs > 0 ? maxBatch : Math.min(maxBatch, spread);
    const batch: PendingWrite[] = [];
    let bytes = 0;
    for (const write of this.#gathered.values()) {
      bytes += write.sealed.length;
      if (batch.length > 0 && (batch.length >= limit || bytes > MAX_BATCH_BYTES)) break;
      batch.push(write);
    }
    if (batch.length === this.#gathered.size) this.#gathered = new Map();
    else for (const write of batch) this.#gathered.delete(write.key);
    return batch;
  }

  #send(batch: PendingWrite[]): void {
    this.#batches++;
    this.#underWayCount += batch.length;
    for (const write of batch) this.#underWay.set(write.key, write);
    const done = this.#apply(batch).then(
      (outcomes) => {
        this.#batchesUnderWay.delete(done);
        this.#settle(batch, outcomes);
      },
      (error: unknown) => {
        this.#batchesUnderWay.delete(done);
        this.#settle(batch, CacheError.is(error) ? error : internal('A batch failed unexpectedly', error));
      },
    );
    this.#batchesUnderWay.add(done);
  }

  #settle(batch: PendingWrite[], outcomes: WriteOutcome[] | CacheError): void {
    this.#batches--;
    this.#underWayCount -= batch.length;
    for (let i = 0; i < batch.length; i++) {
      const write = batch[i] as PendingWrite;
      if (this.#underWay.get(write.key) === write) this.#underWay.delete(write.key);
      write.settle(Array.isArray(outcomes) ? (outcomes[i] ?? internal('Redis confirmed fewer writes than were sent')) : outcomes);
    }
    this.#admitWaiting();
    if (this.#gathered.size > 0) this.#pump(this.#policy.delayMs === 0);
  }

  #admitWaiting(): void {
    while (this.#waitingFrom < this.#waiting.length && this.size < this.#policy.maxPending) {
      const action = this.#waiting[this.#waitingFrom++] as () => void;
      action();
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
