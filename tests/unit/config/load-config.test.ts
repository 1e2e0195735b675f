import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../lib/config/load-config.js';
import { errorOf, loadObject, loadToml, withFile } from './load-toml.js';

const SAMPLE = `[global]
default_ttl = 3600
health_check_interval = 30
serialization = "json"
enable_metrics = true

[services.user_cache]
cache_type = "two-level"
ttl = 600
l1 = { max_capacity = 10000, ttl = 300, tti = 180, initial_capacity = 1000 }
l2 = { mode = "standalone", connection_string = "redis://127.0.0.1:6379" }
two_level = { write_through = true, promote_on_hit = true, enable_batch_write = true, batch_size = 100, batch_interval_ms = 50 }
`;

describe('loading', () => {
  test('G2: the well-known sample loads as it stands, with exactly its lifetimes', async () => {
    await withFile(SAMPLE, async (file) => {
      expect(await loadConfig(file, { env: {} })).toEqual({
        file,
        global: {
          defaultTtlMs: 3_600_000,
          healthCheckIntervalMs: 30_000,
          enableMetrics: true,
          keyPrefix: 'oxcache',
          logLevel: 'info',
          strategies: { realtime: 10_000, short: 300_000, medium: 3_600_000, long: 10_800_000 },
        },
        services: [
          {
            name: 'user_cache',
            cacheType: 'two-level',
            ttlMs: 600_000,
            serialization: 'json',
            ttlJitter: 0,
            nullTtlMs: 30_000,
            staleTtlMs: 0,
            refreshAhead: 0,
            loadTimeoutMs: 0,
            softTimeoutMs: 0,
            loadBackoffMs: 1000,
            singleFlight: 'process',
            sync: { transport: 'stream', onLinkLoss: 'serve' },
            l1: {
              maxCapacity: 10_000,
              ttlMs: 300_000,
              ttiMs: 180_000,
              initialCapacity: 1000,
              eviction: 's3fifo',
              isolation: 'shared',
            },
            l2: {
              mode: 'standalone',
              connectionString: 'redis://127.0.0.1:6379',
              ttlMs: 600_000,
              connectionTimeoutMs: 5000,
              commandTimeoutMs: 1000,
              compression: 'none',
              compressionThresholdBytes: 1024,
              maxKeyLength: 1024,
              maxValueSizeBytes: 10_485_760,
            },
            twoLevel: {
              writeThrough: true,
              promoteOnHit: true,
              enableBatchWrite: true,
              batchSize: 100,
              batchIntervalMs: 50,
              maxPending: 10_000,
            },
            wal: {
              dir: '.oxcache/wal',
              fsync: 'interval',
              fsyncIntervalMs: 100,
              maxBytes: 67_108_864,
              maxAgeMs: 3_600_000,
              replay: 'restore',
              mode: 'outage',
            },
            tombstoneTtlMs: 3_600_000,
          },
        ],
      });
    });
  });

  test('an object with the same keys gives the same configuration, but no file', async () => {
    const config = await loadObject({ services: { a: { cache_type: 'l1', ttl: undefined, l1: { max_capacity: 5 } } } });
    expect(config.file).toBeUndefined();
    expect(config.services[0]).toMatchObject({ name: 'a', ttlMs: 3_600_000, l1: { maxCapacity: 5 } });
  });

  test('the result is deeply frozen and shares nothing with the object it came from', async () => {
    const source = { services: { a: { cache_type: 'l1', l1: { max_capacity: 5 } } } };
    const config = await loadObject(source);
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      Object.values(value).forEach(visit);
    };
    visit(config);
    expect(Object.isFrozen(source.services.a.l1)).toBe(false);
  });

  test('optional settings are absent, not undefined, when they are not given', async () => {
    const config = await loadObject({ services: { a: { cache_type: 'l1' } } });
    expect(Object.keys(config.services[0]?.l1 ?? {}).sort()).toEqual(['eviction', 'isolation', 'maxCapacity', 'ttlMs']);
    expect(config.services[0]).not.toHaveProperty('l2');
    expect(config.services[0]).not.toHaveProperty('twoLevel');
  });

  test('a file that is not there is CACHE_CONFIG_NOT_FOUND with its absolute path', async () => {
    const error = await errorOf(loadObject('no/such/file.toml'));
    expect(error.code).toBe('CACHE_CONFIG_NOT_FOUND');
    expect(error.message).toContain(resolve('no/such/file.toml'));
    expect(error.message).toContain('ENOENT');
  });

  test.each(['.', '', 'a\0b'])('a path that cannot be read, %j, is CACHE_CONFIG_NOT_FOUND', async (path) => {
    expect((await errorOf(loadObject(path))).code).toBe('CACHE_CONFIG_NOT_FOUND');
  });

  test.each([undefined, null, 5, [], () => 'x'])('G12: a source of another kind, %p, is a TypeError', async (source) => {
    await expect(loadObject(source)).rejects.toThrow(TypeError);
    await expect(loadObject(source)).rejects.toThrow(/Expected `source` to be the path of a TOML file/);
  });

  test('text that is not TOML is CACHE_CONFIG_SYNTAX with line, column and a caret under the place', async () => {
    const error = await errorOf(loadToml('[services.a]\ncache_type = "l1"\nttl = 5 minutes\n'));
    expect(error).toMatchObject({ code: 'CACHE_CONFIG_SYNTAX', line: 3 });
    const [, shown = '', caret = ''] = error.message.split('\n');
    expect(shown).toBe('  ttl = 5 minutes');
    expect(caret.indexOf('^') - 1).toBe(error.column);
    expect(error.message).toMatch(/config\.toml:3:\d+: not valid TOML/);
  });

  test('a very long line is shown around the marked place only', async () => {
    const error = await errorOf(loadToml(`key_prefix = "${'y'.repeat(5000)}" oops\n`));
    const [, shown = '', caret = ''] = error.message.split('\n');
    expect(shown.length).toBeLessThan(140);
    expect(shown.slice(caret.indexOf('^'))).toMatch(/^"? ?oops$/);
  });
});

describe('inheritance and defaults', () => {
  const GLOBAL = `[global]
default_ttl = "2h"
serialization = "msgpack"
[global.l1]
max_capacity = 7
tti = 60
[global.l2]
connection_string = "rediss://shared"
compression = "gzip"
[global.l2.tls]
ca_file = "ca.pem"
[global.two_level]
batch_size = 9
[global.wal]
max_age = "10m"
dir = "logs"
fsync = "always"
`;

  test('a service has the global keys, key by key, unless it says otherwise', async () => {
    const config = await loadToml(
      `${GLOBAL}
[services.a]
cache_type = "two-level"
l1 = { max_capacity = 8 }
[services.a.l2]
compression = "none"
[services.a.l2.tls]
reject_unauthorized = false
[services.a.wal]
max_age = 60
fsync = "never"
[services.b]
cache_type = "two-level"
serialization = "json"
`,
    );
    expect(config.services[0]).toMatchObject({
      ttlMs: 7_200_000,
      serialization: 'msgpack',
      l1: { maxCapacity: 8, ttiMs: 60_000, eviction: 's3fifo' },
      l2: { connectionString: 'rediss://shared', compression: 'none', tls: { caFile: 'ca.pem', rejectUnauthorized: false } },
      twoLevel: { batchSize: 9, batchIntervalMs: 50 },
      wal: { dir: 'logs', fsync: 'never', maxAgeMs: 60_000 },
      tombstoneTtlMs: 60_000,
    });
    expect(config.services[1]).toMatchObject({
      serialization: 'json',
      l1: { maxCapacity: 7 },
      l2: { compression: 'gzip', tls: { caFile: 'ca.pem', rejectUnauthorized: true } },
      wal: { dir: 'logs', fsync: 'always', fsyncIntervalMs: 100, maxAgeMs: 600_000 },
      tombstoneTtlMs: 600_000,
    });
  });

  test('every key of the log is the one that is applied', async () => {
    const config = await loadToml(`[services.a]
cache_type = "l2"
l2.connection_string = "redis://h"
[services.a.wal]
enabled = true
dir = "/var/lib/app"
fsync = "always"
fsync_interval_ms = 7
max_bytes = 100000
max_age = "2m"
replay = "safe"
mode = "always"
`);
    expect(config.services[0]?.wal).toEqual({
      dir: '/var/lib/app',
      fsync: 'always',
      fsyncIntervalMs: 7,
      maxBytes: 100_000,
      maxAgeMs: 120_000,
      replay: 'safe',
      mode: 'always',
    });
  });

  test('a log that is switched off is absent, and what else is said of it is no issue; deletions are remembered still', async () => {
    const off = 'enabled = false\nmax_age = "5m"\nfsync = "never"';
    const config = await loadToml(
      `${GLOBAL}enabled = false
[services.a]
cache_type = "two-level"
[services.b]
cache_type = "two-level"
wal.enabled = true
[services.c]
cache_type = "l1"
[services.d]
cache_type = "l2"
[services.d.wal]
${off}
`,
    );
    const [a, b, c, d] = config.services;
    expect([a, b, c, d].map((service) => service?.wal !== undefined)).toEqual([false, true, false, false]);
    expect(b?.wal).toMatchObject({ dir: 'logs', fsync: 'always' });
    expect([a, d].map((service) => service?.tombstoneTtlMs)).toEqual([600_000, 300_000]);
    expect(a).not.toHaveProperty('wal');
  });

  test('the global tables of tiers a service does not have do not concern it', async () => {
    const config = await loadToml(`${GLOBAL}[services.a]\ncache_type = "l1"\n[services.b]\ncache_type = "l2"\n`);
    expect(Object.keys(config.services[0] ?? {})).not.toContain('l2');
    expect(Object.keys(config.services[1] ?? {})).not.toContain('l1');
    expect(Object.keys(config.services[1] ?? {})).not.toContain('twoLevel');
  });

  test.each([
    [
      'of a two-level service is its own ttl',
      'cache_type = "two-level"\nttl = 60',
      { ttlMs: 60_000, l1: { ttlMs: 60_000 }, l2: { ttlMs: 60_000 } },
    ],
    [
      'in L2 may differ, and L1 then takes the shorter one',
      'cache_type = "two-level"\nttl = 60\nl2.ttl = 30',
      { ttlMs: 30_000, l1: { ttlMs: 30_000 }, l2: { ttlMs: 30_000 } },
    ],
    [
      "in L1 is the service's ttl when L2 keeps longer",
      'cache_type = "two-level"\nttl = 60\nl2.ttl = 90',
      { ttlMs: 90_000, l1: { ttlMs: 60_000 }, l2: { ttlMs: 90_000 } },
    ],
    ['of an l1 service is that of L1', 'cache_type = "l1"\nttl = 60\nl1.ttl = 20', { ttlMs: 20_000, l1: { ttlMs: 20_000 } }],
    [
      'of an l1 service may exceed the default',
      'cache_type = "l1"\nl1.ttl = "1d"',
      { ttlMs: 86_400_000, l1: { ttlMs: 86_400_000 } },
    ],
    [
      'of an l2 service is that of L2',
      'cache_type = "l2"\nttl = 60\nl2.ttl = "1h"',
      { ttlMs: 3_600_000, l2: { ttlMs: 3_600_000 } },
    ],
    ['may be a fraction', 'cache_type = "l1"\nttl = 1.1', { ttlMs: 1100 }],
    ['is never less than a millisecond', 'cache_type = "l1"\nttl = 0.0001', { ttlMs: 1 }],
  ])('G2: the life of an entry %s', async (_name, lines, expected) => {
    const config = await loadToml(`[services.a]\n${lines}\n`, { connectedMode: () => 'standalone' });
    expect(config.services[0]).toMatchObject(expected);
  });

  test('strategies of the user can be named wherever a duration can', async () => {
    const config = await loadToml(
      '[global]\ndefault_ttl = "week"\n[global.strategies]\nweek = "7d"\nquick = "short"\n[services.a]\ncache_type = "l1"\nnull_ttl = "quick"\nload_timeout = "realtime"\n',
    );
    expect(config.global.strategies).toMatchObject({ week: 604_800_000, quick: 300_000, long: 10_800_000 });
    expect(config.services[0]).toMatchObject({ ttlMs: 604_800_000, nullTtlMs: 300_000, loadTimeoutMs: 10_000 });
  });

  test.each(['api.v1', '__proto__', 'constructor', '0', 'x'.repeat(64)])('a service can be called %s', async (name) => {
    const config = await loadToml(`[services."${name}"]\ncache_type = "l1"\n`);
    expect(config.services.map((service) => service.name)).toEqual([name]);
  });
});
