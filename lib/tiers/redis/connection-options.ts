/**
 * Turns a service's `l2` settings into ioredis options fit for a cache: nothing waits in an offline queue, nothing is
 * retried or resent behind our back, and every deadline is ours. ioredis's own defaults would hold a request for
 * twenty reconnects.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { ClusterNode, ClusterOptions, RedisOptions } from 'ioredis';
import { CacheError } from '../../base/errors.js';
import { redactSecrets } from '../../base/redact-secrets.js';
import type { Random } from '../../base/random.js';
import { parseConnectionString } from '../../config/connection-string.js';
import { formatNode } from '../../config/node-address.js';
import type { NodeAddress, ResolvedL2, ResolvedSentinel, ResolvedTls } from '../../config/resolved-config.js';
import { reconnectPauseMs } from './reconnect-pause.js';

/** Options without the type of replies, which ioredis makes a parameter of the client. */
type SingleOptions = Omit<RedisOptions, 'replyMapping'>;

/** What ioredis leaves to us for the connections to the nodes of a cluster. */
type ClusterNodeOptions = Omit<
  SingleOptions,
  'port' | 'host' | 'path' | 'sentinels' | 'retryStrategy' | 'enableOfflineQueue' | 'readOnly' | 'himportFieldsets'
>;

/** How to reach a cluster. */
export interface ClusterStart {
  readonly nodes: ClusterNode[];
  readonly options: Omit<ClusterOptions, 'redisOptions'> & { readonly redisOptions: ClusterNodeOptions };
}

/** A sentinel, or a node that is asked for the slots, has answered by then or another one is asked. */
const MAX_LOOKUP_MS = 1000;

/** A slot that is being moved is tried again after this: often enough for several attempts within a deadline. */
const TRY_AGAIN_MS = 50;

/** Options of a connection of our own to one server. @throws {CacheError} CACHE_CONFIG_INVALID when a TLS file cannot be read */
export function toRedisOptions(l2: ResolvedL2, service: string, random: Random): SingleOptions {
  const tls = l2.tls === undefined ? undefined : readTls(l2.tls, service);
  return {
    ...(l2.sentinel === undefined ? addressOf(l2) : sentinelOptions(l2.sentinel, lookupMs(l2), tls)),
    ...loginOf(l2),
    ...(l2.db === undefined ? {} : { db: l2.db }),
    ...(tls === undefined ? {} : { tls }),
    ...nodeOptions(l2),
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => reconnectPauseMs(attempt, random),
  };
}

/** The same for a cluster: reads and writes go to the masters, and a command that was lost is not sent again. */
export function toClusterOptions(l2: ResolvedL2, service: string, random: Random): ClusterStart {
  const tls = l2.tls === undefined ? undefined : readTls(l2.tls, service);
  return {
    nodes: (l2.cluster?.nodes ?? []).map(({ host, port }) => ({ host, port })),
    options: {
      lazyConnect: true,
      scaleReads: 'master',
      // Our own probe finds out whether the cluster serves all slots, and asks more often.
      enableReadyCheck: false,
      // For the moments in which the connection to one of the nodes is being made.
      enableOfflineQueue: true,
      retryDelayOnMoved: 0,
      retryDelayOnTryAgain: TRY_AGAIN_MS,
      // Both are news for the health of the endpoint; a command that is held back until it is too late is not.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      clusterRetryStrategy: (attempt) => reconnectPauseMs(attempt, random),
      // Names stay names: a certificate is for one, and its address may change.
      dnsLookup: (host, callback) => {
        callback(null, host);
      },
      redisOptions: { ...nodeOptions(l2), ...loginOf(l2), ...(tls === undefined ? {} : { tls }) },
    },
  };
}

/** What makes two services share a connection: the same Redis, reached in the same way. */
export function connectionIdentity(l2: ResolvedL2): string {
  const { mode, connectionString, sentinel, cluster, username, password, db, tls, connectionTimeoutMs } = l2;
  const nodes = sentinel?.nodes ?? cluster?.nodes;
  const place = [mode, connectionString, nodes === undefined ? undefined : identityOf(nodes)];
  const login = [sentinel?.masterName, sentinel?.username, sentinel?.password, username, password, db];
  return JSON.stringify([...place, ...login, tls, connectionTimeoutMs]);
}

/** What makes two services share a link for messages: that they find it at the same place in the same way, however long that takes. */
export function linkIdentity(l2: ResolvedL2): string {
  return connectionIdentity({ ...l2, connectionTimeoutMs: 0 });
}

function identityOf(nodes: readonly NodeAddress[]): string[] {
  return nodes.map(formatNode).sort();
}

/** What holds for every connection to a server, also those that ioredis makes to the nodes of a cluster. */
function nodeOptions(l2: ResolvedL2): ClusterNodeOptions {
  return {
    protocol: 2,
    connectTimeout: l2.connectionTimeoutMs,
    disconnectTimeout: 200,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // Our own probe finds out whether Redis is still loading, and asks more often.
    enableReadyCheck: false,
    // Two commands more for every connection, for which the user may have no right.
    disableClientInfo: true,
    connectionName: 'oxcache',
  };
}

/** How long a look at one sentinel, or at one node for the slots, may take. */
export function lookupMs(l2: ResolvedL2): number {
  return Math.min(l2.connectionTimeoutMs, MAX_LOOKUP_MS);
}

function loginOf({ username, password }: { readonly username?: string; readonly password?: string }): ClusterNodeOptions {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}

/** The sentinels are asked again for every connection. */
function sentinelOptions(sentinel: ResolvedSentinel, timeoutMs: number, tls: TlsOptions | undefined): SingleOptions {
  const { masterName, nodes, username, password } = sentinel;
  return {
    sentinels: nodes.map(({ host, port }) => ({ host, port })),
    name: masterName,
    role: 'master',
    sentinelCommandTimeout: timeoutMs,
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(password === undefined ? {} : { sentinelPassword: password }),
    ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
}

function addressOf(l2: ResolvedL2): SingleOptions {
  // User, password and database of the URL have been resolved into settings of their own.
  const endpoint = parseConnectionString(l2.connectionString ?? '');
  if (endpoint.kind === 'unusable') throw new CacheError('CACHE_INTERNAL', 'An unusable connection string passed validation');
  if (endpoint.kind === 'unix') return { path: endpoint.path };
  return { host: endpoint.host.replace(/^\[(.*)\]$/, '$1'), port: endpoint.port };
}

/** The system's error without its message, which repeats the path: somebody may have given the key itself instead. */
function systemError(error: unknown): Error {
  const { code = 'unreadable' } = error as NodeJS.ErrnoException;
  return Object.assign(new Error(code), { code });
}

function readTls(tls: ResolvedTls, service: string): TlsOptions {
  const read = (key: string, file: string | undefined): Buffer | undefined => {
    if (file === undefined) return undefined;
    try {
      return readFileSync(file);
    } catch (error) {
      const issue = {
        path: `services.${service}.l2.tls.${key}`,
        message: redactSecrets(`The file "${file}" cannot be read; check the path and its permissions`),
      };
      throw new CacheError('CACHE_CONFIG_INVALID', `${issue.path}: ${issue.message}`, {
        service,
        issues: [issue],
        cause: systemError(error),
      });
    }
  };
  const ca = read('ca_file', tls.caFile);
  const cert = read('cert_file', tls.certFile);
  const key = read('key_file', tls.keyFile);
  return {
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
