/**
 * One connection to one Redis, shared by all services that use it. It knows whether Redis can be used right now, gives
 * every command its own deadline, and keeps the hybrid clock anchored to the server's time.
 *
 * 1. {@link RedisConnection.isUsable} is false whenever a call would have to wait for a connection: such calls fail at once
 *    (G6). 2. A server that accepts and never answers is as good as gone: a missed deadline causes one probe, and a missed
 *    probe ends the use of the connection until the server answers again. 3. A connection that was handed in is used,
 *    never closed or reconfigured.
 */
import type { Command as CommandClass, Redis } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import { CacheError } from '../../base/errors.js';
import { HybridClock } from '../../base/hybrid-clock.js';
import type { EndpointHealth } from '../../observe/health.js';
import { describeFailure, isError, timedOut, unavailable } from './redis-errors.js';

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
  readonly healthCheckIntervalMs: number;
}

/** Told of every change between usable and not. */
export interface ConnectionListener {
  onDegrade(reason: string): void;
  onRecover(downMs: number): void;
}

/** The pause between probes of a handed-in connection that does not answer: nobody else would notice its return. */
const RETRY_PROBE_MS = 1000;
/** Round trips in one comparison of clocks at most, and the one that needs no further ones. */
const MAX_CLOCK_ROUNDS = 4;
const PRECISE_ROUND_TRIP_MS = 0.5;

/** See the file's header. */
export class RedisConnection {
  readonly endpoint: string;
  readonly hybridClock: HybridClock;
  /** Whether a command would be sent now. A field, because every read asks. */
  isUsable = false;
  readonly #parts: ConnectionParts;
  readonly #listeners = new Set<ConnectionListener>();
  readonly #firstAttempt: Promise<void>;
  #endFirstAttempt: () => void = () => undefined;
  #state: 'connecting' | 'up' | 'down' = 'connecting';
  #reason = 'not connected yet';
  #sinceMs: number;
  #isClosed = false;
  #isProbing = false;
  #probeTimeoutMs = 0;
  #unusable: CacheError | undefined;
  #cancelCheck: () => void = () => undefined;
  #cancelWatchdog: () => void = () => undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.endpoint = parts.endpoint;
    this.hybridClock = new HybridClock(parts.clock, parts.nodeId);
    this.#sinceMs = parts.clock.nowMs();
    this.#firstAttempt = new Promise((resolve) => {
      this.#endFirstAttempt = resolve;
    });
    parts.client.on('connect', this.#onConnect);
    parts.client.on('ready', this.#onReady);
    parts.client.on('close', this.#onClose);
    parts.client.on('error', this.#onError);
  }

  /** Starts connecting; resolves when Redis can be used or the first attempt has failed or timed out. Never rejects. */
  async connect(): Promise<void> {
    const { client, clock, connectionTimeoutMs } = this.#parts;
    const cancel = clock.schedule(
      () => {
        this.#degrade(`no connection within ${connectionTimeoutMs} ms`);
        this.#endFirstAttempt();
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
    const base = { endpoint: this.endpoint, sinceMs: this.#sinceMs };
    return this.isUsable ? { ...base, status: 'healthy' } : { ...base, status: 'degraded', reason: this.#reason };
  }

  /** Adds a listener for changes; returns a function that removes it. */
  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
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
    return this.#dispatch<T>(name, args, timeoutMs, asBytes);
  }

  /** The error of a call made while Redis can't be used. */
  unusableError(): CacheError {
    // One for the whole outage: a busy process would otherwise collect a stack for every read of it.
    this.#unusable ??= unavailable(new Error(`${this.endpoint}: ${this.#reason}`));
    return this.#unusable;
  }

  /** Lets go of the connection; an owned one is closed. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.isUsable = false;
    this.#setReason('closed');
    this.#cancelCheck();
    this.#cancelWatchdog();
    this.#endFirstAttempt();
    this.#listeners.clear();
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

  #dispatch<T>(name: string, args: (string | Buffer)[], timeoutMs: number, asBytes: boolean): Promise<T> {
    const { client, Command, clock } = this.#parts;
    const command = new Command(name, args, asBytes ? {} : { replyEncoding: 'utf8' });
    return new Promise<T>((resolve, reject) => {
      const cancel = clock.schedule(
        () => {
          reject(timedOut(timeoutMs));
          this.#suspect();
        },
        timeoutMs,
        true,
      );
      (command.promise as Promise<T>).then(
        (reply) => {
          cancel();
          resolve(reply);
        },
        (error: unknown) => {
          cancel();
          reject(isError(error) ? error : new Error('Redis failed'));
        },
      );
      client.sendCommand(command);
    });
  }

  /**
   * Compares clocks, which is also how an answer is asked for. A slow round trip says little about the time, and the first
   * ones of a process are slow: a few more are made then, because what is older is decided by that comparison (G4).
   */
  async #probe(): Promise<void> {
    const { clock } = this.#parts;
    for (let round = 1; ; round++) {
      const sentMs = clock.nowMs();
      const [seconds, micros] = await this.#dispatch<[string, string]>('time', [], this.#probeTimeoutMs, false);
      const receivedMs = clock.nowMs();
      this.hybridClock.anchor(Number(seconds) * 1000 + Number(micros) / 1000, sentMs, receivedMs);
      if (receivedMs - sentMs <= PRECISE_ROUND_TRIP_MS || round === MAX_CLOCK_ROUNDS) return;
    }
  }

  readonly #onConnect = (): void => {
    const { isOwned, clock, connectionTimeoutMs } = this.#parts;
    if (!isOwned) return;
    // Connected is not ready: a frozen server's kernel accepts connections that nobody will ever answer.
    this.#cancelWatchdog = clock.schedule(() => {
      this.#degrade(`connected, but no answer within ${connectionTimeoutMs} ms`);
      this.#dropSocket();
    }, connectionTimeoutMs);
  };

  readonly #onReady = (): void => {
    this.#cancelWatchdog();
    this.#check();
  };

  readonly #onClose = (): void => {
    this.#cancelWatchdog();
    this.#degrade(this.isUsable ? 'connection lost' : this.#reason);
    this.#endFirstAttempt();
  };

  readonly #onError = (error: unknown): void => {
    if (!this.isUsable) this.#setReason(describeFailure(error));
  };

  /** A deadline was missed: ask once whether anybody is there. */
  #suspect(): void {
    if (this.isUsable && !this.#isProbing) this.#check();
  }

  /** Probes now, draws the conclusion, and plans the next probe. */
  #check(): void {
    if (this.#isProbing || this.#isClosed) return;
    this.#isProbing = true;
    this.#cancelCheck();
    this.#probe().then(
      () => {
        this.#isProbing = false;
        this.#recover();
        this.#planCheck(this.#parts.healthCheckIntervalMs);
      },
      (error: unknown) => {
        this.#isProbing = false;
        this.#degrade(describeFailure(error));
        this.#endFirstAttempt();
        this.#planCheck(RETRY_PROBE_MS);
        // A refusal is an answer: only a silent server's socket is given up.
        if (CacheError.is(error, 'CACHE_L2_TIMEOUT') && this.#parts.isOwned) this.#dropSocket();
      },
    );
  }

  #planCheck(delayMs: number): void {
    if (this.#isClosed) return;
    this.#cancelCheck = this.#parts.clock.schedule(() => {
      if (this.#parts.client.status === 'ready') this.#check();
    }, delayMs);
  }

  /** Ends the socket at once, without the polite half-close a frozen server would never answer; ioredis then reconnects. */
  #dropSocket(): void {
    (this.#parts.client as unknown as { stream?: { destroy(): void } }).stream?.destroy();
  }

  #recover(): void {
    if (this.isUsable || this.#isClosed) return;
    const downMs = this.#parts.clock.nowMs() - this.#sinceMs;
    const isFirst = this.#state === 'connecting';
    this.#state = 'up';
    this.isUsable = true;
    this.#sinceMs = this.#parts.clock.nowMs();
    this.#endFirstAttempt();
    if (!isFirst) for (const listener of this.#listeners) listener.onRecover(downMs);
  }

  #setReason(reason: string): void {
    if (reason !== this.#reason) this.#unusable = undefined;
    this.#reason = reason;
  }

  #degrade(reason: string): void {
    this.#setReason(reason);
    if (this.#state === 'down' || this.#isClosed) return;
    this.#state = 'down';
    this.isUsable = false;
    this.#sinceMs = this.#parts.clock.nowMs();
    for (const listener of this.#listeners) listener.onDegrade(reason);
  }
}
