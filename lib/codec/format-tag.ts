/**
 * The first three characters of an entry: its format, and how many `:` there are in the prefix that it was written under.
 *
 * Names of entries can meet. `shop:cart:items:1` is the key `items:1` of the service `cart` under `shop`, and the key `1` of
 * `items` under `shop:cart`. But the name of a service holds no `:`, so a name and the number of `:` in its prefix leave one
 * prefix, one service and one key. An entry with another tag was written by another application, and counts as nothing (G1).
 */

/** The tag of entries whose prefix has no `:`; its digit is the format's version. */
export const FORMAT_TAG = 'OX1';

/** Begins every tag, also those of later formats. */
export const TAG_FAMILY = 'OX';

/** Ends the tag of a prefix with one `:`, with two of them, and so on. */
const LEVELS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** How many `:` a prefix can have. */
export const MAX_SEPARATORS = LEVELS.length;

/** The tag of entries below a prefix, which has at most {@link MAX_SEPARATORS} times `:`. */
export function formatTagOf(prefix: string): string {
  const separators = prefix.split(':').length - 1;
  return separators === 0 ? FORMAT_TAG : TAG_FAMILY + LEVELS.charAt(separators - 1);
}

/** Whether this is the tag of some prefix. */
export function isFormatTag(text: string): boolean {
  return (
    text === FORMAT_TAG || (text.length === FORMAT_TAG.length && text.startsWith(TAG_FAMILY) && LEVELS.includes(text.charAt(2)))
  );
}
