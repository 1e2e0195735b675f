/**
 * Keeps credentials out of everything that is shown (G11). Masking too much is fine here, masking too little is not.
 */
import type { ResolvedL2 } from './resolved-config.js';
import { parseConnectionString } from './connection-string.js';

const MASK = '***';
/** A password may hold any character when it was not encoded, so everything up to the last `@` of the word goes. */
const REDIS_CREDENTIALS = /\b((?:rediss?|valkeys?|unix):\/{0,3})\S*@/gi;
const OTHER_CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/]*@/gi;
const SECRET_PARAMETER = /([?&](?:password|passwd|pass|auth|token|secret|username|user)=)[^&\s]*/gi;

/** Returns `text` with the credentials of every URL in it replaced by `***`. */
export function redactSecrets(text: string): string {
  return text
    .replace(REDIS_CREDENTIALS, `$1${MASK}@`)
    .replace(OTHER_CREDENTIALS, `$1${MASK}@`)
    .replace(SECRET_PARAMETER, `$1${MASK}`);
}

/** Where a service's Redis is, for logs and diagnostics: `redis://cache.internal:6379/2`, `unix:/run/redis.sock`. No credentials. */
export function describeEndpoint(l2: ResolvedL2): string {
  if (l2.connectionString === undefined) return 'a connection of the application';
  const endpoint = parseConnectionString(l2.connectionString);
  if (endpoint.kind === 'unusable') return 'an unusable address';
  if (endpoint.kind === 'unix') return `unix:${endpoint.path}`;
  const db = l2.db ?? endpoint.db ?? 0;
  return `${l2.tls === undefined ? 'redis' : 'rediss'}://${endpoint.host}:${endpoint.port}${db === 0 ? '' : `/${db}`}`;
}
