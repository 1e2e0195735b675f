/** Addresses in lists of nodes: `"host:port"`, or the same as a table. */
import type { NodeAddress } from './resolved-config.js';

/** Takes an address of a checked configuration apart; `undefined` where what was wrong with it has been taken out. */
export function parseNode(node: string | Partial<NodeAddress>): NodeAddress | undefined {
  const { host, port } = typeof node === 'string' ? splitAtPort(node) : node;
  if (host === undefined || port === undefined) return undefined;
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port };
}

function splitAtPort(text: string): NodeAddress {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
}

/** `host:port`; an IPv6 address is put in brackets. */
export function formatNode({ host, port }: NodeAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
