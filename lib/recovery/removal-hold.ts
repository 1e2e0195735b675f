/**
 * Keeps the files of a log from being removed while older ones are read: a file here may be all that says that what is in those
 * does not count any more.
 */

/** See the file's header. */
export class RemovalHold {
  #released: Promise<void> | undefined;
  #release: () => void = () => undefined;
  #hasGivenUp = false;

  /** Whether nothing may be removed. */
  get isHeld(): boolean {
    return this.#released !== undefined;
  }

  /** Whether {@link released} is worth waiting for. */
  get isPassing(): boolean {
    return this.isHeld && !this.#hasGivenUp;
  }

  /** Resolves when files may be removed, or never will. */
  get released(): Promise<void> {
    return this.#released ?? Promise.resolve();
  }

  /** From now on nothing is removed. */
  hold(): void {
    this.#released ??= new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** Files may be removed. */
  release(): void {
    this.#released = undefined;
    this.#release();
  }

  /** Lets go of who waits, though nothing may be removed: the log is being closed. */
  giveUp(): void {
    this.#hasGivenUp = true;
    this.#release();
  }
}
