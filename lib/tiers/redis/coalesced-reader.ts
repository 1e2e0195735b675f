/**
 * Reads that are asked for in the same tick travel as one MGET, whichever services they belong to. One round trip and one
 * command for many callers is worth three to eight times the throughput of a GET each; a single caller gets a plain GET. In
 * a cluster the keys of one bucket, which share a slot, travel together.
 *
 * The queue is emptied at the end of every tick into the lanes of the servers, which decide when to send; nothing is retried here.
 */
import type { CacheError } from '../../base/errors.js';
import { slotTagOf } from './key-space.js';
import { MAX_KEYS, ReadLane, type RawReceiver, type Reads } from './read-lane.js';
import type { RedisConnection } from './redis-connection.js';
import { replyCode, unavailable } from './redis-errors.js';
import type { RedisTransport } from './redis-transport.js';
import type { ValueSizes } from './value-sizes.js';

/**
 * Reads that follow upon the answers to others (callers in a loop) leave in parts of this many, without waiting for the end
 * of the tick: Redis then answers one part while this process works on the other, where a single one would have each wait.
 */
const PART_KEYS = 32;

/** An entry that reaches this far is large. */
const LARGE_AT = String(256 * 1024);

/** Stands for a list, hash or the like, whose bytes nobody has seen: no entry is that short. */
const NO_ENTRY = Buffer.alloc(0);

/** Called when reads have their answers, or all of them their failure. */
type OnDone = (failure?: CacheError) => void;

/** Gathers reads over one connection with one deadline. */
export class CoalescedReader {
  readonly #connection: RedisConnection;
  readonly #transport: Pick<RedisTransport, 'serverOf'>;
  readonly #timeoutMs: number;
  /** By server; of a connection to a single one there is one lane. */
  readonly #lanes = new Map<string, ReadLane>();
  #reads: Reads = { keys: [], receivers: [], sizes: [] };
  #isTickPlanned = false;
  #limit = MAX_KEYS;

  /** @param transport knows which server has which slot */
  constructor(connection: RedisConnection, transport: Pick<RedisTransport, 'serverOf'>, timeoutMs: number) {
    this.#connection = connection;
    this.#transport = transport;
    this.#timeoutMs = timeoutMs;
    connection.listen({
      onDegrade: () => {
        for (const lane of this.#lanes.values()) lane.failWaiting(connection.unusableError());
      },
    });
  }

  /** Which server has a name: the same text for the same server. */
  serverOf(redisKey: string): string {
    return this.#connection.isCluster ? this.#transport.serverOf(slotTagOf(redisKey)) : '';
  }

  /**
   * Asks for the string at `redisKey`; the answer comes through `receiver`, never synchronously unless Redis is unusable.
   *
   * @param sizes what is expected of the service's entries, and learns from this one
   */
  read(redisKey: string, receiver: RawReceiver, sizes: ValueSizes): void {
    if (!this.#connection.isUsable) {
      receiver.fail(this.#connection.unusableError());
      return;
    }
    this.#planFlush();
    const { keys, receivers, sizes: allSizes } = this.#reads;
    keys.push(redisKey);
    receivers.push(receiver);
    allSizes.push(sizes);
    if (keys.length >= this.#limit) this.#send();
  }

  readonly #flush = (): void => {
    this.#isTickPlanned = false;
    this.#limit = MAX_KEYS;
    if (this.#reads.keys.length > 0) this.#send();
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
    const reads = this.#reads;
    this.#reads = { keys: [], receivers: [], sizes: [] };
    if (!this.#connection.isCluster) {
      this.#laneOf('').add('', reads);
      return;
    }
    const groups = new Map<string, Reads>();
    for (let i = 0; i < reads.keys.length; i++) {
      const key = reads.keys[i] as string;
      const slot = slotTagOf(key);
      let group = groups.get(slot);
      if (group === undefined) groups.set(slot, (group = { keys: [], receivers: [], sizes: [] }));
      group.keys.push(key);
      group.receivers.push(reads.receivers[i] as RawReceiver);
      group.sizes.push(reads.sizes[i] as ValueSizes);
    }
    for (const [slot, group] of groups) this.#laneOf(slot).add(slot, group);
  }

  #laneOf(slot: string): ReadLane {
    const server = this.#transport.serverOf(slot);
    let lane = this.#lanes.get(server);
    if (lane === undefined) this.#lanes.set(server, (lane = new ReadLane(this.#sendTogether)));
    return lane;
  }

  readonly #sendTogether = (reads: Reads, onDone: OnDone): void => {
    const { keys, receivers, sizes } = reads;
    if (keys.length === 1) {
      const receiver = receivers[0] as RawReceiver;
      this.#connection.send<Buffer | null>('get', keys, this.#timeoutMs, true).then(
        (raw) => {
          sizes[0]?.note(raw?.length ?? 0);
          receiver.receive(raw);
          onDone();
        },
        (error: unknown) => {
          // What is there is no entry (G13). MGET says nil for it, and there it passes for nothing at all.
          if (replyCode(error) === 'WRONGTYPE') {
            receiver.receive(NO_ENTRY);
            onDone();
            return;
          }
          const failure = unavailable(error);
          receiver.fail(failure);
          onDone(failure);
        },
      );
      return;
    }
    const unknown = sizes.findIndex(({ isKnown }) => !isKnown);
    if (unknown < 0) this.#sendAsOne(reads, onDone);
    else this.#sendFeeling(reads, keys[unknown] as string, onDone);
  };

  /** Many values of a size that nobody knows could be one reply of hundreds of megabytes: looks at one of them first. */
  #sendFeeling(reads: Reads, key: string, onDone: OnDone): void {
    this.#connection.send<string>('getrange', [key, LARGE_AT, LARGE_AT], this.#timeoutMs).then(
      (byte) => {
        if (byte === '') this.#sendAsOne(reads, onDone);
        else this.#sendOneByOne(reads, 0, onDone);
      },
      (error: unknown) => {
        const failure = unavailable(error);
        if (failure.code !== 'CACHE_L2_TIMEOUT') {
          this.#sendAsOne(reads, onDone);
          return;
        }
        for (const receiver of reads.receivers) receiver.fail(failure);
        onDone(failure);
      },
    );
  }

  #sendOneByOne(reads: Reads, at: number, onDone: OnDone): void {
    const { keys, receivers, sizes } = reads;
    if (at === keys.length) {
      onDone();
      return;
    }
    const one: Reads = { keys: keys.slice(at, at + 1), receivers: receivers.slice(at, at + 1), sizes: sizes.slice(at, at + 1) };
    this.#sendTogether(one, (failure) => {
      if (failure?.code !== 'CACHE_L2_TIMEOUT') {
        this.#sendOneByOne(reads, at + 1, onDone);
        return;
      }
      for (const receiver of receivers.slice(at + 1)) receiver.fail(failure);
      onDone(failure);
    });
  }

  #sendAsOne({ keys, receivers, sizes }: Reads, onDone: OnDone): void {
    this.#connection.send<(Buffer | null)[]>('mget', keys, this.#timeoutMs, true).then(
      (replies) => {
        this.#expectMore();
        for (let i = 0; i < receivers.length; i++) {
          const raw = replies[i] ?? null;
          sizes[i]?.note(raw?.length ?? 0);
          receivers[i]?.receive(raw);
        }
        onDone();
      },
      (error: unknown) => {
        const failure = unavailable(error);
        for (const receiver of receivers) receiver.fail(failure);
        onDone(failure);
      },
    );
  }
}
