/**
 * What a connection needs of the client below it, whether that is one server, a primary behind sentinels or a cluster: a way to
 * send, the masters there are, and news of the link. It decides nothing about the use of Redis and knows no deadline.
 */
import type { Command } from 'ioredis';
import type { SocketCounters } from './arrivals.js';
import type { Failure } from './redis-errors.js';
import type { Ask } from './server-role.js';

/** A way to a server. */
export interface Route {
  /** Puts a command on its way; the outcome is the command's own promise. */
  readonly send: (command: Command) => void;
  /** The socket that the answer to a command comes over; `undefined` when there is none. */
  readonly socketFor: (command: Command) => SocketCounters | undefined;
}

/** One server that takes writes. Its route leads to this master and no other. */
export interface MasterNode extends Route {
  /** `host:port`: orders the masters alike in every process. */
  readonly address: string;
  /** A key that no service can own and that is never written; in a cluster this master has its slot. */
  readonly probeKey: string;
  /**
   * Resolves when commands land in the configured database; absent where the login has seen to that.
   *
   * @throws {ConnectFailure} DATABASE
   */
  readonly proveDatabase?: (ask: Ask) => Promise<void>;
}

/** Told of what becomes of the link. */
export interface TransportListener {
  /** Commands can be sent: there is a new connection, or another set of masters. `isOther`: it may have lost writes. */
  onReady(isOther: boolean): void;
  /** Nothing can be sent any more, or an attempt to get there is over. */
  onClosed(): void;
  /** Why an attempt fails. */
  onError(error: unknown): void;
  /** Commands would land in another database from now on. */
  onMisplaced(failure: Failure): void;
}

/** Hears nothing: what a transport reports to before it is opened and once it is closed. */
export const DEAF: TransportListener = {
  onReady: () => undefined,
  onClosed: () => undefined,
  onError: () => undefined,
  onMisplaced: () => undefined,
};

/** See the file's header. Its own route leads to whoever is to answer. */
export interface RedisTransport extends Route {
  readonly isCluster: boolean;
  /** Reports to `listener` from now on, and begins to connect unless the client does or is. Called once. */
  open(listener: TransportListener): void;
  /** Where the keys of a slot are, which is named by a tag in it, without braces: the same text for the same server. */
  serverOf(slotTag: string): string;
  /** In the order of their addresses, and those that cannot be reached too; empty before the first connection. */
  masters(): readonly MasterNode[];
  /** Brings up to date who the masters are; `undefined` where nothing is missing. Rejects with why nobody could be asked. */
  locate(): Promise<void> | undefined;
  /** Ends the connections to `silent`, or all of them when that is empty; new ones follow. Does nothing to a client that was handed in. */
  drop(silent: ReadonlySet<MasterNode>): void;
  /** Lets go of the client; one of our own is closed. */
  close(): void;
}
