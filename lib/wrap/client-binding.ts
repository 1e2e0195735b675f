/**
 * Finds the client a wrapped function uses: given, or looked up by name at the first call and remembered until the
 * registry's generation changes, so that a function wrapped once survives `shutdown()` and the next `init()`.
 */
import type { CacheError } from '../base/errors.js';
import { describeValue } from '../base/describe-value.js';
import type { CacheClient } from '../clients/cache-client.js';
import type { InternalClient } from '../clients/internal-client.js';
import type { CacheType } from '../config/resolved-config.js';

/** Where services are looked up by name. */
export interface ClientRegistry {
  /**
   * The client of a service; throws `CACHE_NOT_INITIALISED` or `CACHE_SERVICE_UNKNOWN`.
   *
   * @param since the {@link generation} at which the function that asks was wrapped
   */
  getClient(service: string, since: number): CacheClient;
  /** A number that changes whenever `getClient` may answer differently from before. */
  generation(): number;
}

/** What is used of a client; what users bring along may lack the optional part. */
export type BoundClient = CacheClient & Partial<Pick<InternalClient, 'needsLoadPath' | 'view' | 'reportError'>>;

/** A client in use by one wrapped function. */
export class ClientBinding {
  /** The tiers the wrapper uses. */
  readonly client: BoundClient;
  /** Whether a hit may be answered by `peek` alone. */
  readonly canPeek: boolean;
  /** All tiers of the service: an invalidation spares none. */
  readonly #whole: BoundClient;
  readonly #reported = new Set<string>();

  constructor(client: BoundClient, cacheType: CacheType | undefined) {
    this.#whole = client;
    this.client = cacheType === undefined ? client : restrict(client, cacheType);
    this.canPeek = this.client.needsLoadPath !== true;
  }

  /** Deletes a key from every tier. */
  delete(key: string): Promise<boolean> {
    return this.#whole.delete(key);
  }

  /** Reports a failure that a call was spared, once per code: what fails every call would otherwise flood the log. */
  report(error: CacheError, key?: string): void {
    // Closing is the user's own doing.
    if (error.code === 'CACHE_CLOSED' || this.#reported.has(error.code)) return;
    this.#reported.add(error.code);
    try {
      // The client's own word for a key that is too long to be repeated comes first.
      this.#whole.reportError?.(error, error.key ?? key);
    } catch {
      // G10: a failing report changes nothing for the call.
    }
  }
}

function restrict(client: BoundClient, cacheType: CacheType): BoundClient {
  if (typeof client.view !== 'function') {
    throw new TypeError(
      `The option \`cacheType\` needs a client of this library, got ${describeValue(client)} without tiers to choose from`,
    );
  }
  return client.view(cacheType);
}

/** Returns a function that finds the binding of the moment; it throws what the registry throws. */
export function bindClient(
  registry: ClientRegistry,
  service: string | CacheClient,
  cacheType: CacheType | undefined,
): () => ClientBinding {
  let binding: ClientBinding | undefined;
  if (typeof service !== 'string') return () => (binding ??= new ClientBinding(service, cacheType));
  let boundAt = Number.NaN;
  const since = registry.generation();
  return () => {
    const generation = registry.generation();
    if (binding === undefined || generation !== boundAt) {
      binding = new ClientBinding(registry.getClient(service, since), cacheType);
      boundAt = generation;
    }
    return binding;
  };
}
