/**
 * Two managers under load over one deployment of Redis, and the judgement after a failover: what they were acknowledged is in
 * Redis, what was removed is not back, and their own copies say the same.
 */
import { expect } from '@jest/globals';
import type { CacheClient, CacheManager } from '../../../lib/index.js';
import { VERSION_LENGTH } from '../../../lib/base/hybrid-clock.js';
import { VERSION_AT } from '../../../lib/codec/envelope.js';
import type { Rig, ServiceConfig } from '../../integration/outage/rig.js';
import type { RedisServer } from '../../support/redis-server.js';
import { isFollowing } from '../../support/sentinel-set.js';
import { until } from '../../support/until.js';
import { FAILOVER_SERVICES, FailoverLoad } from './failover-load.js';

type L2 = NonNullable<ServiceConfig['l2']>;
type Clients = Record<keyof typeof FAILOVER_SERVICES, CacheClient<number>>;

const COMMAND_TIMEOUT_MS = 500;
/** A few deadlines one after the other: of the call, of a batch before it, of the log. */
const MAX_CALL_MS = 8 * COMMAND_TIMEOUT_MS;
/** Half of what a manager writes, so that it asks Redis all the time. The other one keeps what it reads. */
const SMALL_L1 = 128;
const SETTLE_TIMEOUT_MS = 20_000;

/** What was acknowledged and is nowhere but in the process that wrote it. */
export interface Lacking {
  readonly writes: number;
  readonly clears: number;
}

let scenes = 0;

/** See the file's header. */
export class FailoverScene {
  readonly load: FailoverLoad;
  /** What entries begin with in Redis. */
  readonly prefix: string;
  readonly #rig: Rig;
  readonly #l2: L2;
  readonly #managers: readonly CacheManager[];

  private constructor(rig: Rig, l2: L2, prefix: string, managers: readonly CacheManager[], seed: number) {
    this.#rig = rig;
    this.#l2 = l2;
    this.prefix = prefix;
    this.#managers = managers;
    this.load = new FailoverLoad(managers, seed, MAX_CALL_MS);
  }

  /** Opens the managers and starts the load; resolves once that flows. */
  static async open(rig: Rig, l2: L2, seed: number, prefix = `failover${scenes++}`): Promise<FailoverScene> {
    const deadlines = { command_timeout_ms: COMMAND_TIMEOUT_MS, connection_timeout_ms: 1000 };
    const timed = { ...deadlines, ...l2 };
    const managers = [await openManager(rig, prefix, timed, 10_000), await openManager(rig, prefix, timed, SMALL_L1)];
    for (const manager of managers) {
      // Whoever reads at the very moment Redis is back may see what was lost, and must not keep it.
      manager.on('recover', ({ service }) => void scene.load.readAll(manager.client(service)));
    }
    const scene = new FailoverScene(rig, timed, prefix, managers, seed);
    scene.load.start();
    rig.afterwards(() => scene.load.stop());
    await scene.load.more(1500);
    return scene;
  }

  /**
   * Kills a master that is ahead of its replica: it has acknowledged writes and a clear that the replica does not have.
   * Resolves when `kill` does, to what the replica lacked when its master was gone.
   */
  async killAhead(master: RedisServer, replica: RedisServer, kill: () => Promise<unknown>): Promise<Lacking> {
    const { load } = this;
    await load.fill();
    await until(() => isFollowing(replica));
    await load.more(300);
    await cutOff(master, replica);
    await load.more(600);
    await load.clear();
    const quiet = await load.quietHalf();
    const had = await versionsAt(master, this.prefix);
    const killed = kill();
    // What it has not handed over by now nobody has.
    await until(() => !master.isRunning);
    // In a cluster a replica only talks about its keys to those who know that it is one.
    if (this.#l2.mode === 'cluster') await replica.call('READONLY');
    const taken = await versionsAt(replica, this.prefix);
    await killed;
    const lacking = [...had].filter(([name, version]) => (taken.get(name) ?? '') < version).map(([name]) => name);
    return {
      writes: lacking.filter((name) => quiet.has(name.slice(name.lastIndexOf(':') + 1))).length,
      clears: lacking.filter((name) => name.endsWith(':marks')).length,
    };
  }

  /** Ends the load and judges. */
  async judge(): Promise<void> {
    const { load } = this;
    await load.stop();
    expect(load.troubles).toEqual([]);
    await this.#settled();
    const readers = await openManager(this.#rig, this.prefix, this.#l2);
    await this.#agrees('Redis', clientsOf(readers));
    for (const [index, manager] of this.#managers.entries()) await this.#agrees(`manager ${index}`, clientsOf(manager));
    expect(load.held).toBeGreaterThan(50);
  }

  /** Waits until the managers are well and owe Redis nothing. */
  async #settled(): Promise<void> {
    for (const manager of this.#managers) {
      await Promise.all(Object.values(clientsOf(manager)).map((client) => client.flush()));
      const left = (): string => JSON.stringify([manager.health(), manager.metrics()]);
      await until(() => Object.values(clientsOf(manager)).every(isSettled), { timeoutMs: SETTLE_TIMEOUT_MS, describe: left });
    }
  }

  /** What was sent again may be on its way. */
  async #agrees(who: string, clients: Clients): Promise<void> {
    let found: string[] = [];
    const fits = async (): Promise<boolean> => (found = await this.load.compare(who, clients)).length === 0;
    await until(fits, {
      timeoutMs: 5000,
      intervalMs: 50,
      describe: () => `the journal to fit; ${found.length} do not: ${found.slice(0, 20).join('; ')}`,
    });
  }
}

function isSettled(client: CacheClient<number>): boolean {
  const { status, owed } = client.health();
  return status === 'healthy' && owed === 0;
}

function clientsOf(manager: CacheManager): Clients {
  return { busy: manager.client(FAILOVER_SERVICES.busy), cleared: manager.client(FAILOVER_SERVICES.cleared) };
}

function openManager(rig: Rig, prefix: string, l2: L2, l1Capacity?: number): Promise<CacheManager> {
  const l1 = l1Capacity === undefined ? {} : { l1: { max_capacity: l1Capacity } };
  const service = { cache_type: l1Capacity === undefined ? 'l2' : 'two-level', ttl: 600, l2, ...l1 } as const;
  return rig.open({ busy: service, cleared: service }, { global: { key_prefix: prefix } });
}

/** The master goes on for its clients, and takes no replica any more. */
async function cutOff(master: RedisServer, replica: RedisServer): Promise<void> {
  await master.call('ACL', 'SETUSER', 'default', '-psync', '-sync');
  await master.call('CLIENT', 'KILL', 'TYPE', 'replica');
  await until(async () => !(await isFollowing(replica)));
}

/** The versions of all entries of ours, and of the clears. */
async function versionsAt(server: RedisServer, prefix: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of (await server.call('KEYS', `${prefix}:*`)) as string[]) {
    if (name.endsWith(':stream')) continue;
    const version = name.endsWith(':marks')
      ? await server.call('HGET', name, 'c')
      : await server.call('GETRANGE', name, VERSION_AT, VERSION_AT + VERSION_LENGTH - 1);
    found.set(name, String(version));
  }
  return found;
}
