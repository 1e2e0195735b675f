/**
 * Where the invalidation of a tag is noted: the mark of a deletion at a reserved key of the service, so that it travels,
 * is logged, replayed and announced like the deletion of any key. What was written with the tag before the mark's version
 * counts as nothing.
 */

import { isReservedKey, RESERVED_PREFIX } from '../../base/reserved-keys.js';

/** Begins the reserved keys of tags. */
const TAG_MARK_PREFIX = `${RESERVED_PREFIX}tag:`;

/** How long the mark of a tag, or of a clear, is remembered: longer than the longest TTL and the longest stale window together. */
export const MARK_LIFE_MS = 61 * 24 * 3_600_000;

/** The reserved key of a tag. */
export function tagMarkOf(tag: string): string {
  return TAG_MARK_PREFIX + tag;
}

/** The tag whose reserved key this is; `undefined` for every other key. Looks at one character of a usual key. */
export function tagOfMark(key: string): string | undefined {
  return isReservedKey(key) && key.startsWith(TAG_MARK_PREFIX) ? key.slice(TAG_MARK_PREFIX.length) : undefined;
}

/** How long the mark of a deletion at `key` is remembered: `usualMs`, unless it is that of a tag. */
export function deletionLifeMs(key: string, usualMs: number): number {
  return key.startsWith(TAG_MARK_PREFIX) ? MARK_LIFE_MS : usualMs;
}
