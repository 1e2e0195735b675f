/** The only source of randomness, injected so that tests can fix it. */

/** Returns a number in [0, 1). */
export type Random = () => number;

/** The real source. */
export const systemRandom: Random = Math.random;

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Returns an identifier of `length` characters of `0-9a-z`; 7 characters tell some 78 thousand million apart. */
export function randomId(random: Random, length: number): string {
  let id = '';
  for (let i = 0; i < length; i++) id += ALPHABET.charAt(Math.floor(random() * ALPHABET.length));
  return id;
}
