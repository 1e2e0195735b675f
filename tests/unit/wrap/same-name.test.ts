import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { cachedWithoutRegistry, FakeClient } from './fake-client.js';
import { SameNameWatch } from '../../../lib/wrap/same-name.js';

const warnings: { message: string; code: string | undefined }[] = [];
beforeEach(() => {
  warnings.length = 0;
  jest.spyOn(process, 'emitWarning').mockImplementation(((message: string, options: { code?: string }) => {
    warnings.push({ message, code: options.code });
  }) as typeof process.emitWarning);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const one = { find: (id: number) => id }.find;
const sameSource = (): ((id: number) => number) => ({ find: (id: number) => id + 1 }).find;
const other = { find: (id: number) => [id] }.find;

describe('functions of one name', () => {
  test('and different sources on one service are warned about, once', () => {
    const watch = new SameNameWatch();
    watch.record('users', one);
    watch.record('users', other);
    watch.record('users', one);
    expect(warnings).toEqual([
      { message: expect.stringMatching(/"find".*"users".*`key`/) as unknown as string, code: 'OXCACHE_SAME_NAME' },
    ]);
  });

  test('and the same source, as after a hot reload, are not', () => {
    const watch = new SameNameWatch();
    watch.record('users', sameSource());
    watch.record('users', sameSource());
    expect(warnings).toEqual([]);
  });

  test('on different services are not', () => {
    const watch = new SameNameWatch();
    watch.record('users', one);
    watch.record('orders', other);
    expect(warnings).toEqual([]);
  });

  test('are watched when wrapping without `key`, per client', () => {
    const [users, others] = [new FakeClient().asClient(), new FakeClient().asClient()];
    cachedWithoutRegistry(users, one);
    cachedWithoutRegistry(others, other);
    cachedWithoutRegistry(users, other, { key: 'find:{id}' });
    expect(warnings).toEqual([]);
    cachedWithoutRegistry(users, other);
    expect(warnings).toHaveLength(1);
  });

  test('are remembered up to a bound (G14)', () => {
    const watch = new SameNameWatch();
    for (let index = 0; index < 1000; index += 1) watch.record(`service-${String(index)}`, one);
    watch.record('beyond', one);
    watch.record('beyond', other);
    expect(warnings).toEqual([]);
    watch.record('service-999', other);
    expect(warnings).toHaveLength(1);
  });
});
