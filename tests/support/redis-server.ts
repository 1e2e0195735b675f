/**
 * Real redis-server processes for the tests, on free ports of 127.0.0.1, each with a folder of its own. What a test leaves
 * running dies with the test process, whatever ends that.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { makeCertificates, type Certificates } from './certificates.js';
import { findRedisServer, INSTALL_ADVICE } from './find-redis.mjs';
import { canListen, findFreePort } from './free-port.js';
import { reapWithParent } from './reaper.js';
import { makeRedisConfig, type RedisServerOptions } from './redis-server-options.js';
import { until } from './until.js';

const START_TIMEOUT_MS = 15_000;
const LOG_TAIL_LINES = 40;
/** Where redis puts the port nodes of a cluster talk on. */
const CLUSTER_BUS_OFFSET = 10_000;

/** The environment of the tests prints these when a test fails. */
const RUNNING = Symbol.for('oxcache.tests.running-servers');

function runningServers(): Map<RedisServer, () => string> {
  const holder = globalThis as unknown as Record<symbol, Map<RedisServer, () => string> | undefined>;
  return (holder[RUNNING] ??= new Map<RedisServer, () => string>());
}

/** One redis-server. */
export class RedisServer {
  readonly #options: RedisServerOptions;
  readonly #ownsDir: boolean;
  /** The server's folder: configuration, log, append-only file, certificates. */
  readonly dir: string;
  /** PEM files; present with `tls`. */
  readonly certificates: Certificates | undefined;
  #port: number;
  #process: ChildProcess | undefined;
  #connection: Redis | undefined;

  private constructor(options: RedisServerOptions, dir: string, certificates: Certificates | undefined, port: number) {
    this.#options = options;
    this.#ownsDir = options.dir === undefined;
    this.dir = dir;
    this.certificates = certificates;
    this.#port = port;
  }

  /** Starts a server and resolves once it answers `PING`. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'oxcache-redis-'));
    const certificates = options.tls === undefined ? undefined : (options.certificates ?? (await makeCertificates(dir)));
    const server = new RedisServer(options, dir, certificates, await findPortFor(options));
    try {
      await server.#launch(true);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** The port, the same over restarts: a TLS port with `tls`. */
  get port(): number {
    return this.#port;
  }

  /** `host:port`. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** The connection string, with the password of the default user if it has one. */
  get url(): string {
    const login = this.#options.password === undefined ? '' : `:${encodeURIComponent(this.#options.password)}@`;
    return `${this.#options.tls === undefined ? 'redis' : 'rediss'}://${login}${this.address}`;
  }

  /** The path of the Unix socket, which exists with `unixSocket`. */
  get socketPath(): string {
    return join(this.dir, 'redis.sock');
  }

  /** The process's id. */
  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error(`The redis-server at ${this.address} does not run`);
    return pid;
  }

  /** Whether the process runs (a frozen one does). */
  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** Runs a command over a connection of the launcher's own: `await server.call('PTTL', key)`. */
  call(command: string, ...args: readonly (string | number | Buffer)[]): Promise<unknown> {
    this.#connection ??= this.#makeConnection({ maxRetriesPerRequest: null, retryStrategy: () => 20 });
    return this.#connection.call(command, ...args);
  }

  /** Removes everything from all databases. */
  async flush(): Promise<void> {
    await this.call('FLUSHALL');
  }

  /** `kill -9`: nothing is saved, no connection is closed in good order. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Stops the process where it is: connections stay open and are accepted, nothing is answered. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  /** Lets a frozen process go on. */
  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /**
   * Ends the process if it still runs and starts it again on the same port. Data survives where the server saved it
   * (`appendonly`); `empty: true` removes it.
   */
  async restart({ empty = false }: { readonly empty?: boolean } = {}): Promise<void> {
    await this.#end('SIGTERM');
    if (empty) {
      for (const name of ['appendonlydir', 'appendonly.aof', 'dump.rdb'])
        rmSync(join(this.dir, name), { recursive: true, force: true });
    }
    await this.#launch(false);
  }

  /** Ends the process and removes its folder. May be called in any state, and again. */
  async stop(): Promise<void> {
    runningServers().delete(this);
    this.#connection?.disconnect();
    this.#connection = undefined;
    await this.#end('SIGKILL');
    if (this.#ownsDir) rmSync(this.dir, { recursive: true, force: true });
  }

  /** What the server has logged since it was first started. */
  log(): string {
    return readFileSync(join(this.dir, 'redis.log'), 'utf8');
  }

  async #launch(mayMove: boolean): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const failure = await this.#tryLaunch();
      if (failure === undefined) return;
      if (!failure.includes('Address already in use') || attempt >= 20) throw new Error(failure);
      if (mayMove) this.#port = await findPortFor(this.#options);
      else await until(() => canListen(this.#port), { describe: `port ${this.#port} to become free` });
    }
  }

  /** Resolves to what went wrong, `undefined` when the server answers. */
  async #tryLaunch(): Promise<string | undefined> {
    const binary = findRedisServer(process.env);
    if (binary === undefined) throw new Error(INSTALL_ADVICE);
    const configFile = join(this.dir, 'redis.conf');
    const { dir, certificates, port, socketPath } = this;
    writeFileSync(configFile, makeRedisConfig(this.#options, { dir, certificates, port, socketPath }), { mode: 0o600 });
    const logFile = openSync(join(this.dir, 'redis.log'), 'a');
    const child = spawn(binary, [configFile, ...(this.#options.args ?? [])], {
      cwd: this.dir,
      stdio: ['ignore', logFile, logFile],
      env: { ...process.env, ...this.#options.clock?.env },
    });
    closeSync(logFile);
    child.unref();
    this.#process = child;
    reapWithParent(child, this.#ownsDir ? this.dir : '');
    runningServers().set(this, () => this.#describeLog());
    const forget = (): void => {
      if (this.#process === child) this.#process = undefined;
    };
    child.once('error', forget);
    child.once('exit', forget);
    await until(() => this.#process === undefined || this.#answers(), {
      timeoutMs: START_TIMEOUT_MS,
      describe: () => `redis-server to answer\n${this.#describeLog()}`,
    });
    return this.isRunning ? undefined : `redis-server ended at its start\n${this.#describeLog()}`;
  }

  /** Whether a new connection gets an answer to `PING`; rejects when it does not. */
  async #answers(): Promise<boolean> {
    const connection = this.#makeConnection({
      lazyConnect: true,
      connectTimeout: 1000,
      commandTimeout: 1000,
      retryStrategy: () => null,
    });
    try {
      await connection.connect();
      await connection.ping();
      return true;
    } finally {
      connection.disconnect();
    }
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
    child.kill(signal);
    // A frozen process takes no other signal before it goes on.
    child.kill('SIGCONT');
    await until(hasEnded, { describe: () => `the end of redis-server ${child.pid ?? ''}\n${this.#describeLog()}` });
    this.#process = undefined;
  }

  #makeConnection(options: Omit<RedisOptions, 'replyMapping'>): Redis {
    const { password } = this.#options;
    const connection = new Redis({
      host: '127.0.0.1',
      port: this.#port,
      // ioredis holds the process that long after a disconnect from a server that is gone; the default is 2 s.
      disconnectTimeout: 50,
      ...(password === undefined ? {} : { password }),
      ...(this.certificates === undefined ? {} : { tls: clientTls(this.certificates) }),
      ...options,
    });
    connection.on('error', () => undefined);
    return connection;
  }

  #describeLog(): string {
    const tail = this.log().trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
    return `--- the log of the redis-server at ${this.address} ends with\n${tail}\n---`;
  }
}

function findPortFor({ cluster }: RedisServerOptions): Promise<number> {
  return cluster === true ? findFreePort([0, CLUSTER_BUS_OFFSET]) : findFreePort();
}

/** Options of `tls.connect` for a client that trusts the server's authority and shows a certificate of it. */
export function clientTls(certificates: Certificates): { ca: string; cert: string; key: string } {
  return {
    ca: readFileSync(certificates.caFile, 'utf8'),
    cert: readFileSync(certificates.clientCertFile, 'utf8'),
    key: readFileSync(certificates.clientKeyFile, 'utf8'),
  };
}
