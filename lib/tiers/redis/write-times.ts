/**
 * Keeps the times in entries on the server's clock when that is set. The script that writes compares them; if they are far off, the
 * clocks are compared out of turn, the times are moved by what the server's clock was moved, and the writes are sent again. Else
 * an entry would live too long, or be gone at once, until the next health check.
 */
import type { Clock } from '../../base/clock.js';
import { createdAtOfSealed, withTimesMoved } from '../../codec/envelope.js';
import type { RedisConnection } from './redis-connection.js';
import { WRONG_CLOCK, type ScriptWrite } from './write-script.js';

/** A write that was merely late, or a master whose clock is not the others', is not to be sent twice each time. */
const PAUSE_MS = 10_000;

/** A step below this is not worth it. */
const MIN_STEP_MS = 1000;

/** See the file's header. */
export class WriteTimes {
  readonly #connection: RedisConnection;
  readonly #clock: Clock;
  #pausedUntilMs = -Infinity;

  constructor(connection: RedisConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** Whether times are to be compared now. */
  get areComparable(): boolean {
    return this.#clock.nowMs() >= this.#pausedUntilMs;
  }

  /** Does `apply`, and once more with corrected times when Redis says that they are wrong. @throws what `apply` does */
  async guard<T>(
    writes: readonly ScriptWrite[],
    areOfNow: boolean,
    apply: (comparesClocks: boolean) => Promise<T | typeof WRONG_CLOCK>,
  ): Promise<T> {
    const { hybridClock } = this.#connection;
    const before = hybridClock.offsetMs;
    const first = await apply(areOfNow && this.areComparable);
    if (first !== WRONG_CLOCK) return first;
    await this.#connection.compareClocks();
    const movedMs = hybridClock.offsetMs - before;
    const hasMoved = Math.abs(movedMs) >= MIN_STEP_MS;
    if (!hasMoved) this.#pausedUntilMs = this.#clock.nowMs() + PAUSE_MS;
    for (const write of writes) {
      const aheadMs = createdAtOfSealed(write.sealed) - hybridClock.nowMs();
      // The clocks may have been compared between the sealing and the sending. What is in the past may merely be late.
      if (aheadMs >= MIN_STEP_MS) write.sealed = withTimesMoved(write.sealed, -aheadMs);
      else if (hasMoved && movedMs > 0) write.sealed = withTimesMoved(write.sealed, movedMs);
    }
    return (await apply(false)) as T;
  }
}
