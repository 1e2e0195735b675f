/** Where a service's entries are in Redis (G1): `<key_prefix>:<service>:<key>`, and the pattern that matches them and nothing else. */

/** The names of one service's entries. */
export class KeySpace {
  /** Everything before the key. */
  readonly prefix: string;

  /** @param connectionPrefix the `keyPrefix` of a connection that was handed in; ours have none */
  constructor(keyPrefix: string, service: string, connectionPrefix = '') {
    this.prefix = `${connectionPrefix}${keyPrefix}:${service}:`;
  }

  /** The Redis key of an entry. */
  nameOf(key: string): string {
    return this.prefix + key;
  }

  /** A `SCAN MATCH` pattern for the service's entries; glob characters in the prefix stand for themselves. */
  get pattern(): string {
    return `${this.prefix.replace(/[\\*?[\]]/g, '\\$&')}*`;
  }
}
