/**
 * What processes tell each other about their writes: text ⇄ message. The text is `OXM1`, the sender (7 characters), the newest
 * version among the writes (24), a letter for the kind, and for keys a JSON array of them; docs/invalidation.md has an example. The
 * invalidation of a tag is in that array as a pair, the tag and its version, which others compare with those of entries.
 *
 * 1. Whatever is opened, nothing is thrown: what was not made here, or by another version of the format, is `undefined`. 2. What was
 *    sealed opens to the same keys, whatever characters they hold.
 */
import { NODE_ID_LENGTH, VERSION_LENGTH } from '../base/hybrid-clock.js';

/** What a message says: `k`, these keys were written; `c`, the service was cleared; `h`, nothing (it gives a stream its first entry). */
export type InvalidationKind = 'k' | 'c' | 'h';

/** A message taken apart. */
export interface InvalidationMessage {
  /** The node id of the process that wrote. */
  readonly origin: string;
  /** The newest version among the writes it tells of. */
  readonly version: string;
  /** What it says. */
  readonly kind: InvalidationKind;
  /** The keys that were written, as the service calls them; empty unless {@link kind} is `k`. */
  readonly keys: readonly string[];
  /** The tags that were invalidated; empty unless {@link kind} is `k`. */
  readonly tags: readonly TagVersion[];
}

/** A tag and the version of its invalidation: what was written with it before that is gone. */
export type TagVersion = readonly [tag: string, version: string];

/** The field of a stream's entry that holds the message. */
export const MESSAGE_FIELD = 'm';

/** The format and its version. Another version gets another tag, which older readers then ignore. */
const FORMAT_TAG = 'OXM1';
const ORIGIN_AT = FORMAT_TAG.length;
const VERSION_AT = ORIGIN_AT + NODE_ID_LENGTH;
const KIND_AT = VERSION_AT + VERSION_LENGTH;
const KEYS_AT = KIND_AT + 1;

/** Characters of the longest text that is looked into: more than the largest batch of the longest keys. */
export const MAX_MESSAGE_LENGTH = 32 * 1024 * 1024;

/** 17 digits and a node id. */
const VERSION = /^\d{17}[\x21-\x7e]{7}$/;
const ORIGIN = /^[\x21-\x7e]{7}$/;
const NOTHING: readonly never[] = [];

/** The text of a message. */
export function sealMessage(
  origin: string,
  version: string,
  kind: InvalidationKind,
  keys: readonly (string | TagVersion)[] = NOTHING,
): string {
  const head = FORMAT_TAG + origin + version + kind;
  return kind === 'k' ? head + JSON.stringify(keys) : head;
}

/** How the text of every message from one sender begins. */
export function headOf(origin: string): string {
  return FORMAT_TAG + origin;
}

/** A text taken apart; `undefined` when it is not a message of this format. Never throws. */
export function openMessage(text: string): InvalidationMessage | undefined {
  if (text.length < KEYS_AT || text.length > MAX_MESSAGE_LENGTH || !text.startsWith(FORMAT_TAG)) return undefined;
  const origin = text.slice(ORIGIN_AT, VERSION_AT);
  const version = text.slice(VERSION_AT, KIND_AT);
  if (!ORIGIN.test(origin) || !VERSION.test(version)) return undefined;
  const kind = text.charAt(KIND_AT);
  if (kind === 'c' || kind === 'h')
    return text.length === KEYS_AT ? { origin, version, kind, keys: NOTHING, tags: NOTHING } : undefined;
  if (kind !== 'k') return undefined;
  const body = readBody(text.slice(KEYS_AT));
  return body === undefined ? undefined : { origin, version, kind, ...body };
}

function readBody(json: string): Pick<InvalidationMessage, 'keys' | 'tags'> | undefined {
  let items: unknown;
  try {
    items = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!Array.isArray(items) || items.length === 0) return undefined;
  if (items.every(isText)) return { keys: items, tags: NOTHING };
  const tags = (items as unknown[]).filter(isTagVersion);
  const keys = (items as unknown[]).filter(isText);
  return keys.length + tags.length === items.length ? { keys, tags } : undefined;
}

function isText(item: unknown): item is string {
  return typeof item === 'string' && item !== '';
}

function isTagVersion(item: unknown): item is TagVersion {
  return Array.isArray(item) && item.length === 2 && isText(item[0]) && typeof item[1] === 'string' && VERSION.test(item[1]);
}
