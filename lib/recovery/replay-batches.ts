/**
 * Sends logged writes to Redis: in batches through the versioned script, at a steady pace, a few batches at a time, so that
 * live traffic gets its turns in between and a Redis that has just come back is not run over.
 */
import type { Clock } from '../base/clock.js';
import { CacheError } from '../base/errors.js';
import { pause } from '../base/pause.js';
import { MAX_BATCH_BYTES, type ScriptWrite, type WriteOutcome } from '../tiers/redis/write-script.js';

/** How fast to replay. */
export interface ReplayPace {
  /** `Infinity`: as fast as Redis takes it. */
  readonly keysPerSecond: number;
  readonly batchKeys: number;
  /** Batches under way at most. */
  readonly maxInFlight: number;
  /** Values wait for a random part of this first: all processes see a Redis return at the same moment. */
  readonly jitterMs: number;
}

/** One logged write, ready for Redis. */
export interface ReplayWrite extends ScriptWrite {
  readonly isValue: boolean;
  /** Whether it was a process that is no more that wrote it. */
  readonly isAdopted: boolean;
}

/** Told of each write what became of it. */
export type OnReplayed = (write: ReplayWrite, outcome: WriteOutcome) => void;

/** See the file's header. One per pass. */
export class ReplayBatches {
  readonly #apply: (writes: readonly ScriptWrite[]) => Promise<WriteOutcome[]>;
  readonly #clock: Clock;
  readonly #pace: ReplayPace;
  readonly #onReplayed: OnReplayed;
  readonly #isDue: (write: ReplayWrite) => boolean;
  readonly #underWay = new Set<Promise<void>>();
  #batch: ReplayWrite[] = [];
  #bytes = 0;
  #mayGoAtMs = 0;
  #failure: CacheError | undefined;

  /** @param isDue asked when a write is sent: whether it still is what Redis has to be told of its key */
  constructor(
    apply: (writes: readonly ScriptWrite[]) => Promise<WriteOutcome[]>,
    clock: Clock,
    pace: ReplayPace,
    onReplayed: OnReplayed,
    isDue: (write: ReplayWrite) => boolean,
  ) {
    this.#apply = apply;
    this.#clock = clock;
    this.#pace = pace;
    this.#onReplayed = onReplayed;
    this.#isDue = isDue;
  }

  /** Why a whole batch failed; nothing more should be added then. */
  get failure(): CacheError | undefined {
    return this.#failure;
  }

  /** Adds a write; a promise when a batch is complete and has to wait for its turn. */
  add(write: ReplayWrite): Promise<void> | undefined {
    this.#batch.push(write);
    this.#bytes += write.sealed.length;
    if (this.#batch.length < this.#pace.batchKeys && this.#bytes < MAX_BATCH_BYTES) return undefined;
    return this.#send();
  }

  /** Sends what is left and waits for all outcomes. */
  async finish(): Promise<void> {
    if (this.#batch.length > 0) await this.#send();
    await this.quiesce();
  }

  /** Resolves when no batch is under way. */
  async quiesce(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #send(): Promise<void> {
    const gathered = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    while (this.#underWay.size >= this.#pace.maxInFlight) await Promise.race(this.#underWay);
    const waitMs = this.#mayGoAtMs - this.#clock.nowMs();
    if (waitMs > 0) await pause(this.#clock, waitMs);
    if (this.#failure !== undefined) return;
    const batch = gathered.filter(this.#isDue);
    if (batch.length === 0) return;
    this.#mayGoAtMs = Math.max(this.#mayGoAtMs, this.#clock.nowMs()) + (batch.length / this.#pace.keysPerSecond) * 1000;
    const done = this.#apply(batch).then(
      (outcomes) => {
        this.#underWay.delete(done);
        for (let i = 0; i < batch.length; i++) this.#onReplayed(batch[i] as ReplayWrite, outcomes[i] ?? unconfirmed());
      },
      (error: unknown) => {
        this.#underWay.delete(done);
        this.#failure = CacheError.is(error) ? error : unconfirmed(error);
      },
    );
    this.#underWay.add(done);
  }
}

function unconfirmed(cause?: unknown): CacheError {
  return new CacheError('CACHE_INTERNAL', 'Redis did not confirm a replayed write', { cause });
}
