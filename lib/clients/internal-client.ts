/**
 * What the wrappers use of a client beyond its public face. The library's own clients have all of it; a client a user
 * brings along need not, and then does without the shortcut, the reports and the restriction to some tiers.
 */
import type { CacheError } from '../base/errors.js';
import type { CacheType } from '../config/resolved-config.js';
import type { CacheClient } from './cache-client.js';

/** A client as the rest of the library sees it. */
export interface InternalClient<V = unknown> extends CacheClient<V> {
  /** Whether hits must go through `getOrLoad` too, because reads may start a background reload (`refresh_ahead`). */
  readonly needsLoadPath: boolean;
  /**
   * The same service, restricted to some of its tiers.
   *
   * @throws {TypeError} when the service has no such tier
   */
  view(cacheType: CacheType): CacheClient<V>;
  /** Emits and logs an error that did not fail a call. */
  reportError(error: CacheError, key?: string): void;
}
