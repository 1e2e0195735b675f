/**
 * How many of the latest commands failed. Successes are only counted, never reported one by one, so they come as a number
 * since the last report: they are spread evenly over that time, or an hour of calm would hide the failures after it.
 */

/** Failures and successes of the last {@link WINDOW_MS}, in buckets; immutable. */
export interface FailureWindow {
  /** Up to when successes have been counted. */
  readonly untilMs: number;
  /** Oldest first; the last one is that of `untilMs`. */
  readonly succeeded: readonly number[];
  readonly failed: readonly number[];
}

/** How far back the window looks. */
export const WINDOW_MS = 5000;
const BUCKET_MS = 500;
const BUCKETS = WINDOW_MS / BUCKET_MS;

/** From this share of failures among at least so many commands on, Redis is of no use. */
const MAX_FAILURE_RATE = 0.5;
const MIN_COMMANDS = 20;

/** A window in which nothing happened. */
export function emptyWindow(atMs: number): FailureWindow {
  const nothing = Array.from({ length: BUCKETS }, () => 0);
  return { untilMs: atMs, succeeded: nothing, failed: nothing };
}

/** The window at `atMs`, after so many successes since the last look and so many failures now. */
export function count(window: FailureWindow, atMs: number, successes: number, failures: number): FailureWindow {
  const elapsedMs = Math.max(0, atMs - window.untilMs);
  const shift = Math.floor(atMs / BUCKET_MS) - Math.floor(window.untilMs / BUCKET_MS);
  const move = (values: readonly number[]): number[] => Array.from({ length: BUCKETS }, (_, i) => values[i + shift] ?? 0);
  const succeeded = move(window.succeeded);
  const failed = move(window.failed);
  const currentStartMs = Math.floor(atMs / BUCKET_MS) * BUCKET_MS;
  for (let i = 0; i < BUCKETS && successes > 0; i++) {
    const startMs = currentStartMs - (BUCKETS - 1 - i) * BUCKET_MS;
    const overlapMs = Math.min(atMs, startMs + BUCKET_MS) - Math.max(window.untilMs, startMs);
    // No time at all has passed between two reports of one burst: all of it is now.
    const share = elapsedMs > 0 ? Math.max(0, overlapMs) / elapsedMs : i === BUCKETS - 1 ? 1 : 0;
    succeeded[i] = (succeeded[i] ?? 0) + successes * share;
  }
  failed[BUCKETS - 1] = (failed[BUCKETS - 1] ?? 0) + failures;
  return { untilMs: Math.max(atMs, window.untilMs), succeeded, failed };
}

/** How many of how many commands failed, where that is too many; else `undefined`. */
export function findTooManyFailures(window: FailureWindow): { readonly failed: number; readonly total: number } | undefined {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const failed = sum(window.failed);
  const total = Math.round(failed + sum(window.succeeded));
  return total >= MIN_COMMANDS && failed >= total * MAX_FAILURE_RATE ? { failed, total } : undefined;
}
