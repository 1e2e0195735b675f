/** A sentinel that names whichever server a test wants, also one that is no primary, and tells nobody of a change. */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** See the file's header. */
export class FakeSentinel {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The port it says the primary has. */
  primaryPort: number;
  /** How often it was asked for it. */
  asked = 0;

  private constructor(primaryPort: number) {
    this.primaryPort = primaryPort;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
      // Commands arrive whole and one or more at a time; each begins with the number of its words.
      socket.on('data', (bytes) => {
        for (const command of bytes
          .toString()
          .split(/^\*\d+\r\n/m)
          .slice(1))
          socket.write(this.#answer(command.toLowerCase()));
      });
    });
  }

  /** Starts one on a free port. */
  static async start(primaryPort: number): Promise<FakeSentinel> {
    const sentinel = new FakeSentinel(primaryPort);
    await new Promise<void>((resolve) => sentinel.#server.listen(0, '127.0.0.1', resolve));
    return sentinel;
  }

  /** `host:port`. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends it and all connections to it. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(command: string): string {
    if (command.includes('get-master-addr-by-name')) {
      this.asked++;
      const port = String(this.primaryPort);
      return `*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n`;
    }
    return command.includes('sentinels') ? '*0\r\n' : '+OK\r\n';
  }
}
