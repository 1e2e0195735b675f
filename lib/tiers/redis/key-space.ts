/**
 * Where a service's things are in Redis (G1): its entries at `<key_prefix>:<service>:<key>`, and what belongs to the service as
 * a whole below `<key_prefix>::<service>:`, where no service's entries can be, because no service has an empty name.
 *
 * In a cluster the names of entries hold a bucket, `<key_prefix>:<service>:{<bucket>}:<key>`: a stable hash of the key that
 * decides the slot, so that a batch falls into few slots instead of as many as it has keys.
 */
import { crc32 } from 'node:zlib';

/** Buckets of a service in a cluster. Part of the format: another number would look for every key elsewhere. */
export const BUCKETS = 64;

/** The names of one service. */
export class KeySpace {
  /** Channel of the service's messages over Pub/Sub. */
  readonly channel: string;
  /** Stream of the service's messages. */
  readonly stream: string;
  readonly isBucketed: boolean;
  readonly #entries: string;
  readonly #common: string;

  /**
   * @param connectionPrefix the `keyPrefix` of a connection that was handed in; ours have none
   * @param isBucketed whether Redis is a cluster
   * @param database the number of the database: keys of two databases are apart by themselves, channels are not
   */
  constructor(keyPrefix: string, service: string, connectionPrefix = '', isBucketed = false, database = 0) {
    this.#entries = `${connectionPrefix}${keyPrefix}:${service}:`;
    this.#common = `${connectionPrefix}${keyPrefix}::${service}:`;
    this.channel = database === 0 ? `${this.#common}bus` : `${this.#common}bus:${database}`;
    this.stream = `${this.#common}stream`;
    this.isBucketed = isBucketed;
  }

  /** The Redis key of an entry. */
  nameOf(key: string): string {
    return this.isBucketed ? `${this.#entries}{${bucketOf(key)}}:${key}` : this.#entries + key;
  }

  /** The Redis key of a key's lock. */
  lockOf(key: string): string {
    return this.isBucketed ? `${this.#common}{${bucketOf(key)}}:lock:${key}` : `${this.#common}lock:${key}`;
  }

  /** Where the {@link ServiceMarks} are; in a cluster every bucket has its own, in its slot. */
  marksOf(bucket: number): string {
    return this.isBucketed ? `${this.#common}{${bucket}}:marks` : `${this.#common}marks`;
  }

  /** The numbers of the service's buckets; without a cluster there is one. */
  get buckets(): readonly number[] {
    return Array.from({ length: this.isBucketed ? BUCKETS : 1 }, (_, bucket) => bucket);
  }

  /** The bucket whose marks are about a key. */
  bucketFor(key: string): number {
    return this.isBucketed ? bucketOf(key) : 0;
  }

  /** A `SCAN MATCH` pattern for the service's entries; glob characters in the prefix stand for themselves. */
  get pattern(): string {
    return `${this.#entries.replace(/[\\*?[\]]/g, '\\$&')}*`;
  }

  /** {@link pattern} for the entries of one bucket. */
  patternOf(bucket: number): string {
    return this.isBucketed ? `${this.pattern.slice(0, -1)}{${bucket}}:*` : this.pattern;
  }
}

/** The bucket of a key, and so its slot in a cluster. */
export function bucketOf(key: string): number {
  return crc32(key) % BUCKETS;
}

/** The part of a name of {@link KeySpace} that decides its slot in a cluster, for grouping names. */
export function slotTagOf(redisKey: string): string {
  const from = redisKey.indexOf('{');
  return redisKey.slice(from, redisKey.indexOf('}', from));
}
