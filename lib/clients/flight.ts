/**
 * One load in flight (G3). Every caller who asks for the key meanwhile waits for the same flight, each with its own patience.
 * When the last one has given up, the load is told to stop, the key is free for a new one, and whatever the flight held on to is
 * let go of, also if its loader never settles. A flight is a ticket of the fence: a write that happens during the load makes its
 * result unwanted (G4).
 */
import { FenceTicket, type WriteFence } from '../sync/write-fence.js';
import type { LookNotes } from './look-notes.js';
import type { Awaited, LoadScope } from './load-scope.js';

const NO_TAGS: readonly string[] = [];

/** Where a flight's value came from. */
export type LoadSource = 'l1' | 'l2' | 'load';

/** What a flight ended with. */
export interface LoadEnd {
  readonly source: LoadSource;
  /** Whether the value is past its TTL: handed out in place of one that is still being loaded. */
  readonly isStale?: boolean;
  /** `undefined`: the source has nothing. */
  readonly value: unknown;
}

/** A caller who waits for a flight. */
export interface FlightWaiter {
  landed(end: LoadEnd): void;
  failed(error: unknown): void;
  /** The flight may have a value past its TTL for a caller who would take one. */
  offered(): void;
}

/** Where flights are kept until they are over. */
export interface FlightHome {
  leave(flight: Flight): void;
}

/** See the file's header. */
export class Flight extends FenceTicket implements LookNotes, Awaited {
  /** Rejects with the loader's own error. */
  readonly end: Promise<LoadEnd>;
  /** Loads whatever is cached. */
  readonly isForced: boolean;
  /** When it was opened, in milliseconds on this process's clock. */
  readonly openedMs: number;
  /** What is loaded will be tagged with these. */
  readonly loadTags: readonly string[] | undefined;
  /** The load of the same key for which this one waits before it begins; `undefined`: none. */
  behind: Flight | undefined;
  /** The call of the loader, once it has been made. */
  scope: LoadScope | undefined;
  /** A reload ahead of time (`refresh_ahead`), which nobody asked to wait for. */
  isBackground = false;
  /** Whether the loader has been called. */
  hasStarted = false;
  /** Whether what is loaded is stored: not where closing had begun before. */
  isKept = true;
  /** Whether the flight has ended or been given up. */
  isOver = false;
  hasWaitedInVain = false;
  isDue = false;
  /** Whether another process has the right to load the key, for which this flight waits. */
  isHeldElsewhere = false;
  /** Whether a reload ahead of time ended because another process is doing it. */
  isLeftToOthers = false;
  /** Whether it has taken longer than its callers would wait, and goes on because they had a value past its TTL. */
  isLate = false;
  /** Until when it goes on though nobody waits; 0: it does not. */
  keptUntilMs = 0;
  /** The longest that any of its callers would wait, in milliseconds; Infinity: for ever. */
  limitMs = 0;
  /** Callers still waiting. */
  waiters = 0;
  stale: unknown;
  staleTier: 'l1' | 'l2' = 'l1';
  staleEndMs = Infinity;
  /** Where the flight is a ticket, once it has begun. */
  fence: WriteFence | undefined;
  /** Where it is found until it is over. */
  home: FlightHome | undefined;
  #waiting: Set<FlightWaiter> | undefined;
  #onLeft: Set<() => void> | undefined;
  #isGivenUp = false;
  #giveUpReason: unknown;
  #controller: AbortController | undefined;
  #resolve: (end: LoadEnd) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  /** @param behind the load of the key that is under way; absent: there is none */
  constructor(key: string, isForced: boolean, behind?: Flight, loadTags?: readonly string[], openedMs = 0) {
    super(key);
    this.isForced = isForced;
    this.loadTags = loadTags;
    this.behind = behind;
    this.openedMs = openedMs;
    this.end = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Callers who gave up do not listen any more: their load may fail unheard.
    this.end.catch(() => undefined);
  }

  /** Aborted when nobody waits any more. Made when first asked for: most loaders do not. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isGivenUp && !this.#controller.signal.aborted) this.#controller.abort(this.#giveUpReason);
    return this.#controller.signal;
  }

  /** Resolves when the flight is over. Never rejects. */
  get left(): Promise<void> {
    return new Promise((resolve) => {
      this.whenLeft(resolve);
    });
  }

  /** Calls back when the flight is over; returns a function that takes that back. */
  whenLeft(callback: () => void): () => void {
    if (this.isOver) callback();
    else (this.#onLeft ??= new Set()).add(callback);
    return () => {
      this.#onLeft?.delete(callback);
    };
  }

  /** Resolves when no load of the key is before this one any more, or this one is over. */
  async awaitTurn(): Promise<void> {
    while (this.behind !== undefined && !this.isOver) {
      const before = this.behind;
      if (!before.isOver) await this.#untilEither(before);
      // One that was given up before its turn leaves the one before it.
      if (before.isOver) this.behind = before.behind;
    }
  }

  /** The loader is about to be called: what the flight brings is from now on, and with which tags is known. */
  start(): void {
    this.hasStarted = true;
    this.tags = this.loadTags ?? NO_TAGS;
    if (!this.isOvertakenByTag) return;
    // Tags were invalidated while the cache was being asked; what is loaded is newer, only what was found is not.
    this.renew();
  }

  /** What overtook a flight that has not begun to load does not concern what it will bring, only what it has found. */
  renew(): void {
    this.isOvertaken = false;
    this.isOvertakenByTag = false;
    this.stale = undefined;
  }

  /** The value past its TTL as the end of a caller's wait, as long as it may be served; else `undefined`. */
  staleEnd(nowMs: number): LoadEnd | undefined {
    if (this.stale === undefined || nowMs >= this.staleEndMs || (this.isOvertaken && !this.#isGivenUp)) return undefined;
    return { source: this.staleTier, value: this.stale, isStale: true };
  }

  /** Adds a caller, who leaves unless the flight ends first. */
  join(waiter: FlightWaiter): void {
    this.waiters++;
    (this.#waiting ??= new Set()).add(waiter);
  }

  /** A caller goes; the last one takes the flight down, unless it is kept. */
  leave(waiter: FlightWaiter, reason: unknown): void {
    if (this.#waiting?.delete(waiter) !== true) return;
    if (--this.waiters === 0 && this.keptUntilMs === 0) this.abandon(reason);
  }

  /** Offers the value past its TTL to those who would take one. */
  lend(): void {
    if (this.#waiting === undefined || this.stale === undefined || this.isOvertaken) return;
    for (const waiter of [...this.#waiting]) waiter.offered();
  }

  /** Ends the flight with a value. */
  land(end: LoadEnd): void {
    if (this.isOver) return;
    this.#leave();
    this.#resolve(end);
    for (const waiter of this.#dismiss()) waiter.landed(end);
  }

  /** Ends the flight with the loader's error. */
  fail(error: unknown): void {
    if (this.isOver) return;
    this.#leave();
    this.#reject(error);
    for (const waiter of this.#dismiss()) waiter.failed(error);
  }

  /** Gives the flight up: its result is unwanted from now on. */
  abandon(reason: unknown): void {
    if (this.isOver) return;
    // What a write has overtaken is not served in place of the load either.
    if (this.isOvertaken) this.stale = undefined;
    this.#isGivenUp = true;
    this.#giveUpReason = reason;
    this.isOvertaken = true;
    this.isOvertakenByTag = false;
    this.#controller?.abort(reason);
    this.fail(reason);
    this.onOvertaken?.();
  }

  /** Resolves when `before` or this flight is over; neither keeps anything of the other then. */
  #untilEither(before: Flight): Promise<void> {
    return new Promise((resolve) => {
      const stops: (() => void)[] = [];
      const done = (): void => {
        for (const stop of stops) stop();
        resolve();
      };
      stops.push(before.whenLeft(done), this.whenLeft(done));
    });
  }

  #leave(): void {
    this.isOver = true;
    this.fence?.close(this);
    this.home?.leave(this);
    this.scope?.flightOver(this.#giveUpReason);
    const listeners = this.#onLeft;
    this.#onLeft = undefined;
    if (listeners !== undefined) for (const listener of listeners) listener();
  }

  #dismiss(): Iterable<FlightWaiter> {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    return waiting;
  }
}
