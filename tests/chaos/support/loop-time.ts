/**
 * The time in which this process ran: a clock that counts at most a little for each turn of the event loop, however long that took. What is
 * to end within a time on it is not blamed for a busy machine, or for a loop that a test blocks.
 */

const TICK_MS = 10;
const MOST_A_TICK_MS = 30;

/** See the file's header. */
export class LoopTime {
  #ranMs = 0;
  #tickedMs = performance.now();
  readonly #waiting = new Set<{ readonly endMs: number; readonly giveUp: () => void }>();
  readonly #timer = setInterval(() => {
    this.#tick();
  }, TICK_MS);

  /** Milliseconds that were run. */
  nowMs(): number {
    return this.#ranMs;
  }

  /** What `work` resolves to. @throws {Error} when it does not settle in time; and what it throws itself */
  async atMost<T>(work: () => T | PromiseLike<T>, limitMs: number): Promise<T> {
    let waiting: { readonly endMs: number; readonly giveUp: () => void } | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      const giveUp = (): void => {
        reject(new Error(`not settled after ${limitMs} ms of the event loop`));
      };
      waiting = { endMs: this.#ranMs + limitMs, giveUp };
      this.#waiting.add(waiting);
    });
    try {
      return await Promise.race([work(), tooLate]);
    } finally {
      if (waiting !== undefined) this.#waiting.delete(waiting);
    }
  }

  /** Ends the clock. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#ranMs += Math.min(nowMs - this.#tickedMs, MOST_A_TICK_MS);
    this.#tickedMs = nowMs;
    for (const { endMs, giveUp } of this.#waiting) if (this.#ranMs >= endMs) giveUp();
  }
}
