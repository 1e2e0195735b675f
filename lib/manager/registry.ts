/** The process-wide manager, for programs that have one: `init` fills it, `shutdown` empties it, `getClient` asks it. */
import type { Duration } from '../base/duration.js';
import { CacheError } from '../base/errors.js';
import type { CacheClient } from '../clients/cache-client.js';
import type { ConfigObject } from '../config/config-object.js';
import type { CacheManager } from './cache-manager.js';
import { createManager, type ManagerOptions } from './create-manager.js';

let current: CacheManager | undefined;
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
  if (current?.health().status === 'closed') current = undefined;
  if (current !== undefined || starting !== undefined) {
    throw new CacheError(
      'CACHE_ALREADY_INITIALISED',
      'init() was called before; call shutdown() first, or use createManager() for a second manager',
    );
  }
  starting = createManager(source, options);
  try {
    current = await starting;
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
  generation++;
}

/** Changes whenever {@link getClient} may answer differently: wrappers look their client up again then. */
export function registryGeneration(): number {
  return generation;
}
