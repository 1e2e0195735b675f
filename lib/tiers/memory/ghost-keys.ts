/**
 * The keys evicted last, so that one that comes back soon is known. Two generations of a `Set`: when the younger is full
 * it becomes the older and the older is dropped at once, which bounds the memory without an eviction order of its own.
 */

/** A bounded memory of keys. */
export class GhostKeys {
  #young = new Set<string>();
  #old = new Set<string>();

  /** Remembers `key`. `limit`: how many keys may be remembered in all. */
  add(key: string, limit: number): void {
    if (this.#young.size >= Math.max(1, Math.floor(limit / 2))) {
      this.#old = limit > 1 ? this.#young : new Set();
      this.#young = new Set();
    }
    this.#young.add(key);
  }

  /** Forgets `key`; whether it was known. */
  take(key: string): boolean {
    // Nearly always it is unknown, and asking is cheaper than deleting.
    if (!this.#young.has(key) && !this.#old.has(key)) return false;
    this.#young.delete(key);
    this.#old.delete(key);
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    this.#young = new Set();
    this.#old = new Set();
  }

  /** The keys remembered, in O(n). */
  list(): string[] {
    return [...new Set([...this.#old, ...this.#young])];
  }
}
