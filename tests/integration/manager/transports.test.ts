/** The ways to a Redis: TLS with an authority of one's own, mutual TLS, a Unix socket. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { L2Config } from '../../../lib/config/config-object.js';
import type { CacheManager } from '../../../lib/manager/cache-manager.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { RedisServer } from '../../support/redis-server.js';
import type { RedisServerOptions } from '../../support/redis-server-options.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';

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

async function open(l2: L2Config): Promise<CacheManager> {
  const services = { s: { cache_type: 'two-level', l2: { connection_timeout_ms: 2000, ...l2 } } } as const;
  const manager = await createManager({ global: { log_level: 'silent', wal: { dir: folder.path } }, services });
  cleanups.push(() => manager.close());
  return manager;
}

async function expectToWork(manager: CacheManager): Promise<void> {
  const client = manager.client('s');
  expect(client.health()).toMatchObject({ status: 'healthy' });
  expect(await client.set('k', 'v')).toEqual({ l1: true, l2: 'written' });
  expect(await client.getL2Only('k')).toBe('v');
}

async function expectToBeDegraded(manager: CacheManager, reason: RegExp): Promise<void> {
  const client = manager.client('s');
  expect(client.health()).toMatchObject({ status: 'degraded' });
  expect(client.health().l2?.reason).toMatch(reason);
  expect(await client.getOrLoad('k', () => 'loaded')).toBe('loaded');
}

describe('TLS', () => {
  test('works with the authority in ca_file, for rediss:// and for redis:// with a tls table', async () => {
    const server = await startServer({ tls: true });
    const tls = { ca_file: server.certificates?.caFile };
    await expectToWork(await open({ connection_string: `rediss://${server.address}`, tls }));
    await expectToWork(await open({ connection_string: `redis://${server.address}`, tls }));
  });

  test('is refused when the server’s authority is not known', async () => {
    const server = await startServer({ tls: true });
    await expectToBeDegraded(await open({ connection_string: `rediss://${server.address}` }), /certificate/i);
  });

  test('works without an authority when reject_unauthorized is false', async () => {
    const server = await startServer({ tls: true });
    await expectToWork(await open({ connection_string: `rediss://${server.address}`, tls: { reject_unauthorized: false } }));
  });

  test('that is mutual works with cert_file and key_file, and not without', async () => {
    const server = await startServer({ tls: 'mutual' });
    const { caFile, clientCertFile, clientKeyFile } = server.certificates ?? {};
    const connection_string = `rediss://${server.address}`;
    await expectToWork(
      await open({ connection_string, tls: { ca_file: caFile, cert_file: clientCertFile, key_file: clientKeyFile } }),
    );
    await expectToBeDegraded(await open({ connection_string, tls: { ca_file: caFile } }), /./);
  });

  test('goes with a password', async () => {
    const server = await startServer({ tls: true, password: 'pw' });
    const tls = { ca_file: server.certificates?.caFile };
    await expectToWork(await open({ connection_string: `rediss://${server.address}`, tls, password: 'pw' }));
  });

  test('with a file that cannot be read is an error of the configuration that names the file, and opens nothing', async () => {
    const server = await startServer({ tls: true });
    const opening = open({ connection_string: `rediss://${server.address}`, tls: { ca_file: '/nowhere/ca.pem' } });
    await expect(opening).rejects.toMatchObject({
      code: 'CACHE_CONFIG_INVALID',
      issues: [{ path: 'services.s.l2.tls.ca_file' }],
    });
    await expect(opening).rejects.toThrow('/nowhere/ca.pem');
  });

  test('to a server that speaks none leaves the service degraded', async () => {
    const server = await startServer({});
    await expectToBeDegraded(await open({ connection_string: `rediss://${server.address}`, connection_timeout_ms: 500 }), /./);
  });
});

describe('a Unix socket', () => {
  test('works, with a password and a database', async () => {
    const server = await startServer({ unixSocket: true, password: 'pw' });
    const manager = await open({ connection_string: `unix:${server.socketPath}`, password: 'pw', db: 4 });
    await expectToWork(manager);
    // The entry and the stream of the service.
    expect(String(await server.call('INFO', 'keyspace'))).toMatch(/^db4:keys=2,/m);
    expect(await server.call('EXISTS', 'oxcache:s:k')).toBe(0);
    expect(manager.health().services['s']?.l2?.endpoint).toBe(`unix:${server.socketPath}`);
    expect(await server.call('CLIENT', 'LIST')).toContain(server.socketPath);
  });

  test('that is not there leaves the service degraded', async () => {
    await expectToBeDegraded(await open({ connection_string: 'unix:/nowhere/redis.sock' }), /ENOENT|connect/);
  });
});
