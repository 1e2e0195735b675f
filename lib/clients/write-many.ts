/**
 * Writing and removing many keys, in slices. Each key is written as a call for it alone would, so each is in Redis or in the log
 * by itself (G8). What calls that come later write meanwhile stays (G4): the rest of this call gives way to them.
 */
import type { TimeSlices } from '../base/time-slices.js';
import type { GroupTicket } from '../sync/write-fence.js';
import type { SetResult } from './cache-client.js';
import { PART_SIZE } from './each-in-parts.js';
import { noteEnds, type Ends } from './note-ends.js';
import type { ServiceCore } from './service-core.js';
import type { PreparedValue, WritePath } from './write-path.js';

/** A write of a later call is there instead. */
const SUPERSEDED: SetResult = { l1: false, l2: 'none' };

/** A value that passed every check, perhaps while it is still being compressed. */
export type Prepared = PreparedValue | Promise<PreparedValue>;

/** Writes of many keys, over the paths of one view. */
export class WriteMany {
  readonly #core: ServiceCore;
  readonly #writes: WritePath;

  constructor(core: ServiceCore, writes: WritePath) {
    this.#core = core;
    this.#writes = writes;
  }

  /** Stores prepared values; resolves to what became of each. @throws what the first write that failed its call did */
  async set(
    prepared: ReadonlyMap<string, Prepared>,
    lifeMs: number | undefined,
    group: GroupTicket,
    slices: TimeSlices,
  ): Promise<Map<string, SetResult>> {
    const store = (key: string): SetResult | Promise<SetResult> => {
      if (group.isOvertaken(key)) return this.#supersede();
      // It is gone because of its tag; what it was to replace must not be what is left.
      if (group.isOvertakenByTag) return this.#writes.remove(key).then(() => this.#supersede());
      return this.#writes.setPrepared(key, prepared.get(key) as Prepared, lifeMs, group.tags);
    };
    const results = new Map<string, SetResult>();
    const note = (key: string, result: SetResult): void => {
      results.set(key, result);
    };
    await this.#each([...prepared.keys()], group, slices, store, note);
    return results;
  }

  /** Removes keys; resolves to how many of them were known to be there. @throws what the first removal that failed did */
  async remove(keys: ReadonlySet<string>, group: GroupTicket, slices: TimeSlices): Promise<number> {
    let existed = 0;
    const remove = (key: string): boolean | Promise<boolean> => !group.isOvertaken(key) && this.#writes.remove(key);
    const note = (_key: string, hasExisted: boolean): void => {
      if (hasExisted) existed++;
    };
    await this.#each([...keys], group, slices, remove, note);
    return existed;
  }

  /** Does something for each key, whatever becomes of the others, and notes the ends in their order. */
  async #each<T>(
    keys: readonly string[],
    group: GroupTicket,
    slices: TimeSlices,
    act: (key: string) => T | Promise<T>,
    note: (key: string, end: T) => void,
  ): Promise<void> {
    const ends: Ends<T> = [];
    let part: (T | Promise<T>)[] = [];
    for (const key of keys) {
      part.push(this.#core.compressing.actFor(group, () => act(key)));
      if (part.length >= PART_SIZE) {
        ends.push(Promise.allSettled(part));
        part = [];
      }
      if (!slices.isOver()) continue;
      // Whoever is between two turns has to hear of a rejection by the next one.
      ends.push(Promise.allSettled(part));
      part = [];
      await this.#pause(slices);
    }
    ends.push(Promise.allSettled(part));
    this.#core.compressing.closeGroup(group);
    await noteEnds(keys, ends, slices, note);
  }

  /** The next slice begins when there is room for what it will write. */
  async #pause(slices: TimeSlices): Promise<void> {
    const outbox = this.#core.parts.redis?.outbox;
    if (outbox?.hasRoom === false) {
      await new Promise<void>((resolve) => {
        outbox.whenRoom(resolve);
      });
    }
    await slices.next();
    this.#core.requireOpen();
  }

  #supersede(): SetResult {
    this.#core.parts.counters.writesSuperseded++;
    return SUPERSEDED;
  }
}
