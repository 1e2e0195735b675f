/**
 * What the rest of the library sees of the configuration: complete, frozen, in milliseconds and bytes.
 * Every default is applied and every cross-field rule holds; nothing below this room checks them again.
 */

/** How Redis is deployed. */
export type RedisMode = 'standalone' | 'sentinel' | 'cluster';

/** Which tiers a service has. */
export type CacheType = 'l1' | 'l2' | 'two-level';

/** The process-wide settings. */
export interface ResolvedGlobal {
  readonly defaultTtlMs: number;
  readonly healthCheckIntervalMs: number;
  readonly enableMetrics: boolean;
  readonly keyPrefix: string;
  readonly logLevel: string;
  /** Built-in and user-defined named durations. */
  readonly strategies: Readonly<Record<string, number>>;
}

/** Settings of the in-process tier. */
export interface ResolvedL1 {
  readonly maxCapacity: number;
  /** Absent: no byte limit. */
  readonly maxBytes?: number;
  readonly ttlMs: number;
  /** Time to idle; absent: entries do not expire by idleness. */
  readonly ttiMs?: number;
  /** Pre-size hint in entries; absent: none. */
  readonly initialCapacity?: number;
  readonly eviction: 's3fifo' | 'lru';
  readonly isolation: 'shared' | 'frozen' | 'copy';
}

/** TLS settings; files are paths relative to the working directory. Present means TLS is used. */
export interface ResolvedTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Absent: the host that is connected to. */
  readonly serverName?: string;
  readonly rejectUnauthorized: boolean;
}

/** Where a server is. */
export interface NodeAddress {
  /** A name or an IP address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Where the sentinels are, and which primary is meant. */
export interface ResolvedSentinel {
  readonly masterName: string;
  /** At least one. */
  readonly nodes: readonly NodeAddress[];
  /** The login at the sentinels themselves. */
  readonly username?: string;
  readonly password?: string;
}

/** Where the cluster is. */
export interface ResolvedCluster {
  /** At least one; the others are found through it. */
  readonly nodes: readonly NodeAddress[];
}

/** Settings of the Redis tier. */
export interface ResolvedL2 {
  /** That of the connection where the caller handed one in. */
  readonly mode: RedisMode;
  /** `redis://`, `rediss://` or `unix:`; only for `standalone`, and absent when the caller handed in a connection. */
  readonly connectionString?: string;
  /** Only for `sentinel`, and absent when the caller handed in a connection. */
  readonly sentinel?: ResolvedSentinel;
  /** Only for `cluster`, and absent when the caller handed in a connection. */
  readonly cluster?: ResolvedCluster;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
  readonly tls?: ResolvedTls;
  readonly ttlMs: number;
  readonly connectionTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly compression: 'none' | 'gzip' | 'brotli' | 'zstd';
  readonly compressionThresholdBytes: number;
  readonly maxKeyLength: number;
  readonly maxValueSizeBytes: number;
}

/** How the two tiers work together. */
export interface ResolvedTwoLevel {
  readonly writeThrough: boolean;
  readonly promoteOnHit: boolean;
  readonly enableBatchWrite: boolean;
  readonly batchSize: number;
  readonly batchIntervalMs: number;
  readonly maxPending: number;
}

/** How the processes tell each other what changed. */
export interface ResolvedSync {
  readonly transport: 'stream' | 'pubsub';
  /** What becomes of this process's entries while it cannot hear the others. */
  readonly onLinkLoss: 'serve' | 'bypass';
}

/** The log of writes that Redis did not confirm. */
export interface ResolvedWal {
  /** As it was written: relative to the working directory, or absolute. */
  readonly dir: string;
  readonly fsync: 'always' | 'interval' | 'never';
  /** Only for `interval`. */
  readonly fsyncIntervalMs: number;
  readonly maxBytes: number;
  /** A logged write older than this is replayed as an invalidation. */
  readonly maxAgeMs: number;
  /** What replay does with values when Redis came back empty. */
  readonly replay: 'restore' | 'safe';
  readonly mode: 'outage' | 'always';
}

/** One service. `l1` is present for `l1` and `two-level`, `l2` for `l2` and `two-level`, `twoLevel` for `two-level`. */
export interface ResolvedService {
  readonly name: string;
  readonly cacheType: CacheType;
  /** The life of an entry: of L2 (`l2.ttl`, else the service's TTL), or of L1 for an `l1` service. */
  readonly ttlMs: number;
  readonly serialization: 'json' | 'msgpack';
  /** 0..1: each write's TTL is shortened by a random part of at most this share. */
  readonly ttlJitter: number;
  /** How long "the source has nothing" is remembered; 0: not at all. */
  readonly nullTtlMs: number;
  /** How long past its TTL an entry may be served when the loader or Redis fails. */
  readonly staleTtlMs: number;
  /** 0..1: a read in the last such share of an entry's life starts one background reload; 0: never. */
  readonly refreshAhead: number;
  /** 0: no limit. */
  readonly loadTimeoutMs: number;
  /** 0: none. */
  readonly softTimeoutMs: number;
  /** 0: none. */
  readonly loadBackoffMs: number;
  /** `cluster` only with L2. */
  readonly singleFlight: 'off' | 'process' | 'cluster';
  readonly l1?: ResolvedL1;
  readonly l2?: ResolvedL2;
  readonly twoLevel?: ResolvedTwoLevel;
  /** Absent without L2, or with `sync.enabled = false`. */
  readonly sync?: ResolvedSync;
  /** Absent without L2, or with `wal.enabled = false`. */
  readonly wal?: ResolvedWal;
  /** How long a deletion is remembered in Redis (`wal.max_age`), with a log or without. */
  readonly tombstoneTtlMs: number;
}

/** The whole configuration, deeply frozen. */
export interface ResolvedConfig {
  /** The file it was read from; absent when it was an object. */
  readonly file?: string;
  readonly global: ResolvedGlobal;
  readonly services: readonly ResolvedService[];
}
