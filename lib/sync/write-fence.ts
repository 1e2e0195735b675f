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

/** A call that is about many keys and takes its time: it notes which of them later calls have written. */
export class GroupTicket {
  /** What the values will be tagged with; `undefined`: nothing. */
  readonly tags: readonly string[] | undefined;
  /** Whether everything was cleared. */
  isAllOvertaken = false;
  /** Whether one of the tags was invalidated. */
  isOvertakenByTag = false;
  /** Bounded by the writes of other calls while this one lasts. */
  readonly #overtaken = new Set<string>();

  constructor(tags?: readonly string[]) {
    this.tags = tags;
  }

  /** Whether a later call has written a key. */
  isOvertaken(key: string): boolean {
    return this.isAllOvertaken || this.#overtaken.has(key);
  }

  /** A key was written. */
  overtake(key: string): void {
    this.#overtaken.add(key);
  }
}

/** The open tickets of one service. */
export class WriteFence {
  readonly #open = new Map<string, FenceTicket>();
  /** In the order of the calls. */
  readonly #groups = new Set<GroupTicket>();
  /** The call about many keys that is writing just now. */
  #acting: GroupTicket | undefined;

  /** Keys, and groups of keys, that have an open ticket. */
  get size(): number {
    return this.#open.size + this.#groups.size;
  }

  /** Opens the ticket of a call about many keys. */
  openGroup(tags?: readonly string[]): GroupTicket {
    const group = new GroupTicket(tags);
    this.#groups.add(group);
    return group;
  }

  /** Does a part of a call about many keys. */
  actFor<T>(group: GroupTicket, act: () => T): T {
    this.#acting = group;
    try {
      return act();
    } finally {
      this.#acting = undefined;
    }
  }

  /** Closes it. */
  closeGroup(group: GroupTicket): void {
    this.#groups.delete(group);
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
    for (const group of this.#groups) {
      // It was called before those that follow, and they will write the key after it.
      if (group === this.#acting) break;
      group.overtake(key);
    }
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
    for (const group of this.#groups) if (group.tags?.includes(tag) === true) group.isOvertakenByTag = true;
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
    for (const group of this.#groups) group.isAllOvertaken = true;
    for (const key of [...this.#open.keys()]) this.overtake(key);
  }
}
