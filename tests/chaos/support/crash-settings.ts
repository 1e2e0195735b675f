/** The settings of one crash run, chosen by its seed: each combination of what the configuration allows has its turn. */
import type { ConfigObject } from '../../../lib/index.js';
import type { SeededRandom } from './crash-random.mjs';

/** What a run is about. */
export interface CrashSettings {
  readonly config: ConfigObject;
  /** The keys of each writer; no key has two. */
  readonly writers: readonly (readonly string[])[];
  /** How many processes are killed, one after the other, before the last one recovers what is left. */
  readonly generations: number;
  readonly isQueuedDurable: boolean;
  readonly mayGiveUpValues: boolean;
  /** What the answer of a deletion is worth: with write-behind it comes before Redis has it. */
  readonly deleteResult: 'done' | 'queued';
  readonly weights: Readonly<Record<'set' | 'setMany' | 'delete' | 'clear' | 'load' | 'get', number>>;
  readonly sizes: Readonly<Record<'small' | 'large' | 'huge', number>>;
  readonly shortTtlShare: number;
  readonly overlapShare: number;
  readonly pauseShare: number;
  readonly ttlMs: number;
  /** One line for the table and for messages. */
  readonly label: string;
}

const TTL_S = 600;

/** Chooses the settings of a run. */
export function chooseSettings(random: SeededRandom, keyPrefix: string, walDir: string, port: number): CrashSettings {
  const isTwoLevel = random.chance(0.7);
  const mode = random.pick(['outage', 'always'] as const);
  const fsync = random.pick(['always', 'interval', 'never'] as const);
  const isWriteThrough = random.chance(0.6);
  const isBatching = random.chance(0.5);
  const isSmall = random.chance(0.15);
  const isSafe = random.chance(0.1);
  const hasCompression = random.chance(0.3);
  const writerCount = random.between(1, 5);
  const keysEach = random.between(1, 6);
  const isBehind = isTwoLevel && !isWriteThrough;
  const l1 = { max_capacity: random.pick([2, 10_000]) };
  const twoLevel = {
    write_through: isWriteThrough,
    enable_batch_write: isBatching,
    batch_size: random.between(1, 40),
    batch_interval_ms: random.between(1, 25),
    max_pending: random.pick([4, 10_000]),
  };
  return {
    config: {
      global: { key_prefix: keyPrefix, log_level: 'silent', health_check_interval: 1 },
      services: {
        chaos: {
          cache_type: isTwoLevel ? 'two-level' : 'l2',
          ttl: TTL_S,
          l2: {
            connection_string: `redis://127.0.0.1:${port}`,
            command_timeout_ms: random.pick([40, 100, 250]),
            connection_timeout_ms: 250,
            ...(hasCompression ? { compression: 'gzip', compression_threshold: 256 } : {}),
          },
          ...(isTwoLevel ? { l1, two_level: twoLevel } : {}),
          wal: {
            dir: walDir,
            mode,
            fsync,
            fsync_interval_ms: 20,
            replay: isSafe ? 'safe' : 'restore',
            ...(isSmall ? { max_bytes: 65_536 } : {}),
          },
        },
      },
    },
    writers: Array.from({ length: writerCount }, (_, writer) =>
      Array.from({ length: keysEach }, (__, key) => `w${writer}k${key}`),
    ),
    generations: random.pick([1, 1, 2, 3, 5]),
    isQueuedDurable: mode === 'always',
    mayGiveUpValues: isSmall || isSafe,
    deleteResult: isBehind ? 'queued' : 'done',
    weights: { set: 50, setMany: 8, delete: 12, clear: random.pick([0, 0.5]), load: 10, get: 20 },
    sizes: { small: 90, large: 9, huge: random.pick([0, 1]) },
    shortTtlShare: random.pick([0, 0.15]),
    overlapShare: random.pick([0, 0.3]),
    pauseShare: random.pick([0.1, 0.9]),
    ttlMs: TTL_S * 1000,
    label: [
      isTwoLevel ? (isBehind ? 'behind' : 'through') : 'l2',
      `wal=${mode}/${fsync}`,
      ...(isTwoLevel && isBatching ? ['batch'] : []),
      ...(isSmall ? ['small'] : []),
      ...(isSafe ? ['safe'] : []),
      ...(hasCompression ? ['gzip'] : []),
    ].join(' '),
  };
}
