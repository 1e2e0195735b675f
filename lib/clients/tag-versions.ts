/**
 * What a process knows of the invalidations of tags without asking Redis. A version noted for a tag is a fact for good: the
 * tag was invalidated then, or later. That there was nothing later is known only while this process hears of every
 * invalidation: of tags noted since it does, and of everything written after it began to.
 *
 * Bounded (G14): the tag noted longest ago gives way, and what was written before its invalidation has to be asked about.
 */

/** Tags noted at most. */
const MAX_TAGS = 10_000;

/** What is known of one tag. */
interface Known {
  /** When it was invalidated last; empty: never. */
  readonly version: string;
  /** The period of hearing everything in which this was noted; within the same one there is nothing later. */
  readonly period: number;
}

/** See the file's header. Versions are those of entries. */
export class TagVersions {
  readonly #known = new Map<string, Known>();
  readonly #maxTags: number;
  /** From which version on no invalidation was missed; `undefined`: some may be. */
  #heardSince: string | undefined;
  #period = 0;

  constructor(maxTags = MAX_TAGS) {
    this.#maxTags = maxTags;
  }

  /** Tags noted. */
  get size(): number {
    return this.#known.size;
  }

  /** Whether this process hears of every invalidation now. */
  get hearsAll(): boolean {
    return this.#heardSince !== undefined;
  }

  /** The period in which an answer of Redis is asked for; see {@link learn}. */
  get period(): number {
    return this.#period;
  }

  /** From now on every invalidation newer than `version` is noted. */
  begin(version: string): void {
    this.#period++;
    this.#heardSince = version;
  }

  /** From now on invalidations may be missed. */
  end(): void {
    this.#period++;
    this.#heardSince = undefined;
  }

  /** Forgets everything: the versions noted are on a time line that does not count any more. */
  forget(): void {
    this.end();
    this.#known.clear();
  }

  /** The last invalidation of a tag that is known of; empty: none. */
  lastOf(tag: string): string {
    return this.#known.get(tag)?.version ?? '';
  }

  /** Whether an entry of this version outlived the tag's last invalidation; `undefined`: Redis has to be asked. */
  verdict(tag: string, version: string): boolean | undefined {
    const known = this.#known.get(tag);
    if (known !== undefined && known.version > version) return false;
    if (this.#heardSince === undefined) return undefined;
    return known?.period === this.#period || version >= this.#heardSince ? true : undefined;
  }

  /** Notes an invalidation; whether it is news. */
  note(tag: string, version: string): boolean {
    const before = this.lastOf(tag);
    const isNews = version > before;
    const known = this.#known.get(tag);
    // What is heard late, of a time before everything was heard, says nothing of what came in between.
    const isLatest = known?.period === this.#period || (this.#heardSince !== undefined && version >= this.#heardSince);
    this.#keep(tag, { version: isNews ? version : before, period: isLatest ? this.#period : (known?.period ?? -1) });
    return isNews;
  }

  /** Notes what Redis said of a tag, asked in `period`; whether there was an invalidation that was not known of. */
  learn(tag: string, version: string, period: number): boolean {
    const known = this.#known.get(tag);
    const before = known?.version ?? '';
    const isNews = version > before;
    if (isNews || this.hearsAll) {
      this.#keep(tag, { version: isNews ? version : before, period: Math.max(period, known?.period ?? 0) });
    }
    return isNews;
  }

  #keep(tag: string, known: Known): void {
    // Put in again, so that the first one is the one noted longest ago.
    this.#known.delete(tag);
    this.#known.set(tag, known);
    if (this.#known.size <= this.#maxTags) return;
    for (const [oldest, { version }] of this.#known) {
      this.#known.delete(oldest);
      if (this.#heardSince !== undefined && version > this.#heardSince) this.#heardSince = version;
      return;
    }
  }
}
