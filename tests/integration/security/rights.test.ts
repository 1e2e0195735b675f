/**
 * The rights that the pages list, in every mode and over both transports. With exactly these nothing is refused, `ACL LOG` stays empty.
 * Without any one of them the process says which one it lacks; nothing that is read is wrong, and nothing acknowledged is lost (G4, G7).
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CacheError, createManager, type CacheClient, type CacheManager } from '../../../lib/index.js';
import { Deployment, type RedisMode } from '../../support/deployment.js';
import type { RedisServer } from '../../support/redis-server.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { until } from '../../support/until.js';
import { readPage, sectionOf } from '../../unit/docs/read-page.js';

type Transport = 'stream' | 'pubsub';

const TABLE = sectionOf(readPage('docs/operations.md'), '## Rights in Redis').split('\n');
/** The commands in the second cell of the row that begins so. */
const rightsOf = (row: string): string[] => {
  const line = TABLE.find((each) => each.startsWith(`| ${row}`)) ?? '';
  const [, , cell = ''] = line.split(/(?<!\\)\|/);
  return [...cell.matchAll(/`([a-z|\\]+)`/g)].map(([, name = '']) => name.replace('\\', ''));
};
/** What a line of the other page grants. */
const rulesAfter = (user: string): string[] =>
  new RegExp(`ACL SETUSER ${user} (.*)`).exec(readPage('docs/redis-modes.md'))?.[1]?.split(' ') ?? [];

/** Rights that a process can do without, as the page says. */
const WELCOME = [...rightsOf('if you like'), 'readonly', 'readwrite'];
/** Used where marks are gone or many, or a link is silent: seldom. */
const RARE = [
  'hget',
  'hdel',
  'hlen',
  'hscan',
  'dbsize',
  'ping',
  'asking',
  'readonly',
  'readwrite',
  'xrange',
  'xrevrange',
  'del',
  'pexpire',
];

const rightsFor = (mode: RedisMode, transport: Transport): string[] => [
  ...rightsOf('entries'),
  ...rightsOf(transport === 'stream' ? '`sync.transport = "stream"' : '`sync.transport = "pubsub"'),
  ...rightsOf('`lock`'),
  ...rightsOf('if you like'),
  ...(mode === 'cluster' ? rulesAfter('app').map((rule) => rule.slice(1)) : []),
];

/** So many that several of them are in one bucket of a cluster. */
const ABSENT = Array.from({ length: 200 }, (_, index) => `absent${index}`);

const SETTINGS: readonly (readonly [RedisMode, readonly Transport[]])[] = [
  ['standalone', ['stream', 'pubsub']],
  ['sentinel', ['stream']],
  ['cluster', ['stream', 'pubsub']],
];

const folder = useTemporaryFolder();

describe.each(SETTINGS)('%s', (mode, transports) => {
  let redis: Deployment;
  let services = 0;

  beforeAll(async () => {
    redis = await Deployment.start(mode);
    for (const sentinel of redis.sentinel?.sentinels ?? [])
      await sentinel.call('ACL', 'SETUSER', 'guard', ...rulesAfter('guard'));
  }, 60_000);
  afterAll(() => redis.stop());

  describe.each(transports)('%s', (transport) => {
    const rights = rightsFor(mode, transport);
    const managers: CacheManager[] = [];

    afterEach(async () => {
      for (const manager of managers.splice(0)) await manager.close({ deadline: '1s' });
    });

    async function allow(names: readonly string[]): Promise<void> {
      const channels = transport === 'pubsub' ? ['&oxcache::*'] : [];
      const rules = [
        'reset',
        'on',
        '>secret',
        '~oxcache:*',
        'resetchannels',
        ...channels,
        '-@all',
        ...names.map((name) => `+${name}`),
      ];
      for (const server of redis.servers) {
        await server.call('ACL', 'SETUSER', 'app', ...rules);
        await server.call('SCRIPT', 'FLUSH');
        await server.call('ACL', 'LOG', 'RESET');
      }
    }

    /** Opens a process of its own. @param user whether as the one with the rights, or as one that may do everything */
    async function open(service: string, said: string[], user = 'app'): Promise<CacheClient<number>> {
      const say = (line: string): void => void said.push(line);
      const login = user === 'app' ? { username: 'app', password: 'secret' } : {};
      const l2 = { ...redis.l2, ...login, command_timeout_ms: 2000 };
      if (l2.sentinel !== undefined) l2.sentinel = { ...l2.sentinel, username: 'guard', password: 'secret' };
      const manager = await createManager(
        {
          global: { log_level: 'silly', health_check_interval: 1, wal: { dir: folder.path }, sync: { transport } },
          services: { [service]: { cache_type: 'two-level', ttl: 600, single_flight: 'cluster', l2 } },
        },
        { logger: { error: say, warn: say, info: say, debug: say } },
      );
      managers.push(manager);
      const client = manager.client<number>(service);
      client.on('error', ({ error }) => say(error.message));
      return client;
    }

    /** The commands that were refused, at whichever server. */
    async function refused(): Promise<string[]> {
      const servers: readonly RedisServer[] = [...redis.servers, ...(redis.sentinel?.sentinels ?? [])];
      const logs = await Promise.all(servers.map((server) => server.call('ACL', 'LOG') as Promise<unknown[][]>));
      return logs.flat().map((entry) => entry[entry.indexOf('object') + 1] as string);
    }

    test('with exactly the listed rights nothing is refused, whatever happens', async () => {
      await allow(rights);
      const said: string[] = [];
      const client = await open(`life-${transport}`, said);
      const findings = await useAll(client, said);
      if (mode === 'standalone') {
        redis.standalone?.freeze();
        await until(() => client.health().status === 'degraded', { describe: 'the outage to be noticed' }).catch(() => undefined);
        await client.set('outage', 1);
        redis.standalone?.thaw();
      } else await redis.changePrimary();
      await until(() => client.health().status === 'healthy' && client.health().owed === 0, {
        timeoutMs: 20_000,
        describe: () => `Redis to be owed nothing: ${JSON.stringify([client.health(), client.metrics().owed])}`,
      });
      findings.push(...(await useAll(client, said)));
      expect(findings).toEqual([]);
      expect(await refused()).toEqual([]);
    });

    test.each(rights)('without %s that is said, and nothing is lost or wrong', async (missing) => {
      await allow(rights.filter((name) => name !== missing));
      const service = `s${services++}`;
      const said: string[] = [];
      const client = await open(service, said);
      const findings = await useAll(client, said);
      expect(findings).toEqual([]);
      // Redis 6.2 names a subcommand by its command.
      const [command = '', subcommand = ''] = missing.split('|');
      const names = new RegExp(`^${command}(\\|${subcommand})?$`, 'i');
      const wasRefused = async (): Promise<boolean> => (await refused()).some((name) => names.test(name));
      if (!RARE.includes(missing)) await until(wasRefused, { describe: `${missing} to be refused` });
      if (!WELCOME.includes(missing) && (await wasRefused())) {
        const told = (): string => [...said, JSON.stringify(client.health())].join('\n');
        await until(() => new RegExp(`\\b${command}\\b`, 'i').test(told()), {
          describe: () => `${missing} to be named in\n${told()}`,
        });
      }
      // Granted later: what was acknowledged gets to Redis.
      for (const server of redis.servers) await server.call('ACL', 'SETUSER', 'app', `+${missing}`);
      await until(() => client.health().owed === 0, {
        timeoutMs: 20_000,
        describe: () => `Redis to be owed nothing: ${JSON.stringify(client.health())}`,
      });
      const other = await open(service, [], 'default');
      expect(await other.getL2Only('kept')).toBe(await client.get('kept'));
      for (const key of ['deleted', 'tagged']) expect([key, await other.getL2Only(key)]).toEqual([key, undefined]);
    });
  });
});

/** Uses everything that reaches Redis. Resolves to what was read wrongly; what is refused rejects with an error of the cache. */
async function useAll(client: CacheClient<number>, said: string[]): Promise<string[]> {
  const findings: string[] = [];
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!CacheError.is(error)) throw error;
      said.push(error.message);
      return undefined;
    }
  };
  const expectRead = (what: string, value: number | undefined, ...right: readonly number[]): void => {
    if (value !== undefined && !right.includes(value)) findings.push(`${what}: ${value}`);
  };
  await attempt(() => client.set('cleared', 1));
  await attempt(() => client.clear());
  expectRead('cleared', await client.get('cleared'));
  await attempt(() => client.set('deleted', 1));
  await attempt(() =>
    client.setMany([
      ['many1', 1],
      ['many2', 2],
    ]),
  );
  expectRead('getMany', (await client.getMany(['many1', ...ABSENT])).get('many1'), 1);
  await attempt(() => client.expire('many1', 500));
  await attempt(() => client.set('tagged', 1, { tags: ['t'] }));
  expectRead('tagged', await client.getL2Only('tagged'), 1);
  await attempt(() => client.invalidateTags('t'));
  expectRead('invalidated', await client.get('tagged'));
  await attempt(() => client.delete('deleted'));
  expectRead('deleted', await client.get('deleted'));
  expectRead('loaded', await client.getOrLoad('loaded', () => 3), 3);
  await attempt(async () => {
    const lock = await client.lock('lock', { ttl: 5 });
    await attempt(async () => lock?.extend());
    await lock?.release();
  });
  await attempt(() => client.set('kept', 7));
  expectRead('kept', await client.get('kept'), 7);
  expectRead('kept in L2', await client.getL2Only('kept'), 7);
  return findings;
}
