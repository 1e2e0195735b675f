/**
 * One load in flight (G3). Every caller who asks for the key meanwhile waits for the same flight, each with its own patience;
 * when the last one has given up, the load is told to stop and the key is free for a new one. A flight is a ticket of the
 * fence: a write that happens during the load makes its result unwanted (G4).
 */
import { FenceTicket } from '../sync/write-fence.js';

const NO_TAGS: readonly string[] = [];

/** Where a flight's value came from. */
export type LoadSource = 'l1' | 'l2' | 'load';

/** What a flight ended with. */
export interface LoadEnd {
  readonly source: LoadSource;
  /** Whether the value is past its TTL: handed out because another process is loading a new one. */
  readonly isStale?: boolean;
  /** `undefined`: the source has nothing. */
  readonly value: unknown;
}

/** See the file's header. */
export class Flight extends FenceTicket {
  /** Rejects with the loader's own error. */
  readonly end: Promise<LoadEnd>;
  /** Resolves when the key is free for the next load. Never rejects. */
  readonly left: Promise<void>;
  /** What the load waits for before it begins; `undefined`: nothing. */
  readonly turn: Promise<void> | undefined;
  /** Loads whatever is cached. */
  readonly isForced: boolean;
  /** A reload ahead of time (`refresh_ahead`), which nobody asked to wait for. */
  isBackground = false;
  /** Whether the loader has been called. */
  hasStarted = false;
  /** What is loaded will be tagged with these. */
  readonly loadTags: readonly string[] | undefined;
  /** Whether what is loaded is stored: not where closing had begun before. */
  isKept = true;
  /** Whether the flight has ended or been given up. */
  isOver = false;
  /** Whether L2 was asked and could not answer. */
  hasWaitedInVain = false;
  /** Whether what was found in L2 is in the last `refresh_ahead` share of its life. */
  isDue = false;
  /** Whether another process has the right to load the key, for which this flight waits. */
  isHeldElsewhere = false;
  /** Whether a reload ahead of time ended because another process is doing it. */
  isLeftToOthers = false;
  /** Callers still waiting. */
  waiters = 0;
  /** A value past its TTL that may be handed out if the load fails; `undefined`: none. */
  stale: unknown;
  /** The tier that held {@link stale}. */
  staleTier: 'l1' | 'l2' = 'l1';
  #borrowers: ((end: LoadEnd) => void)[] = [];
  #controller: AbortController | undefined;
  #resolve: (end: LoadEnd) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #leave: () => void = () => undefined;

  /** @param turn resolves when the load before this one has left; absent: there is none */
  constructor(key: string, isForced: boolean, turn?: Promise<void>, loadTags?: readonly string[]) {
    super(key);
    this.isForced = isForced;
    this.loadTags = loadTags;
    this.turn = turn;
    this.end = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Callers who gave up do not listen any more: their load may fail unheard.
    this.end.catch(() => undefined);
    this.left = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  /** Aborted when nobody waits any more. Made when first asked for: most loaders do not. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** The loader is about to be called: what the flight brings is from now on, and with which tags is known. */
  start(): void {
    this.hasStarted = true;
    this.tags = this.loadTags ?? NO_TAGS;
    if (!this.isOvertakenByTag) return;
    // Tags were invalidated while the cache was being asked; what is loaded is newer, only what was found is not.
    this.isOvertaken = false;
    this.isOvertakenByTag = false;
    this.stale = undefined;
  }

  /** A flight that waits for another process has not begun: what overtook it so far does not concern what it will bring. */
  renew(): void {
    this.isOvertaken = false;
    this.isOvertakenByTag = false;
  }

  /** Hands the stale value to a caller as soon as this flight waits for another process and has one. */
  whenLent(take: (end: LoadEnd) => void): void {
    this.#borrowers.push(take);
    if (this.isHeldElsewhere) this.lend();
  }

  /** Hands the stale value, if there is one that may be served, to those who would take it. */
  lend(): void {
    if (this.stale === undefined || this.isOvertaken) return;
    for (const take of this.#borrowers.splice(0)) take({ source: this.staleTier, value: this.stale, isStale: true });
  }

  /** Ends the flight with a value. */
  land(end: LoadEnd): void {
    this.isOver = true;
    this.#resolve(end);
    this.#leave();
  }

  /** Ends the flight with the loader's error. */
  fail(error: unknown): void {
    this.isOver = true;
    this.#reject(error);
    this.#leave();
  }

  /** Gives the flight up: its result is unwanted from now on. */
  abandon(reason: unknown): void {
    this.isOver = true;
    this.isOvertaken = true;
    this.isOvertakenByTag = false;
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
    this.#reject(reason);
    // The load before this one may still be under way: whoever comes next waits for it too (G3).
    if (this.turn === undefined) this.#leave();
    else void this.turn.then(this.#leave);
    this.onOvertaken?.();
  }
}
