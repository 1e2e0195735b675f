/**
 * What the faulty tier puts in the place of one ioredis client. It is that client but for three things: commands meet the
 * faults in force before they reach it, its events pass only while the connection is not said to be lost, and its duplicates
 * are as faulty as itself. The client is never changed, and listeners are on it only while somebody listens here.
 */
import { EventEmitter } from 'node:events';
import type { Command, Redis } from 'ioredis';
import type { Clock } from '../base/clock.js';
import type { CommandFaults } from './command-faults.js';
import { DelayLine } from './delay-line.js';

/** What ioredis writes the commands of a pipeline to, and counts them by. */
type CommandStream = Parameters<Redis['sendCommand']>[1];

/** What a faulty connection is made of. */
export interface FaultyConnectionParts {
  readonly client: Redis;
  readonly faults: CommandFaults;
  readonly clock: Clock;
  /** Told of every command that is handed in. */
  readonly onCommand: (name: string) => void;
  /** Makes the faulty connection of a duplicate. */
  readonly wrap: (duplicate: Redis) => Redis;
}

/** Events of the connection itself; the others carry what Redis publishes. */
const CONNECTION_EVENTS = new Set<string | symbol>([
  'wait',
  'connecting',
  'connect',
  'ready',
  'close',
  'reconnecting',
  'error',
  'end',
  'select',
]);

/** How many commands may have been taken before those that are settled are forgotten. */
const SWEEP_AT = 1024;

/** The words of ioredis. */
const LOST = 'Connection is closed.';
const ALREADY_CONNECTING = 'Redis is already connecting/connected';

/** See the file's header. */
export class FaultyConnection {
  /** The stand-in for the client. */
  readonly redis: Redis;
  readonly #parts: FaultyConnectionParts;
  readonly #events = new EventEmitter();
  readonly #forwarders = new Map<string | symbol, (...args: unknown[]) => void>();
  readonly #line: DelayLine;
  /** Those taken; some have been settled since. */
  #taken = new Set<Command>();
  #sweepAt = SWEEP_AT;
  #isLost = false;

  constructor(parts: FaultyConnectionParts) {
    this.#parts = parts;
    this.#line = new DelayLine(parts.clock);
    this.redis = this.#standIn();
  }

  /** How many commands have been taken and not been settled. */
  get unanswered(): number {
    this.#sweep();
    return this.#taken.size;
  }

  /** Carries out at once what is still delayed. */
  flush(): void {
    this.#line.flush();
  }

  /** The connection is lost: whoever waits for an answer is told, then whoever listens. */
  lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#line.clear();
    for (const command of this.#taken) command.reject(new Error(LOST));
    this.#taken.clear();
    this.#emit('close');
    this.#emit('reconnecting', 0);
  }

  /** The connection is there again, as far as the client itself is connected. */
  restore(): void {
    if (!this.#isLost) return;
    this.#isLost = false;
    const { status } = this.#parts.client;
    if (status === 'connect' || status === 'ready') this.#emit('connect');
    if (status === 'ready') this.#emit('ready');
  }

  #standIn(): Redis {
    const { client, wrap } = this.#parts;
    const own: Partial<Record<string | symbol, unknown>> = {
      sendCommand: (command: Command, stream?: CommandStream) => this.#send(command, stream),
      connect: () => (this.#isLost ? Promise.reject(new Error(ALREADY_CONNECTING)) : client.connect()),
      disconnect: (reconnect?: boolean) => {
        this.#isLost = false;
        client.disconnect(reconnect);
      },
      duplicate: (...args: Parameters<Redis['duplicate']>) => wrap(client.duplicate(...args)),
    };
    // A client is an EventEmitter: these methods are about the stand-in's listeners, not about the client's.
    const emitter = this.#events as unknown as Record<string | symbol, unknown>;
    for (const name of Reflect.ownKeys(EventEmitter.prototype)) {
      const method = emitter[name];
      if (name === 'constructor' || typeof method !== 'function') continue;
      own[name] = (...args: unknown[]): unknown => {
        const result: unknown = method.apply(this.#events, args);
        this.#forwardWhatIsHeard();
        return result === this.#events ? standIn : result;
      };
    }
    const standIn = new Proxy(client, {
      get: (target, property, receiver): unknown => {
        if (property === 'status') return this.#isLost ? 'reconnecting' : target.status;
        return own[property] ?? Reflect.get(target, property, receiver);
      },
    });
    return standIn;
  }

  #send(command: Command, stream: CommandStream): Promise<unknown> {
    const promise = command.promise as Promise<unknown>;
    this.#parts.onCommand(command.name.toLowerCase());
    if (this.#isLost) {
      command.reject(new Error(LOST));
      return promise;
    }
    if (this.#taken.size >= this.#sweepAt) this.#sweep();
    this.#taken.add(command);
    this.#line.add(() => {
      this.#arrive(command, stream);
    }, this.#parts.faults.delayMs);
    return promise;
  }

  #arrive(command: Command, stream: CommandStream): void {
    const { client, faults } = this.#parts;
    let fate;
    try {
      fate = faults.decide(command.name.toLowerCase(), command.args as (string | Buffer)[]);
    } catch (error) {
      fate = error as Error;
    }
    if (fate === 'pass') {
      client.sendCommand(command, stream);
      return;
    }
    if (fate === 'lose-answer') client.sendCommand(twinOf(command), stream);
    // A pipeline is written when all of its commands have been; this one is as long as nothing.
    else stream?.write('');
    if (fate instanceof Error) command.reject(fate);
    else if (typeof fate === 'object') command.reject(replyError(fate.refusal, command));
    else {
      // As ioredis does with a command that waits for an answer.
      const { commandTimeout } = client.options;
      if (commandTimeout !== undefined) command.setTimeout(commandTimeout);
    }
  }

  /** Forgets what has been settled. A look now and then: a handler on the promise would pass for somebody who caught its error. */
  #sweep(): void {
    this.#taken = new Set([...this.#taken].filter((command) => !command.isSettled));
    this.#sweepAt = Math.max(SWEEP_AT, this.#taken.size * 2);
  }

  #emit(event: string | symbol, ...args: unknown[]): void {
    this.#events.emit(event, ...args);
    this.#forwardWhatIsHeard();
  }

  /** Listens to the client for exactly those events that somebody listens for here. */
  #forwardWhatIsHeard(): void {
    const { client } = this.#parts;
    for (const event of this.#events.eventNames()) {
      if (this.#forwarders.has(event)) continue;
      const forwarder = (...args: unknown[]): void => {
        if (this.#isHeard(event)) this.#emit(event, ...args);
      };
      this.#forwarders.set(event, forwarder);
      client.on(event as 'error', forwarder);
    }
    for (const [event, forwarder] of this.#forwarders) {
      if (this.#events.listenerCount(event) > 0) continue;
      this.#forwarders.delete(event);
      client.off(event, forwarder);
    }
  }

  #isHeard(event: string | symbol): boolean {
    // That a client has been closed for good is no matter of a fault.
    if (this.#isLost) return event === 'end';
    return CONNECTION_EVENTS.has(event) || !this.#parts.faults.isSilent;
  }
}

/** The same command once more, so that its answer reaches nobody. */
function twinOf(command: Command): Command {
  const CommandClass = command.constructor as typeof Command;
  const twin = new CommandClass(command.name, [...command.args]);
  (twin.promise as Promise<unknown>).catch(() => undefined);
  return twin;
}

/** What ioredis makes of an error reply: named, and with the command it answers. */
function replyError(text: string, { name, args }: Command): Error {
  const error = new Error(text);
  error.name = 'ReplyError';
  return Object.assign(error, { command: { name, args } });
}
