/** What failed of a call about many keys: each key is counted, and the call is reported once. */
import { CacheError } from '../base/errors.js';
import type { ServiceCore } from './service-core.js';

/** See the file's header. */
export class ReadFailures {
  readonly #core: ServiceCore;
  #count = 0;
  #first: CacheError | undefined;

  constructor(core: ServiceCore) {
    this.#core = core;
  }

  /** What was asked of Redis for one key failed. */
  add(error: CacheError): void {
    this.#core.countFailure(error);
    this.#count++;
    this.#first ??= error;
  }

  /** Reports what failed of a call that asked for `asked` keys, if anything did; `done` says what could not be done with them. */
  report(asked: number, done: 'read' | 'claimed for a load' = 'read'): void {
    const first = this.#first;
    if (first === undefined) return;
    const failed = this.#count;
    const message = `${failed} of ${asked} keys could not be ${done}: ${first.message}`;
    const error = new CacheError(first.code, message, { service: this.#core.name, cause: first });
    this.#core.tell(error, undefined, { background: false, failed, asked });
  }
}
