/**
 * How much memory a value takes, roughly and rather too high than too low, for `max_bytes`. The figures are V8's layouts on
 * 64 bit without pointer compression. The walk counts every object once, so cycles end it, and stops as soon as the sum
 * exceeds the limit, so its work is bounded by what may be kept at all. What JavaScript can't see (private fields, memory
 * held by native objects) is not counted.
 */

/** What an entry takes beyond its key and value: index, columns, order, and the slack of tables that grow by doubling. */
const ENTRY_OVERHEAD_BYTES = 256;
const HEADER_BYTES = 64;
const REFERENCE_BYTES = 8;
const HEAP_NUMBER_BYTES = 16;
const STRING_HEADER_BYTES = 24;
/** Up to this length a string is taken as two bytes per character without looking. */
const SHORT_STRING = 32;
/** Arrays filled by `push` have up to half their length to spare. */
const ARRAY_ELEMENT_BYTES = 12;
/** Objects with more properties than this are hash tables with keys of their own. */
const MAX_FAST_PROPERTIES = 64;
const FAST_PROPERTY_BYTES = 16;
const SLOW_PROPERTY_BYTES = 56;
const MAP_ENTRY_BYTES = 56;
const SET_ENTRY_BYTES = 40;
const BUFFER_BYTES = 200;
/** For objects whose inside is out of sight: regular expressions, errors with their stacks. */
const OPAQUE_BYTES = 1024;

/** Returns the approximate bytes of an entry, all included; more than `limitBytes` as soon as that much is certain. */
export function estimateEntrySize(key: string, value: unknown, limitBytes: number): number {
  // The key is counted twice because the policy may remember it after the entry is gone.
  return ENTRY_OVERHEAD_BYTES + 2 * stringSize(key) + estimateSize(value, limitBytes);
}

/** Returns the approximate bytes of `value`; more than `limitBytes` as soon as that much is certain. */
export function estimateSize(value: unknown, limitBytes: number): number {
  const leafBytes = leafSize(value);
  if (leafBytes !== undefined) return leafBytes;
  const walk: Walk = { bytes: 0, seen: new Set(), pending: [value as object] };
  while (walk.pending.length > 0 && walk.bytes <= limitBytes) {
    const next = walk.pending.pop();
    if (next === undefined || walk.seen.has(next)) continue;
    walk.seen.add(next);
    visit(next, walk, limitBytes);
  }
  return walk.bytes;
}

function stringSize(text: string): number {
  // A string is one byte per character when all are Latin-1; only ASCII can be told cheaply.
  const isOneByte = text.length > SHORT_STRING && Buffer.byteLength(text) === text.length;
  return STRING_HEADER_BYTES + (isOneByte ? text.length : text.length * 2);
}

interface Walk {
  bytes: number;
  readonly seen: Set<object>;
  readonly pending: object[];
}

/** The size of what refers to nothing else; `undefined` for an object to be walked. */
function leafSize(value: unknown): number | undefined {
  switch (typeof value) {
    case 'string':
      return stringSize(value);
    case 'number':
      return HEAP_NUMBER_BYTES;
    case 'bigint':
      return STRING_HEADER_BYTES + value.toString(16).length / 2;
    case 'object':
      return value === null ? 0 : undefined;
    case 'function':
      return OPAQUE_BYTES;
    default:
      return 0;
  }
}

function add(value: unknown, walk: Walk): void {
  const leafBytes = leafSize(value);
  if (leafBytes === undefined) walk.pending.push(value as object);
  else walk.bytes += leafBytes;
}

function visit(value: object, walk: Walk, limitBytes: number): void {
  walk.bytes += HEADER_BYTES;
  if (Array.isArray(value)) {
    walk.bytes += value.length * ARRAY_ELEMENT_BYTES;
    for (let i = 0; i < value.length && walk.bytes <= limitBytes; i++) add(value[i], walk);
  } else if (ArrayBuffer.isView(value)) {
    // A view keeps the whole buffer alive, also where it shows a part of it only.
    walk.bytes += BUFFER_BYTES;
    walk.pending.push(value.buffer);
  } else if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    walk.bytes += BUFFER_BYTES + value.byteLength;
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      walk.bytes += MAP_ENTRY_BYTES;
      add(key, walk);
      add(item, walk);
      if (walk.bytes > limitBytes) return;
    }
  } else if (value instanceof Set) {
    for (const item of value) {
      walk.bytes += SET_ENTRY_BYTES;
      add(item, walk);
      if (walk.bytes > limitBytes) return;
    }
  } else {
    if (value instanceof RegExp || value instanceof Error) walk.bytes += OPAQUE_BYTES;
    visitProperties(value, walk, limitBytes);
  }
}

function visitProperties(value: object, walk: Walk, limitBytes: number): void {
  const keys = Object.keys(value);
  const isFast = keys.length <= MAX_FAST_PROPERTIES;
  for (const key of keys) {
    walk.bytes += isFast ? FAST_PROPERTY_BYTES : SLOW_PROPERTY_BYTES + stringSize(key);
    const descriptor = Object.getOwnPropertyDescriptor(value, key);
    // A getter is not called: it may do anything.
    if (descriptor !== undefined && 'value' in descriptor) add(descriptor.value, walk);
    else walk.bytes += REFERENCE_BYTES;
    if (walk.bytes > limitBytes) return;
  }
}
