/** The Redis tier of one service: inheritance, defaults, and the rules that tie the address and its companions together. */
import type { L2Config, TlsConfig } from './config-object.js';
import { schemaDefaults } from './config-schema.js';
import type { Endpoint } from './connection-string.js';
import { parseConnectionString } from './connection-string.js';
import type { Defined } from './inherit.js';
import { inheritTable, omitUndefined } from './inherit.js';
import type { ResolvedL2, ResolvedTls } from './resolved-config.js';
import type { ServiceContext } from './service-context.js';

type Connection = Pick<ResolvedL2, 'connectionString' | 'username' | 'password' | 'db' | 'tls'>;
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
  return {
    ...omitUndefined({ caFile: tls.ca_file, certFile: tls.cert_file, keyFile: tls.key_file }),
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

function resolveConnection(context: ServiceContext, merged: Defined<L2Config>, endpoint: UsableEndpoint): Connection {
  const username = agree(context, 'username', nonEmpty(merged.username), endpoint.username);
  const password = agree(context, 'password', nonEmpty(merged.password), endpoint.password);
  const db = agree(context, 'db', merged.db, endpoint.db);
  if (username !== undefined && password === undefined && context.isSound('l2', 'password')) {
    context.add(
      ['l2', 'username'],
      `\`username\`${context.origin('l2', 'username')} is of no use without a password; set \`password\`, or remove it.`,
    );
  }
  let tls: ResolvedTls | undefined;
  if (endpoint.kind === 'tcp' && (endpoint.isTls || merged.tls !== undefined)) tls = resolveTls(context, merged.tls ?? {});
  if (endpoint.kind === 'unix' && context.own.l2?.tls !== undefined) {
    context.add(['l2', 'tls'], 'A socket on this machine has no TLS; remove the table, or connect with `rediss://`.');
  }
  return omitUndefined({ connectionString: merged.connection_string, username, password, db, tls });
}

function connect(context: ServiceContext, merged: Defined<L2Config>): Connection {
  // The application's connection replaces all that the file says about connecting.
  if (context.facts.isConnected(context.name)) return {};
  if (merged.connection_string !== undefined) {
    const endpoint = parseConnectionString(merged.connection_string);
    if (endpoint.kind !== 'unusable') return resolveConnection(context, merged, endpoint);
  }
  if (context.isSound('l2', 'connection_string') && context.isSound('l2', 'mode')) {
    const message =
      '`connection_string` is missing; set it, as in `redis://127.0.0.1:6379`, or hand in a connection with the option `connections`.';
    context.add(['l2', 'connection_string'], message);
  }
  return {};
}

/** Resolves the Redis tier of a service, noting problems in the context's issues. `serviceTtlMs` is the service's `ttl`. */
export function resolveL2(context: ServiceContext, serviceTtlMs: number): ResolvedL2 {
  const merged: Defined<L2Config> = omitUndefined(inheritTable(context.facts.global.l2, context.own.l2));
  const l2 = { ...schemaDefaults('l2'), ...merged };
  return {
    mode: l2.mode,
    ...connect(context, merged),
    ttlMs: l2.ttl === undefined ? serviceTtlMs : context.ms(l2.ttl),
    connectionTimeoutMs: l2.connection_timeout_ms,
    commandTimeoutMs: l2.command_timeout_ms,
    compression: l2.compression,
    compressionThresholdBytes: l2.compression_threshold,
    maxKeyLength: l2.max_key_length,
    maxValueSizeBytes: l2.max_value_size,
  };
}
