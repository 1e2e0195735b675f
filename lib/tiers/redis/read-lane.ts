/**
 * The reads that go to one server. Only so many are under way that the last of them is answered well within its deadline, which
 * begins when it is sent; the others wait here.
 *
 * 1. At most {@link MAX_KEYS_UNDER_WAY} keys and about {@link MAX_BYTES_UNDER_WAY} are under way, or one key (G14). What waits is
 *    bounded by its callers. 2. A server that leaves a part unanswered answers nothing behind it either: what waits then fails with
 *    that part, so that no read waits for a second deadline (G6).
 */
import type { CacheError } from '../../base/errors.js';
import type { ValueSizes } from './value-sizes.js';

/** Takes the bytes of one read, or its failure. */
export interface RawReceiver {
  /** `raw` is null when Redis has no string there. */
  receive(raw: Buffer | null): void;
  fail(error: CacheError): void;
}

/** Reads whose keys may travel in one command; the three lists go together. */
export interface Reads {
  readonly keys: string[];
  readonly receivers: RawReceiver[];
  readonly sizes: ValueSizes[];
}

/** Carries out some reads and hands out the answers; then calls `onDone`, with the failure if all of them failed. */
export type SendReads = (reads: Reads, onDone: (failure?: CacheError) => void) => void;

/** Keys in one MGET at most, so that one tick's flood does not hold up everybody else's reply. */
export const MAX_KEYS = 512;

/** Keys under way at most: some ten milliseconds of work, for Redis and for this process. */
const MAX_KEYS_UNDER_WAY = 4 * MAX_KEYS;

/** Bytes expected by one command, and by all that are under way, at most: 4 MiB take a third of a second at 100 Mbit/s. */
const MAX_PART_BYTES = 1024 * 1024;
const MAX_BYTES_UNDER_WAY = 4 * MAX_PART_BYTES;

/** Reads that wait; those before `from` have left. */
interface Waiting extends Reads {
  from: number;
}

/** See the file's header. */
export class ReadLane {
  readonly #send: SendReads;
  /** By slot: only keys of one slot travel together. The slot that has waited longest comes first. */
  readonly #waiting = new Map<string, Waiting>();
  #keysUnderWay = 0;
  #bytesUnderWay = 0;

  constructor(send: SendReads) {
    this.#send = send;
  }

  /** Sends reads of one slot, {@link MAX_KEYS} at most, or lets them wait for their turn. */
  add(slot: string, reads: Reads): void {
    if (this.#waiting.size === 0) {
      const bytes = expectedBytes(reads.sizes);
      if (bytes <= MAX_PART_BYTES && this.#fits(reads.keys.length, bytes)) {
        this.#dispatch(reads, bytes);
        return;
      }
    }
    const waiting = this.#waiting.get(slot);
    if (waiting === undefined) this.#waiting.set(slot, { ...reads, from: 0 });
    else append(waiting, reads);
    this.#pump();
  }

  /** Fails everything that waits. */
  failWaiting(error: CacheError): void {
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { receivers, from } of left) for (let i = from; i < receivers.length; i++) receivers[i]?.fail(error);
  }

  #fits(keys: number, bytes: number): boolean {
    if (this.#keysUnderWay === 0) return true;
    return this.#keysUnderWay + keys <= MAX_KEYS_UNDER_WAY && this.#bytesUnderWay + bytes <= MAX_BYTES_UNDER_WAY;
  }

  #pump(): void {
    for (const [slot, waiting] of this.#waiting) {
      const parts = this.#sendParts(waiting);
      const isAllSent = waiting.from === waiting.keys.length;
      if (parts > 0) this.#waiting.delete(slot);
      if (isAllSent) continue;
      // Behind the others of its lane.
      if (parts > 0) this.#waiting.set(slot, waiting);
      return;
    }
  }

  /** Sends what there is room for; returns in how many parts. */
  #sendParts(waiting: Waiting): number {
    let parts = 0;
    while (waiting.from < waiting.keys.length) {
      let count = 0;
      let bytes = 0;
      for (let i = waiting.from; i < waiting.keys.length && count < MAX_KEYS; i++) {
        const next = bytes + (waiting.sizes[i] as ValueSizes).expectedBytes;
        if ((count > 0 && next > MAX_PART_BYTES) || !this.#fits(count + 1, next)) break;
        count++;
        bytes = next;
      }
      if (count === 0) break;
      this.#dispatch(take(waiting, count), bytes);
      parts++;
    }
    return parts;
  }

  #dispatch(reads: Reads, bytes: number): void {
    const keys = reads.keys.length;
    this.#keysUnderWay += keys;
    this.#bytesUnderWay += bytes;
    this.#send(reads, (failure) => {
      this.#keysUnderWay -= keys;
      this.#bytesUnderWay -= bytes;
      if (this.#waiting.size === 0) return;
      if (failure?.code === 'CACHE_L2_TIMEOUT') this.failWaiting(failure);
      else this.#pump();
    });
  }
}

function expectedBytes(sizes: readonly ValueSizes[]): number {
  let bytes = 0;
  for (const { expectedBytes: each } of sizes) bytes += each;
  return bytes;
}

function append(waiting: Waiting, { keys, receivers, sizes }: Reads): void {
  for (let i = 0; i < keys.length; i++) {
    waiting.keys.push(keys[i] as string);
    waiting.receivers.push(receivers[i] as RawReceiver);
    waiting.sizes.push(sizes[i] as ValueSizes);
  }
}

/** The next `count` reads. What has left is cut off when it is the larger half, so that cutting costs a constant per read. */
function take(waiting: Waiting, count: number): Reads {
  const from = waiting.from;
  const to = from + count;
  const { keys, receivers, sizes } = waiting;
  const part = { keys: keys.slice(from, to), receivers: receivers.slice(from, to), sizes: sizes.slice(from, to) };
  waiting.from = to;
  if (to * 2 <= keys.length) return part;
  keys.splice(0, to);
  receivers.splice(0, to);
  sizes.splice(0, to);
  waiting.from = 0;
  return part;
}
