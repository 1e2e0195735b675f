/**
 * Events of one service, passed on to the manager's listeners too. A listener that throws or rejects changes nothing
 * (G10), and an event nobody listens to is not even built: callers ask {@link EventHub.hears} first.
 */
import { EventEmitter } from 'eventemitter3';
import { misuse } from '../base/describe-value.js';
import { CACHE_EVENTS, type CacheEventMap, type CacheEventName } from './events.js';

type Listener<E extends CacheEventName> = (payload: CacheEventMap[E]) => void;

/** Listeners of one service, or of the manager (which has no parent). */
export class EventHub {
  readonly #emitter = new EventEmitter();
  readonly #parent: EventHub | undefined;
  readonly #children = new Set<EventHub>();
  #ownHitListeners = 0;
  /** Whether anybody listens to `hit`, here or at the manager: kept as a field because every hit asks. */
  hearsHits = false;

  constructor(parent?: EventHub) {
    this.#parent = parent;
    if (parent !== undefined) parent.#children.add(this);
    this.#refresh();
  }

  /** Whether an event has a listener, here or at the manager. */
  hears(event: CacheEventName): boolean {
    return this.#emitter.listenerCount(event) > 0 || (this.#parent?.hears(event) ?? false);
  }

  /** Adds a listener. */
  on<E extends CacheEventName>(event: E, listener: Listener<E>): void {
    requireListener(event, listener);
    this.#emitter.on(event, listener);
    this.#refresh();
  }

  /** Removes a listener; one that was never added is ignored. */
  off<E extends CacheEventName>(event: E, listener: Listener<E>): void {
    // Without a listener the emitter would remove all of them.
    requireListener(event, listener);
    this.#emitter.off(event, listener);
    this.#refresh();
  }

  /** Calls every listener, each shielded from the others' failures. */
  emit<E extends CacheEventName>(event: E, payload: CacheEventMap[E]): void {
    for (const listener of this.#emitter.listeners(event)) {
      try {
        const result: unknown = listener(payload);
        if (result instanceof Promise) result.catch(() => undefined);
      } catch {
        // The listener's own failure: it must not reach the call that caused the event.
      }
    }
    this.#parent?.emit(event, payload);
  }

  /** Removes every listener; after that nothing is emitted from here. */
  close(): void {
    this.#emitter.removeAllListeners();
    if (this.#parent !== undefined) this.#parent.#children.delete(this);
    this.#refresh();
  }

  #refresh(): void {
    this.#ownHitListeners = this.#emitter.listenerCount('hit');
    this.hearsHits = this.#ownHitListeners > 0 || (this.#parent?.hearsHits ?? false);
    for (const child of this.#children) child.#refresh();
  }
}

function requireListener(event: unknown, listener: unknown): void {
  if (!(CACHE_EVENTS as readonly unknown[]).includes(event)) throw misuse('event', `one of ${CACHE_EVENTS.join(', ')}`, event);
  if (typeof listener !== 'function') throw misuse('listener', 'a function', listener);
}
