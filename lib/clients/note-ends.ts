/** The ends of a call's writes or loads, noted in slices and in the order of the call. */
import type { TimeSlices } from '../base/time-slices.js';

/** The ends of some keys, part by part, in the order of the keys. */
export type Ends<T> = Promise<PromiseSettledResult<T>[]>[];

/** Calls `note` with the end of each key that did not fail. @throws what the first of those that failed did, once all have ended */
export async function noteEnds<T>(
  keys: readonly string[],
  ends: Ends<T>,
  slices: TimeSlices,
  note: (key: string, end: T) => void,
): Promise<void> {
  let failure: PromiseRejectedResult | undefined;
  let at = 0;
  for (const part of ends) {
    for (const end of await part) {
      const key = keys[at++] as string;
      if (end.status === 'fulfilled') note(key, end.value);
      else failure ??= end;
      if (slices.isOver()) await slices.next();
    }
  }
  if (failure !== undefined) throw failure.reason;
}
