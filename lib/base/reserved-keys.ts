/**
 * The keys that the library keeps for its own notes among a service's entries, such as the marks of tags. No call of a user
 * may name one: an entry written there would end the effect of an invalidation.
 */

/** How every reserved key begins. */
export const RESERVED_PREFIX = '\u0001oxcache:';

const FIRST_CODE = 1;

/** Whether a key is reserved. Looks at one character of a usual key. */
export function isReservedKey(key: string): boolean {
  return key.charCodeAt(0) === FIRST_CODE && key.startsWith(RESERVED_PREFIX);
}
