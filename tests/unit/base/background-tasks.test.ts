/** Work nobody awaits: owned, drained, and never an unhandled rejection. */
import { describe, expect, test } from '@jest/globals';
import { BackgroundTasks } from '../../../lib/base/background-tasks.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('BackgroundTasks', () => {
  test('forgets a task when it has ended', async () => {
    const tasks = new BackgroundTasks();
    tasks.add(Promise.resolve(1), () => undefined);
    expect(tasks.size).toBe(1);
    await settle();
    expect(tasks.size).toBe(0);
  });

  test('hands a failure to its handler, once', async () => {
    const tasks = new BackgroundTasks();
    const failures: unknown[] = [];
    const failure = new Error('it failed');
    tasks.add(Promise.reject(failure), (error) => failures.push(error));
    await tasks.drain();
    await settle();
    expect(failures).toEqual([failure]);
    expect(tasks.size).toBe(0);
  });

  test('drains: resolves when everything under way has ended, failed or not', async () => {
    const tasks = new BackgroundTasks();
    const ends: (() => void)[] = [];
    tasks.add(new Promise<void>((resolve) => ends.push(resolve)), () => undefined);
    tasks.add(new Promise((_resolve, reject) => ends.push(() => reject(new Error('it failed')))), () => undefined);
    let isDrained = false;
    const draining = tasks.drain().then(() => {
      isDrained = true;
    });
    ends[0]?.();
    await settle();
    expect(isDrained).toBe(false);
    ends[1]?.();
    await draining;
  });

  test('drains at once when there is nothing', async () => {
    await new BackgroundTasks().drain();
  });
});
