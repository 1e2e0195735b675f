/**
 * A server, or a proxy in front of it, that repeats what it was sent: no password and no value of it comes out of the library (G11),
 * whatever is asked, in every mode and wherever the password was written.
 */
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { CACHE_EVENTS, type CacheClient, type CacheManager } from '../../../lib/index.js';
import { EchoingServer, type Echo } from '../../support/echoing-server.js';
import { until } from '../../support/until.js';
import { FakeSentinel } from '../modes/fake-sentinel.js';
import { degraded, useRig, type ServiceConfig } from '../outage/rig.js';

const rig = useRig();

/** Characters that programs write in several ways. */
const ODD = 'p@ss/w:rd#é"q%1';
const SECRETS = {
  url: `${ODD}-url`,
  setting: `${ODD}-setting`,
  variable: `${ODD}-variable`,
  variableInUrl: 'plain+variable-in-url',
  primary: `${ODD}-primary`,
  sentinel: `${ODD}-sentinel`,
  cluster: `${ODD}-cluster`,
  given: `${ODD}-given`,
} as const;
const VALUE = 'theValueNobodyMaySee';

/** What must not be found: also the halves of a text that was cut. */
const FORBIDDEN = [
  'p@ss',
  'p%40ss',
  'rd#',
  '%23',
  ...Object.values(SECRETS),
  ...Object.values(SECRETS).map((secret) => encodeURIComponent(secret)),
  'plain+v',
  '-in-url',
  'theValue',
  'MaySee',
];

const line = (name: string, args: readonly string[]): string => [name, ...args].join(' ');
const quoted = (words: readonly string[]): string => words.map((word) => JSON.stringify(word)).join(' ');
const STYLES: Readonly<Record<string, Echo>> = {
  'as Redis does': (name, args) =>
    `ERR unknown command '${name}', with args beginning with: ${args.map((arg) => `'${arg.slice(0, 128)}'`).join(' ')}`,
  'as a line': (name, args) => `ERR refused by the proxy: ${line(name, args)}`,
  'in quotes': (name, args) => `ERR refused by the proxy ${quoted([name, ...args])}`,
  'in a URL': (name, args) => `ERR no route for /${[name, ...args].map(encodeURIComponent).join('/')}`,
  'as the last word': (name, args) => `NOPERM the proxy does not let you send ${name} of \`${args.at(-1) ?? ''}\` here`,
  'with escaped bytes': (name, args) =>
    `ERR refused: ${quoted([name, ...args]).replace(/[^ -~]/gu, (odd) =>
      [...Buffer.from(odd)].map((byte) => `\\x${byte.toString(16)}`).join(''),
    )}`,
  'from the second character on': (name, args) =>
    `ERR parse error near '${args.map((arg) => arg.slice(1)).join("' '")}' in ${name}`,
};

const SHORT = { command_timeout_ms: 300, connection_timeout_ms: 500 };

interface Places {
  readonly server: EchoingServer;
  /** Refuses what it is asked, and repeats it. */
  readonly echoingSentinel: EchoingServer;
  readonly sentinel: FakeSentinel;
}

/** Every mode and every place for a password. */
function services({ server, echoingSentinel, sentinel }: Places): Record<string, ServiceConfig> {
  const at = `127.0.0.1:${server.port}`;
  const base = { ttl: 600, wal: { enabled: false } } as const;
  const of = (l2: ServiceConfig['l2'], more: object = {}): ServiceConfig => ({
    cache_type: 'two-level',
    ...base,
    l2: { ...SHORT, ...l2 },
    ...more,
  });
  const guard = { master_name: 'main', nodes: [`127.0.0.1:${echoingSentinel.port}`], password: SECRETS.sentinel };
  return {
    url: of({ connection_string: `redis://app:${encodeURIComponent(SECRETS.url)}@${at}/3` }),
    setting: of({ connection_string: `redis://${at}`, password: SECRETS.setting }, { sync: { transport: 'pubsub' } }),
    variable: of({ connection_string: `redis://${at}`, password: '${PASSWORD}' }, { serialization: 'msgpack' }),
    variableInUrl: { cache_type: 'l2', ...base, l2: { ...SHORT, connection_string: `redis://:\${IN_URL}@${at}` } },
    primary: of({ mode: 'sentinel', sentinel: { master_name: 'main', nodes: [sentinel.address] }, password: SECRETS.primary }),
    sentinel: of({ mode: 'sentinel', sentinel: guard, password: SECRETS.primary }),
    cluster: of({ mode: 'cluster', cluster: { nodes: [at] }, password: SECRETS.cluster }),
    given: of({}),
  };
}

let said: string[] = [];
const say = (...things: readonly unknown[]): void => {
  for (const thing of things) {
    said.push(inspect(thing, { depth: 10, showHidden: true, maxStringLength: null, maxArrayLength: null }));
    said.push(thing instanceof Error ? `${JSON.stringify(thing)}${String(thing.stack)}` : JSON.stringify(thing));
  }
};

beforeEach(() => {
  said = [];
  for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) jest.spyOn(console, name).mockImplementation(say);
  process.on('warning', say);
});
afterEach(() => {
  process.off('warning', say);
  jest.restoreAllMocks();
});

async function attempt(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    for (let at: unknown = error; at instanceof Error; at = at.cause) say(at);
  }
}

/** Everything that sends something; calls wait for deadlines, so they wait together. */
async function use(client: CacheClient): Promise<void> {
  await Promise.all([
    attempt(() => client.set('key', VALUE, { tags: ['a-tag'] })),
    attempt(() =>
      client.setMany([
        ['key2', { inner: VALUE }],
        ['key3', [VALUE]],
      ]),
    ),
    attempt(() => client.setL2Only('key4', VALUE)),
    attempt(() => client.get('absent')),
    attempt(() => client.getMany(['absent', 'absent2'])),
    attempt(() => client.getOrLoad('cold', () => VALUE)),
    attempt(() => client.refresh('key', () => ({ inner: VALUE }))),
    attempt(() => client.expire('key', 10)),
    attempt(() => client.delete('key2')),
    attempt(() => client.invalidateTags('a-tag')),
    attempt(() => client.lock('key', { ttl: '1s' })),
    attempt(() => client.clear()),
  ]);
}

async function open(places: Places): Promise<CacheManager> {
  const log =
    (level: string) =>
    (...args: readonly unknown[]): void => {
      say(level, ...args);
    };
  const given = new Redis({ host: '127.0.0.1', port: places.server.port, password: SECRETS.given, disconnectTimeout: 100 });
  given.on('error', () => undefined);
  rig.afterwards(() => {
    given.disconnect();
  });
  return rig.open(services(places), {
    global: { log_level: 'silly', health_check_interval: 1 },
    logger: { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') },
    env: { PASSWORD: SECRETS.variable, IN_URL: SECRETS.variableInUrl },
    connections: { given },
  });
}

function expectNoSecret(): void {
  const output = said.join('\n');
  for (const secret of FORBIDDEN) {
    const at = output.indexOf(secret);
    expect(at === -1 ? '' : output.slice(Math.max(0, at - 200), at + 100)).toBe('');
  }
}

/** A server that lets nobody in, and one that lets everybody in and then refuses whatever it is asked. */
const STAGES: readonly (readonly [string, readonly string[]])[] = [
  ['the login', ['cluster']],
  ['commands', ['auth', 'hello', 'select', 'client', 'time', 'cluster', 'ping', 'getrange', 'unlink']],
];

describe.each(STAGES)('G11: a server that repeats %s', (stage, accepted) => {
  test.each(Object.keys(STYLES))('%s gives nothing away', async (style) => {
    const echo = STYLES[style] as Echo;
    const server = await EchoingServer.start(echo, accepted);
    const echoingSentinel = await EchoingServer.start(echo);
    const sentinel = await FakeSentinel.start(server.port);
    for (const each of [server, echoingSentinel, sentinel]) rig.afterwards(() => each.stop());
    const manager = await open({ server, echoingSentinel, sentinel });
    for (const event of CACHE_EVENTS) {
      manager.on(event, (payload) => {
        say(event, payload);
      });
    }
    const clients = manager.services.map((name) => manager.client(name));
    const { sentinel: ofSentinel, ...ofServer } = SECRETS;
    // A client that was handed in goes on by itself; all others may still be on their way to the login.
    await until(() => Object.values(ofServer).every((secret) => server.received.has(secret)));
    await until(() => echoingSentinel.received.has(ofSentinel));
    for (const client of clients) await use(client);
    if (stage === 'the login') for (const client of clients) await degraded(client);
    else await until(() => [...server.received].some((word) => word.includes(VALUE)));
    for (const client of clients) say(client.health(), client.metrics(), client);
    say(manager.health(), manager.metrics(), manager);
    await manager.close({ deadline: '100ms' });
    say(manager.health());

    // What the server said was passed on, up to what it repeated.
    expect(said.join('\n')).toMatch(
      /(ERR unknown command|refused by the proxy|no route for|does not let you|refused|parse error near)/,
    );
    expectNoSecret();
  });
});
