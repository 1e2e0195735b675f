/** What a test can ask of a redis-server, and the configuration file that says so to redis. */
import type { Certificates } from './certificates.js';
import type { SteppedClock } from './stepped-clock.js';

/** A user of the server's access control list. */
export interface RedisUser {
  readonly name: string;
  readonly password: string;
  /** ACL rules; absent: everything is allowed. */
  readonly rules?: string;
}

/** Options of `RedisServer.start`; all may be absent. */
export interface RedisServerOptions {
  /** Arguments after the configuration file, e.g. `['--sentinel']`. */
  readonly args?: readonly string[];
  /** Further directives by name; an array repeats one. */
  readonly config?: Readonly<Record<string, string | readonly string[]>>;
  /** The password of the default user. */
  readonly password?: string;
  readonly users?: readonly RedisUser[];
  /** TLS instead of plain TCP; `mutual`: clients must show a certificate. */
  readonly tls?: true | 'mutual';
  /** With `tls`: servers that talk to each other share these; absent: made for this server. */
  readonly certificates?: Certificates;
  /** A node of a cluster, which listens on its port plus 10,000 too. */
  readonly cluster?: boolean;
  /** Listens on a Unix socket too. */
  readonly unixSocket?: boolean;
  /** Saves every write before it is answered, so that a restart has it. */
  readonly appendonly?: boolean;
  /** The server's folder, which is then kept; absent: a temporary one. */
  readonly dir?: string;
  /** A clock that the test steps; absent: the machine's. */
  readonly clock?: SteppedClock;
}

/** Where a server lives. */
export interface RedisPlace {
  readonly dir: string;
  readonly port: number;
  readonly socketPath: string;
  readonly certificates: Certificates | undefined;
}

/** The text of `redis.conf`. */
export function makeRedisConfig(options: RedisServerOptions, place: RedisPlace): string {
  const lines = ['bind 127.0.0.1', `dir ${quote(place.dir)}`, 'save ""', 'daemonize no'];
  const { certificates } = place;
  if (certificates === undefined) {
    lines.push(`port ${place.port}`);
  } else {
    lines.push('port 0', `tls-port ${place.port}`);
    lines.push(`tls-ca-cert-file ${quote(certificates.caFile)}`, `tls-cert-file ${quote(certificates.serverCertFile)}`);
    // What it shows where it is the client: to its master, to the other nodes of a cluster.
    lines.push(`tls-client-cert-file ${quote(certificates.clientCertFile)}`);
    lines.push(`tls-client-key-file ${quote(certificates.clientKeyFile)}`);
    lines.push(
      `tls-key-file ${quote(certificates.serverKeyFile)}`,
      `tls-auth-clients ${options.tls === 'mutual' ? 'yes' : 'no'}`,
    );
  }
  if (options.cluster === true) lines.push('cluster-enabled yes');
  if (options.unixSocket === true) lines.push(`unixsocket ${quote(place.socketPath)}`, 'unixsocketperm 700');
  if (options.appendonly === true) lines.push('appendonly yes', 'appendfsync always');
  if (options.password !== undefined) lines.push(`requirepass ${quote(options.password)}`);
  for (const user of options.users ?? []) {
    lines.push(`user ${user.name} on >${user.password} ${user.rules ?? '~* &* +@all'}`);
  }
  for (const [name, value] of Object.entries(options.config ?? {})) {
    for (const one of typeof value === 'string' ? [value] : value) lines.push(`${name} ${one}`);
  }
  return `${lines.join('\n')}\n`;
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
