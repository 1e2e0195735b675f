/**
 * Keeps the keys this room builds well below any service's `max_key_length`: a longer key keeps its readable beginning
 * and ends in the SHA-256 of the whole. The mark between the two occurs in no unshortened key, so both kinds never meet.
 */

/** Built keys longer than this many characters are shortened to it. */
export const MAX_BUILT_KEY_LENGTH = 200;

/** No encoder of this room writes `%` followed by `~` outside of a quoted string, and a shortened key ends in no quote. */
const MARK = '%~';
/** Characters of a SHA-256 in base64url. */
const DIGEST_LENGTH = 43;
const HEAD_LENGTH = MAX_BUILT_KEY_LENGTH - MARK.length - DIGEST_LENGTH;

/** Returns `key` as it is up to {@link MAX_BUILT_KEY_LENGTH} characters, else its beginning with the digest of all of it. */
export function shortenKey(key: string): string {
  return key.length <= MAX_BUILT_KEY_LENGTH ? key : digestTail(key);
}

function digestTail(key: string): string {
  // Loaded when the first long key appears: most processes that wrap functions never need it.
  const crypto = process.getBuiltinModule('node:crypto');
  const digest = crypto.createHash('sha256').update(key).digest('base64url');
  // Half a surrogate pair can't be written as UTF-8.
  const lastUnit = key.charCodeAt(HEAD_LENGTH - 1);
  const headLength = lastUnit >= 0xd800 && lastUnit <= 0xdbff ? HEAD_LENGTH - 1 : HEAD_LENGTH;
  return key.slice(0, headLength) + MARK + digest;
}
