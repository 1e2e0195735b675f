/**
 * A master, its replicas and the sentinels that watch them, as real processes: what a test of sentinel mode talks to. Everything
 * is set to be quick: a master that is gone is noticed after half a second and replaced within two.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates, type Certificates } from './certificates.js';
import { RedisServer } from './redis-server.js';
import type { RedisServerOptions } from './redis-server-options.js';
import type { SteppedClock } from './stepped-clock.js';
import { until } from './until.js';

/** Options of `SentinelSet.start`; all may be absent. */
export interface SentinelSetOptions {
  /** The password of the master and its replicas. */
  readonly password?: string;
  /** The password of the sentinels themselves. */
  readonly sentinelPassword?: string;
  /** TLS everywhere, with one authority. */
  readonly tls?: RedisServerOptions['tls'];
  /** How many replicas the master has; absent: 1. */
  readonly replicas?: number;
  /** How many sentinels watch it; absent: 3. Two thirds of them have to agree. */
  readonly sentinels?: number;
  /** The master and its replicas save every write before it is answered. */
  readonly appendonly?: boolean;
  /** Clocks that the test steps, of the master and then the replicas; absent, or `undefined` at a place: the machine's. */
  readonly clocks?: readonly (SteppedClock | undefined)[];
}

const MASTER_NAME = 'primary';
const DOWN_AFTER_MS = 500;
const FAILOVER_TIMEOUT_MS = 3000;
const CHANGE_TIMEOUT_MS = 20_000;
/**
 * The sentinels look and tell each other that often, instead of every 1 to 10 s; a stopped clock makes them pause shortly. Without a
 * master they ask replicas every second, and only promote one that has answered within five ping periods.
 */
const QUICK_PERIODS = 'info-period 200 ping-period 300 ask-period 100 publish-period 200 tilt-period 500'.split(' ');

/** See the file's header. */
export class SentinelSet {
  readonly #folder: string;
  readonly #servers: RedisServer[] = [];
  readonly #sentinels: RedisServer[] = [];
  #master: RedisServer | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts all of it; resolves once the replicas follow the master and every sentinel knows them and the other sentinels. */
  static async start(options: SentinelSetOptions = {}): Promise<SentinelSet> {
    const set = new SentinelSet(mkdtempSync(join(tmpdir(), 'oxcache-sentinel-')));
    try {
      await set.#start(options);
    } catch (error) {
      await set.stop();
      throw error;
    }
    return set;
  }

  /** The name the sentinels know the master by. */
  get masterName(): string {
    return MASTER_NAME;
  }

  /** The sentinels, as `host:port`. */
  get nodes(): readonly string[] {
    return this.#sentinels.map(({ address }) => address);
  }

  /** The sentinels' processes. */
  get sentinels(): readonly RedisServer[] {
    return this.#sentinels;
  }

  /** The master, as of the last change this set has seen or made. */
  get master(): RedisServer {
    if (this.#master === undefined) throw new Error('The set has no master');
    return this.#master;
  }

  /** All others; the process of a killed master is among them, to be started again with `restart`. */
  get replicas(): readonly RedisServer[] {
    return this.#servers.filter((server) => server !== this.#master);
  }

  /** PEM files; present with `tls`. */
  get certificates(): Certificates | undefined {
    return this.master.certificates;
  }

  /** Asks the sentinels who is master; rejects while they do not agree on one that answers as a master. */
  async currentMaster(): Promise<RedisServer> {
    const said = await Promise.all(this.#running().map((sentinel) => this.#masterPort(sentinel)));
    const server = this.#servers.find(({ port }) => port === said[0]);
    if (server === undefined || new Set(said).size !== 1) throw new Error(`The sentinels name ${said.join(', ')}`);
    if (!server.isRunning || (await roleOf(server)) !== 'master') throw new Error(`${server.address} is no master yet`);
    this.#master = server;
    return server;
  }

  /** Makes a replica the master while the master is well; resolves to the new one once it answers as such. */
  async failover(): Promise<RedisServer> {
    const before = await until(() => this.currentMaster(), { timeoutMs: CHANGE_TIMEOUT_MS });
    const [sentinel] = this.#running();
    // Refused while the change before this one is not over for everybody, and given up where no replica is ready yet: asked again.
    const changed = await until(
      async () => {
        const now = await this.currentMaster().catch(() => before);
        if (now !== before) return now;
        await sentinel?.call('SENTINEL', 'FAILOVER', MASTER_NAME).catch(() => undefined);
        return undefined;
      },
      { timeoutMs: CHANGE_TIMEOUT_MS, intervalMs: 1000, describe: `a master other than ${before.address}` },
    );
    return changed ?? this.master;
  }

  /** `kill -9` for the master; resolves to the replica the sentinels have made master. */
  async killMaster(): Promise<RedisServer> {
    const before = await until(() => this.currentMaster(), { timeoutMs: CHANGE_TIMEOUT_MS });
    await before.kill();
    return this.#masterOtherThan(before);
  }

  /** Ends all processes. May be called in any state, and again. */
  async stop(): Promise<void> {
    await Promise.all([...this.#sentinels, ...this.#servers].map((server) => server.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start({ password, sentinelPassword, tls, appendonly, clocks = [], ...counts }: SentinelSetOptions): Promise<void> {
    const { replicas = 1, sentinels = 3 } = counts;
    const secured = tls === undefined ? {} : { tls, certificates: await makeCertificates(this.#folder) };
    const sure = tls === undefined ? {} : { 'tls-replication': 'yes' };
    const data = (config: Readonly<Record<string, string>>, clock?: SteppedClock): Promise<RedisServer> =>
      this.#launch(this.#servers, {
        ...secured,
        ...(password === undefined ? {} : { password }),
        ...(appendonly === undefined ? {} : { appendonly }),
        ...(clock === undefined ? {} : { clock }),
        config: {
          ...sure,
          'repl-diskless-sync-delay': '0',
          'replica-announce-ip': '127.0.0.1',
          ...(password === undefined ? {} : { masterauth: password }),
          ...config,
        },
      });
    const master = (this.#master = await data({}, clocks[0]));
    const quorum = Math.floor((sentinels * 2) / 3) || 1;
    const watch = [
      `monitor ${MASTER_NAME} 127.0.0.1 ${master.port} ${quorum}`,
      `down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
      `failover-timeout ${MASTER_NAME} ${FAILOVER_TIMEOUT_MS}`,
      `parallel-syncs ${MASTER_NAME} 8`,
      ...(password === undefined ? [] : [`auth-pass ${MASTER_NAME} ${password}`]),
      ...(sentinelPassword === undefined ? [] : [`sentinel-pass ${sentinelPassword}`]),
    ];
    const guard = (): Promise<RedisServer> =>
      this.#launch(this.#sentinels, {
        ...secured,
        ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
        args: ['--sentinel'],
        config: { ...sure, sentinel: watch },
      });
    await Promise.all(
      Array.from({ length: replicas }, (_, index) => data({ replicaof: `127.0.0.1 ${master.port}` }, clocks[index + 1])),
    );
    // A sentinel asks a master for its replicas at once, and without QUICK_PERIODS after ten seconds again.
    await Promise.all(this.replicas.map((replica) => until(() => isFollowing(replica))));
    await Promise.all(Array.from({ length: sentinels }, guard));
    await Promise.all(this.#sentinels.map(hurry));
    await Promise.all(
      this.#sentinels.map((sentinel) =>
        until(() => this.#knowsAll(sentinel), { timeoutMs: CHANGE_TIMEOUT_MS, describe: `${sentinel.address} to know all` }),
      ),
    );
  }

  async #launch(into: RedisServer[], options: RedisServerOptions): Promise<RedisServer> {
    const server = await RedisServer.start(options);
    into.push(server);
    return server;
  }

  #running(): readonly RedisServer[] {
    return this.#sentinels.filter(({ isRunning }) => isRunning);
  }

  async #masterPort(sentinel: RedisServer): Promise<number> {
    const answer = (await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)) as [string, string];
    return Number(answer[1]);
  }

  async #knowsAll(sentinel: RedisServer): Promise<boolean> {
    const facts = (await sentinel.call('SENTINEL', 'MASTER', MASTER_NAME)) as string[];
    const of = (name: string): string | undefined => facts[facts.indexOf(name) + 1];
    return (
      of('flags') === 'master' &&
      Number(of('num-slaves')) === this.replicas.length &&
      Number(of('num-other-sentinels')) === this.#sentinels.length - 1
    );
  }

  #masterOtherThan(before: RedisServer): Promise<RedisServer> {
    const changed = async (): Promise<RedisServer | undefined> => {
      const now = await this.currentMaster();
      return now === before ? undefined : now;
    };
    const describe = `a master other than ${before.address}`;
    return until(changed, { timeoutMs: CHANGE_TIMEOUT_MS, intervalMs: 20, describe }) as Promise<RedisServer>;
  }
}

/** Redis 6.2 has no way to make a sentinel quicker. */
async function hurry(sentinel: RedisServer): Promise<void> {
  await sentinel.call('SENTINEL', 'DEBUG', ...QUICK_PERIODS).catch((error: unknown) => {
    if (!/unknown/i.test(String(error))) throw error;
  });
}

/** `master`, `slave` or `sentinel`. */
export async function roleOf(server: RedisServer): Promise<string> {
  return ((await server.call('ROLE')) as [string])[0];
}

/** Whether a replica has everything its master has. */
export async function isFollowing(replica: RedisServer): Promise<boolean> {
  return String(await replica.call('INFO', 'replication')).includes('master_link_status:up');
}
