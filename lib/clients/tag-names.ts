/** Which names tags may have, and how many an entry (G12): 128 at most, of 1 to 256 characters. */
import { misuse } from '../base/describe-value.js';
import { CacheError } from '../base/errors.js';
import { isReservedKey } from '../base/reserved-keys.js';
import { isWellFormed } from '../base/well-formed.js';
import { MAX_TAG_LENGTH, MAX_TAGS } from '../codec/tag-bounds.js';
import type { SetOptions } from './cache-client.js';

/** What a write is to be tagged with; absent: nothing. @throws {TypeError} {CacheError} CACHE_KEY_INVALID */
export function readSetTags(options: SetOptions | undefined | null, service: string): readonly string[] | undefined {
  if (typeof options !== 'object' || options === null) return undefined;
  const { tags } = options;
  return tags === undefined ? undefined : readTags(tags, service);
}

/**
 * The tags of an entry: each once, in the order given; `undefined` when there are none.
 *
 * @throws {TypeError} not an array of strings, or too many; {CacheError} CACHE_KEY_INVALID empty, too long, or not well-formed
 */
export function readTags(tags: unknown, service?: string): readonly string[] | undefined {
  if (!Array.isArray(tags)) throw misuse('tags', 'an array of strings', tags);
  // Read once: what is checked is what is used.
  const each = new Set<string>();
  for (const tag of tags as unknown[]) {
    guardTag(tag, service);
    each.add(tag);
  }
  if (each.size === 0) return undefined;
  if (each.size > MAX_TAGS)
    throw new TypeError(`Expected \`tags\` to be at most ${MAX_TAGS} different strings, got ${each.size}`);
  return [...each];
}

/** The tags of an invalidation, each once. @throws {TypeError} none; not strings; {CacheError} CACHE_KEY_INVALID */
export function readInvalidatedTags(tags: readonly unknown[], service: string): readonly string[] {
  if (tags.length === 0) throw new TypeError('Expected at least one tag to invalidate, got none');
  for (const tag of tags) guardTag(tag, service);
  return [...new Set(tags as string[])];
}

function guardTag(tag: unknown, service: string | undefined): asserts tag is string {
  if (typeof tag !== 'string') throw misuse('tag', 'a string', tag);
  const problem =
    tag === ''
      ? 'must not be empty'
      : tag.length > MAX_TAG_LENGTH
        ? `must have at most ${MAX_TAG_LENGTH} characters`
        : isReservedKey(tag)
          ? 'must not begin with "\\u0001oxcache:", which is reserved'
          : isWellFormed(tag)
            ? undefined
            : 'must be well-formed Unicode';
  if (problem !== undefined) throw new CacheError('CACHE_KEY_INVALID', `A tag ${problem}`, { service });
}
