/**
 * Keys whose entries count as gone although they are still there, because removing all of them at once would hold up the event
 * loop. A key leaves the list when it is written again or removed.
 */

/** See the file's header. Bounded by the keys that were handed over and not removed yet (G14). */
export class DoomedKeys {
  #groups: Set<string>[] = [];
  #cursor: Iterator<string> | undefined;

  /** Whether there are none. */
  get isEmpty(): boolean {
    return this.#groups.length === 0;
  }

  /** Adds keys; the set belongs to the list from now on. */
  add(keys: Set<string>): void {
    this.#groups.push(keys);
  }

  /** Takes a key off the list; returns whether it was on it. */
  take(key: string): boolean {
    let wasThere = false;
    for (const keys of this.#groups) if (keys.delete(key)) wasThere = true;
    return wasThere;
  }

  /** Returns each key once, and `undefined` after the last one: then the list is empty. */
  next(): string | undefined {
    for (;;) {
      const [first] = this.#groups;
      if (first === undefined) return undefined;
      this.#cursor ??= first.values();
      const next = this.#cursor.next();
      // It stays on the list until its group is through: taking off each key would make the set smaller again and again.
      if (next.done !== true) return next.value;
      this.#groups.shift();
      this.#cursor = undefined;
    }
  }

  /** Forgets all: their entries are gone. */
  clear(): void {
    this.#groups = [];
    this.#cursor = undefined;
  }
}
