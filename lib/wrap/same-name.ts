/**
 * Notices two different functions that would share keys: same name, same service, no `key` of their own. One would serve
 * the other's values. Wrapping the same source again (a hot reload, a test) is not suspicious, so sources are compared;
 * functions with equal sources that close over different things can't be told apart this way.
 */

/** Names remembered per registry or client; further ones go unchecked. */
const MAX_NAMES = 1000;

/** Remembers which source wraps under which name, and warns once about each name with two. */
export class SameNameWatch {
  /** Source by name; `null` once warned about. */
  readonly #sources = new Map<string, string | null>();

  /** Records `fn` under its name in `service`; emits the process warning `OXCACHE_SAME_NAME` when another function has it. */
  record(service: string, fn: (...args: never[]) => unknown): void {
    const id = `${service}\n${fn.name}`;
    const source = Function.prototype.toString.call(fn);
    const known = this.#sources.get(id);
    if (known === undefined) {
      if (this.#sources.size < MAX_NAMES) this.#sources.set(id, source);
      return;
    }
    if (known === null || known === source) return;
    this.#sources.set(id, null);
    process.emitWarning(
      `Two different functions named "${fn.name}" are cached in the service "${service}" under the same keys: ` +
        'each will be served values of the other. Rename one or give it the option `key`',
      { type: 'OxcacheWarning', code: 'OXCACHE_SAME_NAME' },
    );
  }
}
