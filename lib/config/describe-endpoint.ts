/** How an endpoint is named in logs, diagnostics and health: never with its credentials (G11). */
import type { ResolvedL2 } from './resolved-config.js';
import { parseConnectionString } from './connection-string.js';

/** Where a service's Redis is, for logs and diagnostics: `redis://cache.internal:6379/2`, `unix:/run/redis.sock`. No credentials. */
export function describeEndpoint(l2: ResolvedL2): string {
  if (l2.connectionString === undefined) return 'a connection of the application';
  const endpoint = parseConnectionString(l2.connectionString);
  if (endpoint.kind === 'unusable') return 'an unusable address';
  if (endpoint.kind === 'unix') return `unix:${endpoint.path}`;
  const db = l2.db ?? endpoint.db ?? 0;
  return `${l2.tls === undefined ? 'redis' : 'rediss'}://${endpoint.host}:${endpoint.port}${db === 0 ? '' : `/${db}`}`;
}
