/**
 * The check that options are options, and have no other names than known ones: what was misspelt must not be ignored, nor a
 * value that is in the wrong place and happens to be an object, such as a date where a lifetime belongs.
 */
import { misuse } from './describe-value.js';
import { nearestName } from './nearest-name.js';

/**
 * Refuses what is no options, and options with a name that is not in `known`, naming the nearest one that is.
 *
 * @param owner whose options they are, as in ` of cached`; absent: the message does without
 * @throws {TypeError}
 */
export function requireOptionNames(options: object, known: readonly string[], owner = ''): void {
  if (!isOptions(options)) throw misuse('options', 'an object with options', options);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? `known are ${known.join(', ')}` : `did you mean \`${nearest}\`?`;
    throw new TypeError(`Unknown option \`${name}\`${owner}: ${hint}`);
  }
}

/**
 * Whether a value can be an object with options: no list, date, Map or promise. Its prototype does not matter, because an object may
 * come from another realm, or be of a user's own class.
 */
export function isOptions(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]';
}
