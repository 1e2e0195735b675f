/** The ways to a Redis: TLS with an authority of one's own, mutual TLS, a Unix socket. */
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { L2Config } from '../../../lib/config/config-object.js';
import type { CacheManager } from '../../../lib/manager/cache-manager.js';
import { createManager } from '../../../lib/manager/create-manager.js';
import { makeCertificates } from '../../support/certificates.js';
import { ClusterSet } from '../../support/cluster-set.js';
import { RedisServer } from '../../support/redis-server.js';
import type { RedisServerOptions } from '../../support/redis-server-options.js';
import { SentinelSet } from '../../support/sentinel-set.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { until } from '../../support/until.js';

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

/** Listens on another address than the certificates are for; resolves to the port. */
async function forward(host: string, port: number): Promise<number> {
  const server = createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    for (const each of [socket, onward]) each.on('error', () => undefined);
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  cleanups.push(() => Promise.resolve(server.close()));
  return (server.address() as AddressInfo).port;
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

  test('checks the certificate against servername, where the address is not in it, also for the link for messages', async () => {
    const server = await startServer({ tls: true });
    const port = await forward('127.0.0.2', server.port);
    const tls = { ca_file: server.certificates?.caFile };
    const connection_string = `rediss://127.0.0.2:${port}`;
    await expectToBeDegraded(await open({ connection_string, tls }), /altnames|IP: 127\.0\.0\.2/);
    const manager = await open({ connection_string, tls: { ...tls, servername: 'localhost' } });
    await expectToWork(manager);
    await until(() => manager.client('s').health().sync?.status === 'connected');
  });

  test('checks servername for sentinels, the primary they name, and the nodes of a cluster', async () => {
    const set = await SentinelSet.start({ tls: true });
    cleanups.push(() => set.stop());
    const cluster = await ClusterSet.start({ tls: true });
    cleanups.push(() => cluster.stop());
    const places = [
      [{ mode: 'sentinel', sentinel: { master_name: set.masterName, nodes: [...set.nodes] } }, set.certificates],
      [{ mode: 'cluster', cluster: { nodes: [...cluster.nodes] } }, cluster.certificates],
    ] as const;
    for (const [place, certificates] of places) {
      const tls = { ca_file: certificates?.caFile };
      await expectToWork(await open({ ...place, tls: { ...tls, servername: 'localhost' } }));
      await expectToBeDegraded(await open({ ...place, tls: { ...tls, servername: 'other.example' } }), /other\.example/);
    }
  });

  test.each([
    ['the host', {}, 'localhost'],
    ['servername', { servername: 'cache.example' }, 'cache.example'],
  ])('sends %s in the handshake', async (_what, more, expected) => {
    const certificates = await makeCertificates(folder.path);
    const names: (string | false | null)[] = [];
    const files = { key: readFileSync(certificates.serverKeyFile), cert: readFileSync(certificates.serverCertFile) };
    const server = createTlsServer(files, (socket) => {
      names.push((socket as { servername?: string | false }).servername ?? null);
      socket.on('error', () => undefined);
      socket.end();
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    const tls = { reject_unauthorized: false, ...more };
    await open({ connection_string: `rediss://localhost:${port}`, connection_timeout_ms: 500, tls });
    expect(names[0]).toBe(expected);
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
    // The entry, the stream and the marks of the service.
    expect(String(await server.call('INFO', 'keyspace'))).toMatch(/^db4:keys=3,/m);
    expect(await server.call('EXISTS', 'oxcache:s:k')).toBe(0);
    expect(manager.health().services['s']?.l2?.endpoint).toBe(`unix:${server.socketPath}`);
    expect(await server.call('CLIENT', 'LIST')).toContain(server.socketPath);
  });

  test('that is not there leaves the service degraded', async () => {
    await expectToBeDegraded(await open({ connection_string: 'unix:/nowhere/redis.sock' }), /ENOENT|connect/);
  });
});
