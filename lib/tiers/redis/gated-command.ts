/**
 * Commands for a client that was handed in.
 *
 * 1. Its `commandTimeout` is not theirs: that timer would fail a command whose answer waits in the socket while this process stands
 * still (G16). The connection has a deadline for each of them. 2. Such a client may keep commands in a queue, or send those again
 * that were under way when the connection was lost: over the new connection, before anybody has looked whether that leads to the
 * right database (G1). Gated commands are written only while the gate is open.
 */
import type { Command } from 'ioredis';

/** The class whose commands have no deadline of their client's. */
export function patientCommand(base: typeof Command): typeof Command {
  return class extends base {
    override setTimeout(): void {
      // See the file's header.
    }
  };
}

/** The class whose commands are never written unless `isOpen`; they fail instead. */
export function gatedCommand(base: typeof Command, isOpen: () => boolean): typeof Command {
  return class extends base {
    override toWritable(socket: object): string | Buffer {
      if (!isOpen()) {
        this.reject(new Error('the connection was lost before the answer'));
        // The client waits for one reply whatever happens, so something harmless has to be asked.
        this.name = 'time';
        this.args = [];
      }
      return super.toWritable(socket);
    }
  };
}
