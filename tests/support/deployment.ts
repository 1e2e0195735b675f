/** Redis in one of its modes, as real processes with a replica for every primary: what tests talk to that run in every mode. */
import type { ConfigObject } from '../../lib/index.js';
import { ClusterSet } from './cluster-set.js';
import { RedisServer } from './redis-server.js';
import { isFollowing, SentinelSet } from './sentinel-set.js';
import type { SteppedClock } from './stepped-clock.js';
import { until } from './until.js';

/** The modes there are. */
export const REDIS_MODES = ['standalone', 'sentinel', 'cluster'] as const;

/** One of {@link REDIS_MODES}. */
export type RedisMode = (typeof REDIS_MODES)[number];

/** Options of `Deployment.start`; all may be absent. */
export interface DeploymentOptions {
  /** Every server saves every write before it is answered. */
  readonly appendonly?: boolean;
  /** A clock that the test steps, of all servers with data; absent: the machine's. */
  readonly clock?: SteppedClock;
  /** In a cluster a replica takes its master's place only when it is asked to. */
  readonly changesOnRequest?: boolean;
}

type L2 = NonNullable<NonNullable<ConfigObject['services'][string]['l2']>>;

const MASTERS = 3;
const READY_TIMEOUT_MS = 20_000;

/** See the file's header. A standalone server has no replica. */
export class Deployment {
  readonly mode: RedisMode;
  readonly standalone: RedisServer | undefined;
  readonly sentinel: SentinelSet | undefined;
  readonly cluster: ClusterSet | undefined;

  private constructor(mode: RedisMode, place: { standalone?: RedisServer; sentinel?: SentinelSet; cluster?: ClusterSet }) {
    this.mode = mode;
    this.standalone = place.standalone;
    this.sentinel = place.sentinel;
    this.cluster = place.cluster;
  }

  /** Starts all of it; resolves once it works. */
  static async start(mode: RedisMode, options: DeploymentOptions = {}): Promise<Deployment> {
    const { clock, changesOnRequest = false, ...data } = options;
    if (mode === 'standalone') {
      const server = await RedisServer.start({ ...data, ...(clock === undefined ? {} : { clock }) });
      return new Deployment(mode, { standalone: server });
    }
    const clocks = clock === undefined ? [] : Array<SteppedClock>(MASTERS * 2).fill(clock);
    if (mode === 'sentinel') return new Deployment(mode, { sentinel: await SentinelSet.start({ ...data, clocks }) });
    const config: Record<string, string> = changesOnRequest ? { 'cluster-replica-no-failover': 'yes' } : {};
    return new Deployment(mode, { cluster: await ClusterSet.start({ ...data, masters: MASTERS, replicas: 1, clocks, config }) });
  }

  /** Where a process finds Redis, as its configuration says it. */
  get l2(): L2 {
    const { mode, sentinel, cluster } = this;
    if (cluster !== undefined) return { mode, cluster: { nodes: [...cluster.nodes] } };
    if (sentinel !== undefined) return { mode, sentinel: { master_name: sentinel.masterName, nodes: [...sentinel.nodes] } };
    return { connection_string: this.standalone?.url ?? '' };
  }

  /** The processes that hold data, replicas included; primaries first. */
  get servers(): readonly RedisServer[] {
    const { standalone, sentinel, cluster } = this;
    if (cluster !== undefined) return [...cluster.masters, ...cluster.replicas];
    if (sentinel !== undefined) return [sentinel.master, ...sentinel.replicas];
    return standalone === undefined ? [] : [standalone];
  }

  /** The processes clients write to, as of the last change that was made or seen. */
  get primaries(): readonly RedisServer[] {
    return this.cluster === undefined ? this.servers.slice(0, 1) : this.cluster.masters;
  }

  /** Makes a replica the primary while both are well; resolves once it is. @throws {Error} in a standalone Redis */
  async changePrimary(): Promise<void> {
    const { sentinel, cluster } = this;
    if (cluster !== undefined) await cluster.failover(0);
    else if (sentinel !== undefined) await sentinel.failover();
    else throw new Error('One server alone has no successor');
  }

  /** Resolves once the primaries answer as such, and the replicas have everything. */
  async ready(): Promise<void> {
    const { sentinel, cluster } = this;
    if (cluster !== undefined) await cluster.well();
    if (sentinel === undefined) return;
    await until(() => sentinel.currentMaster(), { timeoutMs: READY_TIMEOUT_MS, describe: 'the sentinels to agree on a primary' });
    const follows = (replica: RedisServer) => until(() => isFollowing(replica), { timeoutMs: READY_TIMEOUT_MS });
    await Promise.all(sentinel.replicas.map(follows));
  }

  /** Ends everything. May be called in any state. */
  async stop(): Promise<void> {
    await Promise.all([this.standalone?.stop(), this.sentinel?.stop(), this.cluster?.stop()]);
  }
}
