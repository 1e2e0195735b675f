/** Users, passwords and databases: the least a user of the server must be allowed, and that no password is ever shown. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CacheManager } from '../../../lib/manager/cache-manager.js';
import type { ConfigObject, L2Config, ServiceConfig } from '../../../lib/config/config-object.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { RedisServer } from '../../support/redis-server.js';
import type { RedisServerOptions } from '../../support/redis-server-options.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { until } from '../../support/until.js';

/**
 * What a user of the server must be allowed: these commands on the keys below the prefix, and no channels. `info` (whether
 * the server is still loading its data) and `client|setname` (our name in CLIENT LIST) may be missing; the others may not.
 * A database other than 0 needs `select` as well.
 */
const NEEDED = ['get', 'mget', 'set', 'getrange', 'eval', 'evalsha', 'time', 'scan', 'unlink'];
const WELCOME = ['info', 'client|setname'];

const rules = (commands: readonly string[]): string =>
  `~oxcache:* resetchannels -@all ${commands.map((name) => `+${name}`).join(' ')}`;

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

async function open(server: RedisServer, l2: L2Config, l2Other?: L2Config, hasLog = true): Promise<Opened> {
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
  if (l2Other !== undefined) services['t'] = { cache_type: 'l2', l2: withDefaults(l2Other) };
  const source: ConfigObject = { global: { log_level: 'silly', wal: { enabled: hasLog, dir: folder.path } }, services };
  const manager = await createManager(source, { logger: { error: say, warn: say, info: say, debug: say } });
  cleanups.push(() => manager.close());
  manager.on('error', (payload) =>
    say(payload.error.message, { ...payload, stack: payload.error.stack, cause: String(payload.error.cause) }),
  );
  manager.on('degrade', (payload) => say(payload.reason, payload));
  return { manager, said };
}

/** Uses everything a client can do to Redis. */
async function useEverything(manager: CacheManager): Promise<void> {
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
  await client.clear();
  expect(await client.get('a')).toBeUndefined();
  expect(client.metrics()).toMatchObject({ l2Errors: 0, l2Timeouts: 0, writesFailed: 0 });
  expect(client.health()).toMatchObject({ status: 'healthy' });
}

describe('a user of the access control list', () => {
  test('with the least it needs can do everything, and is refused nothing', async () => {
    const server = await startServer({ users: [{ name: 'app', password: 'pw', rules: rules([...NEEDED, ...WELCOME]) }] });
    const { manager } = await open(server, { username: 'app', password: 'pw' });
    await useEverything(manager);
    expect(await server.call('ACL', 'LOG')).toEqual([]);
  });

  test.each(NEEDED)('without %s is told so, and what the others allow goes on', async (missing) => {
    const commands = [...NEEDED, ...WELCOME].filter((name) => name !== missing);
    const server = await startServer({ users: [{ name: 'app', password: 'pw', rules: rules(commands) }] });
    // With a log, a refused `clear` would be noted there and resolve.
    const { manager, said } = await open(server, { username: 'app', password: 'pw' }, undefined, false);
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
    expect(said.join('\n')).toMatch(/NOPERM|can't run this command/);
  });

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
    const { manager } = await open(server, { connection_string: `redis://${server.address}/2` }, { db: 5 });
    await manager.client('s').set('k', 1);
    await manager.client('t').set('k', 1);
    const keyspace = String(await server.call('INFO', 'keyspace'));
    expect([...keyspace.matchAll(/^db(\d+):keys=(\d+)/gm)].map(([, db, keys]) => [db, keys])).toEqual([
      ['2', '1'],
      ['5', '1'],
    ]);
    expect(manager.health().services['s']?.l2?.endpoint).toBe(`redis://${server.address}/2`);
  });
});

function expectNoSecret(texts: readonly string[], ...others: readonly string[]): void {
  for (const text of texts) {
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), ...others]) expect(text).not.toContain(secret);
  }
}
