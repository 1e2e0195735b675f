import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { CacheError } from '../../../lib/base/errors.js';
import type { CacheClient } from '../../../lib/clients/cache-client.js';
import { cachedWithoutRegistry as cached, FakeClient } from './fake-client.js';

let client: FakeClient;
beforeEach(() => {
  client = new FakeClient();
});

const closed = (): CacheError => new CacheError('CACHE_CLOSED', 'closed');
const invalidKey = (): CacheError => new CacheError('CACHE_KEY_INVALID', 'too long');

/** A promise to settle by hand. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

describe('a cached function', () => {
  test('runs once per arguments and answers from the cache afterwards', async () => {
    const run = jest.fn((id: number) => ({ id }));
    const load = cached(client.asClient(), async function load(id: number) {
      return run(id);
    });
    expect(await load(1)).toEqual({ id: 1 });
    expect(await load(1)).toBe(await load(1));
    expect(await load(2)).toEqual({ id: 2 });
    expect(run).toHaveBeenCalledTimes(2);
    expect([...client.store.keys()]).toEqual(['load:1', 'load:2']);
  });

  test.each([null, 0, '', false])('answers a remembered %p without running', async (value) => {
    const fn = jest.fn(() => value);
    const load = cached(client.asClient(), fn, { key: 'k:{0}' });
    await load();
    expect(await load()).toBe(value);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test('resolves to undefined when the function returns nothing', async () => {
    const load = cached(client.asClient(), function load(): undefined {
      return undefined;
    });
    await expect(load()).resolves.toBeUndefined();
  });

  test('always returns a promise, also of a function that is not async or throws', async () => {
    const load = cached(client.asClient(), function load(): number {
      throw new RangeError('sync');
    });
    await expect(load()).rejects.toThrow(RangeError);
  });

  test('passes `this` and all arguments of the call that started the load, and nothing else', async () => {
    const seen: unknown[] = [];
    const owner = {
      name: 'owner',
      load: cached(client.asClient(), function load(this: { name: string }, ...args: (string | number)[]) {
        seen.push(this.name, ...args);
        return seen.length;
      }),
    };
    await owner.load(1, 'b', 3);
    expect(seen).toEqual(['owner', 1, 'b', 3]);
  });

  test('has the name and the length of the wrapped function', () => {
    const load = cached(client.asClient(), function load(a: number, b: number) {
      return a + b;
    });
    expect([load.name, load.length]).toEqual(['load', 2]);
  });

  test('runs the function once for concurrent calls (G3)', async () => {
    const gate = deferred<string>();
    const fn = jest.fn(() => gate.promise);
    const load = cached(client.asClient(), fn, { key: 'k:{0}' });
    const calls = [load(), load(), load()];
    gate.resolve('v');
    expect(await Promise.all(calls)).toEqual(['v', 'v', 'v']);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test('passes its load options on, and none that were not given', async () => {
    await cached(client.asClient(), () => 1, { key: 'a:{0}', ttl: '5m', timeout: 2, allowStale: false })();
    await cached(client.asClient(), () => 1, { key: 'b:{0}', ttl: 'nightly' })();
    await cached(client.asClient(), () => 1, { key: 'c:{0}' })();
    expect(client.loadOptions).toEqual([{ ttl: '5m', timeout: 2, allowStale: false }, { ttl: 'nightly' }, {}]);
  });

  test('leaves hits to getOrLoad where reads may start a reload', async () => {
    client.needsLoadPath = true;
    client.store.set('load:1', 'old');
    const load = cached(client.asClient(), function load(id: number) {
      return String(id);
    });
    expect(await load(1)).toBe('old');
    expect(client.peeks).toBe(0);
    expect(client.loadOptions).toHaveLength(1);
  });
});

describe('keyFor, invalidate and refresh', () => {
  test('keyFor is the key the call uses', async () => {
    const load = cached(client.asClient(), (id: number, version: string) => `${String(id)}${version}`, {
      key: 'api_{id}_{version}',
    });
    await load(1, 'v2');
    expect(client.store.has(load.keyFor(1, 'v2'))).toBe(true);
    expect(load.keyFor(1, 'v2')).toBe('api_1_v2');
  });

  test('invalidate removes the value of these arguments and tells whether there was one', async () => {
    const load = cached(client.asClient(), function load(id: number) {
      return id;
    });
    await load(1);
    await load(2);
    expect(await load.invalidate(1)).toBe(true);
    expect(await load.invalidate(1)).toBe(false);
    expect([...client.store.keys()]).toEqual(['load:2']);
  });

  test('an invalidation that fails is an error, whatever onCacheError says', async () => {
    client.writeError = new CacheError('CACHE_L2_UNAVAILABLE', 'down');
    const load = cached(client.asClient(), () => 1, { key: 'k:{0}', onCacheError: 'ignore' });
    await expect(load.invalidate()).rejects.toBe(client.writeError);
    await expect(load.refresh()).rejects.toBe(client.writeError);
  });

  test('refresh runs the function and stores, whatever is cached, with the lifetime of the wrapper', async () => {
    let version = 0;
    const load = cached(client.asClient(), () => (version += 1), { key: 'k:{0}', ttl: 7, allowStale: true });
    await load();
    expect(await load.refresh()).toBe(2);
    expect(await load()).toBe(2);
    expect(client.loadOptions.at(-1)).toEqual({ ttl: 7, allowStale: false });
  });

  test('refresh takes `this` by call, and has none otherwise', async () => {
    const load = cached(client.asClient(), function load(this: unknown) {
      return this;
    });
    const owner = {};
    expect(await load.refresh.call(owner)).toBe(owner);
    expect(await load.refresh()).toBeUndefined();
  });

  test('arguments without a key are a TypeError: thrown by keyFor, rejected by the others', async () => {
    const load = cached(client.asClient(), function load(callback: () => void) {
      return typeof callback;
    });
    expect(() => load.keyFor(() => undefined)).toThrow(TypeError);
    await expect(load.invalidate(() => undefined)).rejects.toThrow(/argument 1.*a function/);
    await expect(load.refresh(() => undefined)).rejects.toThrow(TypeError);
  });
});

describe("the function's own errors", () => {
  test('reach the caller as they are, and the next call runs again', async () => {
    const error = new Error('no such user');
    const fn = jest.fn<() => Promise<number>>().mockRejectedValueOnce(error).mockResolvedValueOnce(1);
    const load = cached(client.asClient(), fn, { key: 'k:{0}' });
    await expect(load()).rejects.toBe(error);
    await expect(load()).resolves.toBe(1);
  });

  test('that are errors of a cache it used are its own too, for every caller that waited', async () => {
    const error = new CacheError('CACHE_L2_TIMEOUT', 'of another service');
    const gate = deferred<number>();
    const fn = jest.fn(() => gate.promise);
    const load = cached(client.asClient(), fn, { key: 'k:{0}' });
    const calls = Promise.allSettled([load(), load()]);
    gate.reject(error);
    expect((await calls).map((call) => (call.status === 'rejected' ? (call.reason as unknown) : call))).toEqual([error, error]);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(client.reports).toEqual([]);
  });

  test.each(['CACHE_LOAD_TIMEOUT', 'CACHE_LOAD_FAILED'] as const)(
    'include %s: the function is not run a second time',
    async (code) => {
      client.loadError = new CacheError(code, 'slow');
      const fn = jest.fn(() => 1);
      await expect(cached(client.asClient(), fn, { key: 'k:{0}' })()).rejects.toBe(client.loadError);
      expect(fn).not.toHaveBeenCalled();
    },
  );
});

describe('a failure of the cache', () => {
  test.each<[string, () => void]>([
    ['a closed client', () => (client.peekError = client.loadError = closed())],
    ['an unusable key', () => (client.peekError = client.loadError = invalidKey())],
    ['a bug in peek', () => (client.peekError = new RangeError('bug'))],
    ['a failing load', () => (client.loadError = new CacheError('CACHE_INTERNAL', 'bug'))],
    ['a value that can not be stored', () => (client.storeError = new CacheError('CACHE_VALUE_TOO_LARGE', 'big'))],
  ])('lets the function answer: %s', async (_, breakIt) => {
    breakIt();
    const fn = jest.fn((id: number) => id * 2);
    await expect(cached(client.asClient(), fn, { key: 'k:{0}' })(21)).resolves.toBe(42);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test('with onCacheError "propagate" rejects the call', async () => {
    client.peekError = closed();
    const fn = jest.fn(() => 1);
    const load = cached(client.asClient(), fn, { key: 'k:{0}', onCacheError: 'propagate' });
    await expect(load()).rejects.toBe(client.peekError);
    client.peekError = undefined;
    client.loadError = invalidKey();
    await expect(load()).rejects.toBe(client.loadError);
    expect(fn).not.toHaveBeenCalled();
  });

  test('during a load does not run the function again: the running one answers', async () => {
    const gate = deferred<string>();
    const fn = jest.fn(() => gate.promise);
    const failing = client.asClient();
    jest.spyOn(client, 'getOrLoad').mockImplementation(async (key, loader) => {
      void loader({ key, signal: new AbortController().signal });
      throw closed();
    });
    const call = cached(failing, fn, { key: 'k:{0}' })();
    gate.resolve('late');
    await expect(call).resolves.toBe('late');
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test('makes callers of one key share a run (G3), and forgets it when it is over', async () => {
    client.peekError = closed();
    const gate = deferred<string>();
    const fn = jest.fn((key: string) => gate.promise.then((value) => value + key));
    const load = cached(client.asClient(), fn, { key: 'k:{0}' });
    const calls = [load('a'), load('a'), load('b')];
    gate.resolve('v');
    expect(await Promise.all(calls)).toEqual(['va', 'va', 'vb']);
    expect(fn).toHaveBeenCalledTimes(2);
    await load('a');
    expect(fn).toHaveBeenCalledTimes(3);
  });

  test('is reported once per code', async () => {
    client.loadError = invalidKey();
    const load = cached(client.asClient(), () => 1, { key: 'k:{0}' });
    await load();
    await load();
    expect(client.reports).toEqual([{ error: client.loadError, key: 'k:undefined' }]);
    client.loadError = new CacheError('CACHE_ENCODE_FAILED', 'bigint');
    await load();
    expect(client.reports).toHaveLength(2);
  });

  test('is reported with the key as the error words it, which may be shorter', async () => {
    client.loadError = new CacheError('CACHE_KEY_INVALID', 'too long', { key: 'kkk…' });
    await cached(client.asClient(), () => 1, { key: () => 'k'.repeat(5000) })();
    expect(client.reports[0]?.key).toBe('kkk…');
  });

  test('that is only the end of the client is not reported', async () => {
    client.peekError = closed();
    await cached(client.asClient(), () => 1, { key: 'k:{0}' })();
    expect(client.reports).toEqual([]);
  });

  test('whose report fails is still no failure of the call (G10)', async () => {
    client.loadError = invalidKey();
    jest.spyOn(client, 'reportError').mockImplementation(() => {
      throw new Error('logger');
    });
    await expect(cached(client.asClient(), () => 1, { key: 'k:{0}' })()).resolves.toBe(1);
  });

  test('of a client without the internal methods is survived as well', async () => {
    const foreign = {
      service: 's',
      peek: () => undefined,
      getOrLoad: () => Promise.reject(invalidKey()),
    } as unknown as CacheClient;
    await expect(cached(foreign, () => 1, { key: 'k:{0}' })()).resolves.toBe(1);
    await expect(cached(foreign, () => 1, { key: 'k:{0}', cacheType: 'l1' })()).rejects.toThrow(
      /`cacheType` needs a client of this library/,
    );
  });
});

describe('arguments no key can be made of', () => {
  test('run the function uncached and are reported once', async () => {
    const fn = jest.fn((callback: () => number) => callback());
    const load = cached(client.asClient(), Object.defineProperty(fn, 'name', { value: 'load' }));
    expect(await load(() => 1)).toBe(1);
    expect(await load(() => 2)).toBe(2);
    expect(client.store.size).toBe(0);
    expect(client.reports).toHaveLength(1);
    expect(client.reports[0]?.error).toMatchObject({ code: 'CACHE_KEY_INVALID', service: 'users', cause: expect.any(TypeError) });
    expect(client.reports[0]?.error.message).toMatch(/not cached.*argument 1/);
  });

  test('reject the call with onCacheError "propagate"', async () => {
    const load = cached(client.asClient(), (callback: () => number) => callback(), { key: 'k:{0}', onCacheError: 'propagate' });
    await expect(load(() => 1)).rejects.toThrow(TypeError);
  });

  test("from the user's own key function reject the call before the function runs", async () => {
    const fn = jest.fn((id: number) => id);
    const own = new Error('own');
    const throwing = cached(client.asClient(), fn, {
      key: () => {
        throw own;
      },
    });
    await expect(throwing(1)).rejects.toBe(own);
    await expect(cached(client.asClient(), fn, { key: () => '' })(1)).rejects.toThrow(TypeError);
    expect(fn).not.toHaveBeenCalled();
    expect(client.reports).toEqual([]);
  });
});

describe('wrapping', () => {
  test.each([undefined, 5, '', {}, null])('G12: %p as service is a TypeError', (service) => {
    expect(() => cached(service as string, function load() {})).toThrow(/`service`.*a service's name or a client/);
  });

  test('G12: anything but a function is a TypeError', () => {
    expect(() => cached('users', 5 as unknown as () => void)).toThrow(/`fn`.*a function, got 5/);
  });

  test('G12: an unknown option is a TypeError', () => {
    expect(() => cached('users', function load() {}, { ttll: 5 } as object)).toThrow(/did you mean `ttl`/);
  });

  test('an anonymous function without `key` is a TypeError', () => {
    expect(() =>
      cached(
        'users',
        (
          () => () =>
            1
        )(),
      ),
    ).toThrow(TypeError);
  });
});

describe('tags', () => {
  test('that are fixed come with every load, and later changes of the list do not', async () => {
    const tags = ['users'];
    const load = cached(client.asClient(), async (id: number) => id, { key: 'k:{0}', tags });
    tags.push('late');
    await load(1);
    await load.refresh(1);
    expect(client.loadOptions).toEqual([{ tags: ['users'] }, { tags: ['users'], allowStale: false }]);
  });

  test('are made of the arguments where there is something to load, not on a hit', async () => {
    const makeTags = jest.fn((id: number, team: string) => [`user:${id}`, team]);
    const load = cached(client.asClient(), async (id: number, team: string) => id + team.length, {
      key: 'k:{0}',
      tags: makeTags,
      ttl: 5,
    });
    await load(1, 'red');
    await load(1, 'red');
    expect(makeTags).toHaveBeenCalledTimes(1);
    await load.refresh(2, 'blue');
    expect(client.loadOptions).toEqual([
      { ttl: 5, tags: ['user:1', 'red'] },
      { ttl: 5, tags: ['user:2', 'blue'], allowStale: false },
    ]);
  });

  test("that cannot be made are the caller's business: the call rejects and the function does not run", async () => {
    const fn = jest.fn(async (id: number) => id);
    const load = cached(client.asClient(), fn, {
      key: 'k:{0}',
      tags: () => {
        throw new RangeError('no tags');
      },
    });
    await expect(load(1)).rejects.toThrow(RangeError);
    await expect(load.refresh(1)).rejects.toThrow(RangeError);
    expect(fn).not.toHaveBeenCalled();
    expect(client.reports).toEqual([]);
  });
});
