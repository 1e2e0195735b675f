/**
 * Keeps calls in turn in order (G17) where the mark of a tag and the entries that have it are in different buckets of a cluster, so
 * that no script sees both. Clocks agree only to within a round trip, so versions alone can't tell.
 *
 * 1. An invalidation reads the highest version of every bucket after its call, and gets one above those. So whatever was applied
 *    before the call is older. 2. An awaited write with tags reads their marks after its call, while it is on its way. A newer mark
 *    was there before, so the write has to be renewed. 3. Invalidations that this process sent before such a write have ended
 *    before the marks are read. So the write stays, although the version of the invalidation was raised meanwhile.
 */
import type { ServiceMarks } from './service-marks.js';

/** See the file's header. */
export class TagOrder {
  readonly #marks: ServiceMarks;
  /** Resolves when the invalidations sent so far have ended; absent: none is under way. */
  #invalidating: Promise<unknown> | undefined;

  constructor(marks: ServiceMarks) {
    this.#marks = marks;
  }

  /**
   * The version that invalidations which are called now have to exceed; empty: none.
   *
   * @param newest the newest version this process knew when it sent them
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT
   */
  floor(newest: string): Promise<string> {
    return this.#marks.highest(newest);
  }

  /** Notes invalidations that are under way until `ends` has settled. */
  hold(ends: Promise<unknown>): void {
    const all = Promise.allSettled([this.#invalidating, ends]).then(() => {
      if (this.#invalidating === all) this.#invalidating = undefined;
    });
    this.#invalidating = all;
  }

  /** The newest mark of one of the tags; empty: they have none, `undefined`: that can't be known now. Never rejects. */
  async newestMark(tags: readonly string[]): Promise<string | undefined> {
    // Not even for a turn if there is none: the question travels beside the write.
    if (this.#invalidating !== undefined) await this.#invalidating;
    const marks = await Promise.all(tags.map((tag) => this.#ask(tag)));
    return marks.reduce((one, other) => (one === undefined || other === undefined ? undefined : other > one ? other : one), '');
  }

  #ask(tag: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#marks.ask(tag, resolve);
    });
  }
}
