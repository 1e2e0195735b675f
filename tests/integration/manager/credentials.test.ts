/** Users, passwords and databases: the least a user of the server must be allowed, and that no password is ever shown. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheManager } from '../../../lib/manager/cache-manager.js';
import type { ConfigObject, L2Config, ServiceConfig } from '../../../lib/config/config-object.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { readPage, sectionOf } from '../../unit/docs/read-page.js';
import { RedisServer } from '../../support/redis-server.js';
import type { RedisServerOptions } from '../../support/redis-server-options.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { until } from '../../support/until.js';

/**
 * What a user of the server must be allowed: these commands on the keys below the prefix, and no channels. `client|setname` (our
 * name in CLIENT LIST) may be missing; the others may not. A database other than 0 needs `select` as well.
 */
const FOR_MARKS = ['hmget', 'hget', 'hset', 'hdel', 'hlen', 'hscan', 'dbsize'];
const FOR_ENTRIES = ['get', 'mget', 'set', 'getrange', 'eval', 'evalsha', 'time', 'scan', 'unlink', ...FOR_MARKS];
/** Those of them that only free memory. */
const FREEING = ['scan', 'unlink'];
/** Those for marks of tags, and for marks that are gone: what has no tags can do without them. */
const RARE = ['hget', 'hdel', 'hlen', 'hscan', 'dbsize'];
/** Besides, to tell other processes and to hear of them over streams. */
const FOR_STREAMS = ['xadd', 'xread', 'xrange', 'xrevrange'];
/** The same over Pub/Sub, on the channels below the prefix. */
const FOR_PUBSUB = ['publish', 'subscribe', 'ping'];
/** Besides, for `lock` and `single_flight = "cluster"`. */
const FOR_LOCKS = ['pexpire', 'del'];
const NEEDED = [...FOR_ENTRIES, ...FOR_STREAMS];
const WELCOME = ['info', 'client|setname'];
/** How servers of different age refuse a command, in a script and outside. */
const DENIED = /NOPERM|can't run this command|has no permissions/;

const rules = (commands: readonly string[], channels = ''): string =>
  `~oxcache:* resetchannels ${channels} -@all ${commands.map((name) => `+${name}`).join(' ')}`;

type Sync = NonNullable<ServiceConfig['sync']>;

const PASSWORD = 'S3cret/p@ss:w%rd?#';
const folder = useTemporaryFolder();
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startServer(options: RedisServerOptions): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  cleanups.push(() => server.stop());
  return server;
}

interface Opened {
  readonly manager: CacheManager;
  /** Everything that was logged or reported. */
  readonly said: string[];
}

interface Settings {
  /** Of a second service, of type l2. */
  readonly other?: L2Config;
  readonly hasLog?: boolean;
  readonly sync?: Sync;
}

async function open(server: RedisServer, l2: L2Config, { other, hasLog = true, sync = {} }: Settings = {}): Promise<Opened> {
  const said: string[] = [];
  const say = (message: string, fields?: unknown): void => {
    said.push(`${message} ${JSON.stringify(fields)}`);
  };
  const withDefaults = (own: L2Config): L2Config => ({
    connection_string: `redis://${server.address}`,
    connection_timeout_ms: 2000,
    ...own,
  });
  const services: Record<string, ServiceConfig> = { s: { cache_type: 'two-level', l2: withDefaults(l2) } };
  if (other !== undefined) services['t'] = { cache_type: 'l2', l2: withDefaults(other) };
  const source: ConfigObject = { global: { log_level: 'silly', sync, wal: { enabled: hasLog, dir: folder.path } }, services };
  const manager = await createManager(source, { logger: { error: say, warn: say, info: say, debug: say } });
  cleanups.push(() => manager.close());
  manager.on('error', (payload) =>
    say(payload.error.message, { ...payload, stack: payload.error.stack, cause: String(payload.error.cause) }),
  );
  manager.on('degrade', (payload) => say(payload.reason, payload));
  return { manager, said };
}

/** Uses everything a client can do to Redis. */
async function useEverything(manager: CacheManager, status = 'healthy'): Promise<void> {
  const client = manager.client('s');
  expect(await client.set('a', 1)).toMatchObject({ l2: 'written' });
  expect(await client.getL2Only('a')).toBe(1);
  await client.setMany([
    ['b', 1],
    ['c', 2],
  ]);
  expect(await client.expire('a', 50)).toBe(true);
  expect(await client.delete('b')).toBe(true);
  expect((await client.getMany(['a', 'x', 'y'])).size).toBe(1);
  expect((await client.getOrLoadMany(['x', 'y'], (keys) => keys.map(() => 1))).size).toBe(2);
  expect(await client.set('tagged', 1, { tags: ['t'] })).toMatchObject({ l2: 'written' });
  await client.invalidateTags('t');
  expect(await client.getL2Only('tagged')).toBeUndefined();
  await client.clear();
  expect(await client.get('a')).toBeUndefined();
  expect(client.health().sync?.status ?? 'connected').toBe('connected');
  expect(client.metrics()).toMatchObject({ l2Errors: 0, l2Timeouts: 0, writesFailed: 0 });
  expect(client.health()).toMatchObject({ status });
}

describe('a user of the access control list', () => {
  const LOGIN = { username: 'app', password: 'pw' };

  async function startWith(commands: readonly string[], channels?: string): Promise<RedisServer> {
    return startServer({ users: [{ name: 'app', password: 'pw', rules: rules(commands, channels) }] });
  }

  /** The commands that were refused. */
  const refusedBy = async (server: RedisServer): Promise<unknown[]> =>
    ((await server.call('ACL', 'LOG')) as unknown[][]).map((entry) => entry[7]);

  /** What the least is by the transport; without any, other processes are not told. */
  const LEAST: readonly (readonly [string, Sync, readonly string[], string | undefined])[] = [
    ['streams', { transport: 'stream' }, NEEDED, undefined],
    ['pubsub', { transport: 'pubsub' }, [...FOR_ENTRIES, ...FOR_PUBSUB], '&oxcache::*'],
    ['no messages', { enabled: false }, FOR_ENTRIES, undefined],
  ];

  test.each(LEAST)(
    'with the least it needs, for %s, can do everything, and is refused nothing',
    async (_name, sync, commands, channels) => {
      const server = await startWith([...commands, ...WELCOME], channels);
      const { manager } = await open(server, LOGIN, { sync });
      await useEverything(manager);
      expect(await refusedBy(server)).toEqual([]);
    },
  );

  test('docs/operations.md lists these rights and no others', () => {
    const section = sectionOf(readPage('docs/operations.md'), '## Rights in Redis');
    const cells = section.split('\n').flatMap((line) => (line.startsWith('| ') ? line.split(/(?<!\\)\|/).slice(2, 3) : []));
    const named = cells.flatMap((cell) => [...cell.matchAll(/`([a-z|\\]+)`/g)].map(([, name = '']) => name.replace('\\', '')));
    const all = [...FOR_ENTRIES, ...FOR_STREAMS, ...FOR_PUBSUB, ...FOR_LOCKS, 'select', ...WELCOME];
    expect(named.sort()).toEqual(all.sort());
    const [, rule = ''] = /ACL SETUSER app on >secret (.*)/.exec(section) ?? [];
    expect(rule).toBe(rules([...NEEDED, ...FOR_LOCKS, ...WELCOME]).replace('  ', ' '));
  });

  test.each([
    ['stream', [...NEEDED, ...FOR_LOCKS], undefined],
    ['pubsub', [...FOR_ENTRIES, ...FOR_PUBSUB, ...FOR_LOCKS], '&oxcache::*'],
  ] as const)(
    'with the rights of the page is refused nothing in a whole life: an outage, a replay, locks (%s)',
    async (transport, commands, channels) => {
      const server = await startWith([...commands, ...WELCOME], channels);
      const { manager } = await open(server, LOGIN, { sync: { transport } });
      const client = manager.client('s');
      await useEverything(manager);
      expect(await refusedBy(server)).toEqual([]);
      await server.kill();
      await until(() => client.health().status === 'degraded');
      expect(await client.set('logged', 1, { tags: ['t'] })).toMatchObject({ l2: 'logged' });
      await client.delete('a');
      await client.clear();
      expect(await client.set('logged', 2)).toMatchObject({ l2: 'logged' });
      await server.restart();
      await until(() => client.metrics().loggedKeys === 0 && client.health().status === 'healthy');
      await until(() => client.health().sync?.status === 'connected');
      expect(await client.getL2Only('logged')).toBe(2);
      const lock = await client.lock('k', { ttl: 5 });
      await lock?.extend();
      expect(await lock?.release()).toBe(true);
      await manager.close();
      expect(await refusedBy(server)).toEqual([]);
    },
  );

  test.each(['subscribe', 'ping'])(
    'without %s, for Pub/Sub, hears nothing of other processes, and is told so',
    async (missing) => {
      const commands = [...FOR_ENTRIES, ...FOR_PUBSUB, ...WELCOME].filter((name) => name !== missing);
      const server = await startWith(commands, '&oxcache::*');
      const { manager } = await open(server, LOGIN, { sync: { transport: 'pubsub' } });
      await until(() => manager.client('s').health().sync?.status === 'lost');
      expect(await refusedBy(server)).toContain(missing);
    },
  );

  test('without client|setname has connections without a name, and lacks nothing else', async () => {
    const server = await startWith([...NEEDED, 'info']);
    const { manager } = await open(server, LOGIN);
    await useEverything(manager);
    // Redis 6.2 names the command without the subcommand.
    for (const refused of await refusedBy(server)) expect(refused).toMatch(/^client(\|setname)?$/);
    expect(String(await server.call('CLIENT', 'LIST'))).not.toMatch(/name=oxcache/);
  });

  test('needs two more rights for locks', async () => {
    const server = await startWith([...NEEDED, ...FOR_LOCKS, ...WELCOME]);
    const { manager } = await open(server, LOGIN);
    const lock = await manager.client('s').lock('k', { ttl: 5 });
    expect(await lock?.extend()).toBe(true);
    expect(await lock?.release()).toBe(true);
    expect(await refusedBy(server)).toEqual([]);
    for (const missing of FOR_LOCKS) {
      await server.call('ACL', 'SETUSER', 'app', `-${missing}`);
      const other = await manager.client('s').lock(missing, { ttl: 5 });
      await expect(missing === 'del' ? other?.release() : other?.extend()).rejects.toThrow(DENIED);
      expect(await refusedBy(server)).toContain(missing);
    }
  });

  test.each(FOR_STREAMS.filter((name) => name !== 'xadd'))(
    'without %s hears nothing of other processes and is told so; reads and writes go on, and others hear of them',
    async (missing) => {
      const server = await startWith([...NEEDED, ...WELCOME].filter((name) => name !== missing));
      const { manager } = await open(server, LOGIN);
      const client = manager.client('s');
      // An empty stream has no entry that could be looked for: without xrange that is found out with the first message.
      await until(() => client.health().sync?.status === 'lost');
      expect(client.health().status).toBe('healthy');
      expect(client.metrics().invalidationLinkLosses).toBe(1);
      expect(await refusedBy(server)).toContain(missing);
      expect(await client.set('a', 1)).toEqual({ l1: true, l2: 'written' });
      expect(await client.getL2Only('a')).toBe(1);
      expect(await client.delete('a')).toBe(true);
      await client.clear();
      const { manager: other } = await open(server, {});
      await other.client('s').getOrLoad('b', () => 'older');
      await client.set('b', 'newer');
      await until(() => other.client('s').peek('b') === undefined);
      // The right is granted later.
      await server.call('ACL', 'SETUSER', 'app', `+${missing}`);
      await until(() => client.health().sync?.status === 'connected');
    },
  );

  test.each([
    ['xadd', { transport: 'stream' }, NEEDED, undefined],
    ['publish', { transport: 'pubsub' }, [...FOR_ENTRIES, ...FOR_PUBSUB], '&oxcache::*'],
  ] as const)(
    'without %s can tell nobody of its writes: they are not confirmed, and replayed once it can',
    async (missing, sync, commands, channels) => {
      const server = await startWith(
        [...commands, ...WELCOME].filter((name) => name !== missing),
        channels,
      );
      const { manager, said } = await open(server, LOGIN, { sync });
      const client = manager.client('s');
      const { manager: other } = await open(server, {}, { sync });
      const reader = other.client('s');
      await reader.set('a', 'older');
      expect(await client.set('a', 'newer')).toEqual({ l1: true, l2: 'logged' });
      expect(said.join('\n')).toMatch(DENIED);
      expect(await refusedBy(server)).toContain(missing);
      expect(await client.get('a')).toBe('newer');
      expect(client.health()).toMatchObject({ status: 'degraded', l2: { traffic: 'all' } });
      await server.call('ACL', 'SETUSER', 'app', `+${missing}`);
      await until(() => client.metrics().loggedKeys === 0);
      await until(() => reader.peek('a') === undefined);
      expect(await reader.get('a')).toBe('newer');
    },
  );

  test.each(FREEING)('without %s clears, is told that it can free no memory, and does once it can', async (missing) => {
    const server = await startWith([...NEEDED, ...WELCOME].filter((name) => name !== missing));
    const { manager, said } = await open(server, LOGIN);
    await useEverything(manager, 'degraded');
    expect(await refusedBy(server)).toContain(missing);
    expect(said.join('\n')).toMatch(DENIED);
    expect(await server.call('EXISTS', 'oxcache:s:a')).toBe(1);
    await server.call('ACL', 'SETUSER', 'app', `+${missing}`);
    await until(async () => (await server.call('EXISTS', 'oxcache:s:a')) === 0);
  });

  test.each(FOR_ENTRIES.filter((name) => !FREEING.includes(name) && !RARE.includes(name)))(
    'without %s is told so, and what the others allow goes on',
    async (missing) => {
      const commands = [...NEEDED, ...WELCOME].filter((name) => name !== missing);
      const server = await startServer({ users: [{ name: 'app', password: 'pw', rules: rules(commands) }] });
      // With a log, a refused `clear` would be noted there and resolve.
      const { manager, said } = await open(server, { username: 'app', password: 'pw' }, { hasLog: false });
      await useEverything(manager).then(
        () => said.push('nothing failed'),
        (error: unknown) => said.push(String(error)),
      );
      expect(said).not.toContain('nothing failed');
      const refused = ((await server.call('ACL', 'LOG')) as unknown[][]).map((entry) => entry[7]);
      expect(refused).toContain(missing);
      // L1 and loaders work, whatever Redis refuses.
      expect(await manager.client('s').getOrLoad('other', () => 'loaded')).toBe('loaded');
      expect(manager.client('s').peek('other')).toBe('loaded');
      expect(said.join('\n')).toMatch(DENIED);
    },
  );

  test('without getrange does not put an older value over a newer one', async () => {
    const server = await startServer({
      users: [{ name: 'app', password: 'pw', rules: rules([...NEEDED, ...WELCOME].filter((name) => name !== 'getrange')) }],
    });
    const { manager } = await open(server, { username: 'app', password: 'pw' });
    expect(await manager.client('s').set('a', 'unordered')).toEqual({ l1: true, l2: 'logged' });
    expect(await server.call('EXISTS', 'oxcache:s:a')).toBe(0);
    // The right is granted later: what was refused meanwhile is replayed.
    await server.call('ACL', 'SETUSER', 'app', '+getrange');
    await until(async () => (await server.call('EXISTS', 'oxcache:s:a')) === 1);
  });

  test('needs select for another database', async () => {
    const server = await startServer({
      users: [{ name: 'app', password: 'pw', rules: rules([...NEEDED, ...WELCOME, 'select']) }],
    });
    const { manager } = await open(server, { username: 'app', password: 'pw', db: 3 });
    await useEverything(manager);
    expect(await server.call('ACL', 'LOG')).toEqual([]);
    await manager.client('s').set('a', 1);
    expect(await server.call('DBSIZE')).toBe(0);
  });
});

describe('a password', () => {
  test.each([
    ['as a setting', (server: RedisServer): L2Config => ({ password: PASSWORD, connection_string: `redis://${server.address}` })],
    [
      'in the connection string',
      (server: RedisServer): L2Config => ({ connection_string: `redis://:${encodeURIComponent(PASSWORD)}@${server.address}` }),
    ],
    [
      'beside a user',
      (server: RedisServer): L2Config => ({
        username: 'default',
        password: PASSWORD,
        connection_string: `redis://${server.address}`,
      }),
    ],
  ])('given %s is used, and not shown', async (_name, l2) => {
    const server = await startServer({ password: PASSWORD });
    const { manager, said } = await open(server, l2(server));
    await useEverything(manager);
    expectNoSecret([JSON.stringify(manager.health()), ...said]);
  });

  test.each([
    ['a wrong one', { password: 'wr0ng-guess' }],
    ['none', {}],
    ['one of an unknown user', { username: 'nobody', password: 'wr0ng-guess' }],
  ])('that is %s leaves the service degraded, with a reason that does not show it', async (_name, l2) => {
    const server = await startServer({ password: PASSWORD });
    const { manager, said } = await open(server, l2);
    const client = manager.client('s');
    await until(() => /NOAUTH|WRONGPASS/.test(client.health().l2?.reason ?? ''), {
      describe: () => `the reason in ${JSON.stringify(client.health())}`,
    });
    expect(client.health().status).toBe('degraded');
    expect(await client.set('k', 'value-of-a-user')).toEqual({ l1: true, l2: 'logged' });
    expect(await client.get('k')).toBe('value-of-a-user');
    expect(await client.getOrLoad('other', () => 'loaded')).toBe('loaded');
    expect(await client.delete('k')).toBe(true);
    expectNoSecret([JSON.stringify(manager.health()), ...said], 'wr0ng-guess', 'value-of-a-user');
  });

  test('that becomes right at the server makes the service healthy by itself', async () => {
    const server = await startServer({ users: [{ name: 'app', password: 'old' }] });
    const { manager } = await open(server, { username: 'app', password: 'new' });
    const client = manager.client('s');
    expect(client.health().status).toBe('degraded');
    await server.call('ACL', 'SETUSER', 'app', '>new');
    await until(() => client.health().status === 'healthy');
    expect(await client.set('k', 1)).toMatchObject({ l2: 'written' });
  });
});

describe('a database number', () => {
  test('is that of the connection string or of l2.db', async () => {
    const server = await startServer({});
    const { manager } = await open(server, { connection_string: `redis://${server.address}/2` }, { other: { db: 5 } });
    await manager.client('s').set('k', 1);
    await manager.client('t').set('k', 1);
    const keyspace = String(await server.call('INFO', 'keyspace'));
    // In each the entry, the stream and the marks of its service.
    expect([...keyspace.matchAll(/^db(\d+):keys=(\d+)/gm)].map(([, db, keys]) => [db, keys])).toEqual([
      ['2', '3'],
      ['5', '3'],
    ]);
    expect(manager.health().services['s']?.l2?.endpoint).toBe(`redis://${server.address}/2`);
  });
});

function expectNoSecret(texts: readonly string[], ...others: readonly string[]): void {
  for (const text of texts) {
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), ...others]) expect(text).not.toContain(secret);
  }
}
