/**
 * Turns a service's `l2` settings into ioredis options fit for a cache: nothing waits in an offline queue, nothing is
 * retried or resent behind our back, and every deadline is ours. ioredis's own defaults would hold a request for
 * twenty reconnects.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import { CacheError } from '../../base/errors.js';
import type { Random } from '../../base/random.js';
import { parseConnectionString } from '../../config/connection-string.js';
import type { ResolvedL2, ResolvedTls } from '../../config/resolved-config.js';

/** The longest pause between two attempts to reconnect: how late a Redis that returned may be noticed. */
const MAX_RECONNECT_MS = 1000;

/** Options of a connection of our own. @throws {CacheError} CACHE_CONFIG_INVALID when a TLS file cannot be read */
export function toRedisOptions(l2: ResolvedL2, service: string, random: Random): Omit<RedisOptions, 'replyMapping'> {
  return {
    ...addressOf(l2),
    ...(l2.tls === undefined ? {} : { tls: readTls(l2.tls, service) }),
    lazyConnect: true,
    protocol: 2,
    connectTimeout: l2.connectionTimeoutMs,
    disconnectTimeout: 200,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // Our own probe finds out whether Redis is still loading, and asks more often.
    enableReadyCheck: false,
    connectionName: 'oxcache',
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt - 1, 10), MAX_RECONNECT_MS) * (0.75 + random() / 2),
  };
}

/** What makes two services share a connection: the same Redis, reached in the same way. */
export function connectionIdentity(l2: ResolvedL2): string {
  const { connectionString, username, password, db, tls, connectionTimeoutMs } = l2;
  return JSON.stringify([connectionString, username, password, db, tls, connectionTimeoutMs]);
}

function addressOf(l2: ResolvedL2): Omit<RedisOptions, 'replyMapping'> {
  // User, password and database of the URL have been resolved into settings of their own.
  const login = {
    ...(l2.username === undefined ? {} : { username: l2.username }),
    ...(l2.password === undefined ? {} : { password: l2.password }),
    ...(l2.db === undefined ? {} : { db: l2.db }),
  };
  const endpoint = parseConnectionString(l2.connectionString ?? '');
  if (endpoint.kind === 'unusable') throw new CacheError('CACHE_INTERNAL', 'An unusable connection string passed validation');
  if (endpoint.kind === 'unix') return { path: endpoint.path, ...login };
  return { host: endpoint.host.replace(/^\[(.*)\]$/, '$1'), port: endpoint.port, ...login };
}

function readTls(tls: ResolvedTls, service: string): TlsOptions {
  const read = (key: string, file: string | undefined): Buffer | undefined => {
    if (file === undefined) return undefined;
    try {
      return readFileSync(file);
    } catch (cause) {
      const issue = {
        path: `services.${service}.l2.tls.${key}`,
        message: `The file "${file}" cannot be read; check the path and its permissions`,
      };
      throw new CacheError('CACHE_CONFIG_INVALID', `${issue.path}: ${issue.message}`, { service, issues: [issue], cause });
    }
  };
  const ca = read('ca_file', tls.caFile);
  const cert = read('cert_file', tls.certFile);
  const key = read('key_file', tls.keyFile);
  return {
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
