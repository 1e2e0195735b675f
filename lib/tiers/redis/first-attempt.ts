/** The end of the first attempt to use something: it may be used, or the attempt has failed or takes too long. */
import type { Clock } from '../../base/clock.js';
import { AWAITED, Deadline } from '../../base/deadline.js';

/** Held on to, because tests of users replace the global one. */
const { setImmediate: later } = globalThis;

/** See the file's header. */
export class FirstAttempt {
  readonly #clock: Clock;
  readonly #ended: Promise<void>;
  /** Says that it is over; doing so again changes nothing. */
  end: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  /** Resolves with the end; `onLate` is called once if that is not there after `ms`, and has to bring it about. */
  async wait(ms: number, onLate: () => void): Promise<void> {
    // Behind the deadlines of what is waited for, which knows more about what is late.
    await new Promise((resolve) => later(resolve));
    const deadline = new Deadline(this.#clock, ms, onLate, AWAITED);
    await this.#ended;
    deadline.cancel();
  }
}
