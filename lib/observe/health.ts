/** What a service knows of its Redis. */

/** The state of one Redis endpoint as this process sees it. */
export interface EndpointHealth {
  /** Without credentials. */
  readonly endpoint: string;
  /**
   * `degraded`: it can't be used, or not for everything: see `traffic`. `recovering`: nothing is sent but one probe, which asks
   * whether it is back. `replaying`: in use, and at least one service is catching up on what it wrote meanwhile. `healthy`: in use.
   */
  readonly status: 'healthy' | 'degraded' | 'recovering' | 'replaying';
  /** Milliseconds since the epoch: since when Redis is in use, or is not. */
  readonly sinceMs: number;
  /**
   * What is sent. `none`: calls go on without Redis. `reads`: it takes no writes, which go to the log. `all`; where the status is
   * `degraded` all the same, it refuses some commands for good.
   */
  readonly traffic: 'all' | 'reads' | 'none';
  /** Why Redis is not in use, takes no writes or refuses commands; absent when all is well. */
  readonly reason?: string;
  /** `maxmemory-policy`, if Redis evicts by it, which may take marks of invalidations; absent: it does not, or does not say. */
  readonly evictionPolicy?: string;
}

/** The link over which a service hears of the writes of other processes. */
export interface SyncHealth {
  /** `sync.transport`. */
  readonly transport: 'stream' | 'pubsub';
  /** `lost`: what other processes write is not heard of; L1 copies live by their TTL, or, with `on_link_loss = "bypass"`, are not used. */
  readonly status: 'connected' | 'lost';
  /** Milliseconds since the epoch: since when. */
  readonly sinceMs: number;
  /** Why it is lost; absent while it is connected, and before the first attempt has ended. */
  readonly reason?: string;
}

/** The state of one service. */
export interface ServiceHealth {
  readonly service: string;
  /**
   * `degraded`: L2 can't be used; L1 and loaders go on. `replaying`: L2 is used and catches up on an outage. `draining`: closing
   * has begun, and work that is under way may still end here. `closed`: every call is refused.
   */
  readonly status: 'healthy' | 'degraded' | 'replaying' | 'draining' | 'closed';
  /**
   * Writes, clears and logs that Redis has not been told of; the details are in `metrics().owed`. With 0, nothing this process knows
   * of is owed to Redis.
   */
  readonly owed: number;
  /** Absent for a service without L2. */
  readonly l2?: EndpointHealth;
  /** Absent without L2, or with `sync.enabled = false`. */
  readonly sync?: SyncHealth;
}

/** The state of all services. */
export interface ManagerHealth {
  /** Of a manager that is not being closed: `degraded` as soon as one service is, else `replaying` as soon as one is. */
  readonly status: 'healthy' | 'degraded' | 'replaying' | 'draining' | 'closed';
  /** The sum over all services: 0 is the all-clear. */
  readonly owed: number;
  readonly services: Readonly<Record<string, ServiceHealth>>;
}
