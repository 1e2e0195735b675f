/**
 * A batch of writes in a cluster: one script call for each bucket among its keys, side by side; then, before anybody hears of
 * their outcomes, one message about all that was applied (the stream is in a slot of its own).
 */
import { CacheError } from '../../base/errors.js';
import type { Announcer } from './announcement.js';
import { bucketOf, type KeySpace } from './key-space.js';
import type { RedisConnection } from './redis-connection.js';
import type { ServiceMarks } from './service-marks.js';
import type { WriteTimes } from './write-times.js';
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
  /** {@link BatchMarks.newest} */
  readonly newest: string;
}

/**
 * Applies writes to a cluster; the outcomes are in their order. What happened to one bucket says nothing about another.
 *
 * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT when no bucket could be written (then any of them may have been)
 */
export async function applyInBuckets(
  { connection, keySpace, announcer, timeoutMs, marks, times, newest }: BucketedWritesParts,
  writes: readonly ScriptWrite[],
): Promise<WriteOutcome[]> {
  const outcomes = new Array<WriteOutcome>(writes.length);
  const buckets = new Map<number, number[]>();
  for (let i = 0; i < writes.length; i++) {
    const bucket = bucketOf((writes[i] as ScriptWrite).key);
    const places = buckets.get(bucket);
    if (places === undefined) buckets.set(bucket, [i]);
    else places.push(i);
  }
  let failures = 0;
  let failure: unknown;
  await Promise.all(
    [...buckets].map(async ([bucket, places]) => {
      const group = places.map((place) => writes[place] as ScriptWrite);
      try {
        const name = keySpace.marksOf(bucket);
        const ends = await times.guard(group, newest !== '', (comparesClocks) =>
          marks.opened(bucket, () => applyWrites(connection, group, { name, newest, comparesClocks }, undefined, timeoutMs)),
        );
        for (let i = 0; i < places.length; i++) outcomes[places[i] as number] = ends[i] ?? unconfirmed();
      } catch (error) {
        failures++;
        failure ??= error;
        for (const place of places) outcomes[place] = CacheError.is(error) ? error : unconfirmed(error);
      }
    }),
  );
  if (failures === buckets.size) throw failure;
  if (announcer !== undefined) await announceApplied(announcer, writes, outcomes);
  return outcomes;
}

async function announceApplied(announcer: Announcer, writes: readonly ScriptWrite[], outcomes: WriteOutcome[]): Promise<void> {
  const applied = writes.filter((_, i) => isApplied(outcomes[i]));
  if (applied.length === 0) return;
  try {
    await announcer.send(announcer.ofWrites(applied));
  } catch (error) {
    const untold = CacheError.is(error) ? error : unconfirmed(error);
    for (let i = 0; i < outcomes.length; i++) if (isApplied(outcomes[i])) outcomes[i] = untold;
  }
}

function isApplied(outcome: WriteOutcome | undefined): boolean {
  return outcome === 'created' || outcome === 'replaced';
}

function unconfirmed(cause?: unknown): CacheError {
  return new CacheError('CACHE_INTERNAL', 'Redis did not confirm a write', { cause });
}
