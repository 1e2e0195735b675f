/** For what has to be asked of every master of a cluster, such as a SCAN; elsewhere there is one. */

/** One server that takes writes; see `RedisConnection.masters`. */
export interface MasterSender {
  /** `host:port`, or the endpoint where there is only one. */
  readonly address: string;
  /** Sends to this master and no other; as `RedisConnection.send`. */
  send<T>(name: string, args: (string | Buffer)[], timeoutMs: number): Promise<T>;
}
