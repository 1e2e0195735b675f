/** Makes `cached` for a registry. Apart from the wiring in cached.ts so that it runs over any registry. */
import { misuse } from '../base/describe-value.js';
import type { CacheClient, LoadOptions } from '../clients/cache-client.js';
import { CachedCall } from './cached-call.js';
import type { CachedFunction } from './cached-function.js';
import { checkCachedOptions, type CachedOptions } from './cached-options.js';
import { bindClient, type ClientRegistry } from './client-binding.js';
import { createKeyMaker } from './key-maker.js';
import { SameNameWatch } from './same-name.js';

/**
 * Caches what a function returns, by its arguments.
 *
 * @param service - a service's name, looked up at the first call, or a client
 * @param fn - the function; its own errors reach the callers as they are and are not cached
 * @returns a function with the same parameters that returns a promise
 * @throws {TypeError} when wrapping: an unknown or unusable option, a template that does not fit the function, an anonymous
 *   function without `key`
 * @throws {CacheError} a call rejects with `CACHE_NOT_INITIALISED` before `init()`, with `CACHE_SERVICE_UNKNOWN` for a
 *   service that is not configured, and with `CACHE_LOAD_TIMEOUT` when the function takes too long
 *
 * @example
 * const getUser = cached('users', async function getUser(id: number) { return db.findUser(id); }, { ttl: '5m' });
 * await getUser(42); // key: getUser:42
 * await getUser.invalidate(42);
 */
export type Cached = <A extends unknown[], R, This = unknown>(
  service: string | CacheClient,
  fn: (this: This, ...args: A) => R | PromiseLike<R>,
  options?: CachedOptions<NoInfer<A>>,
) => CachedFunction<A, Awaited<R>, This>;

/** Returns `cached` over `registry`. */
export function createCached(registry: ClientRegistry): Cached {
  const namesByRegistry = new SameNameWatch();
  const namesByClient = new WeakMap<CacheClient, SameNameWatch>();

  function watchNames(service: string | CacheClient, fn: (...args: never[]) => unknown): void {
    if (typeof service === 'string') {
      namesByRegistry.record(service, fn);
      return;
    }
    const watch = namesByClient.get(service) ?? new SameNameWatch();
    namesByClient.set(service, watch);
    watch.record(service.service, fn);
  }

  return function cached<A extends unknown[], R, This>(
    service: string | CacheClient,
    fn: (this: This, ...args: A) => R | PromiseLike<R>,
    options: CachedOptions<NoInfer<A>> = {},
  ): CachedFunction<A, Awaited<R>, This> {
    checkService(service);
    if (typeof fn !== 'function') throw misuse('fn', 'a function', fn);
    checkCachedOptions(options);
    const plain = fn as (...args: unknown[]) => unknown;
    const makeKey = createKeyMaker(plain, options.key as CachedOptions['key']);
    if (options.key === undefined) watchNames(service, plain);

    const calls = new CachedCall({
      fn: plain,
      makeKey,
      isOwnKey: typeof options.key === 'function',
      bind: bindClient(registry, service, options.cacheType),
      loadOptions: loadOptionsOf(options),
      makeTags: typeof options.tags === 'function' ? (options.tags as (...args: unknown[]) => readonly string[]) : undefined,
      propagates: options.onCacheError === 'propagate',
    });
    const wrapped = function (this: unknown, ...args: unknown[]): Promise<unknown> {
      return calls.call(this, args);
    };
    Object.defineProperty(wrapped, 'name', { value: plain.name, configurable: true });
    Object.defineProperty(wrapped, 'length', { value: plain.length, configurable: true });
    return Object.assign(wrapped, {
      keyFor: (...args: unknown[]) => makeKey(args),
      invalidate: (...args: unknown[]) => calls.invalidate(args),
      refresh(this: unknown, ...args: unknown[]) {
        // Called as a method of the wrapped function, `this` says nothing about the function's own.
        return calls.refresh(this === wrapped ? undefined : this, args);
      },
    }) as unknown as CachedFunction<A, Awaited<R>, This>;
  };
}

function checkService(service: unknown): void {
  const isClient =
    typeof service === 'object' && service !== null && typeof (service as Partial<CacheClient>).getOrLoad === 'function';
  if (!isClient && (typeof service !== 'string' || service === ''))
    throw misuse('service', "a service's name or a client", service);
}

function loadOptionsOf<A extends unknown[]>({ ttl, tags, timeout, allowStale }: CachedOptions<A>): LoadOptions {
  return Object.freeze({
    ...(ttl === undefined ? {} : { ttl }),
    ...(tags === undefined || typeof tags === 'function' ? {} : { tags: [...tags] }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(allowStale === undefined ? {} : { allowStale }),
  });
}
