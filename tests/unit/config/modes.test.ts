/** Where Redis is, in each of its modes: what has to be said, what may be inherited, and what contradicts it. */
import { describe, expect, test } from '@jest/globals';
import { describeEndpoint } from '../../../lib/config/describe-endpoint.js';
import type { ResolvedL2 } from '../../../lib/config/resolved-config.js';
import { issuesOf, loadToml, places } from './load-toml.js';

/** One service of type l2 with these lines in its `l2` table, which start on line 4. */
const l2 = (lines: string): string => `[services.a]\ncache_type = "l2"\n[services.a.l2]\n${lines}\n`;

async function resolved(text: string): Promise<ResolvedL2> {
  const tier = (await loadToml(text)).services[0]?.l2;
  if (tier === undefined) throw new Error('The service has no L2');
  return tier;
}

describe('sentinel', () => {
  test('takes nodes as texts and as tables, and a login of its own', async () => {
    const nodes = '["one:26379", { host = "two", port = 26380 }, "[::1]:26381", { host = "fe80::1", port = 1 }]';
    const tier = await resolved(
      l2(`mode = "sentinel"
sentinel = { master_name = "m", nodes = ${nodes}, username = "su", password = "sp" }
username = "u"
password = "p"
db = 2
tls = {}`),
    );
    expect(tier).toMatchObject({
      mode: 'sentinel',
      sentinel: {
        masterName: 'm',
        nodes: [
          { host: 'one', port: 26379 },
          { host: 'two', port: 26380 },
          { host: '::1', port: 26381 },
          { host: 'fe80::1', port: 1 },
        ],
        username: 'su',
        password: 'sp',
      },
      username: 'u',
      password: 'p',
      db: 2,
      tls: { rejectUnauthorized: true },
    });
    expect(tier).not.toHaveProperty('connectionString');
  });

  test('an empty login is the same as none', async () => {
    const tier = await resolved(
      l2('mode = "sentinel"\nsentinel = { master_name = "m", nodes = ["h:1"], username = "", password = "" }'),
    );
    expect(tier.sentinel).toEqual({ masterName: 'm', nodes: [{ host: 'h', port: 1 }] });
  });

  test('is inherited key by key: the sentinels from all, the name from each', async () => {
    const config = await loadToml(`[global.l2]
mode = "sentinel"
sentinel = { nodes = ["h:1"], password = "p" }
[services.a]
cache_type = "l2"
l2.sentinel.master_name = "one"
[services.b]
cache_type = "l2"
l2.sentinel.master_name = "two"
[services.c]
cache_type = "l2"
l2 = { mode = "standalone", connection_string = "redis://h" }
`);
    expect(config.services.map((service) => service.l2?.sentinel?.masterName)).toEqual(['one', 'two', undefined]);
    expect(config.services[2]?.l2?.mode).toBe('standalone');
  });
});

describe('cluster', () => {
  test('takes nodes and a login', async () => {
    const tier = await resolved(l2('mode = "cluster"\ncluster.nodes = ["a:7000"]\npassword = "p"\ndb = 0\ntls = {}'));
    expect(tier).toMatchObject({ mode: 'cluster', cluster: { nodes: [{ host: 'a', port: 7000 }] }, password: 'p' });
    expect(tier).toHaveProperty('tls');
    expect(tier).not.toHaveProperty('db');
  });
});

describe('what contradicts a mode', () => {
  const SENTINEL = 'mode = "sentinel"\nsentinel = { master_name = "m", nodes = ["h:1"] }';
  const CLUSTER = 'mode = "cluster"\ncluster = { nodes = ["h:1"] }';
  test.each<[string, string, string, RegExp]>([
    ['a sentinel has a table', l2('mode = "sentinel"'), '3 services.a.l2.sentinel.master_name', /needs it; set it to the name/],
    [
      'it has nodes',
      l2('mode = "sentinel"\nsentinel = { master_name = "m" }'),
      '5 services.a.l2.sentinel.nodes',
      /missing.*hand in a connection/,
    ],
    ['a cluster has nodes', l2('mode = "cluster"'), '3 services.a.l2.cluster.nodes', /missing/],
    ['at least one', l2('mode = "cluster"\ncluster = { nodes = [] }'), '5 services.a.l2.cluster.nodes', /a list of addresses/],
    [
      'a list of them',
      l2('mode = "cluster"\ncluster = { nodes = "h:1" }'),
      '5 services.a.l2.cluster.nodes',
      /a list of addresses/,
    ],
    [
      'an address is for standalone',
      l2(`${SENTINEL}\nconnection_string = "redis://h"`),
      '6 services.a.l2.connection_string',
      /is for `mode = "standalone"`, and the mode is "sentinel"; remove it, or correct the mode/,
    ],
    ['also in a cluster', l2(`${CLUSTER}\nconnection_string = "redis://h"`), '6 services.a.l2.connection_string', /is for/],
    [
      'a table of sentinels is for sentinel',
      l2('connection_string = "redis://h"\nsentinel = { master_name = "m", nodes = ["h:1"] }'),
      '5 services.a.l2.sentinel',
      /is for `mode = "sentinel"`, and the mode is "standalone"/,
    ],
    [
      'a table of nodes is for cluster',
      l2('connection_string = "redis://h"\ncluster = { nodes = ["h:1"] }'),
      '5 services.a.l2.cluster',
      /is for `mode = "cluster"`/,
    ],
    [
      'also by inheritance, with the mode',
      `[global.l2]\n${SENTINEL}\nconnection_string = "redis://h"\n[services.a]\ncache_type = "l2"\n`,
      '5 services.a.l2.connection_string',
      /inherited from `global\.l2\.connection_string`, is for/,
    ],
    [
      'a cluster has one database',
      l2(`${CLUSTER}\ndb = 1`),
      '6 services.a.l2.db',
      /`db` is 1, but a cluster has database 0 only/,
    ],
    ['a user has a password', l2(`${CLUSTER}\nusername = "u"`), '6 services.a.l2.username', /no use without a password/],
    [
      'a user at the sentinels too',
      l2('mode = "sentinel"\nsentinel = { master_name = "m", nodes = ["h:1"], username = "u" }'),
      '5 services.a.l2.sentinel.username',
      /no use without a password/,
    ],
    [
      'processes share a load through Redis',
      '[services.a]\ncache_type = "l1"\nsingle_flight = "cluster"',
      '3 services.a.single_flight',
      /needs a Redis that the processes share/,
    ],
    [
      'a service of one process has nobody to tell',
      '[services.a]\ncache_type = "l1"\nsync = { transport = "stream" }',
      '3 services.a.sync',
      /has no use for `sync`/,
    ],
  ])('%s', async (_rule, text, place, message) => {
    const issues = await issuesOf(text);
    expect(places(issues)[0]).toBe(place);
    expect(issues[0]?.message).toMatch(message);
  });

  test.each(['h', 'h:', ':1', 'h:0', 'h:65536', 'h:1x', 'redis://h:1', 'u:p@h:1', '::1:5', 'h h:1'])(
    'G11: %j is no address, and is not repeated',
    async (node) => {
      const issues = await issuesOf(l2(`mode = "cluster"\ncluster = { nodes = ["ok:1", ${JSON.stringify(node)}] }`));
      expect(places(issues)).toEqual(['5 services.a.l2.cluster.nodes[1]']);
      expect(issues[0]?.message).toMatch(/^Expected an address such as "redis-1:6379".*, got a text that is not shown/);
      if (node.length > 2) expect(issues[0]?.message).not.toContain(node);
    },
  );

  test('an address as a table has all it needs and nothing else', async () => {
    const issues = await issuesOf(
      l2('mode = "cluster"\n[[services.a.l2.cluster.nodes]]\nhost = "h"\n[[services.a.l2.cluster.nodes]]\nhots = "h"\nport = 0'),
    );
    expect(places(issues)).toEqual([
      '5 services.a.l2.cluster.nodes[0].port',
      '7 services.a.l2.cluster.nodes[1].host',
      '8 services.a.l2.cluster.nodes[1].hots',
      '9 services.a.l2.cluster.nodes[1].port',
    ]);
    expect(issues[2]?.message).toMatch(/did you mean `host`/);
  });

  test('a port may come from the environment', async () => {
    const text = l2('mode = "cluster"\ncluster = { nodes = [{ host = "${HOST}", port = "${PORT}" }] }');
    const config = await loadToml(text, { env: { HOST: 'h', PORT: '7000' } });
    expect(config.services[0]?.l2?.cluster?.nodes).toEqual([{ host: 'h', port: 7000 }]);
  });
});

describe('a connection that is handed in', () => {
  test('decides the mode, and needs no address', async () => {
    const text = l2('mode = "sentinel"\ndb = 3');
    const config = await loadToml(text, { connectedMode: () => 'cluster' });
    expect(config.services[0]?.l2).toMatchObject({ mode: 'cluster' });
    for (const key of ['sentinel', 'cluster', 'db']) expect(config.services[0]?.l2).not.toHaveProperty(key);
  });
});

describe('the name of an endpoint', () => {
  test.each([
    [
      'mode = "sentinel"\nsentinel = { master_name = "m", nodes = ["b:2", "A:1"], password = "sp" }\npassword = "p"\ndb = 2',
      'redis+sentinel://a:1,b:2/m/2',
    ],
    ['mode = "sentinel"\nsentinel = { master_name = "m", nodes = ["a:1"] }\ntls = {}', 'rediss+sentinel://a:1/m'],
    [
      'mode = "cluster"\ncluster = { nodes = ["b:2", "[::1]:3", "a:1", "a:1"] }\npassword = "p"',
      'redis+cluster://[::1]:3,a:1,b:2',
    ],
  ])('has no credentials and does not depend on the order of the nodes: %s', async (lines, name) => {
    expect(describeEndpoint(await resolved(l2(lines)))).toBe(name);
  });
});

describe('sync', () => {
  test('is on by default, where there is Redis', async () => {
    const config = await loadToml(`[global.sync]
on_link_loss = "bypass"
[services.a]
cache_type = "two-level"
l2.connection_string = "redis://h"
[services.b]
cache_type = "l2"
l2.connection_string = "redis://h"
sync = { transport = "pubsub", on_link_loss = "serve" }
[services.c]
cache_type = "two-level"
l2.connection_string = "redis://h"
sync.enabled = false
single_flight = "cluster"
[services.d]
cache_type = "l1"
`);
    expect(config.services.map(({ sync }) => sync)).toEqual([
      { transport: 'stream', onLinkLoss: 'bypass' },
      { transport: 'pubsub', onLinkLoss: 'serve' },
      undefined,
      undefined,
    ]);
    expect(config.services[2]?.singleFlight).toBe('cluster');
  });
});
