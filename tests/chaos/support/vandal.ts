/**
 * Somebody who writes what does not belong there, over everything a service has in Redis: random bytes, bytes of ours with a few changed, other
 * types of Redis, messages of no sense. Never a sound entry: what a service reads of it has to count as nothing (G13).
 */
import type { RedisServer } from '../../support/redis-server.js';
import type { SeededRandom } from './crash-random.mjs';
import { pass } from './staleness-faults.js';

const PAUSE_MS = 5;
/** Keys that are spoilt at a time. */
const AT_A_TIME = 10;
const LIFE_MS = 600_000;

type Command = readonly [string, ...(string | Buffer | number)[]];

/** See the file's header. */
export class Vandal {
  readonly #server: RedisServer;
  readonly #random: SeededRandom;
  readonly #samples: Buffer[] = [];
  #isOver = false;
  #work: Promise<void> = Promise.resolve();

  constructor(server: RedisServer, random: SeededRandom) {
    this.#server = server;
    this.#random = random;
  }

  /** Begins; goes on until {@link stop}. */
  start(): void {
    this.#work = this.#spoil();
  }

  /** Resolves when it has stopped. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  async #spoil(): Promise<void> {
    while (!this.#isOver) {
      const keys = (await this.#server.call('KEYS', 'oxcache:*')) as string[];
      for (let index = 0; index < AT_A_TIME && keys.length > 0; index++) await this.#spoilKey(this.#random.pick(keys));
      await pass(PAUSE_MS);
    }
  }

  async #spoilKey(key: string): Promise<void> {
    const type = (await this.#server.call('TYPE', key)) as string;
    if (type === 'string') this.#keep(await this.#bytesAt(key));
    // The stream of a service stays one, or nobody could say anything any more; what is in it is of no sense.
    if (type === 'stream') {
      await this.#run(['XADD', key, '*', this.#random.pick(['m', 'x', '']), this.#bytes()]);
      await this.#run(['PUBLISH', key.replace(/:stream$/, ':bus'), this.#bytes()]);
      return;
    }
    const kind = this.#random.pickWeighted({ string: 6, list: 1, hash: 1, set: 1, zset: 1 });
    if (kind === 'string') {
      await this.#run(['SET', key, this.#bytes(), 'PX', LIFE_MS]);
      return;
    }
    await this.#run(['DEL', key]);
    if (kind === 'list') await this.#run(['RPUSH', key, 'x']);
    else if (kind === 'hash') await this.#run(['HSET', key, 'x', 'y']);
    else if (kind === 'set') await this.#run(['SADD', key, 'x']);
    else await this.#run(['ZADD', key, 1, 'x']);
  }

  /** What is not there any more, or is of another type by now, is left alone. */
  async #run(command: Command): Promise<void> {
    const [name, ...args] = command;
    await this.#server.call(name, ...args).catch((error: unknown) => {
      if (!String(error).includes('WRONGTYPE')) throw error;
    });
  }

  async #bytesAt(key: string): Promise<Buffer> {
    const text = await this.#server.call('GET', key).catch(() => undefined);
    return Buffer.from(typeof text === 'string' ? text : '');
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#samples.length < 200) this.#samples.push(bytes);
    else this.#samples[this.#random.between(0, 199)] = bytes;
  }

  #bytes(): Buffer {
    const random = this.#random;
    const sample = this.#samples.length === 0 ? undefined : random.pick(this.#samples);
    const kind = random.pickWeighted({ empty: 1, noise: 3, tagged: 2, flipped: 6, cut: 3, longer: 3 });
    if (sample === undefined || kind === 'noise' || kind === 'empty')
      return this.#noise(kind === 'empty' ? 0 : random.between(1, 300));
    if (kind === 'tagged')
      return Buffer.concat([sample.subarray(0, random.pick([3, 4, 11])), this.#noise(random.between(0, 200))]);
    if (kind === 'cut') return sample.subarray(0, random.between(0, sample.length - 1));
    if (kind === 'longer') return Buffer.concat([sample, this.#noise(random.between(1, 20))]);
    const flipped = Buffer.from(sample);
    const at = random.between(0, flipped.length - 1);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << random.between(0, 7));
    return flipped;
  }

  #noise(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.#random.between(0, 255)));
  }
}
