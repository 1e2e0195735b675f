/**
 * Keeps older values from landing after newer writes in this process (G4). Whoever fetches a value in order to keep it (a
 * load, a promotion, a slow encode) opens a ticket first; a write of the same key overtakes every open ticket of that key,
 * and an overtaken fetch is handed to its callers but not kept.
 *
 * Bounded by the fetches in flight (G14).
 */

/** One fetch in flight. */
export class FenceTicket {
  readonly key: string;
  /** Whether a newer write of the key, or a clear, happened since the ticket was opened. */
  isOvertaken = false;
  /** The next older ticket of the same key. */
  next: FenceTicket | undefined;

  constructor(key: string) {
    this.key = key;
  }
}

/** The open tickets of one service. */
export class WriteFence {
  readonly #open = new Map<string, FenceTicket>();

  /** Keys that have an open ticket. */
  get size(): number {
    return this.#open.size;
  }

  /** Opens a ticket, before the fetch begins. */
  open(key: string): FenceTicket {
    const ticket = new FenceTicket(key);
    this.admit(ticket);
    return ticket;
  }

  /** Opens a ticket that is part of something larger. */
  admit(ticket: FenceTicket): void {
    ticket.next = this.#open.get(ticket.key);
    this.#open.set(ticket.key, ticket);
  }

  /** Closes a ticket, after the value was kept or dropped. */
  close(ticket: FenceTicket): void {
    const newest = this.#open.get(ticket.key);
    if (newest === ticket) {
      if (ticket.next === undefined) this.#open.delete(ticket.key);
      else this.#open.set(ticket.key, ticket.next);
      return;
    }
    for (let at = newest; at !== undefined; at = at.next) {
      if (at.next === ticket) {
        at.next = ticket.next;
        return;
      }
    }
  }

  /** A write of `key` happened: nothing fetched before it may be kept. */
  overtake(key: string): void {
    if (this.#open.size === 0) return;
    const newest = this.#open.get(key);
    if (newest === undefined) return;
    this.#open.delete(key);
    for (let at: FenceTicket | undefined = newest; at !== undefined; at = at.next) at.isOvertaken = true;
  }

  /** Everything was written at once (a clear). */
  overtakeAll(): void {
    for (const key of [...this.#open.keys()]) this.overtake(key);
  }
}
