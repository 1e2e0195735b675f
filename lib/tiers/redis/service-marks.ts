/**
 * The marks of one service in Redis: when it was last cleared, when each tag was last invalidated, and the highest version that was
 * ever applied. All are in one hash (in a cluster one for each bucket), so that they are lost together or not at all.
 *
 * 1. Marks that are not there are not known. Unless Redis can't have lost them, whoever finds that makes new ones, by which everything
 *    that is there counts as cleared. 2. Versions up to the highest one are followed however far ahead of the server's clock they
 *    are: that clock was there once and has been set back since.
 */
import { VERSION_LENGTH, type HybridClock } from '../../base/hybrid-clock.js';
import type { Announcer } from './announcement.js';
import type { ClearLine } from './clear-line.js';
import type { KeySpace } from './key-space.js';
import { CLEARED_FIELD, HIGHEST_FIELD, isPassed, NEVER, noteClear, openMarks, PRUNED_FIELD, TAG_FIELD } from './marks-script.js';
import type { RedisConnection } from './redis-connection.js';
import { replyCode, unavailable } from './redis-errors.js';
import { tagMarkOf } from './tag-mark.js';
import { TagQuestions, type TagReceiver } from './tag-questions.js';

/** How often marks that are gone are made anew for one call. */
const MAX_ATTEMPTS = 5;

/** What they are made of. */
export interface ServiceMarksParts {
  readonly connection: RedisConnection;
  readonly keySpace: KeySpace;
  /** Absent: the other processes are not told. */
  readonly announcer: Announcer | undefined;
  readonly clock: HybridClock;
  readonly clearLine: ClearLine;
  readonly timeoutMs: number;
  /** Marks were lost: what this process holds may have been invalidated. */
  readonly onLoss: () => void;
  /** Told of a tag whose mark is none of ours. */
  readonly onForeign: (tag: string) => void;
}

/** See the file's header. */
export class ServiceMarks {
  readonly #parts: ServiceMarksParts;
  readonly #questions: TagQuestions;
  readonly #opening = new Map<number, Promise<void>>();

  constructor(parts: ServiceMarksParts) {
    this.#parts = parts;
    const { keySpace } = parts;
    this.#questions = new TagQuestions(
      (tag) => keySpace.bucketFor(tagMarkOf(tag)),
      (bucket, tags) => this.#readTags(bucket, tags),
    );
  }

  /** Learns what is there; resolves to whether a clear was news. @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT */
  async learn(): Promise<boolean> {
    return (await this.#readAll()).isNews;
  }

  /**
   * Reads the highest version of every bucket; resolves to the highest of those by which an invalidation is passed that is called
   * now, by a process that knew versions up to `newest`; empty: there is none.
   *
   * @throws {CacheError} as above
   */
  async highest(newest: string): Promise<string> {
    const own = this.#parts.clock.versionOf(0);
    const { isNews, highest } = await this.#readAll();
    if (isNews) this.#parts.onLoss();
    return highest.reduce((one, other) => (other > one && isPassed(own, other, newest) ? other : one), '');
  }

  async #readAll(): Promise<{ readonly isNews: boolean; readonly highest: readonly string[] }> {
    const { keySpace, connection } = this.#parts;
    const found = await Promise.all(keySpace.buckets.map((bucket) => this.#read(bucket, [])));
    const missing = keySpace.buckets.filter((_, i) => found[i]?.cleared === null);
    const news = found.map(({ cleared, highest }) => this.#take(cleared, highest));
    if (missing.length > 0 && (await connection.eviction.known()).takesMarks) {
      await Promise.all(missing.map((bucket) => this.open(bucket)));
    }
    return { isNews: news.includes(true), highest: found.map(({ highest }) => highest) };
  }

  /** Asks when a tag was last invalidated, together with everybody else's questions of this tick. */
  ask(tag: string, receive: TagReceiver): void {
    this.#questions.ask(tag, receive);
  }

  /** Does what needs the marks of a bucket; while it resolves to `undefined`, they are made and it is done again. */
  async opened<T>(bucket: number, action: () => Promise<T | undefined>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const result = await action();
      if (result !== undefined) return result;
      if (attempt === MAX_ATTEMPTS) throw unavailable(new Error('the marks of the service are removed again and again'));
      await this.open(bucket);
    }
  }

  /** Makes the marks of a bucket, which were not there. @throws {CacheError} as above */
  open(bucket: number): Promise<void> {
    let opening = this.#opening.get(bucket);
    if (opening === undefined) {
      opening = this.#open(bucket).finally(() => this.#opening.delete(bucket));
      this.#opening.set(bucket, opening);
    }
    return opening;
  }

  /**
   * Notes a clear; resolves to the version it got: a newer one than `version` if others have written with versions that this
   * process did not know of.
   *
   * @param isLate whether it is as old as its version, because it waited in the log or is sent again
   * @throws {CacheError} as above
   */
  async clear(version: string, isLate: boolean): Promise<string> {
    const { keySpace, announcer, clock } = this.#parts;
    let noted = await this.#clearOnce(version, isLate ? undefined : clock.newest);
    // In a cluster each bucket has its own history; the clear is as new as the newest of them demands.
    const newest = noted.reduce((one, other) => (other > one ? other : one), '');
    clock.follow(newest);
    if (noted.some((one) => one !== newest)) noted = await this.#clearOnce(newest, undefined);
    if (keySpace.isBucketed) await announcer?.send(announcer.ofClear(newest));
    return newest;
  }

  #clearOnce(version: string, newest: string | undefined): Promise<string[]> {
    const { connection, keySpace, announcer, timeoutMs } = this.#parts;
    const announcement = keySpace.isBucketed ? undefined : announcer?.ofClear(version);
    return Promise.all(
      keySpace.buckets.map((bucket) =>
        this.opened(bucket, () => noteClear(connection, keySpace.marksOf(bucket), { version, newest }, announcement, timeoutMs)),
      ),
    );
  }

  async #open(bucket: number): Promise<void> {
    const { connection, keySpace, announcer, clock, timeoutMs } = this.#parts;
    const version = clock.versionOf(clock.stamp());
    const announcement = announcer?.ofClear(version);
    const within = keySpace.isBucketed ? undefined : announcement;
    await connection.eviction.refresh();
    const { takesMarks } = await connection.eviction.known();
    const opening = { version, isFirst: !takesMarks, pattern: keySpace.patternOf(bucket) };
    const state = await openMarks(connection, keySpace.marksOf(bucket), opening, within, timeoutMs);
    const isNews = this.#take(state.cleared, state.highest);
    if (state.isLoss && keySpace.isBucketed && announcement !== undefined) await announcer?.send(announcement);
    if (isNews) this.#parts.onLoss();
  }

  /** @throws {CacheError} as above */
  async #readTags(bucket: number, tags: readonly string[]): Promise<(string | undefined)[]> {
    const { cleared, highest, pruned, values } = await this.#read(
      bucket,
      tags.map((tag) => TAG_FIELD + tag),
    );
    if (cleared === null) await this.open(bucket);
    else if (this.#take(cleared, highest)) this.#parts.onLoss();
    return tags.map((tag, i) => {
      const version = values[i] ?? '';
      if (version !== '' && version.length !== VERSION_LENGTH) {
        this.#parts.onForeign(tag);
        return undefined;
      }
      // Marks that were removed are those of invalidations up to then: one of them may have been this tag's.
      const last = version > pruned ? version : pruned;
      return this.#parts.clock.observe(last) ? last : '';
    });
  }

  async #read(bucket: number, fields: readonly string[]): Promise<ReadMarks> {
    const { connection, keySpace, timeoutMs } = this.#parts;
    const args = [keySpace.marksOf(bucket), CLEARED_FIELD, HIGHEST_FIELD, PRUNED_FIELD, ...fields];
    const [cleared, highest, pruned, ...values] = await connection
      .send<(string | null)[]>('hmget', args, timeoutMs)
      .catch((error: unknown): null[] => {
        // Another type than a hash is none of ours, and counts as nothing there (G13).
        if (replyCode(error) === 'WRONGTYPE') return [];
        throw unavailable(error);
      });
    return { cleared: versionIn(cleared) ?? null, highest: versionIn(highest) ?? '', pruned: versionIn(pruned) ?? '', values };
  }

  /** Takes over what the marks of a bucket say; returns whether there was a clear that this process did not know of. */
  #take(cleared: string | null, highest: string): boolean {
    this.#parts.clock.follow(highest);
    return cleared !== null && cleared !== NEVER && this.#parts.clearLine.raise(cleared);
  }
}

/** What stands in a field, if it has the form of a version. */
function versionIn(field: string | null | undefined): string | undefined {
  return field?.length === VERSION_LENGTH ? field : undefined;
}

/** Marks as they are read. */
interface ReadMarks {
  /** Null: there are no marks. */
  readonly cleared: string | null;
  readonly highest: string;
  readonly pruned: string;
  /** Of the fields asked for. */
  readonly values: readonly (string | null)[];
}
