/**
 * The writes that Redis confirmed in the last seconds. A primary may confirm a write and be gone before its replica has it;
 * after a failover they are sent again, with the versions they had: what the new primary has already, or has something newer
 * than, it leaves alone.
 *
 * Bounded (G14) by age, number and bytes; what was written longest ago goes first. Age is measured back from the last
 * confirmed write and not from now: nothing is confirmed while a failover takes its time. But what was written long before,
 * by a process that has written nothing since, is left alone: whatever took its place may have expired and be forgotten.
 */
import type { Clock } from '../../base/clock.js';
import type { ScriptWrite, WriteOutcome } from './write-script.js';

/** How far a replica may lag behind. */
const MAX_AGE_MS = 10_000;
/** How long a failover may take. */
const MAX_FAILOVER_MS = 300_000;
const MAX_WRITES = 20_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** Pauses before what failed is tried again: they grow from the first to the last. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 5000;

/** Writes in one batch when they are sent again. */
const BATCH = 200;

/** Where writes go again. */
export interface WriteTarget {
  /** Applies writes by their versions. */
  apply(writes: readonly ScriptWrite[]): Promise<readonly WriteOutcome[]>;
  /** Clears what is older than a version. */
  clear(version: string): Promise<unknown>;
}

/** A write and when it was confirmed. */
interface Remembered extends ScriptWrite {
  readonly atMs: number;
}

/** See the file's header. */
export class RecentWrites {
  readonly #clock: Clock;
  readonly #target: WriteTarget;
  #writes: Remembered[] = [];
  /** Those before it are forgotten. */
  #from = 0;
  #bytes = 0;
  /** What is to be sent again, by its name in Redis. */
  readonly #owed = new Map<string, ScriptWrite>();
  /** The clear that is to be sent again; an object of its own for each failover. */
  #owedClear: { readonly version: string } | undefined;
  #sending: Promise<void> | undefined;
  #isDue = false;
  #isClosed = false;
  #retryAtMs = 0;
  #pauseMs = RETRY_MS;
  #cancelRetry: () => void = () => undefined;
  #clearedAtMs = -Infinity;
  #clearVersion = '';

  constructor(clock: Clock, target: WriteTarget) {
    this.#clock = clock;
    this.#target = target;
  }

  /** Writes remembered. */
  get size(): number {
    return this.#writes.length - this.#from;
  }

  /** Writes and clears that are to be sent again, or are being sent. */
  get owed(): number {
    return this.#owed.size + (this.#owedClear === undefined ? 0 : 1);
  }

  /** Redis has confirmed a write. */
  add({ key, redisKey, sealed, version }: ScriptWrite): void {
    const atMs = this.#clock.nowMs();
    this.#writes.push({ key, redisKey, sealed, version, atMs });
    this.#bytes += sealed.length;
    this.#forget(atMs);
    // Redis takes writes: one that was too slow for all of them may not even have lost its connection.
    if (this.owed > 0 && atMs >= this.#retryAtMs) this.#retry();
  }

  /** Redis has confirmed a clear. */
  addClear(version: string): void {
    this.#clearedAtMs = this.#clock.nowMs();
    // Two clears at the same time may be confirmed in either order.
    if (version > this.#clearVersion) this.#clearVersion = version;
  }

  /**
   * Redis may be another one: sends everything again. Never rejects. What fails is owed: it is tried again after growing pauses, and
   * as soon as another write shows that Redis takes some.
   */
  resend(): Promise<void> {
    this.#isDue = true;
    this.#pauseMs = RETRY_MS;
    const earliestMs = this.#clock.nowMs() - MAX_FAILOVER_MS;
    if (this.#isClearRecent(earliestMs)) this.#owedClear = { version: this.#clearVersion };
    for (const write of this.#writes.slice(this.#from)) {
      if (write.atMs < earliestMs) continue;
      // Of several writes of a key the newest is enough; in a cluster it need not be the one confirmed last.
      const known = this.#owed.get(write.redisKey);
      // A copy: what a sending under way confirms was confirmed by the server before this one.
      if (known === undefined || known.version <= write.version) this.#owed.set(write.redisKey, { ...write });
    }
    return this.#send();
  }

  /** Tries nothing again from now on. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
  }

  #retry(): void {
    if (this.#sending !== undefined) return;
    this.#isDue = true;
    void this.#send();
  }

  #send(): Promise<void> {
    this.#cancelRetry();
    this.#sending ??= this.#run().finally(() => {
      this.#sending = undefined;
      this.#retryAtMs = this.#clock.nowMs() + RETRY_MS;
      if (this.owed > 0) this.#planRetry();
    });
    return this.#sending;
  }

  async #run(): Promise<void> {
    try {
      while (this.#isDue) {
        this.#isDue = false;
        const clear = this.#owedClear;
        if (clear !== undefined) await this.#target.clear(clear.version);
        // Another failover meanwhile: the server that took it is not the one that is to have it.
        if (clear === this.#owedClear) this.#owedClear = undefined;
        const writes = [...this.#owed.values()];
        for (let from = 0; from < writes.length; from += BATCH) await this.#sendBatch(writes.slice(from, from + BATCH));
      }
    } catch {
      // They may have been sent to the old primary, whose end need not count as an outage: nothing else leads here again then.
    }
  }

  #planRetry(): void {
    if (this.#isClosed) return;
    this.#cancelRetry = this.#clock.schedule(() => {
      this.#retry();
    }, this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_RETRY_MS);
  }

  async #sendBatch(writes: readonly ScriptWrite[]): Promise<void> {
    const outcomes = await this.#target.apply(writes);
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i] as ScriptWrite;
      if (typeof outcomes[i] === 'string' && this.#owed.get(write.redisKey) === write) this.#owed.delete(write.redisKey);
    }
  }

  #isClearRecent(earliestMs: number): boolean {
    const newest = this.#writes.at(-1);
    return this.#clearedAtMs >= earliestMs && (newest === undefined || newest.atMs - MAX_AGE_MS < this.#clearedAtMs);
  }

  #forget(nowMs: number): void {
    for (let oldest = this.#writes[this.#from]; oldest !== undefined; oldest = this.#writes[this.#from]) {
      if (oldest.atMs > nowMs - MAX_AGE_MS && this.size <= MAX_WRITES && this.#bytes <= MAX_BYTES) break;
      this.#bytes -= oldest.sealed.length;
      this.#from++;
    }
    // Cut off when it is the larger half, so that cutting costs a constant per write.
    if (this.#from * 2 <= this.#writes.length) return;
    this.#writes = this.#writes.slice(this.#from);
    this.#from = 0;
  }
}
