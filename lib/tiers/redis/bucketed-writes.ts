/**
 * Writes in a cluster: one script call for each bucket among the keys of a batch, side by side; then, before anybody hears of
 * their outcomes, one message about all that was applied (the stream is in a slot of its own). What one script can't compare,
 * because it is in several buckets, is compared here, by the rules of {@link TagOrder}.
 */
import { CacheError } from '../../base/errors.js';
import { tagsOfSealed } from '../../codec/envelope.js';
import type { Announcer, Told } from './announcement.js';
import { bucketOf, type KeySpace } from './key-space.js';
import type { RedisConnection } from './redis-connection.js';
import { unavailable } from './redis-errors.js';
import type { ServiceMarks } from './service-marks.js';
import { tagOfMark } from './tag-mark.js';
import { TagOrder } from './tag-order.js';
import type { WriteTimes } from './write-times.js';
import { raiseMarks } from './raise-marks.js';
import { applyWrites, type ScriptWrite, type WriteOutcome } from './write-script.js';

/** What it needs. */
export interface BucketedWritesParts {
  readonly connection: RedisConnection;
  readonly keySpace: KeySpace;
  /** Absent: nobody is told. */
  readonly announcer: Announcer | undefined;
  readonly timeoutMs: number;
  readonly marks: ServiceMarks;
  readonly times: WriteTimes;
}

/** The writes of a batch that are in one bucket, and their places in it. */
interface Group {
  readonly places: number[];
  readonly writes: ScriptWrite[];
  hasMarks: boolean;
}

/** What marks say about a write of a batch. */
interface Verdict {
  readonly place: number;
  readonly newestMark: string | undefined;
}

/** See the file's header. */
export class BucketedWrites {
  readonly #parts: BucketedWritesParts;
  readonly #order: TagOrder;

  constructor(parts: BucketedWritesParts) {
    this.#parts = parts;
    this.#order = new TagOrder(parts.marks);
  }

  /**
   * Applies writes; the outcomes are in their order. What happened to one bucket says nothing about another.
   *
   * @param newest for calls that are being made now, the newest version this process knows; else empty
   * @param raisedTo the highest version that an invalidation of this process was raised to; invalidations that are called now exceed it
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT when no bucket could be written (then any of them may have been)
   */
  async apply(writes: readonly ScriptWrite[], newest: string, raisedTo: string): Promise<WriteOutcome[]> {
    const { announcer } = this.#parts;
    const groups = groupsOf(writes);
    const isLate = newest === '';
    const raising = isLate ? undefined : this.#raise(groups, newest, raisedTo);
    const sent = [...groups].map(([bucket, group]) => this.#send(bucket, group, newest, raising));
    if (raising !== undefined) this.#order.hold(Promise.allSettled(sent));
    const [ends, verdicts] = await Promise.all([Promise.allSettled(sent), isLate ? [] : this.#compare(writes)]);
    const outcomes = outcomesOf(writes.length, [...groups.values()], ends);
    if (announcer !== undefined) await announceApplied(announcer, writes, outcomes);
    for (const { place, newestMark } of verdicts) {
      const write = writes[place] as ScriptWrite;
      if (!isApplied(outcomes[place]) || (newestMark !== undefined && newestMark <= write.version)) continue;
      // It is in Redis, and counts as nothing there; or whether it does can't be known.
      if (newestMark !== undefined) write.newer = newestMark;
      outcomes[place] = newestMark === undefined ? unavailable(new Error('the marks of its tags could not be read')) : 'older';
    }
    return outcomes;
  }

  async #send(bucket: number, group: Group, newest: string, raising: Promise<void> | undefined): Promise<WriteOutcome[]> {
    const { connection, keySpace, timeoutMs, marks, times } = this.#parts;
    if (group.hasMarks) await raising;
    const name = keySpace.marksOf(bucket);
    return times.guard(group.writes, newest !== '', (comparesClocks) =>
      marks.opened(bucket, () => applyWrites(connection, group.writes, { name, newest, comparesClocks }, undefined, timeoutMs)),
    );
  }

  /** Raises the invalidations among the writes; `undefined` where there are none. */
  #raise(groups: ReadonlyMap<number, Group>, newest: string, raisedTo: string): Promise<void> | undefined {
    const marking = [...groups.values()].filter(({ hasMarks }) => hasMarks);
    if (marking.length === 0) return undefined;
    return this.#order.floor(newest).then((floor) => {
      for (const { writes } of marking) raiseMarks(writes, floor > raisedTo ? floor : raisedTo);
    });
  }

  /** Compares the awaited writes with the marks of their tags. Never rejects. */
  async #compare(writes: readonly ScriptWrite[]): Promise<readonly Verdict[]> {
    const verdicts: Promise<Verdict>[] = [];
    for (let place = 0; place < writes.length; place++) {
      const { sealed, isAwaited } = writes[place] as ScriptWrite;
      if (isAwaited !== true) continue;
      const tags = tagsOfSealed(sealed);
      if (tags.length === 0) continue;
      verdicts.push(this.#order.newestMark(tags).then((newestMark) => ({ place, newestMark })));
    }
    return Promise.all(verdicts);
  }
}

function groupsOf(writes: readonly ScriptWrite[]): ReadonlyMap<number, Group> {
  const groups = new Map<number, Group>();
  for (let place = 0; place < writes.length; place++) {
    const write = writes[place] as ScriptWrite;
    const bucket = bucketOf(write.key);
    let group = groups.get(bucket);
    if (group === undefined) groups.set(bucket, (group = { places: [], writes: [], hasMarks: false }));
    group.places.push(place);
    group.writes.push(write);
    group.hasMarks ||= tagOfMark(write.key) !== undefined;
  }
  return groups;
}

/** Puts the outcomes of the groups in the order of the batch. @throws the first failure, if no group has outcomes */
function outcomesOf(
  count: number,
  groups: readonly Group[],
  ends: readonly PromiseSettledResult<WriteOutcome[]>[],
): WriteOutcome[] {
  const outcomes = new Array<WriteOutcome>(count);
  let failures = 0;
  for (const [i, { places }] of groups.entries()) {
    const end = ends[i];
    if (end?.status === 'rejected') failures++;
    for (let j = 0; j < places.length; j++) {
      outcomes[places[j] as number] = end?.status === 'fulfilled' ? (end.value[j] ?? unconfirmed()) : failureOf(end?.reason);
    }
  }
  if (failures === groups.length) throw (ends[0] as PromiseRejectedResult).reason;
  return outcomes;
}

async function announceApplied(announcer: Announcer, writes: readonly ScriptWrite[], outcomes: WriteOutcome[]): Promise<void> {
  const told: Told[] = [];
  for (let i = 0; i < writes.length; i++) {
    const { key, version, newer } = writes[i] as ScriptWrite;
    if (isApplied(outcomes[i])) told.push({ key, version });
    // A newer mark that is there may be this one, made when its answer was lost; nobody was told of it then.
    else if (outcomes[i] === 'older' && newer !== undefined && tagOfMark(key) !== undefined) told.push({ key, version: newer });
  }
  if (told.length === 0) return;
  try {
    await announcer.send(announcer.ofWrites(told));
  } catch (error) {
    const untold = failureOf(error);
    for (let i = 0; i < outcomes.length; i++) {
      const isMark = tagOfMark((writes[i] as ScriptWrite).key) !== undefined;
      if (isApplied(outcomes[i]) || (outcomes[i] === 'older' && isMark)) outcomes[i] = untold;
    }
  }
}

/** Whether the write took effect in Redis, whatever stood there before. False where there is no outcome. */
export function isApplied(outcome: WriteOutcome | undefined): boolean {
  return outcome === 'created' || outcome === 'replaced';
}

function failureOf(error: unknown): CacheError {
  return CacheError.is(error) ? error : unconfirmed(error);
}

function unconfirmed(cause?: unknown): CacheError {
  return new CacheError('CACHE_INTERNAL', 'Redis did not confirm a write', { cause });
}
