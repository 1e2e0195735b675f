/** Medians and quartiles: on a machine that others use too, means and minima say little. */

/** The value below which `share` of the numbers lie, by linear interpolation. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const low = sorted[below];
  const high = sorted[Math.min(below + 1, sorted.length - 1)];
  return low + (high - low) * (at - below);
}

/** The middle value. */
export const median = (numbers) => quantile(numbers, 0.5);

/** Median and quartiles of the rounds' ratios, each of two neighbours in time. */
export function ratios(numerators, denominators) {
  const each = numerators.map((value, round) => value / denominators[round]);
  return { measured: median(each), low: quantile(each, 0.25), high: quantile(each, 0.75), rounds: each.length };
}
