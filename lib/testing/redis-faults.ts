/**
 * Puts a real Redis server into the states that operators, providers and failovers put it into. Works over any connection that may
 * give administrative commands, and affects every client of that server.
 *
 * 1. Each fault first notes what it changes, and {@link RedisFaults.recover} puts exactly that back. 2. A fault that fails half-way is
 * put back as well. 3. The data of others is only lost where a fault says so (`fillMemory` with a policy that evicts).
 */
import type { Redis } from 'ioredis';
import { misuse } from '../base/describe-value.js';
import { requireCount, requireOptions } from './check-arguments.js';

/** The policies of Redis's `maxmemory-policy`. */
export const EVICTION_POLICIES = [
  'noeviction',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
] as const;

/** One of {@link EVICTION_POLICIES}. */
export type EvictionPolicy = (typeof EVICTION_POLICIES)[number];

/** Options of {@link RedisFaults.forbidCommands}. */
export interface ForbidCommandsOptions {
  /** The user who may not give them; absent: `default`. */
  readonly user?: string;
}

/** Options of {@link RedisFaults.demote}. */
export interface DemoteOptions {
  /** Host of the new primary; absent: 127.0.0.1. */
  readonly host?: string;
  /** Its port; absent: 1, where nothing listens, so that the data stays. */
  readonly port?: number;
}

/** Options of {@link RedisFaults.fillMemory}. */
export interface FillMemoryOptions {
  /** What Redis does when its memory is full; absent: `noeviction`, it refuses to write. */
  readonly policy?: EvictionPolicy;
  /** With a policy that evicts: how many bytes of filler are written into the full memory; absent: 1 MiB. */
  readonly bytes?: number;
  /** What the names of the filler's keys begin with; absent: `oxcache-filler:`. */
  readonly prefix?: string;
}

/** What {@link RedisFaults.fillMemory} came to. */
export interface FilledMemory {
  /** Keys that Redis evicted to make room, of whichever application. */
  readonly evicted: number;
}

const FILLER_BYTES = 8192;
/** Fillers written at once. */
const FILLERS_TOGETHER = 16;

/**
 * Faults of a Redis server. They stay in force until {@link RedisFaults.recover}, and add up.
 *
 * @example
 * await using faults = new RedisFaults(new Redis('redis://127.0.0.1:6379'));
 * await faults.pauseWrites(5000); // a managed service before its failover
 * await users.set('42', user); // resolves with l2: 'logged', after command_timeout_ms at the latest
 * await faults.recover();
 */
export class RedisFaults {
  readonly #redis: Redis;
  /** What puts the server back, by fault: the state before the first call counts. */
  readonly #undo = new Map<string, () => Promise<unknown>>();

  /**
   * @param redis a connection of the test's own, not the manager's: administrative commands go over it
   * @throws {TypeError} when it is no ioredis client
   */
  constructor(redis: Redis) {
    if (typeof (redis as Partial<Redis> | null | undefined)?.call !== 'function')
      throw misuse('redis', 'an ioredis client', redis);
    this.#redis = redis;
  }

  /**
   * Redis answers no write for `ms` milliseconds and carries all of them out afterwards (`CLIENT PAUSE ms WRITE`). Reads go on. Managed
   * services do this before a failover.
   *
   * @throws {TypeError} when `ms` is not a whole number of at least 1
   */
  async pauseWrites(ms: number): Promise<void> {
    requireCount('ms', ms, 1);
    this.#undo.set('pause', () => this.#redis.call('CLIENT', 'UNPAUSE'));
    await this.#redis.call('CLIENT', 'PAUSE', ms, 'WRITE');
  }

  /**
   * Redis refuses these commands with `NOPERM`, e.g. `['xread', 'client|no-evict']`. A call adds to those before it.
   *
   * @throws {TypeError} when the list is empty, a name is no name of a command, or it is `acl`, which is needed to recover
   * @throws {Error} when there is no such user
   */
  async forbidCommands(names: readonly string[], options: ForbidCommandsOptions = {}): Promise<void> {
    if (!Array.isArray(names) || names.length === 0) throw misuse('names', 'a list of names of commands', names);
    for (const name of names as readonly unknown[]) {
      if (typeof name !== 'string' || !/^[a-z][a-z0-9_.-]*(\|[a-z0-9_.-]+)?$/i.test(name) || /^acl(\||$)/i.test(name))
        throw misuse('names', 'names of commands, but for `acl`', name);
    }
    requireOptions(options, ['user']);
    const { user = 'default' } = options;
    if (typeof user !== 'string' || !/^\S+$/.test(user)) throw misuse('user', 'the name of a user', user);
    const key = `forbid ${user}`;
    if (!this.#undo.has(key)) {
      const rules = await this.#rulesOf(user);
      this.#undo.set(key, () => this.#redis.call('ACL', 'SETUSER', user, 'reset', ...rules));
    }
    await this.#redis.call('ACL', 'SETUSER', user, ...names.map((name) => `-${name}`));
  }

  /**
   * Redis becomes a replica: it refuses writes with `READONLY`, and goes on serving reads unless it is configured otherwise. Name a
   * primary to replicate from it, which **replaces all data**.
   *
   * @throws {TypeError} when an option is unusable
   */
  async demote(options: DemoteOptions = {}): Promise<void> {
    requireOptions(options, ['host', 'port']);
    const { host = '127.0.0.1', port = 1 } = options;
    if (typeof host !== 'string' || host === '') throw misuse('host', 'a host name or address', host);
    requireCount('port', port, 1, 65_535);
    this.#undo.set('demote', () => this.promote());
    await this.#redis.call('REPLICAOF', host, port);
  }

  /** Redis becomes a primary, with the data it has. */
  async promote(): Promise<void> {
    this.#undo.delete('demote');
    await this.#redis.call('REPLICAOF', 'NO', 'ONE');
  }

  /**
   * Fills the server's memory. With `noeviction`, Redis refuses from now on every command that may need memory, with `OOM`. With any
   * other policy it **evicts keys of all applications** to make room for `bytes` of filler, and goes on evicting with every write.
   *
   * @throws {TypeError} when an option is unusable
   */
  async fillMemory(options: FillMemoryOptions = {}): Promise<FilledMemory> {
    requireOptions(options, ['policy', 'bytes', 'prefix']);
    const { policy = 'noeviction', bytes = 1024 * 1024, prefix = 'oxcache-filler:' } = options;
    if (!EVICTION_POLICIES.includes(policy)) throw misuse('policy', `one of ${EVICTION_POLICIES.join(', ')}`, policy);
    requireCount('bytes', bytes, 0);
    if (typeof prefix !== 'string' || prefix === '') throw misuse('prefix', 'a text', prefix);
    if (!this.#undo.has('memory')) {
      const [limit, before] = [await this.#setting('maxmemory'), await this.#setting('maxmemory-policy')];
      this.#undo.set('memory', () => this.#configure(limit, before));
    }
    if (policy === 'noeviction') {
      await this.#configure('1', policy);
      return { evicted: 0 };
    }
    const evictedBefore = await this.#figure('stats', 'evicted_keys');
    await this.#configure(String(await this.#figure('memory', 'used_memory')), policy);
    await this.#writeFiller(prefix, bytes);
    return { evicted: (await this.#figure('stats', 'evicted_keys')) - evictedBefore };
  }

  /** Ends every connection of other clients, subscribers included, once (`CLIENT KILL`). */
  async killConnections(): Promise<void> {
    for (const type of ['normal', 'pubsub']) await this.#redis.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
  }

  /**
   * Ends every fault and puts back what they changed. May be called again, which retries what failed.
   *
   * @throws the first error met, after everything was tried
   */
  async recover(): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    for (const [key, undo] of [...this.#undo].reverse()) {
      try {
        await undo();
        this.#undo.delete(key);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  /** {@link recover}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.recover();
  }

  /** As `ACL SETUSER` takes them. */
  async #rulesOf(user: string): Promise<string[]> {
    const lines = (await this.#redis.call('ACL', 'LIST')) as string[];
    const line = lines.find((each) => each.startsWith(`user ${user} `));
    if (line === undefined) throw new Error(`The server has no user "${user}"`);
    // A selector is one rule, in parentheses, with spaces in it.
    return line.slice(`user ${user} `.length).match(/\([^)]*\)|\S+/g) ?? [];
  }

  async #setting(name: string): Promise<string> {
    const [, value = ''] = (await this.#redis.call('CONFIG', 'GET', name)) as string[];
    return value;
  }

  async #configure(limit: string, policy: string): Promise<void> {
    await this.#redis.call('CONFIG', 'SET', 'maxmemory-policy', policy);
    await this.#redis.call('CONFIG', 'SET', 'maxmemory', limit);
  }

  async #figure(section: string, name: string): Promise<number> {
    const text = (await this.#redis.call('INFO', section)) as string;
    return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  }

  async #writeFiller(prefix: string, bytes: number): Promise<void> {
    const names = Array.from({ length: Math.ceil(bytes / FILLER_BYTES) }, (_, index) => `${prefix}${index}`);
    const filler = 'x'.repeat(FILLER_BYTES);
    if (names.length > 0) this.#undo.set(`filler ${prefix}`, () => this.#redis.unlink(...names));
    for (let at = 0; at < names.length; at += FILLERS_TOGETHER) {
      const writes = names.slice(at, at + FILLERS_TOGETHER).map((name) => this.#redis.call('SET', name, filler));
      const refusals = (await Promise.allSettled(writes)).filter((each) => each.status === 'rejected');
      // Nothing is left that this policy may evict: the memory is as full as it gets.
      if (refusals.some(({ reason }) => String(reason).includes('OOM'))) return;
      if (refusals[0] !== undefined) throw refusals[0].reason;
    }
  }
}
