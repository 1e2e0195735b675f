/**
 * Keeps older values from landing after newer writes in this process (G4). Whoever fetches a value in order to keep it (a
 * load, a promotion, a slow encode) opens a ticket first; a write of the same key overtakes every open ticket of that key, the
 * invalidation of a tag those that may bring something with the tag. An overtaken fetch is handed to its callers but not kept.
 *
 * Bounded by the fetches in flight (G14).
 */

/** One fetch in flight. */
export class FenceTicket {
  readonly key: string;
  /** What the value will be tagged with; `undefined`: that is not known yet, it may be anything. */
  tags: readonly string[] | undefined;
  /** Whether a newer write of the key, an invalidation of its tags, or a clear, happened since the ticket was opened. */
  isOvertaken = false;
  /** Whether it was overtaken by nothing but invalidations of tags. */
  isOvertakenByTag = false;
  /** Called when a write of the key, or a clear, overtakes the ticket: for who waits for just that. */
  onOvertaken: (() => void) | undefined;
  /** The next older ticket of the same key. */
  next: FenceTicket | undefined;

  constructor(key: string, tags?: readonly string[]) {
    this.key = key;
    this.tags = tags;
  }
}

/** The open tickets of one service. */
export class WriteFence {
  readonly #open = new Map<string, FenceTicket>();

  /** Keys that have an open ticket. */
  get size(): number {
    return this.#open.size;
  }

  /** Opens a ticket, before the fetch begins; without `tags` it is not known what the value will be tagged with. */
  open(key: string, tags?: readonly string[]): FenceTicket {
    const ticket = new FenceTicket(key, tags);
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
    for (let at: FenceTicket | undefined = newest; at !== undefined; at = at.next) {
      at.isOvertaken = true;
      at.isOvertakenByTag = false;
      at.onOvertaken?.();
    }
  }

  /** A tag was invalidated: nothing fetched before it that has, or may have, the tag may be kept. */
  overtakeTagged(tag: string): void {
    for (const newest of this.#open.values()) {
      for (let at: FenceTicket | undefined = newest; at !== undefined; at = at.next) {
        if (at.isOvertaken || at.tags?.includes(tag) === false) continue;
        at.isOvertaken = true;
        at.isOvertakenByTag = true;
      }
    }
  }

  /** Nothing that `isDue` says yes to may be kept. */
  overtakeWhere(isDue: (ticket: FenceTicket) => boolean): void {
    for (const newest of this.#open.values()) {
      for (let at: FenceTicket | undefined = newest; at !== undefined; at = at.next) if (isDue(at)) at.isOvertaken = true;
    }
  }

  /** Everything was written at once (a clear). */
  overtakeAll(): void {
    for (const key of [...this.#open.keys()]) this.overtake(key);
  }
}
