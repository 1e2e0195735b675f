/**
 * Finds the name somebody probably meant, for "did you mean" in errors: by the number of letters that would have to be
 * inserted, deleted, replaced or swapped, ignoring case and the difference between `-`, `_` and nothing.
 */

/** Longer names are compared by their beginning: the cost grows with the square of the length. */
const MAX_COMPARED = 64;

function fold(name: string): string {
  return name
    .slice(0, MAX_COMPARED)
    .toLowerCase()
    .replace(/[-_\s]/g, '');
}

/** Edit distance with swaps of neighbours (optimal string alignment). */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      let best = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (isSame ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

/** Returns the candidate nearest to `name`; `undefined` when none is near enough to be a likely slip. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(name);
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const folded = fold(candidate);
    const edits = distance(wanted, folded);
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, folded.length) / 3));
    // Names of one or two letters are near to everything: only the same letters count as a slip.
    const isLikely = Math.min(wanted.length, folded.length) <= 2 ? edits === 0 : edits <= allowed;
    if (isLikely && edits < least) {
      nearest = candidate;
      least = edits;
    }
  }
  return nearest;
}
