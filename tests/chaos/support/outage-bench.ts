/** What the tests of outages share: the two ways a Redis dies, instances that a Redis has two of, and when an outage is over. */
import { writeSync } from 'node:fs';
import type { CacheClient } from '../../../lib/index.js';
import { l2At, twoLevelAt, type Rig } from '../../integration/outage/rig.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { seededRandom, type SeededRandom } from './crash-random.mjs';

/** What a busy machine adds to a deadline, in milliseconds. */
export const SLACK_MS = 300;
/** A call that does not wait for Redis. */
export const AT_ONCE_MS = 100;
/** The name of the service under test. */
export const SERVICE = 's';

/** A way for a Redis with its data on the disk to be away, and the end of that. */
export interface Outage {
  readonly name: string;
  begin(server: RedisServer): Promise<void> | void;
  end(server: RedisServer): Promise<void> | void;
}

/** Killed and started again; frozen (it accepts and never answers) and thawed. */
export const OUTAGES: readonly Outage[] = [
  { name: 'SIGKILL', begin: (server) => server.kill(), end: (server) => server.restart() },
  {
    name: 'SIGSTOP',
    begin: (server) => {
      server.freeze();
    },
    end: (server) => {
      server.thaw();
    },
  },
];

/** Two instances of one service, as two processes would have it. */
export interface Pair {
  readonly server: RedisServer;
  readonly a: CacheClient;
  readonly b: CacheClient;
}

/** How {@link openPair} opens its instances. */
export interface PairOptions {
  /** Where A reaches Redis; absent: as B does. */
  readonly placeOfA?: { readonly port: number };
  /** Further settings of A. */
  readonly ofA?: Readonly<Record<string, unknown>>;
  /** Further settings of B. */
  readonly ofB?: Readonly<Record<string, unknown>>;
}

/** How long B keeps copies of what it read, in seconds: after that its reads tell what Redis has, whatever it was told. */
const LIFE_OF_COPIES = 0.1;

/** Opens two instances over one Redis. */
export async function openPair(rig: Rig, server: RedisServer, { placeOfA = server, ofA, ofB }: PairOptions = {}): Promise<Pair> {
  const a = await rig.open({ [SERVICE]: twoLevelAt(placeOfA, ofA) });
  const b = await rig.open({ [SERVICE]: twoLevelAt(server, { l1: { ttl: LIFE_OF_COPIES }, l2: l2At(server), ...ofB }) });
  return { server, a: a.client(SERVICE), b: b.client(SERVICE) };
}

/** The same, with `k = v1` and `d = d1` in Redis and in both L1. */
export async function openWarmPair(rig: Rig, server: RedisServer, options?: PairOptions): Promise<Pair> {
  const pair = await openPair(rig, server, options);
  await pair.a.set('k', 'v1');
  await pair.a.set('d', 'd1');
  await pair.b.getMany(['k', 'd']);
  return pair;
}

/** A Redis that keeps its data over a `kill -9`. */
export function startDurableRedis(rig: Rig): Promise<RedisServer> {
  return rig.startRedis({ appendonly: true, config: { 'enable-debug-command': 'yes' } });
}

/** Waits until Redis is in use again and has been told everything that was logged. */
export async function replayed(...clients: readonly CacheClient[]): Promise<void> {
  for (const client of clients) {
    await until(() => client.health().status === 'healthy' && client.health().owed === 0, {
      describe: () => `the end of the replay: ${JSON.stringify([client.health(), client.metrics()])}`,
    });
  }
}

/** What an instance reads once the copy in its L1 has ended. */
export async function readAfresh(client: CacheClient, key: string): Promise<unknown> {
  await until(() => client.peek(key) === undefined);
  return client.get(key);
}

/** {@link readAfresh} for several keys: those that are found. */
export async function readManyAfresh(client: CacheClient, keys: readonly string[]): Promise<Map<string, unknown>> {
  await until(() => keys.every((key) => client.peek(key) === undefined));
  return client.getMany(keys);
}

/** Milliseconds until Redis removes an entry; negative when it is not there. */
export async function pttl(server: RedisServer, key: string): Promise<number> {
  return Number(await server.call('PTTL', `oxcache:${SERVICE}:${key}`));
}

/** Numbers that repeat with the seed, which is printed: OXCACHE_CHAOS_SEED chooses it. */
export function announceRandom(what: string): SeededRandom {
  const seed = Number(process.env.OXCACHE_CHAOS_SEED ?? Math.floor(Math.random() * 1_000_000));
  // Past jest, which puts a stack trace beside every line.
  writeSync(2, `${what}: OXCACHE_CHAOS_SEED=${seed}\n`);
  return seededRandom(seed);
}
