/** What the suites store: flat string keys in random order, and objects of about 180 bytes of JSON. */

/** A small generator of pseudo-random numbers (mulberry32): every run has the same order. */
function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Keys as they come from outside: flat, each a string object of its own. A concatenation would be flattened and hashed by
 * whoever touches it first, and a literal is found by its address.
 */
export function makeKeys(count, prefix = 'user:') {
  return Array.from({ length: count }, (_, i) => Buffer.from(`${prefix}${i}`, 'latin1').toString('latin1'));
}

/** A shuffled copy. */
export function shuffle(items, seed = 1) {
  const random = createRandom(seed);
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
  }
  return shuffled;
}

/** An object whose JSON has about 180 bytes. */
export function makeValue(i) {
  return {
    id: i,
    name: `User number ${i}`,
    email: `user${i}@example.com`,
    roles: ['reader', 'editor'],
    active: i % 2 === 0,
    score: i * 1.5,
    address: { city: 'Springfield', street: 'Evergreen Terrace', number: i % 1000 },
  };
}
