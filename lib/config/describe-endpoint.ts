/**
 * How an endpoint is named in logs, diagnostics and health: never with its credentials (G11). The name is also what tells
 * logs of different endpoints apart, so it does not depend on the order in which nodes are listed.
 */
import type { NodeAddress, ResolvedL2 } from './resolved-config.js';
import { parseConnectionString } from './connection-string.js';
import { formatNode } from './node-address.js';

/**
 * Where a service's Redis is: `redis://cache.internal:6379/2`, `unix:/run/redis.sock`,
 * `redis+sentinel://host-1:26379,host-2:26379/mymaster`, `redis+cluster://host-1:6379,host-2:6379`; `rediss` with TLS.
 */
export function describeEndpoint(l2: ResolvedL2): string {
  const scheme = l2.tls === undefined ? 'redis' : 'rediss';
  if (l2.sentinel !== undefined) {
    const { masterName, nodes } = l2.sentinel;
    return `${scheme}+sentinel://${listNodes(nodes)}/${masterName}${describeDb(l2.db)}`;
  }
  if (l2.cluster !== undefined) return `${scheme}+cluster://${listNodes(l2.cluster.nodes)}`;
  if (l2.connectionString === undefined) return 'a connection of the application';
  const endpoint = parseConnectionString(l2.connectionString);
  if (endpoint.kind === 'unusable') return 'an unusable address';
  if (endpoint.kind === 'unix') return `unix:${endpoint.path}`;
  return `${scheme}://${endpoint.host}:${endpoint.port}${describeDb(l2.db ?? endpoint.db)}`;
}

/** Names of hosts are the same in any case. */
function listNodes(nodes: readonly NodeAddress[]): string {
  return [...new Set(nodes.map((node) => formatNode(node).toLowerCase()))].sort().join(',');
}

function describeDb(db = 0): string {
  return db === 0 ? '' : `/${db}`;
}
