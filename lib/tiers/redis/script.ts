/** A Lua script: sent by its hash, and in full only when the server does not know it. */
import { createHash } from 'node:crypto';
import type { RedisConnection } from './redis-connection.js';
import { replyCode, unavailable } from './redis-errors.js';
import { noteScript } from './script-commands.js';

/** See the file's header. */
export class Script {
  /** The commands it calls, in capitals. */
  readonly commands: readonly string[];
  readonly #source: string;
  readonly #sha: string;

  constructor(source: string) {
    this.#source = source.trim();
    this.#sha = createHash('sha1').update(this.#source).digest('hex');
    this.commands = noteScript(this.#sha, this.#source);
  }

  /**
   * Runs it. `keys` share a slot.
   *
   * @throws {CacheError} CACHE_L2_UNAVAILABLE, CACHE_L2_TIMEOUT (then it may have been carried out)
   */
  async run<T>(
    connection: Pick<RedisConnection, 'send'>,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
    timeoutMs: number,
  ): Promise<T> {
    const rest = [this.#sha, String(keys.length), ...keys, ...args];
    try {
      return await connection.send<T>('evalsha', rest, timeoutMs);
    } catch (error) {
      if (replyCode(error) !== 'NOSCRIPT') throw unavailable(error);
    }
    try {
      return await connection.send<T>('eval', [this.#source, ...rest.slice(1)], timeoutMs);
    } catch (error) {
      throw unavailable(error);
    }
  }
}
