/** Records the events of a client or a manager, for tests that assert what was reported. */
import type { CacheEventMap, CacheEventName } from '../../lib/observe/events.js';

/** What has events: a client, a manager. */
export interface EventSource {
  on<E extends CacheEventName>(event: E, listener: (payload: CacheEventMap[E]) => void): unknown;
}

/** One event that happened. */
export type CollectedEvent<E extends CacheEventName> = { [K in E]: { readonly event: K; readonly payload: CacheEventMap[K] } }[E];

/** Returns an array that grows by every event of the given names from now on, in their order. */
export function collectEvents<E extends CacheEventName>(source: EventSource, ...names: readonly E[]): CollectedEvent<E>[] {
  const collected: CollectedEvent<E>[] = [];
  for (const event of names) {
    source.on(event, (payload) => {
      collected.push({ event, payload });
    });
  }
  return collected;
}
