/** Waiting for a state instead of for time. The only place in the tests that waits on a timer. */
import { setTimeout as delay } from 'node:timers/promises';

/** Options of {@link until}. */
export interface UntilOptions {
  /** How long the condition may take to hold, in milliseconds; absent: 10,000. */
  readonly timeoutMs?: number;
  /** Milliseconds between two looks; absent: 5. */
  readonly intervalMs?: number;
  /** What is waited for, for the message of the error. A function is called when time is up and can show the state then. */
  readonly describe?: string | (() => string);
}

/**
 * Resolves to the first truthy result of `condition`. A condition that throws does not hold yet.
 *
 * @throws {Error} when it does not hold in time; `cause` is what the condition threw last
 */
export async function until<T>(condition: () => T | PromiseLike<T>, options: UntilOptions = {}): Promise<T> {
  const { timeoutMs = 10_000, intervalMs = 5, describe = condition.toString() } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let thrown: unknown;
    try {
      const result = await condition();
      if (result) return result;
    } catch (error) {
      thrown = error;
    }
    if (performance.now() >= deadline) {
      const what = typeof describe === 'string' ? describe : describe();
      throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}`, thrown === undefined ? undefined : { cause: thrown });
    }
    await delay(intervalMs);
  }
}
