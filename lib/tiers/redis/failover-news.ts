/**
 * What listeners of a connection learn about its server being another one: that it says it is a replica, and that it may have
 * lost writes it had confirmed. The latter waits until commands can be sent.
 */
import type { ConnectionListener } from './connection-monitor.js';

/** See the file's header. */
export class FailoverNews {
  readonly #listeners = new Set<ConnectionListener>();
  #isPending = false;
  #wasReplica = false;

  /** Adds a listener; returns a function that removes it. */
  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** There is another server; {@link tell} passes it on. */
  noteOther(): void {
    this.#isPending = true;
  }

  /** The server says that it is a replica. */
  noteReplica(): void {
    this.#wasReplica = true;
    for (const listener of [...this.#listeners]) listener.onReplica?.();
  }

  /** The server is a primary: after a replica another one, or one that has taken up what another one had. */
  notePrimary(): void {
    this.#isPending ||= this.#wasReplica;
    this.#wasReplica = false;
  }

  /** Tells listeners what is pending; called while commands may be sent. */
  tell(): void {
    if (!this.#isPending) return;
    this.#isPending = false;
    for (const listener of [...this.#listeners]) listener.onFailover?.();
  }

  /** Tells nobody anything from now on. */
  close(): void {
    this.#listeners.clear();
  }
}
