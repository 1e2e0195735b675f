/**
 * Replies of Redis that a test holds back: the command was carried out, and its answer is on its way for as long as the test says.
 * So it decides which of two things a process hears of first. The client is handed to a manager as its connection; the links that
 * are made of it are under the same rule, so that an invalidation can come late, too.
 */
import { Redis, type Command, type RedisOptions } from 'ioredis';
import { until } from './until.js';

/** Picks commands, by their names in lower case. */
export type CommandPick = (name: string) => boolean;

/** Replies that are being held back. */
export interface Hold {
  /** How many there are by now. */
  readonly count: number;
  /** Resolves when the first is there. */
  reached(): Promise<unknown>;
  /** Lets all of them through, in their order, and holds no more. */
  release(): void;
}

/** See the file's header. */
export class HeldReplies {
  /** The client. */
  readonly redis: Redis;
  readonly #holds = new Map<CommandPick, (() => void)[]>();
  readonly #clients: Redis[] = [];

  private constructor(redis: Redis) {
    this.redis = this.#adopt(redis);
  }

  /** Connects a client. */
  static async connect({ port }: { readonly port: number }): Promise<HeldReplies> {
    const redis = new Redis({ host: '127.0.0.1', port, disconnectTimeout: 50, lazyConnect: true });
    const held = new HeldReplies(redis);
    await redis.connect();
    return held;
  }

  /** From now on the replies to some commands are held back. */
  hold(pick: CommandPick): Hold {
    const passes: (() => void)[] = [];
    this.#holds.set(pick, passes);
    return {
      get count() {
        return passes.length;
      },
      reached: () => until(() => passes.length > 0, { describe: 'a reply to hold back' }),
      release: () => {
        this.#holds.delete(pick);
        for (const pass of passes.splice(0)) pass();
      },
    };
  }

  /** Cuts the links that were made of the client, as a fault of the network would; they come back by themselves. */
  cutLinks(): void {
    for (const client of this.#clients.slice(1)) client.disconnect(true);
  }

  /** Closes everything. */
  close(): void {
    for (const client of this.#clients) client.disconnect();
  }

  #adopt(redis: Redis): Redis {
    this.#clients.push(redis);
    redis.on('error', () => undefined);
    const { sendCommand, duplicate } = redis;
    redis.sendCommand = (command: Command, stream) => {
      const name = command.name.toLowerCase();
      const { resolve } = command;
      command.resolve = (reply) => {
        const passes = [...this.#holds].find(([pick]) => pick(name))?.[1];
        if (passes === undefined) resolve(reply);
        else passes.push(() => resolve(reply));
      };
      return sendCommand.call(redis, command, stream);
    };
    const adopting: unknown = (options: Partial<RedisOptions>) => this.#adopt(duplicate.call(redis, options));
    redis.duplicate = adopting as typeof duplicate;
    return redis;
  }
}
