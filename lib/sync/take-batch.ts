/** A batch, and how the next one is cut off what has gathered: so many writes, and so many bytes. */
import type { CacheError } from '../base/errors.js';
import { MAX_BATCH_BYTES, type ScriptWrite, type WriteOutcome } from '../tiers/redis/write-script.js';
import type { PendingWrite } from './pending-write.js';

/** A batch under way. */
export interface SentBatch<R> {
  readonly byKey: ReadonlyMap<string, PendingWrite<R>>;
  readonly writes: readonly PendingWrite<R>[];
  /** What Redis said, until those sent before have their outcomes too. */
  outcomes: WriteOutcome[] | CacheError | undefined;
}

/** How many of the gathered writes, oldest first, make one batch: at least one. */
export function sizeOfBatch(gathered: ReadonlyMap<string, ScriptWrite>, maxBatch: number): number {
  let count = 0;
  let bytes = 0;
  for (const write of gathered.values()) {
    bytes += write.sealed.length + write.key.length;
    if (count > 0 && (count >= maxBatch || bytes > MAX_BATCH_BYTES)) break;
    count++;
  }
  return count;
}

/** Takes the first `count` writes out of those gathered. */
export function cutBatch<R>(gathered: Map<string, PendingWrite<R>>, count: number): ReadonlyMap<string, PendingWrite<R>> {
  const batch = new Map<string, PendingWrite<R>>();
  for (const [key, write] of gathered) {
    if (batch.size === count) break;
    batch.set(key, write);
    gathered.delete(key);
  }
  return batch;
}
