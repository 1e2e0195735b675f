/** One listener for each signal, however many watch it. */
import { describe, expect, jest, test } from '@jest/globals';
import { watchAbort } from '../../../lib/base/abort-watch.js';
import { createManager } from '../../../lib/manager/create-manager.js';

describe('watching a signal', () => {
  test('calls every watch that was not ended, once', () => {
    const controller = new AbortController();
    const called: number[] = [];
    const stops = [1, 2, 3].map((each) => watchAbort(controller.signal, () => called.push(each)));
    stops[1]?.();
    controller.abort();
    expect(called).toEqual([1, 3]);
    for (const stop of stops) stop();
    expect(called).toEqual([1, 3]);
  });

  test('counts the same callback as often as it watches', () => {
    const controller = new AbortController();
    const callback = jest.fn();
    const stop = watchAbort(controller.signal, callback);
    watchAbort(controller.signal, callback);
    stop();
    controller.abort();
    expect(callback).toHaveBeenCalledTimes(1);
  });

  test('adds one listener, and removes it with the last watch', () => {
    const { signal } = new AbortController();
    const added = jest.spyOn(signal, 'addEventListener');
    const removed = jest.spyOn(signal, 'removeEventListener');
    const stops = Array.from({ length: 50 }, () => watchAbort(signal, () => undefined));
    expect(added).toHaveBeenCalledTimes(1);
    for (const stop of stops.slice(1)) stop();
    expect(removed).not.toHaveBeenCalled();
    stops[0]?.();
    stops[0]?.();
    expect(removed).toHaveBeenCalledTimes(1);
    watchAbort(signal, () => undefined);
    expect(added).toHaveBeenCalledTimes(2);
  });

  test('goes on for the others when a watch is ended by another one', () => {
    const controller = new AbortController();
    const called: string[] = [];
    const stops: (() => void)[] = [];
    stops.push(
      watchAbort(controller.signal, () => {
        called.push('first');
        stops[1]?.();
      }),
    );
    stops.push(watchAbort(controller.signal, () => called.push('second')));
    controller.abort();
    expect(called[0]).toBe('first');
  });
});

test('a hundred loads with one signal print no warning of a leak', async () => {
  const manager = await createManager({ services: { s: { cache_type: 'l1' }, other: { cache_type: 'l1' } } });
  const warnings: string[] = [];
  const listen = (warning: Error): void => {
    warnings.push(warning.name);
  };
  process.on('warning', listen);
  const controller = new AbortController();
  const { signal } = controller;
  const hanging = <T>(): Promise<T> => new Promise<T>(() => undefined);
  const loads = Array.from({ length: 100 }, (_, i) => {
    const client = manager.client(i % 2 === 0 ? 's' : 'other');
    return i % 3 === 0
      ? client.getOrLoadMany([`a${i}`, `b${i}`], () => hanging<never>(), { signal })
      : client.getOrLoad(`k${i % 7}`, () => hanging(), { signal });
  });
  const ends = Promise.allSettled(loads);
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  expect((await ends).every(({ status }) => status === 'rejected')).toBe(true);
  // Node emits warnings in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', listen);
  expect(warnings).toEqual([]);
  await manager.close();
});
