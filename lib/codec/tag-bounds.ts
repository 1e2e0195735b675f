/** How many tags an entry may have, and how long they may be. Writers refuse more, and readers take no such bytes for an entry. */

/** Tags of an entry at most. */
export const MAX_TAGS = 128;
/** Characters of a tag at most. */
export const MAX_TAG_LENGTH = 256;
/** Bytes of the line of tags at most: each character may be written as an escape of six, each tag has quotes and a comma. */
export const MAX_TAG_LINE_BYTES = MAX_TAGS * (MAX_TAG_LENGTH * 6 + 3) + 3;
