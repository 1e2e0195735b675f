/** The process-wide manager, for programs that have one: `init` fills it, `shutdown` empties it, `getClient` asks it. */
import type { Duration } from '../base/duration.js';
import { CacheError } from '../base/errors.js';
import type { CacheClient } from '../clients/cache-client.js';
import type { ConfigObject } from '../config/config-object.js';
import type { CacheManager } from './cache-manager.js';
import { createManager, type ManagerOptions } from './create-manager.js';

let current: CacheManager | undefined;
/** The manager of before, once it is closed: what it refuses with is what wrapped functions go on without. */
let closed: CacheManager | undefined;
/** What runs when the manager of the time, or the next one, is closed. */
let onceClosed: (() => void)[] = [];
let starting: Promise<CacheManager> | undefined;
let generation = 0;

/**
 * Makes the process-wide manager. Works without Redis: services then run degraded until it can be reached.
 *
 * @param source the path of a TOML file, or the same as an object
 * @throws {CacheError} CACHE_ALREADY_INITIALISED, CACHE_CONFIG_NOT_FOUND, CACHE_CONFIG_SYNTAX, CACHE_CONFIG_INVALID
 * @example
 * await init('config.toml');
 * const user = await getClient<User>('user_cache').get('42');
 */
export async function init(source: string | ConfigObject, options?: ManagerOptions): Promise<CacheManager> {
  // A manager that was closed by itself is as good as none.
  if (current !== undefined && ['draining', 'closed'].includes(current.health().status)) current = undefined;
  if (current !== undefined || starting !== undefined) {
    throw new CacheError(
      'CACHE_ALREADY_INITIALISED',
      'init() was called before; call shutdown() first, or use createManager() for a second manager',
    );
  }
  starting = createManager(source, options);
  try {
    current = await starting;
    closed = undefined;
    for (const action of onceClosed.splice(0)) current.onceClosed(action);
    generation++;
    return current;
  } finally {
    starting = undefined;
  }
}

/**
 * The client of a service of the process-wide manager.
 *
 * @throws {CacheError} CACHE_NOT_INITIALISED before `init` and after `shutdown`, CACHE_SERVICE_UNKNOWN
 */
export function getClient<V = unknown>(service: string): CacheClient<V> {
  if (current === undefined) {
    throw new CacheError('CACHE_NOT_INITIALISED', 'Call and await init() before using a cache', { service });
  }
  return current.client<V>(service);
}

/**
 * Closes the process-wide manager, if there is one; `init` may be called again afterwards.
 *
 * @param options `deadline`: how long accepted work is drained; 5 s
 */
export async function shutdown(options?: { readonly deadline?: Duration }): Promise<void> {
  // What is being made is closed too; that it failed is for the caller of `init` to hear.
  await starting?.catch(() => undefined);
  const manager = current;
  if (manager === undefined) return;
  await manager.close(options);
  if (current !== manager) return;
  current = undefined;
  closed = manager;
  generation++;
}

/**
 * {@link getClient} for wrapped functions. After `shutdown` those from before get a client that is closed, so that they run
 * without a cache; to wrap a function then, and to call it before the next `init`, is a mistake in the program.
 *
 * @param since the {@link registryGeneration} at which the function was wrapped
 */
export function getWrapperClient(service: string, since: number): CacheClient {
  return current === undefined && closed !== undefined && since < generation ? closed.client(service) : getClient(service);
}

/** Runs `action` when the process-wide manager is closed, or the next one where there is none. Returns what forgets it. */
export function onceRegistryClosed(action: () => void): () => void {
  let isForgotten = false;
  const run = (): void => {
    if (!isForgotten) action();
  };
  if (current === undefined) onceClosed.push(run);
  else current.onceClosed(run);
  return () => {
    isForgotten = true;
    onceClosed = onceClosed.filter((each) => each !== run);
  };
}

/** Changes whenever {@link getClient} may answer differently: wrappers look their client up again then. */
export function registryGeneration(): number {
  return generation;
}
