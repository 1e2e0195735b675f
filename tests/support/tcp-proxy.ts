/**
 * A TCP proxy that misbehaves on demand, to put between a client and a server on this machine. What it does to a connection
 * is what networks do: delay, silence, resets, refusals, answers cut in the middle. It never reorders or changes bytes.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { ProxyLink, type Direction, type LinkConditions } from './proxy-link.js';

/** Options of {@link TcpProxy.start}. */
export interface TcpProxyOptions {
  /** Where the target listens; absent: 127.0.0.1. */
  readonly targetHost?: string;
  /** The port to listen on; absent: a free one. */
  readonly port?: number;
}

/** A proxy in front of one TCP port, listening on 127.0.0.1. It starts out passing everything on. */
export class TcpProxy {
  readonly #server: Server;
  readonly #targetHost: string;
  readonly #targetPort: number;
  readonly #links = new Set<ProxyLink>();
  readonly #conditions: LinkConditions = { isBlackhole: false, latencyMs: 0, cut: undefined };
  #port = 0;
  #accepted = 0;

  private constructor(targetPort: number, targetHost: string) {
    this.#targetHost = targetHost;
    this.#targetPort = targetPort;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      this.#accept(socket);
    });
  }

  /** Starts a proxy and resolves once it listens. */
  static async start(targetPort: number, { targetHost = '127.0.0.1', port = 0 }: TcpProxyOptions = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort, targetHost);
    await proxy.#listen(port);
    return proxy;
  }

  /** The port clients connect to; it stays the same. */
  get port(): number {
    return this.#port;
  }

  /** How many connections are open now. */
  get connections(): number {
    return this.#links.size;
  }

  /** How many connections were accepted since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** From now on every byte is swallowed, in both directions. Connections stay open, new ones are accepted, nobody is told. */
  blackhole(): void {
    this.#conditions.isBlackhole = true;
  }

  /** Resets every open connection. New ones are served as before. */
  drop(): void {
    for (const link of [...this.#links]) link.reset();
  }

  /** Stops listening: new connections are refused. Open ones go on; see {@link drop}. Resolves once the port is closed. */
  async refuse(): Promise<void> {
    if (!this.#server.listening) return;
    // `close` calls back when the last connection is gone, but stops listening at once: that is the event to wait for.
    this.#server.close();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Delays what is sent by so many milliseconds per direction, keeping its order; 0 ends that. */
  setLatency(latencyMs: number): void {
    this.#conditions.latencyMs = latencyMs;
  }

  /**
   * Lets `bytes` more bytes through in one direction (absent: to the client), over all connections, and then ends the one
   * that carried the last of them, once.
   */
  cutAfter(bytes: number, direction: Direction = 'toClient'): void {
    this.#conditions.cut = { direction, bytesLeft: bytes };
  }

  /**
   * Ends every fault and listens again on the same port. Connections that lost bytes in a blackhole are reset: a stream with
   * a hole in it must not go on.
   */
  async resume(): Promise<void> {
    this.#conditions.isBlackhole = false;
    this.#conditions.latencyMs = 0;
    this.#conditions.cut = undefined;
    for (const link of [...this.#links]) if (link.hasLostBytes) link.reset();
    if (!this.#server.listening) await this.#listen(this.#port);
  }

  /** Resets every connection and stops listening. */
  async close(): Promise<void> {
    await this.refuse();
    this.drop();
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  #accept(client: Socket): void {
    this.#accepted++;
    const { isBlackhole } = this.#conditions;
    const target = isBlackhole
      ? undefined
      : connect({ host: this.#targetHost, port: this.#targetPort, noDelay: true, allowHalfOpen: true });
    const link = new ProxyLink(client, target, this.#conditions, () => {
      this.#links.delete(link);
    });
    this.#links.add(link);
  }
}
