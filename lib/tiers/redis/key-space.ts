/**
 * Where a service's things are in Redis (G1): its entries at `<prefix>:<service>:<key>`, and what belongs to the service as a whole
 * below `<prefix>::<service>:`. If the prefix has a `:`, the first one is written three times there: `shop:cart` has its common
 * names below `shop:::cart::<service>:`.
 *
 * Common names are nobody's entries, whatever prefixes, services and keys there are: a prefix has no empty part, and no service
 * an empty name, so no entry has `::` behind the first part of its prefix. Entries' names can meet; see format-tag.ts.
 *
 * In a cluster the names of entries hold a bucket, `<key_prefix>:<service>:{<bucket>}:<key>`: a stable hash of the key that
 * decides the slot, so that a batch falls into few slots instead of as many as it has keys.
 */
import { crc32 } from 'node:zlib';
import { formatTagOf } from '../../codec/format-tag.js';

/** Buckets of a service in a cluster. Part of the format: another number would look for every key elsewhere. */
export const BUCKETS = 64;

/** What the names begin with that are nobody's entries: those of services as a whole, and of a connection. */
export function commonPrefixOf(prefix: string): string {
  const at = prefix.indexOf(':');
  return at === -1 ? `${prefix}::` : `${prefix.slice(0, at)}:::${prefix.slice(at + 1)}::`;
}

/** The names of one service. */
export class KeySpace {
  /** What comes before the service's name: `global.key_prefix`, behind that of a connection that was handed in. */
  readonly prefix: string;
  /** What the service's entries begin with. */
  readonly formatTag: string;
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
    this.prefix = connectionPrefix + keyPrefix;
    this.formatTag = formatTagOf(this.prefix);
    this.#entries = `${this.prefix}:${service}:`;
    this.#common = `${commonPrefixOf(this.prefix)}${service}:`;
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

/** The part of a name of {@link KeySpace} that decides its slot in a cluster, without its braces. */
export function slotTagOf(redisKey: string): string {
  const from = redisKey.indexOf('{') + 1;
  return redisKey.slice(from, redisKey.indexOf('}', from));
}
