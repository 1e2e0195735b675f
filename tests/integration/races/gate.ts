/** A door in the way of a loader: the test sees when the loader has come to it, and decides when it may go on. */

/** See the file's header. */
export class Gate {
  /** Resolves when somebody waits at the gate. */
  readonly reached: Promise<void>;
  /** How many have come to the gate. */
  arrivals = 0;
  readonly #opened: Promise<void>;
  #reach: () => void = () => undefined;
  #open: () => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** Waits at the gate, and then returns `value`. */
  async pass<T>(value: T): Promise<T> {
    this.arrivals++;
    this.#reach();
    await this.#opened;
    return value;
  }

  /** Lets everybody through, now and later. */
  open(): void {
    this.#open();
  }
}
