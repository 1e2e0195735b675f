/** Invalidations of tags that have to be newer than what others have applied. */
import { versionAbove } from '../../base/hybrid-clock.js';
import { withVersion } from '../../codec/envelope.js';
import { tagOfMark } from './tag-mark.js';

/** What is read and changed of a write. */
interface Raisable {
  readonly key: string;
  sealed: string | Buffer;
  version: string;
  isRaised?: boolean;
}

/**
 * Gives those of the writes that are invalidations of tags, and are called now, versions above `floor`, which others have reached. An
 * entry that this process writes later finds the mark newer, and is renewed.
 */
export function raiseMarks(writes: readonly Raisable[], floor: string): void {
  for (const write of writes) {
    if (tagOfMark(write.key) !== undefined && write.version < floor) raise(write, versionAbove(floor, write.version));
  }
}

/**
 * Gives a write a newer version. In the bytes, too: what Redis does not confirm goes to the log, and must not be older there than what
 * Redis may have.
 */
export function raise(write: Raisable, version: string): void {
  write.sealed = withVersion(write.sealed, version);
  write.version = version;
  write.isRaised = true;
}
