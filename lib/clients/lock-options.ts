/** The check of what `lock` was given (G12). */
import { misuse } from '../base/describe-value.js';
import { parseDurationMs, requireTtlMs } from '../base/duration.js';
import { requireOptionNames } from '../base/option-names.js';
import type { LockOptions } from './lock.js';
import type { LockTimes } from './locks.js';

/** The options of a lock, checked. @throws {TypeError} */
export function readLockOptions(options: LockOptions, strategies: Readonly<Record<string, number>>): LockTimes {
  if (typeof options !== 'object' || (options as unknown) === null || Array.isArray(options)) {
    throw misuse('options', 'an object such as { ttl: "10s", wait: "2s" }', options);
  }
  requireOptionNames(options, ['ttl', 'wait'], ' of lock()');
  const { ttl, wait } = options;
  return { ttlMs: requireTtlMs(ttl, 'ttl', strategies), waitMs: wait === undefined ? 0 : requireWaitMs(wait, strategies) };
}

/** How long to wait, in milliseconds; 0: not at all. */
function requireWaitMs(wait: unknown, strategies: Readonly<Record<string, number>>): number {
  return parseDurationMs(wait, strategies) === 0 ? 0 : requireTtlMs(wait, 'wait', strategies);
}
