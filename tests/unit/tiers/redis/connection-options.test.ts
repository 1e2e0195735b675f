/** What makes two services share a connection, and what ioredis is told. */
import { describe, expect, test } from '@jest/globals';
import { connectionIdentity, toClusterOptions, toRedisOptions } from '../../../../lib/tiers/redis/connection-options.js';
import { loadToml } from '../../config/load-toml.js';
import type { ResolvedL2 } from '../../../../lib/config/resolved-config.js';

async function l2Of(keys: string): Promise<ResolvedL2> {
  const tier = (await loadToml(`[services.a]\ncache_type = "l2"\n[services.a.l2]\n${keys}\n`)).services[0]?.l2;
  if (tier === undefined) throw new Error('The service has no L2');
  return tier;
}

const identityOf = async (keys: string): Promise<string> => connectionIdentity(await l2Of(keys));

const SENTINEL = 'mode = "sentinel"\nsentinel = { master_name = "m", nodes = ["a:1", "b:2"] }';
const CLUSTER = 'mode = "cluster"\ncluster = { nodes = ["a:1", "b:2"] }';

describe('services share a connection', () => {
  test.each([
    [SENTINEL, 'mode = "sentinel"\nsentinel = { master_name = "m", nodes = ["b:2", { host = "a", port = 1 }] }'],
    [CLUSTER, 'mode = "cluster"\ncluster = { nodes = ["b:2", "a:1"] }'],
    [CLUSTER, `${CLUSTER}\ncommand_timeout_ms = 77\nttl = 5`],
  ])('%j and %j', async (one, other) => {
    expect(await identityOf(one)).toBe(await identityOf(other));
  });

  test.each([
    [SENTINEL, CLUSTER],
    [SENTINEL, SENTINEL.replace('"m"', '"n"')],
    [SENTINEL, SENTINEL.replace('"b:2"', '"b:3"')],
    [SENTINEL, SENTINEL.replace(' }', ', password = "p" }')],
    [SENTINEL, `${SENTINEL}\ndb = 1`],
    [CLUSTER, `${CLUSTER}\npassword = "p"`],
    [CLUSTER, `${CLUSTER}\ntls = {}`],
    [CLUSTER, `${CLUSTER}\nconnection_timeout_ms = 100`],
  ])('but not %j and %j', async (one, other) => {
    expect(await identityOf(one)).not.toBe(await identityOf(other));
  });
});

test('behind sentinels TLS and the deadlines hold for them too, and their login is their own', async () => {
  const keys = `mode = "sentinel"\nsentinel = { master_name = "m", nodes = ["[::1]:1"], username = "su", password = "sp" }`;
  const options = toRedisOptions(await l2Of(`${keys}\npassword = "p"\ntls = {}\nconnection_timeout_ms = 300`), 'a', () => 0.5);
  expect(options).toMatchObject({
    sentinels: [{ host: '::1', port: 1 }],
    name: 'm',
    role: 'master',
    sentinelUsername: 'su',
    sentinelPassword: 'sp',
    sentinelTLS: { rejectUnauthorized: true },
    enableTLSForSentinelMode: true,
    tls: { rejectUnauthorized: true },
    password: 'p',
    connectTimeout: 300,
    sentinelCommandTimeout: 300,
    enableOfflineQueue: false,
  });
});

test('in a cluster masters are read, and a command that was lost is not sent again', async () => {
  const { nodes, options } = toClusterOptions(await l2Of(`${CLUSTER}\npassword = "p"`), 'a', () => 0.5);
  expect(nodes).toEqual([
    { host: 'a', port: 1 },
    { host: 'b', port: 2 },
  ]);
  expect(options).toMatchObject({ scaleReads: 'master', retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 });
  expect(options.redisOptions).toMatchObject({ password: 'p', autoResendUnfulfilledCommands: false, connectTimeout: 5000 });
  expect(options.clusterRetryStrategy?.(1)).toBe(50);
  expect(options.clusterRetryStrategy?.(50)).toBe(1000);
});
