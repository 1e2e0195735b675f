/** What Redis has not been told yet. Nothing is owed when `total` is 0: that is the all-clear after an outage. */

/** See the file's header. */
export interface OwedWrites {
  /** The sum of the other counts. */
  readonly total: number;
  /** Writes, deletions and tags that are on their way or wait for Redis. One that is also logged counts twice. */
  readonly pending: number;
  /** Keys and tags in the log, those included that were read so far of logs that are being taken over. */
  readonly logged: number;
  /** Clears that Redis does not know of. */
  readonly clears: number;
  /** Logs of dead processes that are being taken over: how many keys they have is not known yet. */
  readonly logs: number;
  /** Writes and clears that are sent again because of a failover. */
  readonly resends: number;
  /** Milliseconds since the epoch: when the oldest of what is logged was written, at the earliest; absent when nothing is. */
  readonly sinceMs?: number;
}

/** What a service without L2 owes. */
export const NOTHING_OWED: OwedWrites = { total: 0, pending: 0, logged: 0, clears: 0, logs: 0, resends: 0 };

/** Adds up what is owed. */
export function sumOwed(
  { pending, logged, clears, logs, resends }: Omit<OwedWrites, 'total' | 'sinceMs'>,
  sinceMs: number | undefined,
): OwedWrites {
  const total = pending + logged + clears + logs + resends;
  return { total, pending, logged, clears, logs, resends, ...(sinceMs === undefined ? {} : { sinceMs }) };
}
