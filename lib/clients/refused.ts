/** The failures of L2 that fail a call: they name the service and the key, and are reported before the caller hears of them. */
import { CacheError } from '../base/errors.js';
import type { ServiceCore } from './service-core.js';

/** The error to fail a call with. */
export function refused(core: ServiceCore, error: CacheError, key: string | undefined): CacheError {
  const located = core.locate(error, key);
  core.report(located, key, false);
  return located;
}

/** An answer of L2 that a call waits for. @throws {CacheError} what it rejects with, {@link refused} */
export async function asked<T>(core: ServiceCore, key: string | undefined, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw CacheError.is(error) ? refused(core, error, key) : error;
  }
}
