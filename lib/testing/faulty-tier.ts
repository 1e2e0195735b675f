/**
 * A Redis that misbehaves on demand, for tests of what an application does then. It stands between a manager and a real
 * ioredis client, so no network is involved and every fault begins and ends with the call that asks for it.
 */
import type { Redis } from 'ioredis';
import { systemClock, type Clock } from '../base/clock.js';
import { misuse } from '../base/describe-value.js';
import { requireCount, requireFunction, requireMs, requireOptions } from './check-arguments.js';
import { CommandFaults, type CommandMatcher } from './command-faults.js';
import { FaultyConnection } from './faulty-connection.js';

/** Options of a {@link FaultyTier}. */
export interface FaultyTierOptions {
  /** The time that {@link FaultyTier.delay} goes by; absent: the real one. */
  readonly clock?: Clock;
}

/**
 * An L2 with faults. Hand its {@link FaultyTier.connection} to `createManager` in the place of the client. It starts without
 * faults; they stay in force until {@link FaultyTier.recover}.
 *
 * A command meets, in this order: a lost connection ({@link FaultyTier.disconnect}); the {@link FaultyTier.delay}; and on arrival
 * {@link FaultyTier.failNext}, {@link FaultyTier.failMatching}, and whichever of {@link FaultyTier.fail}, {@link FaultyTier.hang} and
 * {@link FaultyTier.loseAnswers} was called last. The manager's own health checks are commands too.
 *
 * @example
 * const faulty = new FaultyTier(new Redis('redis://127.0.0.1:6379'));
 * const manager = await createManager('config.toml', { connections: faulty.connection });
 * faulty.fail("OOM command not allowed when used memory > 'maxmemory'.");
 * await manager.client('users').set('42', user); // resolves; L1 has it, Redis has not
 * faulty.recover();
 */
export class FaultyTier {
  /** What to hand in as the ioredis client. It serves as one otherwise, too; its duplicates have the same faults. */
  readonly connection: Redis;
  readonly #clock: Clock;
  readonly #faults = new CommandFaults();
  readonly #connections = new Set<FaultyConnection>();
  readonly #counts = new Map<string, number>();
  #isLost = false;

  /**
   * @param client a client of the real Redis; it is used and never changed, and closing it is left to its owner
   * @throws {TypeError} when it is no ioredis client, or a Cluster, or an option is unusable
   */
  constructor(client: Redis, options: FaultyTierOptions = {}) {
    if (typeof (client as Partial<Redis> | null | undefined)?.sendCommand !== 'function')
      throw misuse('client', 'an ioredis client', client);
    if ((client as unknown as { isCluster?: boolean }).isCluster === true)
      throw new TypeError('Expected `client` to be a Redis client, got a Cluster client');
    requireOptions(options, ['clock']);
    this.#clock = options.clock ?? systemClock;
    this.connection = this.#wrap(client).redis;
  }

  /** How many commands were handed in since the start, by name in lower case, whatever became of them. A snapshot. */
  get commands(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** How many commands have been handed in and not been answered so far; those that never will be count until the connection is lost. */
  get unanswered(): number {
    let sum = 0;
    for (const connection of this.#connections) sum += connection.unanswered;
    return sum;
  }

  /**
   * Redis refuses every command with this error, e.g. `READONLY You can't write against a read only replica.`; none is carried out.
   *
   * @throws {TypeError} when the text is empty
   */
  fail(reply: string): void {
    this.#faults.setGeneral({ refusal: requireReply(reply) });
  }

  /**
   * Redis refuses the next `count` commands with this error, and those only; 0 ends that.
   *
   * @throws {TypeError} when the count or the text is unusable
   */
  failNext(count: number, reply: string): void {
    this.#faults.setNext(requireCount('count', count, 0), requireReply(reply));
  }

  /**
   * Redis refuses the commands for which the function returns the text of an error. It is given the name in lower case and the arguments
   * as they are sent; what it throws rejects the command.
   *
   * @throws {TypeError} when it is no function
   */
  failMatching(matcher: CommandMatcher): void {
    this.#faults.setMatcher(requireFunction('matcher', matcher));
  }

  /** Redis takes commands and neither carries them out nor answers, ever: those it took stay unanswered after a recovery, too. */
  hang(): void {
    this.#faults.setGeneral('ignore');
  }

  /** Commands are carried out, but their answers never come: who gives up does not know what has happened. */
  loseAnswers(): void {
    this.#faults.setGeneral('lose-answer');
  }

  /**
   * Every command takes so many milliseconds longer to arrive, and is carried out then, even when nobody waits for it any more. The
   * order is kept. 0 ends that for commands to come.
   *
   * @throws {TypeError} when it is not a non-negative number
   */
  delay(ms: number): void {
    this.#faults.delayMs = requireMs('ms', ms);
  }

  /**
   * The connection is lost: unanswered commands fail, whether they were carried out or not, the events `close` and `reconnecting` are
   * emitted, and further commands fail at once.
   */
  disconnect(): void {
    this.#isLost = true;
    for (const connection of [...this.#connections]) connection.lose();
  }

  /** The connection is there again: the events `connect` and `ready` are emitted. Other faults go on. */
  reconnect(): void {
    this.#isLost = false;
    for (const connection of [...this.#connections]) connection.restore();
  }

  /** Ends every fault: what is delayed is carried out at once, in its order, and a lost connection is there again. */
  recover(): void {
    this.#faults.clear();
    for (const connection of [...this.#connections]) connection.flush();
    this.reconnect();
  }

  #wrap(client: Redis): FaultyConnection {
    const connection = new FaultyConnection({
      client,
      faults: this.#faults,
      clock: this.#clock,
      onCommand: (name) => {
        this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
      },
      wrap: (duplicate) => {
        const wrapped = this.#wrap(duplicate);
        duplicate.once('end', () => this.#connections.delete(wrapped));
        return wrapped.redis;
      },
    });
    this.#connections.add(connection);
    if (this.#isLost) connection.lose();
    return connection;
  }
}

function requireReply(reply: unknown): string {
  if (typeof reply !== 'string' || reply === '')
    throw misuse('reply', 'the text of a Redis error, e.g. "OOM command not allowed"', reply);
  return reply;
}
