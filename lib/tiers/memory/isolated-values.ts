/** Values on their way into L1 and out of it, as `l1.isolation` says. */
import type { CacheErrorDetails } from '../../base/errors.js';
import type { ResolvedL1 } from '../../config/resolved-config.js';
import { cloneValue, deepFreeze, isolate } from './isolation.js';

/** See the file's header. */
export class IsolatedValues {
  protected readonly isCopying: boolean;
  readonly #isolation: ResolvedL1['isolation'];

  constructor(isolation: ResolvedL1['isolation']) {
    this.#isolation = isolation;
    this.isCopying = isolation === 'copy';
  }

  /**
   * The form in which a caller's `value` is to be written: isolated from the caller. Nothing is changed yet.
   *
   * @throws {CacheError} CACHE_ENCODE_FAILED when the isolation asks for a clone and it can't be cloned
   */
  prepare(value: unknown, about?: CacheErrorDetails): unknown {
    return isolate(value, this.#isolation, about);
  }

  /** The same for a `value` nobody else has a reference to: it is frozen where it stands instead of being cloned. */
  prepareOwned(value: unknown): unknown {
    return this.#isolation === 'frozen' ? deepFreeze(value) : value;
  }

  /** What may be given to a caller for a prepared or stored value. */
  handOut(prepared: unknown): unknown {
    return this.isCopying ? cloneValue(prepared) : prepared;
  }
}
