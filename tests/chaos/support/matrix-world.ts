/** The Redis of a matrix column, ways to break it, and the two sides that use it: the process under test, and another one. */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createManager, init, shutdown, type CacheManager, type ConfigObject } from '../../../lib/index.js';
import { RedisFaults, TcpFaultProxy } from '../../../lib/testing/index.js';
import { Deployment, type RedisMode } from '../../support/deployment.js';
import type { RedisServer } from '../../support/redis-server.js';
import { SteppedClock } from '../../support/stepped-clock.js';
import { seededRandom, type SeededRandom } from './crash-random.mjs';
import { CELL_KINDS, type CellKind } from './matrix-cell.js';
import { METHOD_ROWS, type MethodRow } from './matrix-methods.js';
import { Vandal } from './vandal.js';

/** Where the cells live. */
export interface MatrixSetting {
  readonly mode: RedisMode;
  readonly serialization: 'json' | 'msgpack';
  readonly compression: 'none' | 'gzip';
}

/** A row of one kind: it has a service of its own. */
export interface CellPlace {
  readonly method: string;
  readonly kind: CellKind;
  readonly row: MethodRow;
  readonly service: string;
}

/** The services of this method are those whose health is watched. */
export const WATCHED_METHOD = 'set';

/** All rows of all kinds they are for. */
export const CELL_PLACES: readonly CellPlace[] = CELL_KINDS.flatMap((kind) =>
  Object.entries(METHOD_ROWS)
    .filter(([, row]) => row.kinds.includes(kind))
    .map(([method, row]) => ({ method, kind, row, service: `${kind}-${method}` })),
);

/** Every method once, for one of its kinds; `set` for all kinds, because it is by those that health is watched. */
export function samplePlaces(random: SeededRandom): readonly CellPlace[] {
  const chosen = new Map(Object.entries(METHOD_ROWS).map(([method, { kinds }]) => [method, random.pick(kinds)]));
  return CELL_PLACES.filter(({ method, kind }) => method === WATCHED_METHOD || chosen.get(method) === kind);
}

/** Long enough that a busy machine alone does not pass it, however many services there are. */
const COMMAND_TIMEOUT_MS = 800;

/** See the file's header. */
export class MatrixWorld {
  readonly setting: MatrixSetting;
  /** Between the process under test and a standalone Redis. */
  readonly proxy: TcpFaultProxy;
  #folder = '';
  readonly #redis: Deployment;
  readonly #clock: SteppedClock;
  readonly #connections: Redis[] = [];
  readonly #faults = new Map<RedisServer, RedisFaults>();
  readonly #realNow = Date.now;
  #random = seededRandom(0);
  #places: readonly CellPlace[] = CELL_PLACES;
  #vandal: Vandal | undefined;
  #whenAway: (() => void) | undefined;
  /** Where clients write, as of the start of the column. */
  #ports: readonly number[] = [];

  private constructor(setting: MatrixSetting, redis: Deployment, clock: SteppedClock, proxy: TcpFaultProxy) {
    this.setting = setting;
    this.proxy = proxy;
    this.#redis = redis;
    this.#clock = clock;
    for (const server of redis.servers) {
      const connection = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
      connection.on('error', () => undefined);
      this.#connections.push(connection);
      this.#faults.set(server, new RedisFaults(connection));
    }
  }

  static async start(setting: MatrixSetting): Promise<MatrixWorld> {
    const clock = new SteppedClock();
    const redis = await Deployment.start(setting.mode, { appendonly: true, clock, changesOnRequest: true });
    return new MatrixWorld(setting, redis, clock, await TcpFaultProxy.start(redis.primaries[0]?.port ?? 1));
  }

  /** `wal.dir` of the process under test. */
  get logFolder(): string {
    return join(this.#folder, 'wal');
  }

  /** Opens the process under test: the registry's manager, for `cached`. */
  openTested(): Promise<CacheManager> {
    return init(this.#config(this.logFolder, `redis://127.0.0.1:${this.proxy.port}`));
  }

  /** Closes it in good order. */
  async closeTested(): Promise<void> {
    await shutdown({ deadline: '3s' });
  }

  /** Opens the other process. */
  openOther(): Promise<CacheManager> {
    return createManager(this.#config(join(this.#folder, 'other-wal')));
  }

  /** Does something to every primary. */
  async onPrimaries(work: (server: RedisServer, faults: RedisFaults) => unknown): Promise<void> {
    await Promise.all(this.#redis.primaries.map((server) => work(server, this.#faultsOf(server))));
  }

  /** Does something to every server, replicas included. */
  async onServers(work: (server: RedisServer, faults: RedisFaults) => unknown): Promise<void> {
    await Promise.all([...this.#faults].map(([server, faults]) => work(server, faults)));
  }

  /** Starts what was killed, and ends the faults of every server. */
  async recoverServers(): Promise<void> {
    await this.onServers((server) => (server.isRunning ? server.thaw() : server.restart()));
    await this.onServers((_, faults) => faults.recover());
  }

  /** Makes a replica the primary. */
  changePrimary(): Promise<void> {
    return this.#redis.changePrimary();
  }

  /** Kills the primary; resolves once sentinels have made another one. */
  async killPrimary(): Promise<void> {
    await this.#redis.sentinel?.killMaster();
  }

  /** Resolves once nobody but the primaries takes writes, and their replicas have everything. */
  ready(): Promise<void> {
    return this.#redis.ready();
  }

  /** Whether somebody else is the primary than at the start of the column: the last writes may not have got to it at once. */
  async hasChangedPrimary(): Promise<boolean> {
    await this.ready();
    return this.#redis.primaries.some(({ port }, index) => port !== this.#ports[index]);
  }

  /** From now on the clocks of all servers are so much ahead of the machine's. */
  stepClocks(aheadMs: number): void {
    this.#clock.step(aheadMs);
  }

  /** Wall time goes on, and monotonic time does not. */
  sleepMachine(ms: number): void {
    const now = Date.now.bind(Date);
    Date.now = () => now() + ms;
  }

  /** Wall time is right again. */
  wakeClock(): void {
    Date.now = this.#realNow;
  }

  /** Somebody writes what does not belong there, until {@link stopVandal}. */
  startVandal(): void {
    const [server] = this.#redis.primaries;
    if (server === undefined) return;
    this.#vandal = new Vandal(server, this.#random);
    this.#vandal.start();
  }

  async stopVandal(): Promise<void> {
    await this.#vandal?.stop();
    this.#vandal = undefined;
  }

  /** Called once the process under test has noticed that Redis is away. */
  whenAway(work: () => void): void {
    this.#whenAway = work;
  }

  /** The process has noticed. */
  isAway(): void {
    this.#whenAway?.();
    this.#whenAway = undefined;
  }

  /** The cells of this column. */
  get places(): readonly CellPlace[] {
    return this.#places;
  }

  /** Everything is as it was at the start, for a column of these cells whose logs go into `folder`. */
  async reset(folder: string, random: SeededRandom, places: readonly CellPlace[]): Promise<void> {
    this.#folder = folder;
    this.#places = places;
    this.#random = random;
    await this.stopVandal();
    this.wakeClock();
    this.stepClocks(0);
    await this.recoverServers();
    await this.proxy.resume();
    await this.ready();
    await this.onPrimaries((server) => server.flush());
    this.#ports = this.#redis.primaries.map(({ port }) => port);
  }

  async stop(): Promise<void> {
    this.wakeClock();
    for (const connection of this.#connections) connection.disconnect();
    await this.proxy.close();
    await this.#redis.stop();
    this.#clock.remove();
  }

  #faultsOf(server: RedisServer): RedisFaults {
    const faults = this.#faults.get(server);
    if (faults === undefined) throw new Error(`${server.address} is none of the servers`);
    return faults;
  }

  /** @param url where a standalone Redis is found; absent: where it is */
  #config(walDir: string, url?: string): ConfigObject {
    const { mode, serialization, compression } = this.setting;
    const l2 = {
      ...this.#redis.l2,
      ...(mode === 'standalone' && url !== undefined ? { connection_string: url } : {}),
      command_timeout_ms: COMMAND_TIMEOUT_MS,
      connection_timeout_ms: 1000,
      compression,
      compression_threshold: 1,
    };
    const settings = (kind: CellKind): ConfigObject['services'][string] => {
      if (kind === 'l1') return { cache_type: 'l1', ttl: 600 };
      if (kind === 'l2') return { cache_type: 'l2', ttl: 600, l2 };
      return { cache_type: 'two-level', ttl: 600, l2, sync: { transport: kind } };
    };
    return {
      global: { serialization, log_level: 'silent', health_check_interval: 1, wal: { dir: walDir } },
      services: Object.fromEntries(this.#places.map(({ kind, service }) => [service, settings(kind)])),
    };
  }
}
