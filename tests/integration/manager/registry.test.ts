/** The process-wide manager: one at a time, found by services by name, gone after shutdown. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { CacheManager, cached, createManager, getClient, init, shutdown, type CacheError } from '../../../lib/index.js';
import { Workbench } from '../clients/workbench.js';

const bench = new Workbench();

const config = (): Parameters<typeof init>[0] => ({
  global: { log_level: 'silent', wal: { dir: bench.folder } },
  services: {
    local: { cache_type: 'l1' },
    users: { cache_type: 'two-level', l2: { connection_string: bench.server.url } },
  },
});

afterEach(() => shutdown());

const errorOf = (call: () => unknown): CacheError => {
  try {
    call();
  } catch (error) {
    return error as CacheError;
  }
  throw new Error('It did not fail');
};

describe('the registry', () => {
  test('gives out the clients of what init has made', async () => {
    const manager = await init(config());
    expect(manager).toBeInstanceOf(CacheManager);
    expect(manager.services).toEqual(['local', 'users']);
    const users = getClient<string>('users');
    expect(users).toBe(manager.client('users'));
    await users.set('1', 'Ada');
    expect(await getClient('users').get('1')).toBe('Ada');
  });

  test('is empty before init and after shutdown', async () => {
    expect(errorOf(() => getClient('users'))).toMatchObject({ code: 'CACHE_NOT_INITIALISED', service: 'users' });
    await init(config());
    await shutdown();
    expect(errorOf(() => getClient('users'))).toMatchObject({ code: 'CACHE_NOT_INITIALISED' });
    await shutdown();
  });

  test('takes one manager at a time, also while it is being made', async () => {
    const first = init(config());
    await expect(init(config())).rejects.toMatchObject({ code: 'CACHE_ALREADY_INITIALISED' });
    await first;
    await expect(init(config())).rejects.toMatchObject({ code: 'CACHE_ALREADY_INITIALISED' });
  });

  test('takes a new manager after shutdown, and after an init that failed', async () => {
    await expect(init({ services: {} })).rejects.toMatchObject({ code: 'CACHE_CONFIG_INVALID' });
    const first = await init(config());
    const old = getClient('users');
    await shutdown();
    const second = await init(config());
    expect(second).not.toBe(first);
    await expect(old.get('k')).rejects.toMatchObject({ code: 'CACHE_CLOSED', service: 'users' });
    expect(await getClient('users').set('k', 1)).toMatchObject({ l2: 'written' });
  });

  test('names the nearest service for one that is unknown', async () => {
    const manager = await init(config());
    expect(errorOf(() => getClient('user'))).toMatchObject({ code: 'CACHE_SERVICE_UNKNOWN', service: 'user' });
    expect(errorOf(() => getClient('user')).message).toContain('"users"');
    expect(errorOf(() => manager.client('something else')).message).toContain('local, users');
  });

  test('does not know managers made with createManager', async () => {
    const manager = await createManager(config());
    expect(errorOf(() => getClient('users'))).toMatchObject({ code: 'CACHE_NOT_INITIALISED' });
    await init(config());
    await manager.client('users').set('k', 1);
    expect(await getClient('users').get('k')).toBe(1);
    await manager.close();
    expect(await getClient('users').get('k')).toBe(1);
  });

  test('is what cached() asks at each call, so that wrapping may come before init', async () => {
    let calls = 0;
    const double = cached('users', function double(n: number) {
      calls++;
      return n * 2;
    });
    await expect(double(2)).rejects.toMatchObject({ code: 'CACHE_NOT_INITIALISED' });
    await init(config());
    expect([await double(2), await double(2)]).toEqual([4, 4]);
    expect(calls).toBe(1);
    await shutdown();
    await init(config());
    expect(await double(2)).toBe(4);
    // The second manager found the value in Redis.
    expect(calls).toBe(1);
  });
});
