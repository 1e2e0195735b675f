import * as zlib from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { issuesOf, places } from './load-toml.js';

/** A `two-level` service with these lines in `[services.a]`, which start on line 3. */
function service(lines: string): string {
  return `[services.a]\ncache_type = "two-level"\n${lines}\n[services.a.l2]\nconnection_string = "redis://h"\n`;
}

describe('bounds', () => {
  const day = 86_400;
  test.each<[string, (number | string)[], (number | string)[]]>([
    ['global.default_ttl', [0.001, 30 * day, '30d', '1ms'], [0, -1, '0s', 30 * day + 1, '31d']],
    ['global.health_check_interval', [1, '1s', 3600, '1h'], [0.999, '999ms', 3601, '61m']],
    ['services.a.ttl', [0.001, '30d'], [0, '31d']],
    ['services.a.null_ttl', [0, '0s', '30d'], [-1, '31d']],
    ['services.a.stale_ttl', [0, '30d'], [-1, '31d']],
    ['services.a.load_timeout', [0, '1d'], [-1, '25h']],
    ['services.a.soft_timeout', [0, '1d'], [-1, '25h']],
    ['services.a.load_backoff', [0, '250ms', '1h'], [-1, '61m']],
    ['services.a.ttl_jitter', [0, 0.5, 1], [-0.1, 1.1]],
    ['services.a.refresh_ahead', [0, 0.5, 1], [-0.1, 1.1]],
    ['services.a.l1.max_capacity', [1, 10_000_000], [0, 10_000_001]],
    ['services.a.l1.max_bytes', [1, 2 ** 40], [0, -5]],
    ['services.a.l1.initial_capacity', [0, 10_000], [-1, 10_000_001]],
    ['services.a.l1.ttl', [0.001, '1h'], [0, '31d']],
    ['services.a.l1.tti', [0.001, '1h'], [0, '31d']],
    ['services.a.l2.ttl', ['1h', '30d'], [0, '31d']],
    ['services.a.l2.db', [0, 15], [-1, 0.5]],
    ['services.a.l2.connection_timeout_ms', [100, 30_000], [99, 30_001]],
    ['services.a.l2.command_timeout_ms', [10, 60_000], [9, 60_001]],
    ['services.a.l2.compression_threshold', [0, 1024], [-1]],
    ['services.a.l2.max_key_length', [1, 1024], [0]],
    ['services.a.l2.max_value_size', [1, 536_870_912], [0, 536_870_913]],
    ['services.a.two_level.batch_size', [1, 10_000], [0, 10_001]],
    ['services.a.two_level.batch_interval_ms', [1, 60_000], [0, 60_001]],
    ['services.a.two_level.max_pending', [1, 10_000], [0]],
    ['services.a.wal.dir', ['x', '/var/lib/a b', '../ü'], ['', 'a\0b', 5]],
    ['services.a.wal.fsync', ['always', 'interval', 'never'], ['', 'sometimes']],
    ['services.a.wal.fsync_interval_ms', [1, 60_000], [0, 60_001, 0.5, '1s']],
    ['services.a.wal.max_bytes', [65_536, 2 ** 40], [0, 65_535, '64MiB']],
    ['services.a.wal.max_age', [0.001, '30d'], [0, '31d']],
    ['services.a.wal.replay', ['restore', 'safe'], ['unsafe']],
    ['services.a.wal.mode', ['outage', 'always'], ['never']],
  ])('%s', async (path, good, bad) => {
    const base = 'services.a.cache_type = "two-level"\nservices.a.l2.connection_string = "redis://h"\n';
    for (const value of good) expect(await issuesOf(`${base}${path} = ${JSON.stringify(value)}\n`)).toEqual([]);
    for (const value of bad) expect(places(await issuesOf(`${base}${path} = ${JSON.stringify(value)}\n`))).toEqual([`3 ${path}`]);
  });

  test.each(['a', 'shop:eu', 'a:b:c', 'a.b-c_d', 'x'.repeat(64), `x${':x'.repeat(31)}`])(
    'key_prefix can be %s',
    async (prefix) => {
      expect(await issuesOf(`[global]\nkey_prefix = "${prefix}"\n[services.a]\ncache_type = "l1"\n`)).toEqual([]);
    },
  );

  test.each(['', ':a', 'a:', ':', 'a b', 'a{b}', 'x'.repeat(65), 'a::b', 'a:b::c', '::', `x${':x'.repeat(32)}`])(
    'key_prefix cannot be %j',
    async (prefix) => {
      expect(places(await issuesOf(`[global]\nkey_prefix = "${prefix}"\n[services.a]\ncache_type = "l1"\n`))).toEqual([
        '2 global.key_prefix',
      ]);
    },
  );
});

describe('rules between keys', () => {
  test.each<[string, string, string, RegExp]>([
    [
      'G2: L1 may not outlive the service',
      service('ttl = 60\nl1 = { ttl = 61 }'),
      '4 services.a.l1.ttl',
      /61 s, longer than the entry's life in Redis of 60 s; shorten it/,
    ],
    [
      'G2: L1 may not outlive L2',
      `${service('l1 = { ttl = 61 }')}ttl = 60`,
      '3 services.a.l1.ttl',
      /longer than the entry's life in Redis/,
    ],
    [
      'G2: nor by inheritance',
      `[global.l1]\nttl = 61\n${service('ttl = 60')}`,
      '3 services.a.l1.ttl',
      /inherited from `global\.l1\.ttl`, is 61 s/,
    ],
    [
      'L1 alone may not outlive the ttl it names itself',
      '[services.a]\ncache_type = "l1"\nttl = 60\nl1.ttl = 61',
      '4 services.a.l1.ttl',
      /longer than the service's `ttl` of 60 s/,
    ],
    [
      'tti is at most the ttl of L1',
      service('l1 = { ttl = 60, tti = 61 }'),
      '3 services.a.l1.tti',
      /61 s, longer than the entry's life in this process of 60 s/,
    ],
    ['tti is at most the ttl L1 has by default', service('ttl = 60\nl1 = { tti = 61 }'), '4 services.a.l1.tti', /of 60 s/],
    [
      'initial_capacity is at most max_capacity',
      service('l1 = { max_capacity = 5, initial_capacity = 6 }'),
      '3 services.a.l1.initial_capacity',
      /is 6, more than `max_capacity`, 5/,
    ],
    [
      'initial_capacity is at most the default max_capacity',
      service('l1 = { initial_capacity = 10001 }'),
      '3 services.a.l1.initial_capacity',
      /10000/,
    ],
    [
      'a soft time-out comes before the load time-out',
      service('load_timeout = "2s"\nsoft_timeout = "2s"'),
      '4 services.a.soft_timeout',
      /is 2 s, not shorter than `load_timeout`, 2 s; shorten it/,
    ],
    [
      'Redis needs an address',
      '[services.a]\ncache_type = "l2"',
      '1 services.a.l2.connection_string',
      /missing; set it, as in `redis:\/\/127\.0\.0\.1:6379`, or hand in a connection/,
    ],
    [
      'the address has to be one',
      '[services.a]\ncache_type = "l2"\nl2.connection_string = "localhost"',
      '3 services.a.l2.connection_string',
      /must start with `redis:\/\/`/,
    ],
    [
      'the address is not empty',
      '[services.a]\ncache_type = "l2"\nl2.connection_string = ""',
      '3 services.a.l2.connection_string',
      /it is empty/,
    ],
    [
      'db agrees with the address',
      '[services.a]\ncache_type = "l2"\nl2 = { connection_string = "redis://h/1", db = 2 }',
      '3 services.a.l2.db',
      /differs from what the connection string says; keep one/,
    ],
    [
      'username agrees with the address',
      '[services.a]\ncache_type = "l2"\nl2 = { connection_string = "redis://u:p@h", username = "v" }',
      '3 services.a.l2.username',
      /differs/,
    ],
    [
      'password agrees with the address',
      '[services.a]\ncache_type = "l2"\nl2 = { connection_string = "redis://:p@h", password = "q" }',
      '3 services.a.l2.password',
      /differs/,
    ],
    [
      'a user has a password',
      '[services.a]\ncache_type = "l2"\nl2 = { connection_string = "redis://h", username = "v" }',
      '3 services.a.l2.username',
      /no use without a password/,
    ],
    [
      'a certificate has a key',
      '[services.a]\ncache_type = "l2"\nl2 = { connection_string = "redis://h", tls = { cert_file = "c" } }',
      '3 services.a.l2.tls.cert_file',
      /no use without `key_file`/,
    ],
    [
      'TLS knows servers by name',
      '[services.a]\ncache_type = "l2"\nl2 = { connection_string = "rediss://h", tls = { servername = "10.0.0.1" } }',
      '3 services.a.l2.tls.servername',
      /by name, not by IP address/,
    ],
    [
      'a key has a certificate',
      '[services.a]\ncache_type = "l2"\nl2 = { connection_string = "redis://h", tls = { key_file = "k" } }',
      '3 services.a.l2.tls.key_file',
      /no use without `cert_file`/,
    ],
    [
      'a socket has no TLS',
      '[services.a]\ncache_type = "l2"\nl2 = { connection_string = "unix:/run/r", tls = {} }',
      '3 services.a.l2.tls',
      /has no TLS/,
    ],
    [
      'an l1 service has no l2',
      '[services.a]\ncache_type = "l1"\nl2 = {}',
      '3 services.a.l2',
      /no use for `l2`; remove the table, or set `cache_type = "two-level"`/,
    ],
    [
      'an l1 service has no two_level',
      '[services.a]\ncache_type = "l1"\n[services.a.two_level]',
      '3 services.a.two_level',
      /no use for `two_level`/,
    ],
    [
      'an l1 service has no wal, not even a switched-off one',
      '[services.a]\ncache_type = "l1"\nwal.enabled = false',
      '3 services.a.wal',
      /no use for `wal`/,
    ],
    ['an l1 service has no wal', '[services.a]\ncache_type = "l1"\nwal.max_age = 5', '3 services.a.wal', /no use for `wal`/],
    [
      'an l2 service has no l1',
      '[services.a]\ncache_type = "l2"\nl1 = {}\nl2.connection_string = "redis://h"',
      '3 services.a.l1',
      /no use for `l1`/,
    ],
    [
      'an l2 service has no two_level',
      '[services.a]\ncache_type = "l2"\ntwo_level = {}\nl2.connection_string = "redis://h"',
      '3 services.a.two_level',
      /no use for `two_level`/,
    ],
  ])('%s', async (_name, text, place, message) => {
    const issues = await issuesOf(text);
    expect(places(issues)).toEqual([place]);
    expect(issues[0]?.message).toMatch(message);
  });

  test('compression with zstd is accepted exactly where Node.js has it', async () => {
    const issues = await issuesOf(`${service('')}compression = "zstd"`);
    expect(issues.map((issue) => issue.message)).toEqual('zstdCompress' in zlib ? [] : [expect.stringContaining('has no zstd')]);
  });
});
