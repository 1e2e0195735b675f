/**
 * An in-memory client with what the wrappers use: peek, getOrLoad (single flight, remembered `undefined`), refresh,
 * delete and views. It records its calls and can be told to fail. Anything else is missing on purpose.
 */
import type { CacheError } from '../../../lib/base/errors.js';
import type { LoadOptions, Loader } from '../../../lib/clients/cache-client.js';
import type { InternalClient } from '../../../lib/clients/internal-client.js';
import type { CacheType } from '../../../lib/config/resolved-config.js';
import type { ClientRegistry } from '../../../lib/wrap/client-binding.js';
import { createCached, type Cached } from '../../../lib/wrap/create-cached.js';

/** A fake client and what a test wants to know of it. */
export class FakeClient {
  readonly service: string;
  readonly cacheType: CacheType | 'all';
  readonly store = new Map<string, unknown>();
  readonly views = new Map<CacheType, FakeClient>();
  readonly deleted: string[] = [];
  readonly loadOptions: (LoadOptions | undefined)[] = [];
  readonly reports: { error: CacheError; key: string | undefined }[] = [];
  needsLoadPath = false;
  peeks = 0;
  viewsMade = 0;
  /** Thrown by `peek`. */
  peekError: Error | undefined;
  /** What `getOrLoad` rejects with before it loads. */
  loadError: Error | undefined;
  /** What `getOrLoad` rejects with after the loader succeeded. */
  storeError: Error | undefined;
  /** What `delete` and `refresh` reject with. */
  writeError: Error | undefined;
  readonly #flights = new Map<string, Promise<unknown>>();

  constructor(service = 'users', cacheType: CacheType | 'all' = 'all') {
    this.service = service;
    this.cacheType = cacheType;
  }

  peek(key: string): unknown {
    this.peeks += 1;
    if (this.peekError !== undefined) throw this.peekError;
    return this.store.get(key);
  }

  async getOrLoad(key: string, loader: Loader<unknown>, options?: LoadOptions): Promise<unknown> {
    this.loadOptions.push(options);
    if (this.loadError !== undefined) throw this.loadError;
    if (this.store.has(key)) return this.store.get(key);
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const flight = this.#load(key, loader).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  async refresh(key: string, loader: Loader<unknown>, options?: LoadOptions): Promise<unknown> {
    this.loadOptions.push(options);
    if (this.writeError !== undefined) throw this.writeError;
    return this.#load(key, loader);
  }

  async delete(key: string): Promise<boolean> {
    if (this.writeError !== undefined) throw this.writeError;
    this.deleted.push(key);
    return this.store.delete(key);
  }

  view(cacheType: CacheType): InternalClient {
    this.viewsMade += 1;
    const view = this.views.get(cacheType);
    if (view === undefined) throw new TypeError(`The service has no tier for ${cacheType}`);
    return view.asClient();
  }

  reportError(error: CacheError, key?: string): void {
    this.reports.push({ error, key });
  }

  asClient(): InternalClient {
    return this as unknown as InternalClient;
  }

  async #load(key: string, loader: Loader<unknown>): Promise<unknown> {
    const value = await loader({ key, signal: new AbortController().signal });
    if (this.storeError !== undefined) throw this.storeError;
    this.store.set(key, value);
    return value;
  }
}

/** A registry of fake clients whose lookups are counted. */
export class FakeRegistry implements ClientRegistry {
  clients = new Map<string, FakeClient>();
  lookups = 0;
  #generation = 0;
  readonly #missing: () => Error;

  constructor(missing: () => Error) {
    this.#missing = missing;
  }

  getClient(service: string): InternalClient {
    this.lookups += 1;
    const client = this.clients.get(service);
    if (client === undefined) throw this.#missing();
    return client.asClient();
  }

  generation(): number {
    return this.#generation;
  }

  /** Stands for `init()` and `shutdown()`. */
  replace(...clients: FakeClient[]): void {
    this.clients = new Map(clients.map((client) => [client.service, client]));
    this.#generation += 1;
  }
}

/** `cached` over no registry at all, for tests that pass the client. */
export const cachedWithoutRegistry: Cached = createCached({
  getClient: () => {
    throw new Error('No registry in this test');
  },
  generation: () => 0,
});
