/** What a service knows of its Redis. */

/** The state of one Redis endpoint as this process sees it. */
export interface EndpointHealth {
  /** Without credentials. */
  readonly endpoint: string;
  readonly status: 'healthy' | 'degraded';
  /** Milliseconds since the epoch of the last change. */
  readonly sinceMs: number;
  /** Why it is degraded; absent when healthy. */
  readonly reason?: string;
}

/** The state of one service. */
export interface ServiceHealth {
  readonly service: string;
  /** `degraded`: L2 can't be used; L1 and loaders go on. */
  readonly status: 'healthy' | 'degraded' | 'closed';
  /** Absent for a service without L2. */
  readonly l2?: EndpointHealth;
}

/** The state of all services. */
export interface ManagerHealth {
  readonly status: 'healthy' | 'degraded' | 'closed';
  readonly services: Readonly<Record<string, ServiceHealth>>;
}
