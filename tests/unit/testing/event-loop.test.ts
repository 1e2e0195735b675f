/** The pause of a whole process: nothing of it runs meanwhile. */
import { expect, test } from '@jest/globals';
import { blockEventLoop } from '../../../lib/testing/index.js';

test('blockEventLoop: nothing of this thread runs meanwhile, and it lasts as long as it was told to', async () => {
  const happened: string[] = [];
  const timer = new Promise<void>((resolve) => {
    setTimeout(() => {
      happened.push('timer');
      resolve();
    }, 1);
  });
  queueMicrotask(() => happened.push('microtask'));
  const startedMs = performance.now();
  blockEventLoop(60);
  // Timers of the operating system may be a millisecond early.
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(58);
  expect(happened).toEqual([]);
  await timer;
  expect(happened).toEqual(['microtask', 'timer']);
  blockEventLoop(0);
});

test.each([-1, NaN, Infinity, '5', undefined])('blockEventLoop: %p is refused', (ms) => {
  expect(() => {
    blockEventLoop(ms as number);
  }).toThrow(TypeError);
});
