import { beforeEach, describe, expect, test } from '@jest/globals';
import { CacheError } from '../../../lib/base/errors.js';
import { createCached, type Cached } from '../../../lib/wrap/create-cached.js';
import { FakeClient, FakeRegistry } from './fake-client.js';

let registry: FakeRegistry;
let cached: Cached;
beforeEach(() => {
  registry = new FakeRegistry(() => new CacheError('CACHE_NOT_INITIALISED', 'init() first'));
  cached = createCached(registry);
});

const wrap = (options: { cacheType?: 'l1' | 'l2' | 'two-level'; onCacheError?: 'propagate' } = {}) =>
  cached(
    'users',
    function load(id: number) {
      return id;
    },
    options,
  );

describe('the client of a wrapped function', () => {
  test('is looked up at the first call, not when wrapping, and then remembered', async () => {
    const load = wrap();
    expect(registry.lookups).toBe(0);
    const users = new FakeClient();
    registry.replace(users);
    await load(1);
    await load(2);
    await load.invalidate(1);
    expect(registry.lookups).toBe(1);
    expect([...users.store.keys()]).toEqual(['load:2']);
  });

  test('missing before init rejects the call without running the function, also when cache errors are ignored', async () => {
    const load = wrap();
    const run = load(1);
    await expect(run).rejects.toMatchObject({ code: 'CACHE_NOT_INITIALISED' });
    await expect(load.invalidate(1)).rejects.toMatchObject({ code: 'CACHE_NOT_INITIALISED' });
    await expect(load.refresh(1)).rejects.toMatchObject({ code: 'CACHE_NOT_INITIALISED' });
    expect(load.keyFor(1)).toBe('load:1');
  });

  test('is the new one after shutdown and another init, and none in between', async () => {
    const load = wrap();
    const [first, second] = [new FakeClient(), new FakeClient()];
    registry.replace(first);
    await load(1);
    registry.replace();
    await expect(load(1)).rejects.toMatchObject({ code: 'CACHE_NOT_INITIALISED' });
    registry.replace(second);
    await load(2);
    expect([...first.store.keys()]).toEqual(['load:1']);
    expect([...second.store.keys()]).toEqual(['load:2']);
  });

  test('with cacheType is a view made once; an invalidation still removes from all tiers', async () => {
    const users = new FakeClient();
    const l1 = new FakeClient('users', 'l1');
    users.views.set('l1', l1);
    registry.replace(users);
    const load = wrap({ cacheType: 'l1' });
    await load(1);
    await load(2);
    await load.refresh(3);
    await load.invalidate(1);
    expect(users.viewsMade).toBe(1);
    expect([...l1.store.keys()]).toEqual(['load:1', 'load:2', 'load:3']);
    expect(users.store.size).toBe(0);
    expect(users.deleted).toEqual(['load:1']);
  });

  test('without the asked tier rejects the call with the TypeError of the client', async () => {
    registry.replace(new FakeClient());
    await expect(wrap({ cacheType: 'l2' })(1)).rejects.toThrow(TypeError);
  });
});
