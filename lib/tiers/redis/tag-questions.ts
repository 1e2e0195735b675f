/**
 * Questions to Redis about tags. Those of one tick travel together, by the bucket that has their marks, in parts of
 * {@link MAX_TAGS}: a command about all tags of many entries would hold up everything else at the server.
 *
 * 1. At most {@link MAX_PARTS} parts of a bucket are under way; the deadline of a part begins when it is sent. 2. A server that
 *    leaves a part unanswered answers nothing behind it: what waits then fails with that part (G6).
 */
import { CacheError } from '../../base/errors.js';
import { unavailable } from './redis-errors.js';

/** Tags in one part at most. */
export const MAX_TAGS = 512;

/** Parts of a bucket under way at most. */
export const MAX_PARTS = 4;

/**
 * Takes when a tag was last invalidated: empty, never; `undefined`, that can't be known. With a `failure` Redis could not be asked.
 */
export type TagReceiver = (version: string | undefined, failure?: CacheError) => void;

/** Asks Redis about some tags of one bucket; resolves to what their receivers get, in their order. */
export type ReadTags = (bucket: number, tags: readonly string[]) => Promise<readonly (string | undefined)[]>;

/** The questions about the tags of one bucket. */
interface Lane {
  readonly bucket: number;
  /** Those that have not left, in the order in which they were asked. */
  readonly waiting: Map<string, TagReceiver[]>;
  partsUnderWay: number;
}

/** See the file's header. */
export class TagQuestions {
  readonly #bucketOf: (tag: string) => number;
  readonly #read: ReadTags;
  readonly #lanes = new Map<number, Lane>();
  #isTickPlanned = false;

  constructor(bucketOf: (tag: string) => number, read: ReadTags) {
    this.#bucketOf = bucketOf;
    this.#read = read;
  }

  /** Asks about a tag, together with everybody else who asks in this tick or whose question waits. */
  ask(tag: string, receive: TagReceiver): void {
    if (!this.#isTickPlanned) process.nextTick(this.#flush);
    this.#isTickPlanned = true;
    const bucket = this.#bucketOf(tag);
    let lane = this.#lanes.get(bucket);
    if (lane === undefined) this.#lanes.set(bucket, (lane = { bucket, waiting: new Map(), partsUnderWay: 0 }));
    const receivers = lane.waiting.get(tag);
    if (receivers === undefined) lane.waiting.set(tag, [receive]);
    else receivers.push(receive);
  }

  readonly #flush = (): void => {
    this.#isTickPlanned = false;
    for (const lane of [...this.#lanes.values()]) this.#pump(lane);
  };

  #pump(lane: Lane): void {
    while (lane.waiting.size > 0 && lane.partsUnderWay < MAX_PARTS) void this.#send(lane);
    if (lane.waiting.size === 0 && lane.partsUnderWay === 0) this.#lanes.delete(lane.bucket);
  }

  /** Never rejects. */
  async #send(lane: Lane): Promise<void> {
    const part = takeSome(lane.waiting);
    lane.partsUnderWay++;
    try {
      const versions = await this.#read(
        lane.bucket,
        part.map(([tag]) => tag),
      );
      part.forEach(([, receivers], i) => {
        for (const receive of receivers) receive(versions[i]);
      });
    } catch (error) {
      const failure = unavailable(error);
      failAll(part, failure);
      if (CacheError.is(failure, 'CACHE_L2_TIMEOUT')) failAll(takeAll(lane.waiting), failure);
    }
    lane.partsUnderWay--;
    this.#pump(lane);
  }
}

type Part = readonly (readonly [tag: string, receivers: readonly TagReceiver[]])[];

function takeSome(waiting: Map<string, TagReceiver[]>): Part {
  const part: (readonly [string, TagReceiver[]])[] = [];
  for (const entry of waiting) {
    if (part.length === MAX_TAGS) break;
    part.push(entry);
    waiting.delete(entry[0]);
  }
  return part;
}

function takeAll(waiting: Map<string, TagReceiver[]>): Part {
  const all = [...waiting];
  waiting.clear();
  return all;
}

function failAll(part: Part, failure: CacheError): void {
  for (const [, receivers] of part) for (const receive of receivers) receive(undefined, failure);
}
