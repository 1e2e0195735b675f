/**
 * Commands for a client that was handed in. Such a client may keep commands in a queue, or send those again that were under way
 * when the connection was lost: over the new connection, before anybody has looked whether that leads to the right database
 * (G1). These commands are written only while the gate is open.
 */
import type { Command } from 'ioredis';

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
