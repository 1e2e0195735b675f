/** Work that is carried out later, in the order it came: what is due earlier waits for what came before it. */
import type { Clock } from '../base/clock.js';

interface Waiting {
  readonly work: () => void;
  readonly dueMs: number;
}

/** See the file's header. */
export class DelayLine {
  readonly #clock: Clock;
  #line: Waiting[] = [];
  #cancelTimer: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Carries `work` out after `delayMs`; at once when that is 0 and nothing waits. */
  add(work: () => void, delayMs: number): void {
    const isEmpty = this.#line.length === 0;
    if (isEmpty && delayMs === 0) {
      work();
      return;
    }
    this.#line.push({ work, dueMs: this.#clock.nowMs() + delayMs });
    if (isEmpty) this.#plan();
  }

  /** Carries out now what waits. */
  flush(): void {
    for (const { work } of this.#empty()) work();
  }

  /** Forgets what waits. */
  clear(): void {
    this.#empty();
  }

  #empty(): Waiting[] {
    const line = this.#line;
    this.#line = [];
    this.#cancelTimer();
    return line;
  }

  #plan(): void {
    const head = this.#line[0];
    if (head === undefined) return;
    this.#cancelTimer = this.#clock.schedule(() => {
      const nowMs = this.#clock.nowMs();
      while (this.#line[0] !== undefined && this.#line[0].dueMs <= nowMs) this.#line.shift()?.work();
      this.#plan();
    }, head.dueMs - this.#clock.nowMs());
  }
}
