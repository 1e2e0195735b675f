/** Calls about many keys that write: they go on after they have returned their promise, so what waits for writes waits for them. */
import { BackgroundTasks } from '../base/background-tasks.js';
import { afterPolling } from '../base/turn.js';
import type { Outbox } from './outbox.js';

/** See the file's header. */
export class BulkCalls {
  readonly #calls = new BackgroundTasks();

  /** Calls under way. */
  get size(): number {
    return this.#calls.size;
  }

  /** Takes note of a call; returns it. */
  accept<T>(call: Promise<T>): Promise<T> {
    this.#calls.add(call, () => undefined);
    return call;
  }

  /** Resolves when every write of a call made before this one is in Redis or in the log. */
  async flush(outbox: Outbox | undefined): Promise<void> {
    let isTaken = this.size === 0;
    void this.#calls.drain().then(() => (isTaken = true));
    while (!isTaken) {
      // What has been taken so far makes room for the rest.
      await outbox?.flush();
      await new Promise((resolve) => afterPolling(resolve));
    }
    await outbox?.flush();
  }
}
