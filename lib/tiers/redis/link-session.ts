/**
 * What is said over one connection until something fails. When it is over, whatever was waited for rejects, so its user needs no
 * other way to notice.
 */
import type { Cluster, Command as CommandClass, Redis } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import { Deadline } from '../../base/deadline.js';
import { noteReply, socketOf, watchSocket } from './arrivals.js';
import { isError } from './redis-errors.js';

/** See the file's header. */
export class LinkSession {
  readonly #node: Redis | Cluster;
  readonly #Command: typeof CommandClass;
  readonly #clock: Clock;
  readonly #waiting = new Set<(error: Error) => void>();
  #error: Error | undefined;
  #wasSilent = false;

  constructor(node: Redis | Cluster, Command: typeof CommandClass, clock: Clock) {
    this.#node = node;
    this.#Command = Command;
    this.#clock = clock;
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.#error !== undefined;
  }

  /** @throws why it has ended, if it has */
  requireOpen(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** Whether it ended because Redis did not answer. */
  get wasSilent(): boolean {
    return this.#wasSilent;
  }

  /**
   * Sends a command; replies are text and numbers. Commands sent in the same tick are answered in order.
   *
   * @throws what Redis refused it with, or why the session is over; a deadline that passes ends the session
   */
  send<T>(name: string, args: readonly string[], deadlineMs: number): Promise<T> {
    const command = new this.#Command(name, [...args], { replyEncoding: 'utf8' });
    return this.#wait<T>((resolve, reject) => {
      (command.promise as Promise<T>).then((reply) => {
        noteReply(socketOf(this.#node));
        resolve(reply);
      }, reject);
      this.#node.sendCommand(command);
      const onTime = (): void => {
        this.#wasSilent = true;
        this.end(new Error(`Redis did not answer within ${deadlineMs} ms`));
      };
      const watch = (): (() => boolean) => watchSocket(socketOf(this.#node));
      const deadline = new Deadline(this.#clock, deadlineMs, onTime, { watch });
      return () => {
        deadline.cancel();
      };
    });
  }

  /** Resolves after `ms`. @throws why the session is over */
  pause(ms: number): Promise<void> {
    return this.#wait<undefined>((resolve) => {
      const wake = (): void => {
        resolve(undefined);
      };
      return this.#clock.schedule(wake, ms);
    });
  }

  /** Ends it; doing so again changes nothing. */
  end(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = isError(error) ? error : new Error('Redis failed');
    for (const reject of [...this.#waiting]) reject(this.#error);
  }

  /** A promise that rejects with the end of the session; `begin` starts what it is for and returns what cancels that. */
  #wait<T>(begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void): Promise<T> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise<T>((resolve, reject) => {
      let cancel = (): void => undefined;
      const settle = (act: () => void): void => {
        cancel();
        this.#waiting.delete(fail);
        act();
      };
      const fail = (error: unknown): void => {
        settle(() => {
          reject(isError(error) ? error : new Error('Redis failed'));
        });
      };
      this.#waiting.add(fail);
      cancel = begin((value) => {
        settle(() => {
          resolve(value);
        });
      }, fail);
    });
  }
}
