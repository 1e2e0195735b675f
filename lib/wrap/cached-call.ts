/**
 * Calls a wrapped function through the cache. Failures of the cache do not reach the caller unless asked for: the function
 * then runs, at most once per call and one at a time per key (G3). The function's own errors pass through as they are.
 */
import { CacheError } from '../base/errors.js';
import type { LoadOptions } from '../clients/cache-client.js';
import { LoadScope, NestingWatch, type Awaited } from '../clients/load-scope.js';
import type { ClientBinding } from './client-binding.js';
import type { KeyMaker } from './key-maker.js';

/** What a call is made of. */
export interface CachedCallParts {
  readonly fn: (...args: unknown[]) => unknown;
  readonly makeKey: KeyMaker;
  /** Whether the user's own function makes the keys: its errors are the caller's business, not failures of the cache. */
  readonly isOwnKey: boolean;
  readonly bind: () => ClientBinding;
  readonly loadOptions: LoadOptions;
  /** Makes the tags of what a call returns; absent: they do not depend on the arguments. */
  readonly makeTags: ((...args: unknown[]) => readonly string[]) | undefined;
  readonly propagates: boolean;
}

/** The calls of one wrapped function. */
export class CachedCall {
  readonly #parts: CachedCallParts;
  /** Errors of the cache that the function itself threw; they are its own, whoever's call ran it. */
  readonly #thrownByFunction = new WeakSet();
  /** Runs made because the cache failed, by key; those waiting on a broken cache share them. */
  readonly #fallbacks = new Map<string, Fallback>();
  readonly #nesting = new NestingWatch();

  constructor(parts: CachedCallParts) {
    this.#parts = parts;
  }

  /** The cached value, or what the function returns. */
  call(self: unknown, args: unknown[]): Promise<unknown> {
    let binding: ClientBinding | undefined;
    let key: string | undefined;
    try {
      binding = this.#parts.bind();
      key = this.#parts.makeKey(args);
      if (binding.canPeek) {
        const hit = binding.client.peek(key);
        if (hit !== undefined) return Promise.resolve(hit);
      }
    } catch (error) {
      return this.#recover(error, binding, key, self, args);
    }
    return this.#load(binding, key, self, args);
  }

  /** Forgets the value of these arguments. */
  async invalidate(args: unknown[]): Promise<boolean> {
    const key = this.#parts.makeKey(args);
    return this.#parts.bind().delete(key);
  }

  /** Runs the function and caches what it returns. */
  async refresh(self: unknown, args: unknown[]): Promise<unknown> {
    const key = this.#parts.makeKey(args);
    // A stale value would hide that the refresh failed.
    const options = { ...this.#loadOptions(args), allowStale: false };
    return this.#parts.bind().client.refresh(key, () => this.#run(self, args), options);
  }

  async #load(binding: ClientBinding, key: string, self: unknown, args: unknown[]): Promise<unknown> {
    let run: Promise<unknown> | undefined;
    // Outside of the net: what the user's own function throws is the caller's business.
    const options = this.#loadOptions(args);
    try {
      return await binding.client.getOrLoad(key, () => (run = this.#run(self, args)), options);
    } catch (error) {
      if (!this.#isCacheFailure(error) || this.#parts.propagates) throw error;
      binding.report(error, key);
      // The function may have run already, e.g. when its result could not be stored.
      return run ?? this.#runAlone(binding, key, self, args);
    }
  }

  /** After a failure before anything was loaded: no client, no key, or a cache that can't be read. */
  async #recover(
    error: unknown,
    binding: ClientBinding | undefined,
    key: string | undefined,
    self: unknown,
    args: unknown[],
  ): Promise<unknown> {
    if (binding === undefined || this.#parts.propagates || (key === undefined && this.#parts.isOwnKey)) throw error;
    const { service } = binding.client;
    if (key === undefined) {
      const message = error instanceof Error ? error.message : 'No cache key could be made of the arguments';
      binding.report(new CacheError('CACHE_KEY_INVALID', `A call was not cached. ${message}`, { service, cause: error }));
      return this.#run(self, args);
    }
    const failure = CacheError.is(error)
      ? error
      : new CacheError('CACHE_INTERNAL', 'The cache could not be read', { service, key, cause: error });
    binding.report(failure, key);
    return this.#runAlone(binding, key, self, args);
  }

  #loadOptions(args: unknown[]): LoadOptions {
    const { loadOptions, makeTags } = this.#parts;
    return makeTags === undefined ? loadOptions : { ...loadOptions, tags: makeTags(...args) };
  }

  #isCacheFailure(error: unknown): error is CacheError {
    // A load that took too long, failed or waits for itself is an outcome of the function, not of the cache.
    return (
      CacheError.is(error) &&
      error.code !== 'CACHE_LOAD_TIMEOUT' &&
      error.code !== 'CACHE_LOAD_FAILED' &&
      error.code !== 'CACHE_LOAD_CYCLE' &&
      !this.#thrownByFunction.has(error)
    );
  }

  async #run(self: unknown, args: unknown[]): Promise<unknown> {
    try {
      return await Reflect.apply(this.#parts.fn, self, args);
    } catch (error) {
      if (CacheError.is(error)) this.#thrownByFunction.add(error);
      throw error;
    }
  }

  async #runAlone({ client }: ClientBinding, key: string, self: unknown, args: unknown[]): Promise<unknown> {
    const scope = LoadScope.current;
    const running = this.#fallbacks.get(key);
    if (running !== undefined) {
      scope?.refuseCycle(running);
      return scope === undefined ? running.end : scope.wait(running, running.end);
    }
    const own = new LoadScope(client.service, 1, this.#nesting.next());
    const run: Fallback = { key, scope: own, behind: undefined, end: own.run(() => this.#run(self, args)) };
    this.#fallbacks.set(key, run);
    try {
      return await (scope === undefined ? run.end : scope.wait(run, run.end));
    } finally {
      this.#fallbacks.delete(key);
    }
  }
}

/** A run of the function made because the cache failed. */
interface Fallback extends Awaited {
  readonly end: Promise<unknown>;
}
