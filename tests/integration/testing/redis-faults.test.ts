/** The faults of a real server: that each is there, that clients see it, and that recovery puts back what it changed. */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { EVICTION_POLICIES, RedisFaults, type EvictionPolicy } from '../../../lib/testing/index.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

let server: RedisServer;
let redis: Redis;
let other: Redis;
let faults: RedisFaults;
const connections: Redis[] = [];

function connect(login: { readonly username?: string; readonly password?: string } = {}): Redis {
  const connection = new Redis(server.url, login);
  connection.on('error', () => undefined);
  connections.push(connection);
  return connection;
}

beforeAll(async () => {
  server = await RedisServer.start({
    users: [{ name: 'app', password: 'secret', rules: '~app:* &* +@all -flushall (~read:* +get)' }],
  });
});
afterAll(() => server.stop());

beforeEach(async () => {
  redis = connect();
  other = connect();
  await server.flush();
  faults = new RedisFaults(redis);
});
afterEach(async () => {
  await faults.recover();
  for (const connection of connections.splice(0)) connection.disconnect();
});

const setting = async (name: string): Promise<string | undefined> => ((await server.call('CONFIG', 'GET', name)) as string[])[1];
/** Without a default that Redis sometimes spells out. */
const users = async (): Promise<string[]> =>
  ((await server.call('ACL', 'LIST')) as string[]).map((line) => line.replace(' sanitize-payload', ''));

describe('pauseWrites', () => {
  test('writes wait, reads go on, and recovery carries the writes out', async () => {
    await other.set('k', 'old');
    await faults.pauseWrites(60_000);
    let answered = false;
    const write = other.set('k', 'new').then(() => (answered = true));
    expect(await redis.get('k')).toBe('old');
    expect(answered).toBe(false);
    await faults.recover();
    await write;
    expect(await redis.get('k')).toBe('new');
  });

  test('ends by itself', async () => {
    await faults.pauseWrites(1);
    expect(await other.set('k', 'v')).toBe('OK');
  });
});

describe('forbidCommands', () => {
  test('refuses them with NOPERM, one subcommand included, and lets all others through', async () => {
    const before = await users();
    await faults.forbidCommands(['xread', 'client|getname']);
    await faults.forbidCommands(['EVALSHA']);
    for (const command of [
      ['XREAD', 'STREAMS', 's', '0'],
      ['EVALSHA', 'x', '0'],
      ['CLIENT', 'GETNAME'],
    ] as const) {
      await expect(other.call(command[0], ...command.slice(1))).rejects.toThrow('NOPERM');
    }
    expect(await other.set('k', 'v')).toBe('OK');
    await faults.recover();
    expect(await other.call('XREAD', 'STREAMS', 's', '0')).toBeNull();
    expect(await users()).toEqual(before);
  });

  test('of a user with rules of its own: these are put back, password and selectors included', async () => {
    const before = await users();
    await faults.forbidCommands(['get'], { user: 'app' });
    const app = connect({ username: 'app', password: 'secret' });
    await expect(app.get('app:k')).rejects.toThrow('NOPERM');
    await faults.recover();
    expect(await app.get('app:k')).toBeNull();
    expect(await app.get('read:k')).toBeNull();
    await expect(app.flushall()).rejects.toThrow('NOPERM');
    expect(await users()).toEqual(before);
  });

  test.each([[[]], [['@all']], [['acl']], [['ACL|SETUSER']], [['get set']], [[5]], ['get']])(
    '%j is refused and changes nothing',
    async (names) => {
      const before = await users();
      await expect(faults.forbidCommands(names as string[])).rejects.toThrow(TypeError);
      expect(await users()).toEqual(before);
    },
  );

  test('of a user that is not there is refused', async () => {
    await expect(faults.forbidCommands(['get'], { user: 'nobody' })).rejects.toThrow('no user "nobody"');
    await expect(faults.forbidCommands(['get'], { usr: 'app' } as object)).rejects.toThrow('user');
  });
});

describe('demote', () => {
  test('writes are refused, reads go on, and recovery makes it a primary with its data again', async () => {
    await other.set('k', 'v');
    await faults.demote();
    await expect(other.set('k', 'w')).rejects.toThrow('READONLY');
    expect(await other.get('k')).toBe('v');
    await faults.recover();
    expect(await other.set('k', 'w')).toBe('OK');
  });

  test('promote ends it as well, for good', async () => {
    await faults.demote({ host: '127.0.0.1', port: 1 });
    await faults.promote();
    await faults.recover();
    expect(await other.set('k', 'w')).toBe('OK');
  });
});

describe('fillMemory', () => {
  /** 200 entries of 4 KiB that expire, as a cache's do. */
  async function fill(): Promise<void> {
    const value = 'v'.repeat(4096);
    await Promise.all(Array.from({ length: 200 }, (_, index) => other.set(`k${index}`, value, 'PX', 600_000 + index)));
  }
  const left = async (): Promise<number> => (await other.keys('k*')).length;

  test('noeviction: writes are refused with OOM, reads and deletions go on', async () => {
    await fill();
    expect(await faults.fillMemory()).toEqual({ evicted: 0 });
    await expect(other.set('more', 'v')).rejects.toThrow('OOM');
    expect(await left()).toBe(200);
    expect(await other.del('k0')).toBe(1);
    await faults.recover();
    expect(await other.set('more', 'v')).toBe('OK');
  });

  test.each(EVICTION_POLICIES.filter((policy) => policy !== 'noeviction'))(
    '%s: keys of the application are evicted, writes go on, and nothing of the tool is left',
    async (policy) => {
      const before = [await setting('maxmemory'), await setting('maxmemory-policy')];
      await fill();
      const { evicted } = await faults.fillMemory({ policy, bytes: 400_000 });
      expect(evicted).toBeGreaterThan(0);
      expect(await left()).toBeLessThan(200);
      expect(await setting('maxmemory-policy')).toBe(policy);
      await faults.recover();
      expect([await setting('maxmemory'), await setting('maxmemory-policy')]).toEqual(before);
      expect(await other.keys('oxcache-filler:*')).toEqual([]);
    },
  );

  test('volatile-lru: what does not expire is not evicted; then the memory is full', async () => {
    await other.set('kept', 'v'.repeat(4096));
    expect(await faults.fillMemory({ policy: 'volatile-lru', bytes: 4_000_000 })).toEqual({ evicted: 0 });
    await until(() =>
      other.set('more', 'v'.repeat(100_000)).then(
        () => false,
        (error: unknown) => String(error).includes('OOM'),
      ),
    );
    expect(await other.exists('kept')).toBe(1);
  });

  test('called twice: recovery puts back what was before the first', async () => {
    await faults.fillMemory();
    await faults.fillMemory({ policy: 'allkeys-lru', bytes: 0 });
    await faults.recover();
    expect([await setting('maxmemory'), await setting('maxmemory-policy')]).toEqual(['0', 'noeviction']);
  });

  test.each([{ policy: 'lru' }, { bytes: -1 }, { bytes: 1.5 }, { prefix: '' }, { polcy: 'allkeys-lru' }])(
    '%j is refused and changes nothing',
    async (options) => {
      await expect(faults.fillMemory(options as { policy: EvictionPolicy })).rejects.toThrow(TypeError);
      expect(await setting('maxmemory')).toBe('0');
    },
  );
});

test('killConnections: others lose theirs, this one stays', async () => {
  await other.ping();
  const closed = new Promise<void>((resolve) => other.once('close', resolve));
  const id = await redis.client('ID');
  await faults.killConnections();
  await closed;
  expect(await redis.client('ID')).toBe(id);
});

describe('recover', () => {
  test('ends every fault at once, and the dispose of `await using` as well', async () => {
    {
      await using inner = new RedisFaults(redis);
      await inner.pauseWrites(60_000);
      await inner.forbidCommands(['get']);
      await inner.fillMemory();
    }
    expect(await other.set('k', 'v')).toBe('OK');
    expect(await other.get('k')).toBe('v');
  });

  test('tries everything, says what failed, and can be called again', async () => {
    await faults.forbidCommands(['get']);
    await faults.fillMemory();
    await server.call('ACL', 'SETUSER', 'default', '-config');
    await expect(faults.recover()).rejects.toThrow('NOPERM');
    // The rights were put back all the same, so the second attempt may configure.
    expect(await other.get('k')).toBeNull();
    await faults.recover();
    expect(await setting('maxmemory')).toBe('0');
  });
});

test('misuse is refused', async () => {
  expect(() => new RedisFaults({} as Redis)).toThrow(TypeError);
  for (const ms of [0, -1, 1.5, NaN]) await expect(faults.pauseWrites(ms)).rejects.toThrow(TypeError);
  for (const options of [{ port: 0 }, { host: '' }, { hots: 'x' }])
    await expect(faults.demote(options as object)).rejects.toThrow(TypeError);
});
