/**
 * One connection to one Redis (a server, a primary behind sentinels, a cluster), shared by all services that use it. It gives every
 * command its own deadline, keeps the hybrid clock at the server's time, and has a gate that its monitor opens and closes.
 *
 * 1. {@link RedisConnection.isUsable} is false whenever a call would have to wait for a connection: such calls fail at once
 *    (G6). 2. Everything that says something about the server is reported to the monitor; success only counts. 3. A connection
 *    that was handed in is used, never closed or reconfigured.
 */
import type { Command } from 'ioredis';
import { atMost, Deadline } from '../../base/deadline.js';
import { CacheError } from '../../base/errors.js';
import { HybridClock } from '../../base/hybrid-clock.js';
import type { EndpointHealth } from '../../observe/health.js';
import { noteReply, watchSocket } from './arrivals.js';
import type { ConnectionListener, ConnectionMonitor, MonitoredConnection } from './connection-monitor.js';
import type { ConnectionParts } from './connection-parts.js';
import { EvictionWatch } from './eviction-watch.js';
import { FailoverNews } from './failover-news.js';
import { FirstAttempt } from './first-attempt.js';
import { gatedCommand, patientCommand } from './gated-command.js';
import type { MasterSender } from './master-sender.js';
import { failureOf, isError, isReplyError, timedOut, unavailable } from './redis-errors.js';
import { compareClocks, probeRedis, type ProbeParts } from './redis-probe.js';
import { RefusalWatch } from './refusal-watch.js';
import type { MasterNode, Route } from './redis-transport.js';
import { listenFor } from './transport-events.js';
import { isWriteCommand } from './write-commands.js';

/** See the file's header. */
export class RedisConnection implements MonitoredConnection {
  readonly endpoint: string;
  readonly isOwned: boolean;
  /** Whether it is a cluster: a command may then only name keys of one slot. */
  readonly isCluster: boolean;
  /** What the versions of this process end in. */
  readonly nodeId: string;
  readonly hybridClock: HybridClock;
  /** What Redis may evict. */
  readonly eviction: EvictionWatch;
  /** Whether a command would be sent now. A field, because every read asks. */
  isUsable = false;
  isFull = false;
  /** Commands sent for the services, without probes. */
  sentCommands = 0;
  readonly #parts: ConnectionParts;
  readonly #monitor: ConnectionMonitor;
  readonly #Command: typeof Command;
  readonly #ProbeCommand: typeof Command;
  readonly #probeParts: ProbeParts;
  readonly #news = new FailoverNews();
  readonly #firstAttempt: FirstAttempt;
  #reason = 'not connected yet';
  #isClosed = false;
  #probeTimeoutMs = 0;
  #successes = 0;
  #unusable: CacheError | undefined;
  readonly #refusals = new RefusalWatch((event) => {
    if (event.type === 'refused' && event.failure.code === 'READONLY') this.#news.noteReplica();
    this.#monitor.onEvent(event);
  });
  /** What writes are refused with while Redis takes none. */
  #readOnly: CacheError | undefined;
  /** The masters that did not answer the last probe. */
  readonly #silent = new Set<MasterNode>();

  constructor(parts: ConnectionParts) {
    const { transport, clock, nodeId } = parts;
    this.#parts = parts;
    this.endpoint = parts.endpoint;
    this.isOwned = parts.isOwned;
    this.isCluster = transport.isCluster;
    this.nodeId = nodeId;
    this.hybridClock = new HybridClock(clock, nodeId, () => this.isUsable && void this.probe(false).catch(() => undefined));
    this.#ProbeCommand = parts.isOwned ? parts.Command : patientCommand(parts.Command);
    // A cluster has one database, and sends a command anew to follow a slot.
    const isGated = !parts.isOwned && !transport.isCluster;
    this.#Command = isGated ? gatedCommand(this.#ProbeCommand, () => this.isUsable) : this.#ProbeCommand;
    this.#probeParts = { send: (node, name, args) => this.#ask(node, name, args), clock, hybridClock: this.hybridClock };
    this.#firstAttempt = new FirstAttempt(clock);
    this.eviction = new EvictionWatch(
      (section) => Promise.all(transport.masters().map((node) => this.#ask<string>(node, 'info', [section]))),
      (policy) => parts.onEvictionPolicy?.(policy, this.endpoint),
    );
    this.#monitor = parts.monitor(this);
  }

  /** Starts connecting; resolves when Redis can be used or the first attempt has failed or timed out. Never rejects. */
  async connect(): Promise<void> {
    const { transport, connectionTimeoutMs } = this.#parts;
    const failure = { code: 'UNREACHABLE', reason: `no connection within ${connectionTimeoutMs} ms` } as const;
    transport.open(listenFor(this.#monitor, () => this.#news.noteOther()));
    await this.#firstAttempt.wait(connectionTimeoutMs, () => {
      this.#monitor.onEvent({ type: 'unreachable', failure });
    });
  }

  /** Allows probes as long as the most patient service allows its commands: what is slow for one must not be down for all. */
  allowProbes(timeoutMs: number): void {
    this.#probeTimeoutMs = Math.max(this.#probeTimeoutMs, timeoutMs);
  }

  /** Probes soon, because something else suggests that the server is not the one to use any more. */
  look(): void {
    if (this.isUsable) this.#monitor.onEvent({ type: 'ready' });
  }

  /** The longest deadline of the services' commands. */
  get probeTimeoutMs(): number {
    return this.#probeTimeoutMs;
  }

  /** What this process knows of the endpoint. */
  health(): EndpointHealth {
    const { policy } = this.eviction;
    return policy === undefined ? this.#monitor.health() : { ...this.#monitor.health(), evictionPolicy: policy };
  }

  /** Adds a listener; returns a function that removes it. */
  listen(listener: ConnectionListener): () => void {
    const removes = [this.#news.listen(listener), this.#monitor.listen(listener)];
    return () => {
      for (const remove of removes) remove();
    };
  }

  /** Makes the status `replaying` until the returned function was called, and those of all others. */
  beginReplay(): () => void {
    return this.#monitor.beginReplay();
  }

  /**
   * Sends a command; replies are bytes if `asBytes`, else text and numbers. A refusal rejects as ioredis's own error: see
   * {@link replyCode} and {@link unavailable}.
   *
   * @throws {CacheError} CACHE_L2_UNAVAILABLE at once if Redis can't be used; CACHE_L2_TIMEOUT (it may still be carried out)
   */
  send<T>(name: string, args: (string | Buffer)[], timeoutMs: number, asBytes = false): Promise<T> {
    if (this.#readOnly !== undefined && this.isUsable && isWriteCommand(name)) return Promise.reject(this.#readOnly);
    return this.#sendBy(this.#parts.transport, name, args, timeoutMs, asBytes);
  }

  /** {@link send} even if Redis takes no writes now: for what gives something back, which does no harm late. */
  sendLate<T>(name: string, args: (string | Buffer)[], timeoutMs: number): Promise<T> {
    return this.#sendBy(this.#parts.transport, name, args, timeoutMs, false);
  }

  /** The servers that take writes, for what has to be asked of each: one, or those of the cluster, reachable or not. */
  masters(): readonly MasterSender[] {
    return this.#parts.transport.masters().map((node) => ({
      address: node.address,
      send: (name, args, timeoutMs) => this.#sendBy(node, name, args, timeoutMs, false),
    }));
  }

  /** The error of a call made while Redis can't be used. */
  unusableError(): CacheError {
    // One for the whole outage: a busy process would otherwise collect a stack for every read of it.
    return (this.#unusable ??= unavailable(new Error(`${this.endpoint}: ${this.#reason}`)));
  }

  /** Passes on what the reply of a script, which calls `commands`, says about single writes: a refusal, or that one was written. */
  noteWrite(refusal: string | undefined, commands: readonly string[] = []): void {
    if (refusal === undefined) {
      this.#refusals.writeAccepted();
      return;
    }
    // The script as such was answered, which counted as a success.
    if (this.#successes > 0) this.#successes--;
    this.#refusals.writeRefused(refusal, commands);
  }

  /** Whether {@link noteWrite} should hear of a value that was written, because the last one was refused. */
  get awaitsWrite(): boolean {
    return this.isFull || this.#refusals.awaitsWrite;
  }

  openGate(): void {
    if (this.#isClosed) return;
    if (!this.isUsable) this.eviction.forget();
    this.isUsable = true;
    this.#firstAttempt.end();
    void this.eviction.known();
    // After the listeners that hear of the open gate itself.
    queueMicrotask(this.#tellFailover);
  }

  closeGate(reason: string): void {
    this.isUsable = false;
    if (reason !== this.#reason) this.#unusable = undefined;
    this.#reason = reason;
    this.#firstAttempt.end();
  }

  /** Whether a write would be sent now. */
  get takesWrites(): boolean {
    return this.isUsable && this.#readOnly === undefined;
  }

  stopWrites(reason: string | undefined): void {
    this.#readOnly = reason === undefined ? undefined : unavailable(new Error(`${this.endpoint} takes no writes: ${reason}`));
  }

  async probe(mustWrite: boolean): Promise<void> {
    const { transport, clock } = this.#parts;
    this.#silent.clear();
    const locating = transport.locate();
    if (locating !== undefined) await atMost(clock, this.#probeTimeoutMs, locating);
    try {
      await probeRedis(this.#probeParts, transport.masters(), { mustWrite, isCluster: this.isCluster });
    } catch (error) {
      if (failureOf(error).code === 'READONLY') this.#news.noteReplica();
      throw error;
    }
    this.#news.notePrimary();
    this.#tellFailover();
    // The policy can be changed at any time.
    if (this.isUsable) void this.eviction.refresh();
  }

  /** Compares the clocks out of turn: something says that the server's was set. Never rejects. */
  async compareClocks(): Promise<void> {
    if (this.isUsable) await compareClocks(this.#probeParts, this.#parts.transport.masters()).catch(() => undefined);
  }

  dropSocket(): void {
    this.#parts.transport.drop(this.#silent);
  }

  takeSuccesses(): number {
    const taken = this.#successes;
    this.#successes = 0;
    return taken;
  }

  /** Closes it, unless it was handed in. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#monitor.close();
    this.#news.close();
    this.closeGate('closed');
    this.#parts.transport.close();
  }

  /** Sends a command of a service: not before Redis can be used. */
  #sendBy<T>(route: Route, name: string, args: (string | Buffer)[], timeoutMs: number, asBytes: boolean): Promise<T> {
    if (!this.isUsable) return Promise.reject(this.unusableError());
    this.sentCommands++;
    return this.#dispatch(route, name, args, timeoutMs, asBytes, false);
  }

  #ask<T>(node: MasterNode, name: string, args: string[]): Promise<T> {
    return this.#dispatch<T>(node, name, args, this.#probeTimeoutMs, false, true).catch((error: unknown) => {
      if (CacheError.is(error, 'CACHE_L2_TIMEOUT')) this.#silent.add(node);
      throw error;
    });
  }

  #dispatch<T>(
    route: Route,
    name: string,
    args: (string | Buffer)[],
    timeoutMs: number,
    asBytes: boolean,
    isProbe: boolean,
  ): Promise<T> {
    this.hybridClock.noticeJump();
    const CommandOf = isProbe ? this.#ProbeCommand : this.#Command;
    const command = new CommandOf(name, args, asBytes ? {} : { replyEncoding: 'utf8' });
    return new Promise<T>((resolve, reject) => {
      const onTime = (): void => {
        reject(timedOut(timeoutMs));
        if (!isProbe) this.#monitor.onEvent({ type: 'missed', isWrite: isWriteCommand(name) });
      };
      const watch = (): (() => boolean) => watchSocket(route.socketFor(command));
      const deadline = new Deadline(this.#parts.clock, timeoutMs, onTime, { isAwaited: true, watch });
      (command.promise as Promise<T>).then(
        (reply) => {
          deadline.cancel();
          noteReply(route.socketFor(command));
          this.#successes++;
          if (this.#refusals.isAlert) this.#refusals.answered(name, args[0]);
          resolve(reply);
        },
        (error: unknown) => {
          deadline.cancel();
          if (isReplyError(error)) noteReply(route.socketFor(command));
          if (!isProbe) this.#refusals.failed(error, name, args[0]);
          reject(isError(error) ? error : new Error('Redis failed'));
        },
      );
      route.send(command);
    });
  }

  readonly #tellFailover = (): void => {
    if (this.isUsable) this.#news.tell();
  };
}
