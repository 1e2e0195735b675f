/** Connections for writes beside those for reads: see `LanedTransport`. One to a server, or one to each master of a cluster. */
import type { Command } from 'ioredis';
import type { Route } from './redis-transport.js';

/** See the file's header. */
export interface WriteLane {
  /** Begins to connect, or looks again where the servers are: the connections for reads are there, or others than before. */
  connect(): void;
  /**
   * The way for a write: to the master at `address`, or absent, to whoever has its slot. `undefined` while that is not connected;
   * the write then goes with the reads.
   */
  routeOf(command: Command, address?: string): Route | undefined;
  /** Ends the connections to these masters, or all of them when there are none; new ones follow. */
  drop(addresses: readonly string[]): void;
  /** Ends everything for good. */
  close(): void;
}
