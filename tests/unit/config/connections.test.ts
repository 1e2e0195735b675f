import { describe, expect, test } from '@jest/globals';
import { issuesOf, loadToml } from './load-toml.js';

/** The application hands in the connection of service `a`. */
const onlyA = (service: string): 'standalone' | undefined => (service === 'a' ? 'standalone' : undefined);

describe('connections', () => {
  test('credentials and database come from the address or from keys of their own', async () => {
    const config = await loadToml(`
[services.a]
cache_type = "l2"
l2 = { connection_string = "redis://u:p%40ss@h/3" }
[services.b]
cache_type = "l2"
l2 = { connection_string = "unix:/run/redis.sock", username = "u", password = "p@ss", db = 3 }
[services.c]
cache_type = "l2"
l2 = { connection_string = "redis://u:p@h/3", username = "u", password = "p", db = 3 }
`);
    const expected = { username: 'u', db: 3 };
    expect(config.services.map((service) => service.l2)).toMatchObject([
      { ...expected, password: 'p@ss' },
      { ...expected, password: 'p@ss' },
      { ...expected, password: 'p' },
    ]);
  });

  test('an empty user or password is the same as none', async () => {
    const config = await loadToml(
      '[services.a]\ncache_type = "l2"\nl2 = { connection_string = "redis://:p@h", username = "", password = "" }\n',
    );
    expect(config.services[0]?.l2).toMatchObject({ password: 'p' });
    expect(config.services[0]?.l2).not.toHaveProperty('username');
  });

  test.each([
    ['connection_string = "redis://h"', undefined],
    ['connection_string = "rediss://h"', { rejectUnauthorized: true }],
    ['connection_string = "redis://h", tls = {}', { rejectUnauthorized: true }],
    [
      'connection_string = "rediss://h", tls = { cert_file = "c", key_file = "k", reject_unauthorized = false }',
      { certFile: 'c', keyFile: 'k', rejectUnauthorized: false },
    ],
  ])('TLS is on exactly when the scheme or a table says so: %s', async (keys, tls) => {
    const config = await loadToml(`[services.a]\ncache_type = "l2"\nl2 = { ${keys} }\n`);
    expect(config.services[0]?.l2?.tls).toEqual(tls);
  });

  test('inherited TLS does not concern a socket on this machine', async () => {
    const config = await loadToml(
      '[global.l2.tls]\nca_file = "ca"\n[services.a]\ncache_type = "l2"\nl2 = { connection_string = "unix:/run/r" }\n',
    );
    expect(config.services[0]?.l2).not.toHaveProperty('tls');
  });

  test('a service whose connection is handed in needs no address, the others do', async () => {
    const text = '[services.a]\ncache_type = "l2"\n[services.b]\ncache_type = "two-level"\n[services.c]\ncache_type = "l1"\n';
    expect(await issuesOf(text, { connectedMode: () => 'standalone' })).toEqual([]);
    const issues = await issuesOf(text, { connectedMode: onlyA });
    expect(issues.map((issue) => issue.path)).toEqual(['services.b.l2.connection_string']);
  });

  test('a connection that is handed in replaces all that the file says about connecting', async () => {
    const l2 = '{ connection_string = "redis://u:p@h/1", db = 2, username = "x", tls = {}, command_timeout_ms = 77 }';
    const config = await loadToml(`[services.a]\ncache_type = "l2"\nl2 = ${l2}\n`, { connectedMode: onlyA });
    expect(config.services[0]?.l2).toMatchObject({ commandTimeoutMs: 77 });
    for (const key of ['connectionString', 'username', 'password', 'db', 'tls'])
      expect(config.services[0]?.l2).not.toHaveProperty(key);
  });
});
