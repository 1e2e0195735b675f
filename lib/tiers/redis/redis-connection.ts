/**
 * One connection to one Redis, shared by all services that use it. It gives every command its own deadline, keeps the hybrid
 * clock anchored to the server's time, and has a gate that its monitor opens and closes.
 *
 * 1. {@link RedisConnection.isUsable} is false whenever a call would have to wait for a connection: such calls fail at once
 *    (G6). 2. Everything that says something about the server is reported to the monitor; success only counts. 3. A connection
 *    that was handed in is used, never closed or reconfigured.
 */
import type { Command as CommandClass, Redis } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import type { CacheError } from '../../base/errors.js';
import { HybridClock } from '../../base/hybrid-clock.js';
import type { EndpointHealth } from '../../observe/health.js';
import type { ConnectionListener, ConnectionMonitor, MonitoredConnection } from './connection-monitor.js';
import { failureOf, isError, isReplyError, refusalIn, timedOut, unavailable } from './redis-errors.js';
import { probeRedis, type ProbeParts } from './redis-probe.js';

/** Makes the monitor of a connection. */
export type MonitorFactory = (connection: MonitoredConnection) => ConnectionMonitor;

/** What a connection is made of. */
export interface ConnectionParts {
  /** For people; without credentials. */
  readonly endpoint: string;
  readonly client: Redis;
  /** False for a connection that was handed in. */
  readonly isOwned: boolean;
  /** ioredis's own class; passed in because ioredis is loaded on demand. */
  readonly Command: typeof CommandClass;
  readonly clock: Clock;
  readonly nodeId: string;
  readonly connectionTimeoutMs: number;
  /** A key that no service can own, for probes. */
  readonly probeKey: string;
  readonly monitor: MonitorFactory;
}

/** See the file's header. */
export class RedisConnection implements MonitoredConnection {
  readonly endpoint: string;
  readonly isOwned: boolean;
  readonly hybridClock: HybridClock;
  /** Whether a command would be sent now. A field, because every read asks. */
  isUsable = false;
  isFull = false;
  readonly #parts: ConnectionParts;
  readonly #monitor: ConnectionMonitor;
  readonly #probeParts: ProbeParts;
  readonly #firstAttempt: Promise<void>;
  #endFirstAttempt: () => void = () => undefined;
  #reason = 'not connected yet';
  #isClosed = false;
  #probeTimeoutMs = 0;
  #successes = 0;
  #unusable: CacheError | undefined;
  #cancelWatchdog: () => void = () => undefined;

  constructor(parts: ConnectionParts) {
    const { client, clock, nodeId, probeKey } = parts;
    this.#parts = parts;
    this.endpoint = parts.endpoint;
    this.isOwned = parts.isOwned;
    this.hybridClock = new HybridClock(clock, nodeId);
    this.#probeParts = {
      send: (name, args) => this.#dispatch(name, args, this.#probeTimeoutMs, false, true),
      clock,
      hybridClock: this.hybridClock,
      probeKey,
    };
    this.#firstAttempt = new Promise((resolve) => {
      this.#endFirstAttempt = resolve;
    });
    this.#monitor = parts.monitor(this);
    client.on('connect', this.#onConnect);
    client.on('ready', this.#onReady);
    client.on('close', this.#onClose);
    client.on('error', this.#onError);
  }

  /** Starts connecting; resolves when Redis can be used or the first attempt has failed or timed out. Never rejects. */
  async connect(): Promise<void> {
    const { client, clock, connectionTimeoutMs } = this.#parts;
    const cancel = clock.schedule(
      () => {
        this.#reportSilence(`no connection within ${connectionTimeoutMs} ms`);
      },
      connectionTimeoutMs,
      true,
    );
    if (client.status === 'ready') this.#onReady();
    // Why it failed comes as an error event; the rejection knows no more than that the connection is closed.
    else if (client.status === 'wait') client.connect().catch(() => undefined);
    await this.#firstAttempt;
    cancel();
  }

  /** Allows probes as long as the most patient service allows its commands: what is slow for one must not be down for all. */
  allowProbes(timeoutMs: number): void {
    this.#probeTimeoutMs = Math.max(this.#probeTimeoutMs, timeoutMs);
  }

  /** What this process knows of the endpoint. */
  health(): EndpointHealth {
    return this.#monitor.health();
  }

  /** Adds a listener for changes; returns a function that removes it. */
  listen(listener: ConnectionListener): () => void {
    return this.#monitor.listen(listener);
  }

  /**
   * Says that a service replays its log: the endpoint's status is `replaying` until the returned function was called, and
   * those of all others that replay. Calling it twice does nothing.
   */
  beginReplay(): () => void {
    return this.#monitor.beginReplay();
  }

  /**
   * Sends a command; replies are bytes where `asBytes`, else text and numbers. A refusal by Redis rejects as ioredis's own
   * error, for the caller to read with {@link replyCode} and turn into a `CacheError` with {@link unavailable}.
   *
   * @throws {CacheError} CACHE_L2_UNAVAILABLE at once when Redis can't be used; CACHE_L2_TIMEOUT when the deadline passed,
   *   in which case the command may still be carried out
   */
  send<T>(name: string, args: (string | Buffer)[], timeoutMs: number, asBytes = false): Promise<T> {
    if (!this.isUsable) return Promise.reject(this.unusableError());
    return this.#dispatch<T>(name, args, timeoutMs, asBytes, false);
  }

  /** The error of a call made while Redis can't be used. */
  unusableError(): CacheError {
    // One for the whole outage: a busy process would otherwise collect a stack for every read of it.
    this.#unusable ??= unavailable(new Error(`${this.endpoint}: ${this.#reason}`));
    return this.#unusable;
  }

  /** Passes on what a script's reply says about single writes: the text of a refusal, or that a value was written. */
  noteWrite(refusal: string | undefined): void {
    if (refusal === undefined) {
      this.#monitor.onEvent({ type: 'accepted' });
      return;
    }
    // The script as such was answered, which counted as a success.
    if (this.#successes > 0) this.#successes--;
    const failure = refusalIn(refusal);
    if (failure !== undefined) this.#monitor.onEvent({ type: 'refused', failure });
  }

  openGate(): void {
    if (this.#isClosed) return;
    this.isUsable = true;
    this.#endFirstAttempt();
  }

  closeGate(reason: string): void {
    this.isUsable = false;
    if (reason !== this.#reason) this.#unusable = undefined;
    this.#reason = reason;
    this.#endFirstAttempt();
  }

  probe(mustWrite: boolean): Promise<void> {
    return probeRedis(this.#probeParts, mustWrite);
  }

  /** Without the polite half-close a frozen server would never answer; ioredis then reconnects. */
  dropSocket(): void {
    if (this.isOwned) (this.#parts.client as unknown as { stream?: { destroy(): void } }).stream?.destroy();
  }

  takeSuccesses(): number {
    const taken = this.#successes;
    this.#successes = 0;
    return taken;
  }

  /** Lets go of the connection; an owned one is closed. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#monitor.close();
    this.closeGate('closed');
    this.#cancelWatchdog();
    const { client, isOwned } = this.#parts;
    client.off('connect', this.#onConnect);
    client.off('ready', this.#onReady);
    client.off('close', this.#onClose);
    if (!isOwned) {
      client.off('error', this.#onError);
      return;
    }
    // The error listener stays: a socket that fails while closing must not end the process.
    client.disconnect();
  }

  #dispatch<T>(name: string, args: (string | Buffer)[], timeoutMs: number, asBytes: boolean, isProbe: boolean): Promise<T> {
    const { client, Command, clock } = this.#parts;
    const command = new Command(name, args, asBytes ? {} : { replyEncoding: 'utf8' });
    return new Promise<T>((resolve, reject) => {
      const cancel = clock.schedule(
        () => {
          reject(timedOut(timeoutMs));
          if (!isProbe) this.#monitor.onEvent({ type: 'missed' });
        },
        timeoutMs,
        true,
      );
      (command.promise as Promise<T>).then(
        (reply) => {
          cancel();
          this.#successes++;
          resolve(reply);
        },
        (error: unknown) => {
          cancel();
          if (!isProbe) this.#reportFailure(error);
          reject(isError(error) ? error : new Error('Redis failed'));
        },
      );
      client.sendCommand(command);
    });
  }

  #reportFailure(error: unknown): void {
    if (!isReplyError(error)) {
      this.#monitor.onEvent({ type: 'lost' });
      return;
    }
    const failure = refusalIn(error.message);
    if (failure !== undefined) this.#monitor.onEvent({ type: 'refused', failure });
  }

  #reportSilence(reason: string): void {
    this.#monitor.onEvent({ type: 'unreachable', failure: { code: 'UNREACHABLE', reason } });
  }

  readonly #onConnect = (): void => {
    const { isOwned, clock, connectionTimeoutMs } = this.#parts;
    if (!isOwned) return;
    // Connected is not ready: a frozen server's kernel accepts connections that nobody will ever answer.
    this.#cancelWatchdog = clock.schedule(() => {
      this.#reportSilence(`connected, but no answer within ${connectionTimeoutMs} ms`);
      this.dropSocket();
    }, connectionTimeoutMs);
  };

  readonly #onReady = (): void => {
    this.#cancelWatchdog();
    this.#monitor.onEvent({ type: 'ready' });
  };

  readonly #onClose = (): void => {
    this.#cancelWatchdog();
    this.#monitor.onEvent({ type: 'closed' });
  };

  readonly #onError = (error: unknown): void => {
    this.#monitor.onEvent({ type: 'error', failure: failureOf(error) });
  };
}
