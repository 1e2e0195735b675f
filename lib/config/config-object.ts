/**
 * The configuration as users write it, for those who pass an object instead of a file: the same keys as in TOML.
 * Generated from schemas/config.schema.json by `npm run generate`; do not edit.
 */
import type { Duration } from '../base/duration.js';

/** The configuration of oxcache, written in TOML or passed as an object with the same keys. */
export interface ConfigObject {
  /** The version of this format. A version this release does not know is an error. Absent: `1`. */
  readonly config_version?: 1 | undefined;
  /** Settings of the whole process, and defaults for every service. */
  readonly global?: GlobalConfig | undefined;
  /** The named caches, one table each: `[services.NAME]`. At least one. */
  readonly services: Readonly<Record<string, ServiceConfig>>;
}

/** Settings of the whole process, and defaults for every service. */
export interface GlobalConfig {
  /** The life of an entry in every service that has no `ttl` of its own. Absent: `3600`. */
  readonly default_ttl?: Duration | undefined;
  /** How often an idle connection to Redis is checked. Absent: `30`. */
  readonly health_check_interval?: Duration | undefined;
  /** How values become bytes, in every service that does not say otherwise. Absent: `"json"`. */
  readonly serialization?: 'json' | 'msgpack' | undefined;
  /** Whether operations are counted and timed. Absent: `true`. */
  readonly enable_metrics?: boolean | undefined;
  /** The first part of every key in Redis: `<key_prefix>:<service>:<key>`. Applications that share a Redis need different ones; one without `:` is best. Absent: `"oxcache"`. */
  readonly key_prefix?: string | undefined;
  /** The least important level that is logged; `silent` logs nothing. Absent: `"info"`. */
  readonly log_level?: 'error' | 'warn' | 'info' | 'http' | 'verbose' | 'debug' | 'silly' | 'silent' | undefined;
  /** Extra named durations: `NAME = DURATION`. `realtime` (10 s), `short` (5 min), `medium` (1 h) and `long` (3 h) exist already and cannot be redefined. */
  readonly strategies?: Readonly<Record<string, Duration>> | undefined;
  /** The tier in this process. */
  readonly l1?: L1Config | undefined;
  /** The tier in Redis. */
  readonly l2?: L2Config | undefined;
  /** How the two tiers work together. */
  readonly two_level?: TwoLevelConfig | undefined;
  /** The log of writes that Redis did not confirm. */
  readonly wal?: WalConfig | undefined;
  /** How the processes that share a Redis tell each other what changed, so that each drops its own copies of it. */
  readonly sync?: SyncConfig | undefined;
}

/** The keys of {@link GlobalConfig} that have a default of their own. */
export interface GlobalDefaults {
  readonly default_ttl: Duration;
  readonly health_check_interval: Duration;
  readonly serialization: 'json' | 'msgpack';
  readonly enable_metrics: boolean;
  readonly key_prefix: string;
  readonly log_level: 'error' | 'warn' | 'info' | 'http' | 'verbose' | 'debug' | 'silly' | 'silent';
}

/** One cache. */
export interface ServiceConfig {
  /** Which tiers the service has: `l1` this process only, `l2` Redis only, `two-level` both. */
  readonly cache_type: 'l1' | 'l2' | 'two-level';
  /** The life of an entry; for the Redis tier unless `l2.ttl` says otherwise. Absent: `global.default_ttl`. */
  readonly ttl?: Duration | undefined;
  /** How values become bytes. A service without Redis keeps values as they are. Absent: `global.serialization`. */
  readonly serialization?: 'json' | 'msgpack' | undefined;
  /** Each write's life is shortened by a random part of at most this share, so that entries written together do not expire together. Absent: `0`. */
  readonly ttl_jitter?: number | undefined;
  /** How long it is remembered that the source has nothing for a key; 0 turns this off. Absent: `30`. */
  readonly null_ttl?: Duration | undefined;
  /** How long past its life an entry may still be served when the loader or Redis fails; 0: never. Absent: `0`. */
  readonly stale_ttl?: Duration | undefined;
  /** A read in the last such share of an entry's life starts one reload in the background; 0: never. Absent: `0`. */
  readonly refresh_ahead?: number | undefined;
  /** A loader that is slower fails, or yields the stale entry where one is held and goes on; 0: no limit. Absent: `0`. */
  readonly load_timeout?: Duration | undefined;
  /** How long a caller waits for a load before it gets the stale entry, where one is held; the load goes on. Less than `load_timeout`; 0: as long as that. Absent: `0`. */
  readonly soft_timeout?: Duration | undefined;
  /** How long after a failed load a stale entry is served without another attempt; doubles with each further failure, to 30 s; 0: not at all. Absent: `1`. */
  readonly load_backoff?: Duration | undefined;
  /** Who shares one load of a key: nobody (`off`), the callers in this process (`process`), or those of all processes that share the Redis (`cluster`). Absent: `"process"`. */
  readonly single_flight?: 'off' | 'process' | 'cluster' | undefined;
  /** The tier in this process. */
  readonly l1?: L1Config | undefined;
  /** The tier in Redis. */
  readonly l2?: L2Config | undefined;
  /** How the two tiers work together. */
  readonly two_level?: TwoLevelConfig | undefined;
  /** The log of writes that Redis did not confirm. */
  readonly wal?: WalConfig | undefined;
  /** How the processes that share a Redis tell each other what changed, so that each drops its own copies of it. */
  readonly sync?: SyncConfig | undefined;
}

/** The keys of {@link ServiceConfig} that have a default of their own. */
export interface ServiceDefaults {
  readonly ttl_jitter: number;
  readonly null_ttl: Duration;
  readonly stale_ttl: Duration;
  readonly refresh_ahead: number;
  readonly load_timeout: Duration;
  readonly soft_timeout: Duration;
  readonly load_backoff: Duration;
  readonly single_flight: 'off' | 'process' | 'cluster';
}

/** The tier in this process. */
export interface L1Config {
  /** The most entries that are held; never exceeded. Absent: `10000`. */
  readonly max_capacity?: number | undefined;
  /** An upper bound on the approximate bytes that are held. Absent: no limit. */
  readonly max_bytes?: number | undefined;
  /** The life of an entry in this tier; not longer than its life in Redis. Absent: the service's `ttl`, or its Redis lifetime where that is shorter. */
  readonly ttl?: Duration | undefined;
  /** Time to idle: an entry nobody reads for this long is dropped. Every read starts it anew, but never beyond `ttl`; not longer than `ttl`. Absent: none. */
  readonly tti?: Duration | undefined;
  /** A hint of how many entries to prepare room for; at most `max_capacity`. Absent: none. */
  readonly initial_capacity?: number | undefined;
  /** Which entry goes when the tier is full: `s3fifo` resists scans, `lru` drops the least recently used, `tinylfu` keeps the most frequently used. Absent: `"s3fifo"`. */
  readonly eviction?: 's3fifo' | 'lru' | undefined;
  /** What a read hands out: the stored object itself (`shared`), a deeply frozen one (`frozen`), or a structured clone (`copy`). Absent: `"shared"`. */
  readonly isolation?: 'shared' | 'frozen' | 'copy' | undefined;
}

/** The keys of {@link L1Config} that have a default of their own. */
export interface L1Defaults {
  readonly max_capacity: number;
  readonly eviction: 's3fifo' | 'lru';
  readonly isolation: 'shared' | 'frozen' | 'copy';
}

/** The tier in Redis. */
export interface L2Config {
  /** How Redis is deployed: one server (`standalone`), a primary that sentinels name (`sentinel`), or a Redis Cluster (`cluster`). A connection that the application hands in decides this itself. Absent: `"standalone"`. */
  readonly mode?: 'standalone' | 'sentinel' | 'cluster' | undefined;
  /** Where Redis is: `redis://`, `rediss://` (TLS) or `unix:`. A user, a password and a database number may be part of it; options after a `?` may not. Absent: required when standalone, unless the application hands in a connection. */
  readonly connection_string?: string | undefined;
  /** The Redis user; needs a password. An empty text is the same as leaving it out. Absent: none. */
  readonly username?: string | undefined;
  /** The password; best written as `${NAME}` and kept in the environment. An empty text is the same as leaving it out. Absent: none. */
  readonly password?: string | undefined;
  /** The database number. Absent: that of the connection string, else 0. */
  readonly db?: number | undefined;
  /** TLS to Redis. The table being there, even empty, switches TLS on, also for a `redis://` address; `rediss://` does so without it. */
  readonly tls?: TlsConfig | undefined;
  /** Where the sentinels are, for `mode = "sentinel"`. The login and the TLS settings of the `l2` table are those of the servers with the data; its TLS settings hold for the sentinels too. */
  readonly sentinel?: SentinelConfig | undefined;
  /** Where the cluster is, for `mode = "cluster"`. The login and the TLS settings of the `l2` table hold for all its nodes. */
  readonly cluster?: ClusterConfig | undefined;
  /** The life of an entry in Redis. Absent: the service's `ttl`. */
  readonly ttl?: Duration | undefined;
  /** Milliseconds until an attempt to connect is given up. Absent: `5000`. */
  readonly connection_timeout_ms?: number | undefined;
  /** Milliseconds until a command counts as failed; no read waits longer for Redis. Absent: `1000`. */
  readonly command_timeout_ms?: number | undefined;
  /** How large values are compressed in Redis. `zstd` needs a Node.js that has it (22.15 or later). Absent: `"none"`. */
  readonly compression?: 'none' | 'gzip' | 'brotli' | 'zstd' | undefined;
  /** Values of fewer bytes are not compressed. Absent: `1024`. */
  readonly compression_threshold?: number | undefined;
  /** A longer key is an error, and neither tier is changed. Absent: `1024`. */
  readonly max_key_length?: number | undefined;
  /** A value that takes more bytes is an error, and neither tier is changed. Absent: `10485760`. */
  readonly max_value_size?: number | undefined;
}

/** The keys of {@link L2Config} that have a default of their own. */
export interface L2Defaults {
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  readonly connection_timeout_ms: number;
  readonly command_timeout_ms: number;
  readonly compression: 'none' | 'gzip' | 'brotli' | 'zstd';
  readonly compression_threshold: number;
  readonly max_key_length: number;
  readonly max_value_size: number;
}

/** TLS to Redis. The table being there, even empty, switches TLS on, also for a `redis://` address; `rediss://` does so without it. */
export interface TlsConfig {
  /** PEM file of the authorities to trust; relative to the working directory. Absent: the authorities Node.js trusts. */
  readonly ca_file?: string | undefined;
  /** PEM file of the client's certificate; together with `key_file`. Absent: none. */
  readonly cert_file?: string | undefined;
  /** PEM file of the client's key; together with `cert_file`. Absent: none. */
  readonly key_file?: string | undefined;
  /** The name that the certificate of every server is checked against and that is sent in the handshake (SNI), for instance behind a tunnel. Absent: the host that is connected to. */
  readonly servername?: string | undefined;
  /** Whether a server whose certificate cannot be verified is refused. Absent: `true`. */
  readonly reject_unauthorized?: boolean | undefined;
}

/** The keys of {@link TlsConfig} that have a default of their own. */
export interface TlsDefaults {
  readonly reject_unauthorized: boolean;
}

/** Where the sentinels are, for `mode = "sentinel"`. The login and the TLS settings of the `l2` table are those of the servers with the data; its TLS settings hold for the sentinels too. */
export interface SentinelConfig {
  /** The name under which the sentinels watch the primary. Absent: required. */
  readonly master_name?: string | undefined;
  /** Addresses to start from, `"host:port"` or `{ host, port }`: one that answers is enough, the others are found through it. Absent: required. */
  readonly nodes?: readonly (string | NodeConfig)[] | undefined;
  /** The user at the sentinels; needs a password. An empty text is the same as leaving it out. Absent: none. */
  readonly username?: string | undefined;
  /** The password at the sentinels. An empty text is the same as leaving it out. Absent: none. */
  readonly password?: string | undefined;
}

/** Where the cluster is, for `mode = "cluster"`. The login and the TLS settings of the `l2` table hold for all its nodes. */
export interface ClusterConfig {
  /** Addresses to start from, `"host:port"` or `{ host, port }`: one that answers is enough, the others are found through it. Absent: required. */
  readonly nodes?: readonly (string | NodeConfig)[] | undefined;
}

/** An address as a table. */
export interface NodeConfig {
  /** The host name or IP address. */
  readonly host: string;
  /** The port. */
  readonly port: number;
}

/** How the two tiers work together. */
export interface TwoLevelConfig {
  /** true: a `set` resolves once Redis, or the log, has it; false: once this process has it, and Redis follows. Absent: `true`. */
  readonly write_through?: boolean | undefined;
  /** Whether what is found in Redis is kept in this process too. Absent: `true`. */
  readonly promote_on_hit?: boolean | undefined;
  /** Whether writes to Redis are collected and sent together. Absent: `false`. */
  readonly enable_batch_write?: boolean | undefined;
  /** A batch is sent when it has this many writes. Absent: `100`. */
  readonly batch_size?: number | undefined;
  /** A batch is sent when its first write has waited this many milliseconds. Absent: `50`. */
  readonly batch_interval_ms?: number | undefined;
  /** The most writes that wait for Redis; beyond it `set` waits too, it does not fail. Absent: `10000`. */
  readonly max_pending?: number | undefined;
}

/** The keys of {@link TwoLevelConfig} that have a default of their own. */
export interface TwoLevelDefaults {
  readonly write_through: boolean;
  readonly promote_on_hit: boolean;
  readonly enable_batch_write: boolean;
  readonly batch_size: number;
  readonly batch_interval_ms: number;
  readonly max_pending: number;
}

/** How the processes that share a Redis tell each other what changed, so that each drops its own copies of it. */
export interface SyncConfig {
  /** Whether this process tells the others what it changed, and listens to them. `false`: copies in this process may be as old as `l1.ttl`; the other keys then mean nothing. Absent: `true`. */
  readonly enabled?: boolean | undefined;
  /** `stream`: a capped Redis Stream, resumed after a lost link; `pubsub`: Pub/Sub, and this process's entries are dropped after a lost link. Absent: `"stream"`. */
  readonly transport?: 'stream' | 'pubsub' | undefined;
  /** `serve`: this process goes on answering within the lifetimes; `bypass`: its entries are not trusted once the link has shown no life for 2 s. Absent: `"serve"`. */
  readonly on_link_loss?: 'serve' | 'bypass' | undefined;
}

/** The keys of {@link SyncConfig} that have a default of their own. */
export interface SyncDefaults {
  readonly enabled: boolean;
  readonly transport: 'stream' | 'pubsub';
  readonly on_link_loss: 'serve' | 'bypass';
}

/** The log of writes that Redis did not confirm. */
export interface WalConfig {
  /** Whether writes that Redis did not confirm are kept in a log on disk, and made up for when Redis is back. `false`: they fail, or are lost when they had been accepted already; the other keys but `max_age` then mean nothing. Absent: `true`. */
  readonly enabled?: boolean | undefined;
  /** The folder of the logs, relative to the working directory; made when it is missing. Every process has a folder of its own below it, which only its user can read. Processes that may take over each other's logs share it. Absent: `".oxcache/wal"`. */
  readonly dir?: string | undefined;
  /** When the log is forced to the disk: before a write is acknowledged (`always`), every `fsync_interval_ms` (`interval`), or when the system does it (`never`). Whichever it is, a killed process loses nothing; a machine that loses power loses what was not forced. Absent: `"interval"`. */
  readonly fsync?: 'always' | 'interval' | 'never' | undefined;
  /** For `fsync = "interval"`: the most milliseconds that an acknowledged write waits to be forced to the disk. Absent: `100`. */
  readonly fsync_interval_ms?: number | undefined;
  /** The most bytes that the log of one service in one process takes on the disk. A full log keeps the keys and gives up values: replay then invalidates instead of restoring. Absent: `67108864`. */
  readonly max_bytes?: number | undefined;
  /** A logged write older than this is replayed as an invalidation. And a deletion is remembered in Redis for this long, with a log or without, so that no older write can undo it. Absent: `3600`. */
  readonly max_age?: Duration | undefined;
  /** What replay does with a logged value when Redis came back empty: `restore` writes it, `safe` only invalidates its key. Absent: `"restore"`. */
  readonly replay?: 'restore' | 'safe' | undefined;
  /** What is logged: writes that Redis did not confirm (`outage`), or every write before it is acknowledged (`always`). Absent: `"outage"`. */
  readonly mode?: 'outage' | 'always' | undefined;
}

/** The keys of {@link WalConfig} that have a default of their own. */
export interface WalDefaults {
  readonly enabled: boolean;
  readonly dir: string;
  readonly fsync: 'always' | 'interval' | 'never';
  readonly fsync_interval_ms: number;
  readonly max_bytes: number;
  readonly max_age: Duration;
  readonly replay: 'restore' | 'safe';
  readonly mode: 'outage' | 'always';
}
