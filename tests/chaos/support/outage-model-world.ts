/**
 * One service over a Redis that comes and goes, beside a model of what it should say: for each key the value that was given
 * last, and when it ends. Reads are held against the model as they are made.
 */
import type { CacheClient, CacheManager } from '../../../lib/index.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

/** Opens a manager; the same settings each time, but for where the log is. */
export type OpenManager = (purpose: 'subject' | 'reader') => Promise<CacheManager>;

/** What is known of a key. */
interface Known {
  readonly n: number;
  /** It ends between these, on this process's clock. */
  readonly endsAfterMs: number;
  readonly endsBeforeMs: number;
  /** Whether only the log can have it: Redis could not be asked since it was written. */
  readonly isInLogOnly: boolean;
}

/** The two lifetimes of entries. */
export const LONG_MS = 600_000;
export const SHORT_MS = 250;

/** Ends are kept on the clock of Redis, which is known to within half of what an answer takes. */
const TOLERANCE_MS = 150;

/** See the file's header. */
export class OutageModelWorld {
  readonly #server: RedisServer;
  readonly #open: OpenManager;
  readonly #known = new Map<string, Known>();
  #manager: CacheManager;
  #client: CacheClient<number>;
  #outage: 'none' | 'killed' | 'frozen' = 'none';
  #last = 0;

  private constructor(server: RedisServer, open: OpenManager, manager: CacheManager) {
    this.#server = server;
    this.#open = open;
    this.#manager = manager;
    this.#client = manager.client('s');
  }

  /** A healthy service without entries. */
  static async open(server: RedisServer, open: OpenManager): Promise<OutageModelWorld> {
    const world = new OutageModelWorld(server, open, await open('subject'));
    await world.#settled();
    return world;
  }

  /** Sets a key so often at once that the writes meet on their way; the last one counts. */
  async set(key: string, times: number, ttlMs: number): Promise<void> {
    const beganAtMs = Date.now();
    const writes = Array.from({ length: times }, () => ++this.#last).map((n) => this.#client.set(key, n, ttlMs / 1000));
    const n = this.#last;
    const results = await Promise.all(writes);
    this.#note(key, n, results.at(-1)?.l2, beganAtMs, ttlMs);
  }

  async setMany(keys: readonly string[]): Promise<void> {
    const beganAtMs = Date.now();
    const entries = keys.map((key) => [key, ++this.#last] as const);
    const results = await this.#client.setMany(entries);
    for (const [key, n] of entries) this.#note(key, n, results.get(key)?.l2, beganAtMs, LONG_MS);
  }

  async delete(key: string): Promise<void> {
    await this.#client.delete(key);
    this.#known.delete(key);
  }

  async clear(): Promise<void> {
    await this.#client.clear();
    this.#known.clear();
  }

  /** Takes Redis away, or brings it back if it is; the service notices later. */
  async turn(how: 'killed' | 'frozen'): Promise<void> {
    if (this.#outage !== 'none') return this.bringBack();
    this.#outage = how;
    if (how === 'killed') await this.#server.kill();
    else this.#server.freeze();
  }

  /** Waits until the service has noticed how Redis is. */
  async notice(): Promise<void> {
    if (this.#outage !== 'none') await this.#client.getL2Only('never set');
    await until(() => this.#isInUse(this.#client) === (this.#outage === 'none'));
  }

  /** Brings Redis back; the service may take its time. */
  async bringBack(): Promise<void> {
    const how = this.#outage;
    this.#outage = 'none';
    // From now on writes may go from the log to Redis at any moment.
    for (const [key, known] of this.#known) this.#known.set(key, { ...known, isInLogOnly: false });
    if (how === 'killed') await this.#server.restart();
    if (how === 'frozen') this.#server.thaw();
  }

  /** Closes the manager in a hurry and opens another one where the first had its log. */
  async restart(): Promise<void> {
    await this.#manager.close({ deadline: '1ms' });
    this.#manager = await this.#open('subject');
    this.#client = this.#manager.client('s');
  }

  /** Lets the entries with the short lifetime end. */
  async outlive(): Promise<void> {
    const ends = [...this.#known.values()].map(({ endsBeforeMs }) => endsBeforeMs);
    const endMs = Math.max(0, ...ends.filter((end) => end < Date.now() + LONG_MS / 2));
    await until(() => Date.now() > endMs);
  }

  /** Reads every key one by one and all together. */
  async check(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#judge([key], async () => new Map([[key, await this.#client.get(key)]]));
    await this.#judge(keys, () => this.#client.getMany(keys));
  }

  /** Heals everything; then Redis, seen by a service that has just been started, has what the model has. */
  async finish(keys: readonly string[]): Promise<void> {
    await this.bringBack();
    await this.#settled();
    await this.check(keys);
    const manager = await this.#open('reader');
    const reader = manager.client<number>('s');
    await until(() => this.#isInUse(reader));
    for (const key of keys) {
      await this.#judge([key], async () => new Map([[key, await reader.getL2Only(key)]]), reader);
    }
    await manager.close({ deadline: '1s' });
  }

  /** May be called in any state. */
  async close(): Promise<void> {
    await this.bringBack();
    await this.#manager.close({ deadline: '100ms' });
  }

  #note(key: string, n: number, place: string | undefined, beganAtMs: number, ttlMs: number): void {
    if (place !== 'written' && place !== 'logged')
      throw new Error(`The last write of ${key}, ${n}, is said to be ${place ?? 'nowhere'}`);
    this.#known.set(key, {
      n,
      endsAfterMs: beganAtMs + ttlMs - TOLERANCE_MS,
      endsBeforeMs: Date.now() + ttlMs + TOLERANCE_MS,
      isInLogOnly: place === 'logged' && this.#outage !== 'none',
    });
  }

  async #judge(
    keys: readonly string[],
    read: () => Promise<ReadonlyMap<string, number | undefined>>,
    client: CacheClient<number> = this.#client,
  ): Promise<void> {
    const beganAtMs = Date.now();
    const errors = client.metrics().l2Errors;
    const isInUse = this.#isInUse(client);
    const found = await read();
    // A Redis that could not be asked may have what was not found.
    const couldAsk = isInUse && this.#isInUse(client) && this.#outage === 'none' && client.metrics().l2Errors === errors;
    const endedAtMs = Date.now();
    for (const key of keys) {
      const known = this.#known.get(key);
      const n = found.get(key);
      const isOver = known === undefined || beganAtMs > known.endsBeforeMs;
      const isThere = known !== undefined && endedAtMs < known.endsAfterMs && (couldAsk || known.isInLogOnly);
      const isRight = n === undefined ? !isThere : !isOver && n === known.n;
      if (isRight) continue;
      const facts = { known, beganAtMs, endedAtMs, couldAsk, outage: this.#outage, health: client.health().status };
      throw new Error(`${key} is read as ${n ?? 'absent'}; ${JSON.stringify(facts)}`);
    }
  }

  #isInUse(client: CacheClient): boolean {
    return client.health().status !== 'degraded';
  }

  async #settled(): Promise<void> {
    const isSettled = (): boolean => this.#client.health().status === 'healthy' && this.#client.health().owed === 0;
    await until(isSettled, { describe: () => JSON.stringify([this.#client.health(), this.#client.metrics()]) });
  }
}
