/** What a loader of many keys is given: its signal is aborted when nobody waits for any of the keys. */
import type { LoadScope } from './load-scope.js';

/** See the file's header. */
export class GroupContext {
  readonly #scope: LoadScope;
  #controller: AbortController | undefined;

  /** @param scope the call of the loader */
  constructor(scope: LoadScope) {
    this.#scope = scope;
    scope.onDeserted = (reason) => {
      this.#controller?.abort(reason);
    };
  }

  /** Made when first asked for: most loaders do not. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    const { deserted } = this.#scope;
    if (deserted !== undefined && !this.#controller.signal.aborted) this.#controller.abort(deserted.reason);
    return this.#controller.signal;
  }
}
