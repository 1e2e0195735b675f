/** The check that options have no other names than known ones: what was misspelt must not be ignored. */
import { nearestName } from './nearest-name.js';

/**
 * Refuses options with a name that is not in `known`, naming the nearest one that is.
 *
 * @param owner whose options they are, as in ` of cached`; absent: the message does without
 * @throws {TypeError}
 */
export function requireOptionNames(options: object, known: readonly string[], owner = ''): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    const hint = nearest === undefined ? `known are ${known.join(', ')}` : `did you mean \`${nearest}\`?`;
    throw new TypeError(`Unknown option \`${name}\`${owner}: ${hint}`);
  }
}
