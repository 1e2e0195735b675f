/** The owner of work nobody awaits: every promise that is neither returned nor awaited goes here, and `close()` drains it. */

/** Work under way in the background. */
export class BackgroundTasks {
  readonly #tasks = new Set<Promise<unknown>>();

  /** Tasks under way. */
  get size(): number {
    return this.#tasks.size;
  }

  /** Takes over a promise; `onError` gets its rejection, so that none is left unhandled. */
  add(task: Promise<unknown>, onError: (error: unknown) => void): void {
    const tracked: Promise<unknown> = task.catch(onError).finally(() => {
      this.#tasks.delete(tracked);
    });
    this.#tasks.add(tracked);
  }

  /** Resolves when everything under way at the time of the call has ended. Never rejects. */
  async drain(): Promise<void> {
    await Promise.all(this.#tasks);
  }
}
