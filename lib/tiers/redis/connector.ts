/**
 * How our ioredis clients get their connections: connected, secured and logged in. ioredis would do the login by itself, but it
 * goes on after a refused step, and writes some of what it meets to the console.
 *
 * 1. Whatever fails is an error event of the client and the end of the attempt; the client pauses and tries again. 2. The client
 * itself knows no user, password, database and name, so it sends none of them; its duplicates find them again.
 */
import { createConnection, isIP, Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import type { AbstractConnector, Redis, RedisOptions, SentinelConnectionOptions, SentinelConnector } from 'ioredis';
import type * as Ioredis from 'ioredis';
import type { Clock } from '../../base/clock.js';
import { AWAITED, Deadline } from '../../base/deadline.js';
import { logIn, type Login } from './login.js';
import { ConnectFailure, failureOf, isError } from './redis-errors.js';

/** The option `Connector` of ioredis. */
export type Connector = NonNullable<RedisOptions['Connector']>;

/** What connectors need. */
export interface ConnectorParts {
  /** Passed in because ioredis is loaded on demand. */
  readonly ioredis: Pick<typeof Ioredis, 'AbstractConnector' | 'SentinelConnector'>;
  readonly clock: Clock;
  /** How long a server that accepted a connection may take to answer the login. */
  readonly answerMs: () => number;
  /** A password was given to a server that has none. */
  readonly onUnusedPassword: (whose: 'server' | 'sentinel') => void;
  /** An attempt failed. */
  readonly onFailure: (failure: ConnectFailure) => void;
}

/** What is read of the options of a client, and taken out of them. */
interface ClientOptions {
  host?: string | null;
  port?: number | null;
  path?: string | null;
  family?: number | null;
  tls?: TlsOptions | true | null;
  username?: string | null;
  password?: string | null;
  db?: number | null;
  connectionName?: string | null;
  connectTimeout?: number;
  disconnectTimeout?: number;
  /** What was taken out of the options, for the duplicates that ioredis makes. */
  oxcacheLogin?: Login;
}

/** ioredis's own default, for clients that were handed in without. */
const CONNECT_TIMEOUT_MS = 10_000;

/** A connector that is not abstract any more. */
interface WrittenConnector extends AbstractConnector {
  connect(...args: Parameters<AbstractConnector['connect']>): ReturnType<AbstractConnector['connect']>;
}

/** The connector of a client for one address. */
export function addressConnector(parts: ConnectorParts): Connector {
  return withLogin(parts, connectorTo(parts.ioredis.AbstractConnector));
}

/** The connector of a client behind sentinels. */
export function sentinelConnector(parts: ConnectorParts): Connector {
  return withLogin(parts, lookupBy(parts));
}

/** Adds the login to a connector that makes connections and no more, such as one that the application wrote. */
export function withLogin(parts: ConnectorParts, base: Connector): Connector {
  const Base: new (options: unknown) => WrittenConnector = base;
  return class extends Base {
    readonly #login: Login;
    readonly #connectMs: number;
    #pending: Socket | undefined;

    constructor(options: unknown) {
      const client = options as ClientOptions;
      const login = takeLogin(client);
      super(options);
      this.#login = login;
      this.#connectMs = client.connectTimeout ?? CONNECT_TIMEOUT_MS;
    }

    override async connect(...args: Parameters<AbstractConnector['connect']>): ReturnType<AbstractConnector['connect']> {
      try {
        const socket = await super.connect(...args);
        this.#pending = socket;
        const patience = { clock: parts.clock, connectMs: this.#connectMs, answerMs: parts.answerMs() };
        if (await logIn(socket, this.#login, patience)) parts.onUnusedPassword('server');
        return socket;
      } catch (error) {
        const failure = error instanceof ConnectFailure ? error : new ConnectFailure(failureOf(error));
        this.firstError = failure;
        parts.onFailure(failure);
        // A stream that is destroyed already is how ioredis is told that connecting has failed.
        return new Socket().destroy();
      } finally {
        this.#pending = undefined;
      }
    }

    override disconnect(): void {
      this.#pending?.destroy();
      super.disconnect();
    }
  };
}

/** Takes who logs in, and where to, out of a client's options, so that the client does not do it again. */
function takeLogin(options: ClientOptions): Login {
  const login = options.oxcacheLogin ?? {
    username: options.username ?? undefined,
    password: options.password ?? undefined,
    db: options.db ?? 0,
    name: options.connectionName ?? undefined,
  };
  Object.assign(options, { username: null, password: null, db: 0, connectionName: null, oxcacheLogin: login });
  return login;
}

function connectorTo(Base: typeof AbstractConnector): Connector {
  return class extends Base {
    readonly #options: ClientOptions;

    constructor(options: unknown) {
      const client = options as ClientOptions;
      super(client.disconnectTimeout ?? 0);
      this.#options = client;
    }

    override connect(): Promise<Socket> {
      this.connecting = true;
      const { path, tls } = this.#options;
      const host = this.#options.host ?? 'localhost';
      const place = { host, port: this.#options.port ?? 6379, family: this.#options.family ?? 0 };
      const where = typeof path === 'string' && path !== '' ? { path } : place;
      if (tls === undefined || tls === null) this.stream = createConnection(where);
      else this.stream = connectTls({ ...where, ...serverName(host), ...(tls === true ? {} : tls) });
      return Promise.resolve(this.stream);
    }
  };
}

/** Which name the certificate is to have, unless the options say so: servers behind one address tell each other apart by it. */
function serverName(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

/** What ioredis's connector does with one sentinel. */
interface SentinelLookup {
  connectToSentinel: (endpoint: unknown, options?: object) => Redis;
  resolve: (endpoint: unknown) => Promise<{ host: string; port: number; servername?: string } | null>;
}

/**
 * ioredis either asks the sentinels for ever, without a word, or gives the client up when none of them knows a primary. Here a
 * look that failed is a connection that failed. And ioredis's timer for a sentinel's answer knows nothing of a process that
 * stands still (G16); here a deadline ends the look at a sentinel.
 */
function lookupBy(parts: ConnectorParts): Connector {
  const Base: typeof SentinelConnector = parts.ioredis.SentinelConnector;
  return class extends Base {
    /** Why the last sentinel could not be connected to: the command that waited for that fails without a reason. */
    #lastFailure: ConnectFailure | undefined;

    constructor(options: unknown) {
      const { sentinelCommandTimeout, connectTimeout } = options as SentinelConnectionOptions & ClientOptions;
      const lookupMs = sentinelCommandTimeout ?? connectTimeout ?? CONNECT_TIMEOUT_MS;
      super({ ...(options as SentinelConnectionOptions), sentinelRetryStrategy: () => null });
      const lookup = this as unknown as SentinelLookup;
      const connectToSentinel = lookup.connectToSentinel.bind(this);
      const resolve = lookup.resolve.bind(this);
      const onFailure = (failure: ConnectFailure): void => {
        this.#lastFailure = failure;
      };
      const onUnusedPassword = (): void => {
        parts.onUnusedPassword('sentinel');
      };
      const Connector = addressConnector({ ...parts, onFailure, onUnusedPassword });
      const own = { Connector, disableClientInfo: true, commandTimeout: undefined };
      let asked: Redis | undefined;
      lookup.connectToSentinel = (endpoint, more) => (asked = connectToSentinel(endpoint, { ...more, ...own }));
      lookup.resolve = async (endpoint) => {
        const answer = resolve(endpoint);
        const client = asked;
        const onTime = (): void => {
          onFailure(new ConnectFailure({ code: 'UNREACHABLE', reason: `no answer within ${lookupMs} ms` }));
          client?.disconnect();
        };
        const deadline = new Deadline(parts.clock, lookupMs, onTime, AWAITED);
        try {
          const found = await answer;
          return found === null ? null : { ...found, ...serverName(found.host) };
        } finally {
          deadline.cancel();
        }
      };
    }

    override async connect(...args: Parameters<SentinelConnector['connect']>): ReturnType<SentinelConnector['connect']> {
      this.#lastFailure = undefined;
      try {
        return await super.connect(...args);
      } catch (error) {
        throw sayWhy(error, this.#lastFailure);
      }
    }
  };
}

/** How ioredis ends its words when a sentinel could not be connected to. */
const NO_CONNECTION = 'Connection is closed.';

/** The failure of a look at the sentinels, in the words of the connection that failed last. */
function sayWhy(error: unknown, last: ConnectFailure | undefined): unknown {
  if (last === undefined || !isError(error) || !error.message.endsWith(NO_CONNECTION)) return error;
  const { code, reason } = last.failure;
  return new ConnectFailure({ code, reason: `no sentinel says where the primary is: ${reason}` });
}
