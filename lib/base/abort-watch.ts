/**
 * Listening to an `AbortSignal` that many calls were given. Each signal gets one listener however many watch it: Node warns of a
 * leak at eleven, and a request's signal may well be behind a hundred loads. The listener goes with the last watch.
 */

interface Watched {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const watched = new WeakMap<AbortSignal, Watched>();

/** Calls `callback` once when `signal` is aborted; returns a function that ends the watch. A signal that is aborted already is not heard. */
export function watchAbort(signal: AbortSignal, callback: () => void): () => void {
  // A function of its own: the same callback may be given for several watches.
  const call = (): void => {
    callback();
  };
  const { callbacks } = watched.get(signal) ?? listenTo(signal);
  callbacks.add(call);
  return () => {
    if (!callbacks.delete(call) || callbacks.size > 0) return;
    const own = watched.get(signal);
    if (own?.callbacks !== callbacks) return;
    watched.delete(signal);
    signal.removeEventListener('abort', own.listener);
  };
}

function listenTo(signal: AbortSignal): Watched {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    watched.delete(signal);
    const due = [...callbacks];
    callbacks.clear();
    for (const call of due) call();
  };
  const created = { callbacks, listener };
  watched.set(signal, created);
  signal.addEventListener('abort', listener, { once: true });
  return created;
}
