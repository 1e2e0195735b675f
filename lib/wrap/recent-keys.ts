/**
 * Remembers the last keys made of one integer or short string, the most common arguments. A key built anew has to be
 * flattened, hashed and compared before a map finds it, which costs more than all the rest of a hit; the remembered
 * string is the very one in L1. Each argument has one place, so arguments that are seldom repeated cost next to nothing.
 */
import type { KeyMaker } from './key-maker.js';

/** Keys remembered per wrapped function (G14); a power of two. */
const SLOTS = 1024;
/** Longer strings are not remembered. */
const MAX_LENGTH = 64;
/** Characters at a string's end that choose its place: ids differ there. */
const HASHED_LENGTH = 6;

/** Returns `make` with a memory. `make` must depend on its arguments only. */
export function rememberKeys(make: KeyMaker): KeyMaker {
  const known: (number | string)[] = [];
  const keys: string[] = [];
  return (args) => {
    const only = args[0];
    if (args.length !== 1 || (typeof only !== 'number' && typeof only !== 'string')) return make(args);
    const slot = typeof only === 'number' ? slotOfNumber(only) : slotOfString(only);
    if (slot === -1) return make(args);
    const remembered = keys[slot];
    if (remembered !== undefined && known[slot] === only) return remembered;
    const key = make(args);
    known[slot] = only;
    keys[slot] = key;
    return key;
  };
}

/** 32-bit integers only; -0 has a key of its own, though it equals 0. */
function slotOfNumber(value: number): number {
  return (value | 0) === value && !Object.is(value, -0) ? value & (SLOTS - 1) : -1;
}

function slotOfString(value: string): number {
  const { length } = value;
  if (length > MAX_LENGTH) return -1;
  let hash = length;
  for (let index = length > HASHED_LENGTH ? length - HASHED_LENGTH : 0; index < length; index += 1) {
    hash = (hash * 31 + value.charCodeAt(index)) | 0;
  }
  return hash & (SLOTS - 1);
}
