/** Long work in slices: other work runs in between, and calls take turns. */
import { expect, test } from '@jest/globals';
import { systemClock } from '../../../lib/base/clock.js';
import { TimeSlices } from '../../../lib/base/time-slices.js';
import { blockEventLoop } from '../../../lib/testing/event-loop.js';

/** Works through some slices and notes its name for each. */
async function work(name: string, slices: number, notes: string[]): Promise<void> {
  const time = new TimeSlices(systemClock, 1);
  for (let i = 0; i < slices; i++) {
    blockEventLoop(10);
    notes.push(name);
    if (time.isOver()) await time.next();
  }
}

test('a slice is up after some milliseconds, and not before', () => {
  const slices = new TimeSlices(systemClock, 1);
  blockEventLoop(10);
  expect(slices.isOver()).toBe(true);
});

test('the event loop turns between two slices', async () => {
  const notes: string[] = [];
  let isDone = false;
  const turn = (): void => {
    notes.push('turn');
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  await work('a', 5, notes);
  isDone = true;
  expect(notes.filter((note) => note === 'turn').length).toBeGreaterThanOrEqual(4);
});

test('calls take turns, one slice in each turn of the event loop', async () => {
  const notes: string[] = [];
  await Promise.all([work('a', 3, notes), work('b', 3, notes), work('c', 3, notes)]);
  expect(notes).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c']);
});
