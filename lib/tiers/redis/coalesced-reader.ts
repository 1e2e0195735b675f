/**
 * Reads that are asked for in the same tick travel as one MGET, whichever services they belong to. One round trip and one
 * command for many callers is worth three to eight times the throughput of a GET each; a single caller gets a plain GET. In
 * a cluster the keys of one bucket, which share a slot, travel together.
 *
 * The queue is emptied at the end of every tick and bounded by the callers of that tick; nothing is retried here.
 */
import type { CacheError } from '../../base/errors.js';
import { slotTagOf } from './key-space.js';
import type { RedisConnection } from './redis-connection.js';
import { replyCode, unavailable } from './redis-errors.js';

/** Takes the bytes of one read, or its failure. */
export interface RawReceiver {
  /** `raw` is null when Redis has no string there. */
  receive(raw: Buffer | null): void;
  fail(error: CacheError): void;
}

/** Keys in one MGET at most, so that one tick's flood does not hold up everybody else's reply. */
const MAX_KEYS = 512;

/**
 * Reads that follow upon the answers to others (callers in a loop) leave in parts of this many, without waiting for the end
 * of the tick: Redis then answers one part while this process works on the other, where a single one would have each wait.
 */
const PART_KEYS = 32;

/** Stands for a list, hash or the like, whose bytes nobody has seen: no entry is that short. */
const NO_ENTRY = Buffer.alloc(0);

/** Gathers reads over one connection with one deadline. */
export class CoalescedReader {
  readonly #connection: RedisConnection;
  readonly #timeoutMs: number;
  #keys: string[] = [];
  #receivers: RawReceiver[] = [];
  #isTickPlanned = false;
  #limit = MAX_KEYS;

  constructor(connection: RedisConnection, timeoutMs: number) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
  }

  /** Asks for the string at `redisKey`; the answer comes through `receiver`, never synchronously unless Redis is unusable. */
  read(redisKey: string, receiver: RawReceiver): void {
    if (!this.#connection.isUsable) {
      receiver.fail(this.#connection.unusableError());
      return;
    }
    this.#planFlush();
    this.#keys.push(redisKey);
    this.#receivers.push(receiver);
    if (this.#keys.length >= this.#limit) this.#send();
  }

  readonly #flush = (): void => {
    this.#isTickPlanned = false;
    this.#limit = MAX_KEYS;
    if (this.#keys.length > 0) this.#send();
  };

  /** Answers are about to be handed out: what is asked for until the end of the tick is asked by those who got them. */
  #expectMore(): void {
    this.#limit = PART_KEYS;
    this.#planFlush();
  }

  #planFlush(): void {
    if (this.#isTickPlanned) return;
    this.#isTickPlanned = true;
    process.nextTick(this.#flush);
  }

  #send(): void {
    const keys = this.#keys;
    const receivers = this.#receivers;
    this.#keys = [];
    this.#receivers = [];
    if (keys.length === 1 || !this.#connection.isCluster) {
      this.#sendTogether(keys, receivers);
      return;
    }
    const groups = new Map<string, { readonly keys: string[]; readonly receivers: RawReceiver[] }>();
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      const tag = slotTagOf(key);
      let group = groups.get(tag);
      if (group === undefined) groups.set(tag, (group = { keys: [], receivers: [] }));
      group.keys.push(key);
      group.receivers.push(receivers[i] as RawReceiver);
    }
    for (const group of groups.values()) this.#sendTogether(group.keys, group.receivers);
  }

  #sendTogether(keys: string[], receivers: readonly RawReceiver[]): void {
    if (keys.length === 1) {
      const receiver = receivers[0] as RawReceiver;
      this.#connection.send<Buffer | null>('get', keys, this.#timeoutMs, true).then(
        (raw) => {
          receiver.receive(raw);
        },
        (error: unknown) => {
          // What is there is no entry (G13). MGET says nil for it, and there it passes for nothing at all.
          if (replyCode(error) === 'WRONGTYPE') receiver.receive(NO_ENTRY);
          else receiver.fail(unavailable(error));
        },
      );
      return;
    }
    this.#connection.send<(Buffer | null)[]>('mget', keys, this.#timeoutMs, true).then(
      (replies) => {
        this.#expectMore();
        for (let i = 0; i < receivers.length; i++) receivers[i]?.receive(replies[i] ?? null);
      },
      (error: unknown) => {
        const failure = unavailable(error);
        for (const receiver of receivers) receiver.fail(failure);
      },
    );
  }
}
