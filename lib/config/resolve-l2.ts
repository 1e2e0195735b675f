/** The Redis tier of one service: inheritance, defaults, and the rules that tie the address and its companions together. */
import { isIP } from 'node:net';
import type { L2Config, SentinelConfig, TlsConfig } from './config-object.js';
import { schemaDefaults } from './config-schema.js';
import type { Endpoint } from './connection-string.js';
import { parseConnectionString } from './connection-string.js';
import type { Defined } from './inherit.js';
import { inheritTable, omitUndefined } from './inherit.js';
import { parseNode } from './node-address.js';
import type { NodeAddress, RedisMode, ResolvedL2, ResolvedTls } from './resolved-config.js';
import type { ServiceContext } from './service-context.js';

type Connection = Pick<ResolvedL2, 'connectionString' | 'sentinel' | 'cluster' | 'username' | 'password' | 'db' | 'tls'>;
type Login = Pick<ResolvedL2, 'username' | 'password'>;
type UsableEndpoint = Exclude<Endpoint, { kind: 'unusable' }>;

/** An empty text, such as an unset variable with an empty default, is the same as none. */
function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function resolveTls(context: ServiceContext, merged: TlsConfig): ResolvedTls {
  const tls = { ...schemaDefaults('tls'), ...omitUndefined(merged) };
  const isPair = (tls.cert_file === undefined) === (tls.key_file === undefined);
  const isSound = (['cert_file', 'key_file'] as const).every((key) =>
    context.facts.issues.areSound(context.path('l2', 'tls', key), ['global', 'l2', 'tls', key]),
  );
  if (!isPair && isSound) {
    const [given, missing] = tls.cert_file === undefined ? ['key_file', 'cert_file'] : ['cert_file', 'key_file'];
    context.add(['l2', 'tls', given], `\`${given}\` is of no use without \`${missing}\`; give both or neither.`);
  }
  if (tls.servername !== undefined && isIP(tls.servername) !== 0)
    context.add(
      ['l2', 'tls', 'servername'],
      'TLS knows servers by name, not by IP address; write the name that is in the certificate.',
    );
  return {
    ...omitUndefined({ caFile: tls.ca_file, certFile: tls.cert_file, keyFile: tls.key_file, serverName: tls.servername }),
    rejectUnauthorized: tls.reject_unauthorized,
  };
}

/** The key's value or that of the address; an issue when both are there and differ. */
function agree<T>(
  context: ServiceContext,
  key: 'username' | 'password' | 'db',
  stated: T | undefined,
  inAddress: T | undefined,
): T | undefined {
  if (stated !== undefined && inAddress !== undefined && stated !== inAddress) {
    context.add(
      ['l2', key],
      `\`${key}\`${context.origin('l2', key)} differs from what the connection string says; keep one of the two.`,
    );
  }
  return stated ?? inAddress;
}

/** What is said about logging in; `inAddress` is what an address said. */
function resolveLogin(context: ServiceContext, merged: Defined<L2Config>, inAddress: Login = {}): Login {
  const username = agree(context, 'username', nonEmpty(merged.username), inAddress.username);
  const password = agree(context, 'password', nonEmpty(merged.password), inAddress.password);
  if (username !== undefined && password === undefined && context.isSound('l2', 'password')) {
    context.add(
      ['l2', 'username'],
      `\`username\`${context.origin('l2', 'username')} is of no use without a password; set \`password\`, or remove it.`,
    );
  }
  return omitUndefined({ username, password });
}

function resolveAddress(context: ServiceContext, merged: Defined<L2Config>, endpoint: UsableEndpoint): Connection {
  const login = resolveLogin(context, merged, endpoint);
  const db = agree(context, 'db', merged.db, endpoint.db);
  let tls: ResolvedTls | undefined;
  if (endpoint.kind === 'tcp' && (endpoint.isTls || merged.tls !== undefined)) tls = resolveTls(context, merged.tls ?? {});
  if (endpoint.kind === 'unix' && context.own.l2?.tls !== undefined) {
    context.add(['l2', 'tls'], 'A socket on this machine has no TLS; remove the table, or connect with `rediss://`.');
  }
  return { ...login, ...omitUndefined({ connectionString: merged.connection_string, db, tls }) };
}

function connectStandalone(context: ServiceContext, merged: Defined<L2Config>): Connection {
  if (merged.connection_string !== undefined) {
    const endpoint = parseConnectionString(merged.connection_string);
    if (endpoint.kind !== 'unusable') return resolveAddress(context, merged, endpoint);
  }
  if (context.isSound('l2', 'connection_string') && context.isSound('l2', 'mode')) {
    const message =
      '`connection_string` is missing; set it, as in `redis://127.0.0.1:6379`, or hand in a connection with the option `connections`.';
    context.add(['l2', 'connection_string'], message);
  }
  return {};
}

/** The nodes of a list that was checked; an issue when there is none. */
function resolveNodes(
  context: ServiceContext,
  table: 'sentinel' | 'cluster',
  nodes: SentinelConfig['nodes'],
): readonly NodeAddress[] {
  if (nodes === undefined) requireKey(context, table, 'nodes', 'the addresses to start from, as in `["host-1:6379"]`');
  return (nodes ?? []).map(parseNode).filter((node) => node !== undefined);
}

function requireKey(context: ServiceContext, table: 'sentinel' | 'cluster', key: string, expected: string): void {
  const paths = [context.path('l2', table, key), ['global', 'l2', table, key]];
  if (!context.facts.issues.areSound(...paths) || !context.isSound('l2', 'mode')) return;
  const advice = `set it to ${expected}, or hand in a connection with the option \`connections\`.`;
  context.add(['l2', table, key], `\`l2.${table}.${key}\` is missing, and \`mode = "${table}"\` needs it; ${advice}`);
}

function connectSentinel(context: ServiceContext, merged: Defined<L2Config>): Connection {
  const { master_name: masterName, nodes, username, password } = merged.sentinel ?? {};
  if (masterName === undefined) requireKey(context, 'sentinel', 'master_name', 'the name under which they watch the primary');
  const login = omitUndefined({ username: nonEmpty(username), password: nonEmpty(password) });
  if (login.username !== undefined && login.password === undefined && context.isSound('l2', 'sentinel')) {
    const message = '`username` is of no use without a password; set `password` of this table, or remove it.';
    context.add(['l2', 'sentinel', 'username'], message);
  }
  return {
    sentinel: { masterName: masterName ?? '', nodes: resolveNodes(context, 'sentinel', nodes), ...login },
    ...resolveLogin(context, merged),
    ...omitUndefined({ db: merged.db, tls: merged.tls === undefined ? undefined : resolveTls(context, merged.tls) }),
  };
}

function connectCluster(context: ServiceContext, merged: Defined<L2Config>): Connection {
  if (merged.db !== undefined && merged.db !== 0) {
    context.add(
      ['l2', 'db'],
      `\`db\`${context.origin('l2', 'db')} is ${merged.db}, but a cluster has database 0 only; remove it.`,
    );
  }
  return {
    cluster: { nodes: resolveNodes(context, 'cluster', merged.cluster?.nodes) },
    ...resolveLogin(context, merged),
    ...omitUndefined({ tls: merged.tls === undefined ? undefined : resolveTls(context, merged.tls) }),
  };
}

/** Which keys say where Redis is, by the mode they are for. */
const ADDRESS_KEYS: Readonly<Record<RedisMode, 'connection_string' | 'sentinel' | 'cluster'>> = {
  standalone: 'connection_string',
  sentinel: 'sentinel',
  cluster: 'cluster',
};

/** Two addresses are one too many; that a service with a mode of its own inherits another mode's address is no mistake. */
function refuseForeignAddresses(context: ServiceContext, mode: RedisMode): void {
  if (!context.isSound('l2', 'mode')) return;
  const globalL2 = context.facts.global.l2 ?? {};
  for (const [foreign, key] of Object.entries(ADDRESS_KEYS)) {
    const isInherited = globalL2[key] !== undefined && globalL2.mode !== undefined && !context.states('l2', 'mode');
    if (foreign === mode || !(context.states('l2', key) || isInherited)) continue;
    context.add(
      ['l2', key],
      `\`${key}\`${context.origin('l2', key)} is for \`mode = "${foreign}"\`, and the mode is "${mode}"; remove it, or correct the mode.`,
    );
  }
}

const CONNECT: Readonly<Record<RedisMode, typeof connectStandalone>> = {
  standalone: connectStandalone,
  sentinel: connectSentinel,
  cluster: connectCluster,
};

/** Resolves the Redis tier of a service, noting problems in the context's issues. `serviceTtlMs` is the service's `ttl`. */
export function resolveL2(context: ServiceContext, serviceTtlMs: number): ResolvedL2 {
  const merged: Defined<L2Config> = omitUndefined(inheritTable(context.facts.global.l2, context.own.l2));
  const l2 = { ...schemaDefaults('l2'), ...merged };
  // The application's connection replaces all that the file says about connecting.
  const connectedMode = context.facts.connectedMode(context.name);
  if (connectedMode === undefined) refuseForeignAddresses(context, l2.mode);
  return {
    mode: connectedMode ?? l2.mode,
    ...(connectedMode === undefined ? CONNECT[l2.mode](context, merged) : {}),
    ttlMs: l2.ttl === undefined ? serviceTtlMs : context.ms(l2.ttl),
    connectionTimeoutMs: l2.connection_timeout_ms,
    commandTimeoutMs: l2.command_timeout_ms,
    compression: l2.compression,
    compressionThresholdBytes: l2.compression_threshold,
    maxKeyLength: l2.max_key_length,
    maxValueSizeBytes: l2.max_value_size,
  };
}
