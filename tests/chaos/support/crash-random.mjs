// Random numbers that repeat: the same seed makes the same choices, in the test and in the processes it starts.

/**
 * A source of numbers in [0, 1) (mulberry32) with the choices the chaos tests make.
 *
 * @param {number} seed
 */
export function seededRandom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    /** An integer of `from` to `to`, both included. @param {number} from @param {number} to @returns {number} */
    between: (from, to) => from + Math.floor(next() * (to - from + 1)),
    /** True in that share of the cases. @param {number} share @returns {boolean} */
    chance: (share) => next() < share,
    /** @template T @param {readonly T[]} choices @returns {T} */
    pick: (choices) => /** @type {any} */ (choices[Math.floor(next() * choices.length)]),
    /** By weight. @template {string} T @param {Readonly<Record<T, number>>} weights @returns {T} */
    pickWeighted: (weights) => {
      const entries = /** @type {[any, number][]} */ (Object.entries(weights));
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [name, weight] of entries) if ((left -= weight) < 0) return name;
      return entries.at(-1)?.[0];
    },
  };
}

/** @typedef {ReturnType<typeof seededRandom>} SeededRandom */
