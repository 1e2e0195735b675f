/**
 * Steps for each of many items that end later, such as reads and writes of L2. They begin in slices, two parts are under way at
 * most, and their ends are noted in slices too, so that neither the event loop nor Redis is held up by one call.
 */
import type { TimeSlices } from '../base/time-slices.js';

/** Items of one part; two parts are under way. */
export const PART_SIZE = 1024;

interface Part<I, E> {
  readonly items: readonly I[];
  readonly ends: Promise<E[]>;
}

/**
 * Begins `act` for each item, and calls `note` with each end, in the order of the items. What fits into one slice and one part
 * has begun when this returns. Rejects with the first failure of a step.
 */
export async function eachInParts<I, E>(
  items: Iterable<I>,
  slices: TimeSlices,
  act: (item: I) => E | Promise<E>,
  note: (item: I, end: E) => void,
): Promise<void> {
  let before: Part<I, E> | undefined;
  let begun: I[] = [];
  let ends: (E | Promise<E>)[] = [];
  for (const item of items) {
    begun.push(item);
    ends.push(act(item));
    const isUp = slices.isOver();
    if (begun.length < PART_SIZE && !isUp) continue;
    const part = partOf(begun, ends);
    if (before !== undefined) await noteEnds(before, slices, note);
    before = part;
    begun = [];
    ends = [];
    if (isUp) await slices.next();
  }
  const last = partOf(begun, ends);
  if (before !== undefined) await noteEnds(before, slices, note);
  await noteEnds(last, slices, note);
}

function partOf<I, E>(items: readonly I[], steps: readonly (E | Promise<E>)[]): Part<I, E> {
  const ends = Promise.all(steps);
  // It may fail while the part before it is waited for.
  ends.catch(() => undefined);
  return { items, ends };
}

async function noteEnds<I, E>({ items, ends }: Part<I, E>, slices: TimeSlices, note: (item: I, end: E) => void): Promise<void> {
  const noted = await ends;
  for (let i = 0; i < items.length; i++) {
    note(items[i] as I, noted[i] as E);
    if (slices.isOver()) await slices.next();
  }
}
