/**
 * A TCP proxy that misbehaves on demand, to put between a client and a server in a test. What it does to a connection is what
 * networks do: delay, silence, resets, refusals, bytes that trickle, answers cut in the middle.
 *
 * 1. Bytes are never reordered, changed or made up. 2. A stream that has lost bytes never goes on as if it had not: it is
 * silent while the fault lasts and reset when that ends. 3. What waits in the proxy is bounded; a sender has to wait as well.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { misuse } from '../base/describe-value.js';
import { systemRandom, type Random } from '../base/random.js';
import { requireCount, requireFunction, requireMs, requireOptions } from './check-arguments.js';
import { ProxyLink, type Direction, type LinkFaults } from './proxy-link.js';
import type { PipeFaults } from './proxy-pipe.js';

/** Options of {@link TcpFaultProxy.start}. */
export interface TcpFaultProxyOptions {
  /** Where the target listens; absent: 127.0.0.1. */
  readonly targetHost?: string;
  /** The port of 127.0.0.1 to listen on; absent: a free one. */
  readonly port?: number;
  /** Where jitter comes from: returns numbers in [0, 1). Absent: the real source; give a seeded one to repeat a run. */
  readonly random?: Random;
}

/** Options of {@link TcpFaultProxy.setLatency}. */
export interface LatencyOptions {
  /** At most so many milliseconds more, at random, for each piece; absent: 0. */
  readonly jitterMs?: number;
  /** Absent: both directions, each delayed by that much. */
  readonly direction?: Direction;
}

/** Options of {@link TcpFaultProxy.slowDrip}. */
export interface SlowDripOptions {
  /** How many bytes go at a time, at most. */
  readonly bytes: number;
  /** Milliseconds until the next ones go. */
  readonly everyMs: number;
  /** Absent: both directions. */
  readonly direction?: Direction;
}

const DIRECTIONS = ['toClient', 'toServer'] as const satisfies readonly Direction[];

/**
 * A proxy in front of one TCP port, listening on 127.0.0.1. It starts out passing everything on; faults stay in force, for
 * open and for new connections, until {@link TcpFaultProxy.resume} ends them all, and they add up.
 *
 * @example
 * await using proxy = await TcpFaultProxy.start(6379);
 * const manager = await createManager({
 *   services: { users: { cache_type: 'two-level', l2: { connection_string: `redis://127.0.0.1:${proxy.port}` } } },
 * });
 * proxy.blackhole();
 * await manager.client('users').get('42'); // undefined, after command_timeout_ms at the latest
 * await proxy.resume();
 */
export class TcpFaultProxy {
  readonly #server: Server;
  readonly #targetHost: string;
  readonly #targetPort: number;
  readonly #random: Random;
  readonly #links = new Set<ProxyLink>();
  readonly #faults: LinkFaults = { toClient: noFaults(), toServer: noFaults() };
  #port = 0;
  #accepted = 0;
  #isClosed = false;
  #lastTurn: Promise<void> = Promise.resolve();

  private constructor(targetPort: number, { targetHost = '127.0.0.1', random = systemRandom }: TcpFaultProxyOptions) {
    this.#targetHost = targetHost;
    this.#targetPort = targetPort;
    this.#random = random;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      this.#accept(socket);
    });
  }

  /**
   * Starts a proxy in front of a port and resolves once it listens. The target is connected to when a client comes, so it
   * need not run yet.
   *
   * @throws {TypeError} when the port or an option is unusable
   */
  static async start(targetPort: number, options: TcpFaultProxyOptions = {}): Promise<TcpFaultProxy> {
    requireCount('targetPort', targetPort, 1, 65_535);
    requireOptions(options, ['targetHost', 'port', 'random']);
    const { targetHost, port = 0, random } = options;
    requireCount('port', port, 0, 65_535);
    if (random !== undefined) requireFunction('random', random);
    if (targetHost !== undefined && (typeof targetHost !== 'string' || targetHost === ''))
      throw misuse('targetHost', 'a host name or address', targetHost);
    const proxy = new TcpFaultProxy(targetPort, options);
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

  /**
   * From now on every byte is swallowed, in both directions, those on their way through the proxy included. Connections stay
   * open, new ones are accepted, nobody is told when the other side goes.
   */
  blackhole(): void {
    for (const direction of DIRECTIONS) this.#faults[direction].isSwallowed = true;
    this.#update();
  }

  /**
   * The same in one direction only; the other one goes on. With `toClient` a server carries out what it is asked and its
   * answers are lost; with `toServer` it hears nothing. That the sender of the swallowed bytes closes is not passed on either.
   *
   * @throws {TypeError} when there is no such direction
   */
  halfOpen(direction: Direction): void {
    this.#faults[requireDirection(direction)].isSwallowed = true;
    this.#update();
  }

  /** Resets every open connection, now. New ones are served as before. */
  drop(): void {
    for (const link of [...this.#links]) link.reset();
  }

  /** Stops listening: new connections are refused. Open ones go on; see {@link drop}. Resolves once the port is closed. */
  refuse(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#server.listening) return;
      // `close` calls back when the last connection is gone, but stops listening at once: that is the event to wait for.
      this.#server.close();
      await new Promise((resolve) => setImmediate(resolve));
    });
  }

  /**
   * Delays what arrives from now on, keeping its order; 0 ends that. What waits already goes when it was to go.
   *
   * @throws {TypeError} when a number or the direction is unusable
   */
  setLatency(latencyMs: number, options: LatencyOptions = {}): void {
    requireMs('latencyMs', latencyMs);
    requireOptions(options, ['jitterMs', 'direction']);
    const { jitterMs = 0, direction } = options;
    requireMs('jitterMs', jitterMs);
    for (const each of directionsOf(direction)) {
      this.#faults[each].latencyMs = latencyMs;
      this.#faults[each].jitterMs = jitterMs;
    }
  }

  /**
   * Lets only a few bytes at a time through each connection: a link so slow that a large answer takes for ever.
   *
   * @throws {TypeError} when a number or the direction is unusable
   */
  slowDrip(options: SlowDripOptions): void {
    requireOptions(options, ['bytes', 'everyMs', 'direction']);
    const { bytes, everyMs, direction } = options;
    requireCount('bytes', bytes, 1);
    requireMs('everyMs', everyMs);
    for (const each of directionsOf(direction)) this.#faults[each].drip = { bytes, everyMs };
    this.#update();
  }

  /**
   * Lets `bytes` more bytes through in one direction (absent: to the client), over all connections, and then ends the one
   * that carried the last of them, once. With 0 that is the one that would carry the next byte.
   *
   * @throws {TypeError} when the number or the direction is unusable
   */
  cutAfter(bytes: number, direction: Direction = 'toClient'): void {
    requireCount('bytes', bytes, 0);
    this.#faults[requireDirection(direction)].cutAfterBytes = bytes;
  }

  /**
   * Ends every fault and listens again on the same port. What was delayed goes on at once; connections that have lost bytes
   * are reset, because a stream with a hole in it must not go on.
   *
   * @throws {Error} when the port is no longer free, or the proxy is closed
   */
  async resume(): Promise<void> {
    if (this.#isClosed) throw new Error('The proxy is closed; start another one');
    for (const direction of DIRECTIONS) Object.assign(this.#faults[direction], noFaults());
    for (const link of [...this.#links]) link.release();
    await this.#inTurn(async () => {
      if (!this.#server.listening && !this.#isClosed) await this.#listen(this.#port);
    });
  }

  /** Resets every connection and stops listening, for good. May be called again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.refuse();
    this.drop();
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Opening and closing the port takes a moment: one after the other. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
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
    const isBlackhole = DIRECTIONS.every((direction) => this.#faults[direction].isSwallowed);
    const target = isBlackhole
      ? undefined
      : connect({ host: this.#targetHost, port: this.#targetPort, noDelay: true, allowHalfOpen: true });
    const link = new ProxyLink({
      client,
      target,
      faults: this.#faults,
      random: this.#random,
      onClose: () => {
        this.#links.delete(link);
      },
    });
    this.#links.add(link);
  }

  #update(): void {
    for (const link of [...this.#links]) link.update();
  }
}

function noFaults(): PipeFaults {
  return { isSwallowed: false, latencyMs: 0, jitterMs: 0, drip: undefined, cutAfterBytes: undefined };
}

function requireDirection(direction: unknown): Direction {
  const known = DIRECTIONS.find((each) => each === direction);
  if (known === undefined) throw misuse('direction', '"toClient" or "toServer"', direction);
  return known;
}

function directionsOf(direction: unknown): readonly Direction[] {
  return direction === undefined ? DIRECTIONS : [requireDirection(direction)];
}
