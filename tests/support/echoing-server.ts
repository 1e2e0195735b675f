/** Speaks the Redis protocol and repeats the command in the error it answers with, as proxies and some servers do. */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** Words an error around a command; line breaks, which end an error, are taken out. */
export type Echo = (name: string, args: readonly string[]) => string;

/** See the file's header. */
export class EchoingServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #accepts: ReadonlySet<string>;
  readonly #echo: Echo;
  /** Every word it was sent. */
  readonly received = new Set<string>();

  private constructor(echo: Echo, accepts: readonly string[]) {
    this.#echo = echo;
    this.#accepts = new Set(accepts);
    this.#server = createServer((socket) => {
      let rest: Buffer = Buffer.alloc(0);
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('data', (bytes) => {
        rest = Buffer.concat([rest, bytes]);
        for (let read = readCommand(rest); read !== undefined; read = readCommand(rest)) {
          rest = rest.subarray(read.end);
          socket.write(this.#answer(read.words));
        }
      });
    });
  }

  /** Starts one on a free port. @param accepts the commands that it answers as a primary that works would; all others it refuses */
  static async start(echo: Echo, accepts: readonly string[] = []): Promise<EchoingServer> {
    const server = new EchoingServer(echo, accepts);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends it and all connections to it. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(words: readonly string[]): string {
    const [first = '', ...args] = words;
    const name = first.toLowerCase();
    for (const word of words) this.received.add(word);
    if (!this.#accepts.has(name)) return `-${this.#echo(first, args).replace(/[\r\n]/g, ' ')}\r\n`;
    if (name === 'hello') return list(bulk('role'), bulk('master'));
    if (name === 'time') return list(bulk(String(Math.floor(Date.now() / 1000))), bulk('1000'));
    if (name === 'cluster') return list(list(':0\r\n', ':16383\r\n', list(bulk('127.0.0.1'), `:${this.port}\r\n`, bulk('id'))));
    return '+OK\r\n';
  }
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

function list(...items: readonly string[]): string {
  return `*${items.length}\r\n${items.join('')}`;
}

/** The first command in `bytes`, once all of it has arrived. */
function readCommand(bytes: Buffer): { readonly words: string[]; readonly end: number } | undefined {
  let at = 0;
  const line = (): string | undefined => {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const text = bytes.toString('latin1', at + 1, end);
    at = end + 2;
    return text;
  };
  const count = line();
  if (count === undefined) return undefined;
  const words: string[] = [];
  for (let i = 0; i < Number(count); i++) {
    const length = line();
    if (length === undefined || bytes.length < at + Number(length) + 2) return undefined;
    words.push(bytes.toString('utf8', at, at + Number(length)));
    at += Number(length) + 2;
  }
  return { words, end: at };
}
