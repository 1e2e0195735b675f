/**
 * The line between a connection, which knows how to talk to Redis, and whoever decides whether it may be talked to. The
 * connection reports what it meets; its monitor opens and closes its gate. Both sides are ports, so that neither knows the other.
 */
import type { EndpointHealth } from '../../observe/health.js';
import type { Failure } from './redis-errors.js';

/** What a connection reports. */
export type ConnectionEvent =
  /** There is a connection, logged in; or one that is in use is worth a look. */
  | { readonly type: 'ready' }
  /** The connection, or an attempt at one, is over. */
  | { readonly type: 'closed' }
  /** An attempt failed, and `closed` follows. */
  | { readonly type: 'error'; readonly failure: Failure }
  /** Nobody has answered for so long that callers should know. */
  | { readonly type: 'unreachable'; readonly failure: Failure }
  /** A command's deadline passed; `isWrite`: of one that a server may hold back though it answers others. */
  | { readonly type: 'missed'; readonly isWrite?: boolean }
  /** A command failed with its connection. */
  | { readonly type: 'lost' }
  /** Redis refused a command for a reason that is not the command's own; `subject` tells commands apart where that matters. */
  | { readonly type: 'refused'; readonly failure: Failure; readonly subject?: string }
  /** A command that had been refused for good was carried out. */
  | { readonly type: 'allowed'; readonly subject: string }
  /** A value was written; reported only while {@link MonitoredConnection.isFull}. */
  | { readonly type: 'accepted' };

/** Told of changes; each member may be absent. */
export interface ConnectionListener {
  /** Commands may be sent from now on; called every time, `isFirst` for the very first time. */
  onUsable?(isFirst: boolean): void;
  /** Commands may no longer be sent; once per outage. An attempt to connect that fails at the start counts as one. */
  onDegrade?(reason: string): void;
  /**
   * Redis may have lost writes that it had confirmed: it has another primary, other masters, or, behind sentinels and in a
   * cluster, the connection to one was made anew. Commands may be sent. Told too often rather than too seldom.
   */
  onFailover?(): void;
  /** The server says that it is a replica; with every answer that does. Commands can't be sent, or will not be any more. */
  onReplica?(): void;
  /** The end of what `onDegrade` told of, after {@link onUsable}. */
  onRecover?(downMs: number): void;
}

/** Decides whether a connection may be used, and knows its health. */
export interface ConnectionMonitor {
  onEvent(event: ConnectionEvent): void;
  health(): EndpointHealth;
  /** Adds a listener; returns a function that removes it. */
  listen(listener: ConnectionListener): () => void;
  /** A service replays its log until the returned function is called; calling that again does nothing. */
  beginReplay(): () => void;
  /** Decides nothing and tells nobody anything from now on. */
  close(): void;
}

/** What a monitor may do with its connection. */
export interface MonitoredConnection {
  /** For people; without credentials. */
  readonly endpoint: string;
  /** Whether {@link dropSocket} leads to a new connection: not for one that was handed in. */
  readonly isOwned: boolean;
  /** Whether Redis has no room for new values. */
  isFull: boolean;
  openGate(): void;
  /** Also gives another reason to a gate that is closed already. */
  closeGate(reason: string): void;
  /** From now on writes are refused at once, and everything else goes on; `undefined`: they are sent again. */
  stopWrites(reason: string | undefined): void;
  /**
   * Asks whether Redis answers and compares clocks; with `mustWrite` also whether it takes writes.
   *
   * @throws {ConnectFailure} PAUSED, when everything but the write was answered; whatever keeps Redis from being used, for {@link failureOf}; CACHE_L2_TIMEOUT when it was silent
   */
  probe(mustWrite: boolean): Promise<void>;
  /** Ends the socket at once, of a cluster those that were silent; a new connection follows. */
  dropSocket(): void;
  /** How many commands were answered since the last question. */
  takeSuccesses(): number;
}
