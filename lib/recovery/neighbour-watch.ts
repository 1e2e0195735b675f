/**
 * Sees at once when another process that shares `wal.dir` is gone, at no cost while nothing happens: a connection to the sockets
 * of a few of them, which ends with the process. Both ends see it, and whoever does looks at all folders; so a death is seen
 * as long as one of those that are connected to the dead one lives. The regular look is for the rest.
 */
import type { Clock } from '../base/clock.js';
import { watchSocket } from './alive-socket.js';

/** Processes that one is connected to by itself, at most. */
const MAX_WATCHED = 3;
/** A connection that ended sooner was never one: nobody listens, or too many are connected already. */
const MIN_LIFE_MS = 1000;

/** See the file's header. */
export class NeighbourWatch {
  readonly #clock: Clock;
  readonly #self: string;
  readonly #onGone: () => void;
  /** What ends a connection, by the folder of the process. */
  readonly #watched = new Map<string, () => void>();
  readonly #refused = new Set<string>();
  #isClosed = false;

  /**
   * @param self the folder of this process
   * @param onGone a process that was watched is gone, or closes
   */
  constructor(clock: Clock, self: string, onGone: () => void) {
    this.#clock = clock;
    this.#self = self;
    this.#onGone = onGone;
  }

  /** How many are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /**
   * Watches a few of the processes with these folders, sorted: those that come next, so that all are watched evenly.
   *
   * @param isFresh whether those that could not be watched are tried again
   */
  follow(folders: readonly string[], isFresh: boolean): void {
    if (isFresh) this.#refused.clear();
    const later = folders.filter((folder) => folder > this.#self);
    const earlier = folders.filter((folder) => folder < this.#self);
    for (const folder of [...later, ...earlier]) {
      if (this.#isClosed || this.#watched.size >= MAX_WATCHED) return;
      if (!this.#watched.has(folder) && !this.#refused.has(folder)) this.#watch(folder);
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#isClosed = true;
    for (const end of this.#watched.values()) end();
    this.#watched.clear();
  }

  #watch(folder: string): void {
    const startedMs = this.#clock.nowMs();
    const end = watchSocket(folder, () => {
      this.#watched.delete(folder);
      if (this.#clock.nowMs() - startedMs < MIN_LIFE_MS) this.#refused.add(folder);
      this.#onGone();
    });
    this.#watched.set(folder, end);
  }
}
