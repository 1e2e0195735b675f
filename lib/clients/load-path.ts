/**
 * Loading what is not cached. One flight per key (G3): a caller joins the flight under way, unless a write has overtaken it
 * or the caller needs a load that begins now; then it waits behind it, so that a key never has two loads at once and nobody
 * is handed a value older than a write that happened before the call.
 *
 * A failing cache never fails a load. A load that fails or is slow yields the value past its TTL where one is held and allowed;
 * after a failure such callers are spared further attempts for a while ({@link LoadPauses}), and a slow load goes on
 * ({@link LateLoads}).
 */
import { CacheError } from '../base/errors.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { Loader } from './cache-client.js';
import { CacheLook } from './cache-look.js';
import { Flight, type LoadEnd } from './flight.js';
import { FlightContext } from './flight-context.js';
import { waitAtMost } from './flight-patience.js';
import type { CheckedLoadOptions } from './guards.js';
import { LateLoads } from './late-loads.js';
import { LoadKeeper } from './load-keeper.js';
import { reportLoad } from './load-report.js';
import { LoadScope } from './load-scope.js';
import { LoadTurns } from './load-turns.js';
import { newLook } from './look-notes.js';
import type { ReadFailures } from './read-failures.js';
import type { ReadPath } from './read-path.js';
import type { RedisSide, ServiceCore } from './service-core.js';
import type { WritePath } from './write-path.js';

/** Loads of one view of a service. */
export class LoadPath {
  readonly #core: ServiceCore;
  readonly #writes: WritePath;
  readonly #isSingle: boolean;
  /** Where the processes take turns; `undefined`: every process loads by itself. */
  readonly #sharedRedis: RedisSide | undefined;
  readonly #look: CacheLook;
  readonly #keeper: LoadKeeper;
  readonly #late: LateLoads;

  constructor(
    core: ServiceCore,
    reads: ReadPath,
    writes: WritePath,
    memory: MemoryTier | undefined,
    redis: RedisSide | undefined,
  ) {
    this.#core = core;
    this.#writes = writes;
    this.#look = new CacheLook(core, reads, memory, redis);
    this.#keeper = new LoadKeeper(core, writes, memory);
    this.#late = new LateLoads(core);
    this.#isSingle = core.parts.config.singleFlight !== 'off';
    this.#sharedRedis = core.parts.config.singleFlight === 'cluster' ? redis : undefined;
  }

  /** The value of a key that has no fresh L1 entry, or a forced reload of any key. */
  async load(key: string, loader: Loader<unknown>, options: CheckedLoadOptions, isForced: boolean): Promise<unknown> {
    options.signal?.throwIfAborted();
    if (!isForced && this.isPausing(key, options)) {
      const spared = await this.spare(key);
      if (spared !== undefined) return this.finish(key, spared);
    }
    const flight = this.join(key, isForced) ?? this.#launch(key, loader, options, isForced);
    const value = await this.wait(flight, options, isForced);
    if (flight.isDue) this.refreshInBackground(key, loader, options);
    return value;
  }

  /** Whether a caller may have to be spared a load of `key`, because the last ones failed. */
  isPausing(key: string, options: CheckedLoadOptions): boolean {
    return options.allowStale !== false && this.#core.loadPauses.isPausing(key);
  }

  /** What a caller gets who is spared a load: what is cached, also past its TTL; `undefined`: there is nothing, so it must load. */
  async spare(key: string, failures?: ReadFailures): Promise<LoadEnd | undefined> {
    const look = newLook(key);
    const fresh = await this.#look.find(look, failures);
    if (fresh !== undefined) return fresh;
    const { clock, counters } = this.#core.parts;
    if (look.stale === undefined || clock.nowMs() >= look.staleEndMs) return undefined;
    counters.loadsSpared++;
    return { source: look.staleTier, value: look.stale, isStale: true };
  }

  /** The flight a new caller may share; `undefined` when it must be one of its own. */
  join(key: string, isForced: boolean): Flight | undefined {
    if (!this.#isSingle) return undefined;
    const { flights } = this.#core.parts;
    const newest = flights.get(key);
    if (newest === undefined) return undefined;
    this.#late.release(newest, isForced);
    if (newest.isOvertaken) return undefined;
    return !isForced || (newest.isForced && !newest.hasStarted) ? newest : undefined;
  }

  /** Opens a flight for a key; it comes behind the one under way, if any, and waits for its turn. */
  open(key: string, isForced: boolean, tags?: readonly string[]): Flight {
    const { flights, clock } = this.#core.parts;
    const flight = new Flight(key, isForced, this.#isSingle ? flights.get(key) : undefined, tags, clock.nowMs());
    flight.isKept = !this.#core.isClosing;
    flights.add(flight, this.#isSingle);
    return flight;
  }

  /** Begins a flight whose turn has come: from now on, not before, a write overtakes it (G4). */
  begin(flight: Flight): void {
    const { fence } = this.#core.parts;
    if (flight.isOver) return;
    fence.admit(flight);
    flight.fence = fence;
  }

  /** Waits for a flight with one caller's patience; counts the call's hit or miss. */
  async wait(flight: Flight, options: CheckedLoadOptions, isForced = false): Promise<unknown> {
    const scope = LoadScope.current;
    if (flight.isBackground && !isForced) {
      // Nobody waits for a reload ahead of time while what is cached is still fresh.
      const cached = await this.#look.find(newLook(flight.key));
      if (cached !== undefined) return this.finish(flight.key, cached);
    }
    if (scope !== undefined) refuseCycle(scope, flight);
    try {
      const waiting = this.#waitAtMost(flight, options, isForced);
      const end = await (scope === undefined ? waiting : scope.wait(flight, waiting));
      // A refresh asks for a load, not for what is cached: neither a hit nor a miss.
      return isForced && end.isStale !== true ? this.#keeper.handOut(end.value) : this.finish(flight.key, end);
    } catch (error) {
      const mayBeStale = options.allowStale !== false && options.signal?.aborted !== true;
      const stale = mayBeStale ? flight.staleEnd(this.#core.parts.clock.nowMs()) : undefined;
      if (stale !== undefined) return this.finish(flight.key, stale);
      if (!isForced) this.#core.miss(flight.key);
      throw error;
    }
  }

  /** Counts the hit or miss of a call, and returns what to hand out. */
  finish(key: string, end: LoadEnd): unknown {
    if (end.source === 'load') this.#core.miss(key);
    else this.#core.hit(key, end.source, end.isStale === true);
    return this.#keeper.handOut(end.value);
  }

  /**
   * The turns of flights whose key is not cached; `undefined` when this process need not ask the others.
   *
   * @param isOneCall whether what fails is reported once for all of them
   */
  turnsOf(flights: readonly Flight[], isOneCall = false): LoadTurns | undefined {
    const redis = this.#sharedRedis;
    if (redis === undefined || flights.length === 0 || this.#core.isClosing) return undefined;
    return new LoadTurns(
      { core: this.#core, redis, look: (notes, failures) => this.#look.find(notes, failures), isOneCall },
      flights,
    );
  }

  /** What L1 or L2 has for a flight: its end, or `undefined` with the stale value noted on the flight and offered to its callers. */
  async findCached(flight: Flight, failures?: ReadFailures): Promise<LoadEnd | undefined> {
    const end = await this.#look.find(flight, failures);
    if (end === undefined) flight.lend();
    return end;
  }

  /** {@link LoadKeeper.keep}. */
  keep(flight: Flight, value: unknown, stamp: number, ttlMs: number | undefined): Promise<unknown> {
    return this.#keeper.keep(flight, value, stamp, ttlMs);
  }

  /** The point in the order of writes at which a load begins. */
  stamp(): number {
    return this.#writes.stamp(false);
  }

  /** Ends a flight with a value. */
  land(flight: Flight, end: LoadEnd): void {
    if (end.source === 'load') this.#core.loadPauses.succeeded(flight.key);
    flight.land(end);
  }

  /** Ends a flight with an error. Only where something stands in for the value is the source left alone for a while. */
  fail(flight: Flight, error: unknown): void {
    const isFailure = flight.hasStarted && !flight.isOver && !flight.isLate;
    if (isFailure && (flight.stale !== undefined || flight.isBackground)) this.#core.loadPauses.failed(flight.key);
    flight.fail(error);
  }

  /** Starts a reload nobody waits for, unless the key is being loaded already or its last such reload failed just now. */
  refreshInBackground(key: string, loader: Loader<unknown>, options: CheckedLoadOptions): void {
    const { loadPauses, parts } = this.#core;
    const { flights, background, clock } = parts;
    if (flights.get(key) !== undefined || this.#core.isClosing || !loadPauses.mayReload(key)) return;
    const flight = this.#launch(key, loader, options, true, true);
    const timeoutMs = options.timeoutMs ?? parts.config.loadTimeoutMs;
    const task = waitAtMost(flight, clock, this.#late, {
      ...NO_PATIENCE,
      timeoutMs,
      letsGoOn: true,
      onTimeout: () => this.#timedOut(key, timeoutMs),
    });
    background.add(
      task
        .finally(() => {
          loadPauses.reloadEnded(key);
          if (flight.isLeftToOthers || flight.isHeldElsewhere) loadPauses.leftToOthers(key);
        })
        .then(() => undefined),
      (error) => {
        const message = 'A background reload failed; the cached value stays until its TTL ends';
        const details = { service: this.#core.name, key, cause: error };
        this.#core.report(new CacheError('CACHE_LOAD_FAILED', message, details), key, true);
      },
    );
  }

  #launch(key: string, loader: Loader<unknown>, options: CheckedLoadOptions, isForced: boolean, isBackground = false): Flight {
    const flight = this.open(key, isForced, options.tags);
    flight.isBackground = isBackground;
    this.#fly(flight, loader, options.ttlMs, isBackground).then(
      (end) => {
        this.land(flight, end);
      },
      (error: unknown) => {
        this.fail(flight, error);
      },
    );
    return flight;
  }

  async #fly(flight: Flight, loader: Loader<unknown>, ttlMs: number | undefined, isBackground: boolean): Promise<LoadEnd> {
    if (flight.behind !== undefined) await flight.awaitTurn();
    this.begin(flight);
    if (flight.isForced) {
      this.#look.noteMemory(flight);
    } else if (!isOver(flight)) {
      const cached = await this.findCached(flight);
      if (cached !== undefined) return cached;
    }
    const turn = flight.hasWaitedInVain || isOver(flight) ? undefined : await this.turnsOf([flight])?.next();
    const found = turn?.found.get(flight);
    if (found !== undefined) return found;
    if (isOver(flight)) throw this.#unwanted(flight.key);
    flight.start();
    const stamp = this.stamp();
    const startedMs = this.#core.parts.clock.nowMs();
    let value: unknown;
    try {
      flight.scope = new LoadScope(this.#core.name, 1, this.#core.nesting.next());
      value = await flight.scope.run(() => loader(new FlightContext(flight)));
    } catch (error) {
      reportLoad(this.#core, flight.key, startedMs, isBackground, { error });
      throw error;
    }
    reportLoad(this.#core, flight.key, startedMs, isBackground);
    return { source: 'load', value: isOver(flight) ? value : await this.keep(flight, value, stamp, ttlMs) };
  }

  #waitAtMost(flight: Flight, options: CheckedLoadOptions, isForced: boolean): Promise<LoadEnd> {
    const { clock, config } = this.#core.parts;
    const timeoutMs = options.timeoutMs ?? config.loadTimeoutMs;
    const allowsStale = options.allowStale !== false;
    const takesStaleEarly = allowsStale && !isForced;
    return waitAtMost(flight, clock, this.#late, {
      timeoutMs,
      signal: options.signal,
      allowsStale,
      borrows: takesStaleEarly && this.#sharedRedis !== undefined,
      softAtMs: takesStaleEarly && config.softTimeoutMs > 0 ? flight.openedMs + config.softTimeoutMs : undefined,
      letsGoOn: false,
      onTimeout: () => this.#timedOut(flight.key, timeoutMs),
    });
  }

  #timedOut(key: string, timeoutMs: number): CacheError {
    this.#core.parts.counters.loadTimeouts++;
    const details = { service: this.#core.name, key };
    return new CacheError('CACHE_LOAD_TIMEOUT', `The load took longer than ${timeoutMs} ms`, details);
  }

  #unwanted(key: string): CacheError {
    return new CacheError('CACHE_LOAD_FAILED', 'Nobody waits for this load any more', { service: this.#core.name, key });
  }
}

/** A wait that takes nothing but the load. */
const NO_PATIENCE = { signal: undefined, allowsStale: false, borrows: false, softAtMs: undefined } as const;

/** @throws {CacheError} CACHE_LOAD_CYCLE; a flight that was opened for this call alone is given up then */
function refuseCycle(scope: LoadScope, flight: Flight): void {
  try {
    scope.refuseCycle(flight);
  } catch (error) {
    if (flight.waiters === 0 && flight.keptUntilMs === 0) flight.abandon(error);
    throw error;
  }
}

/** Whether a flight was given up meanwhile; a function, because the compiler takes a property that was checked for settled. */
function isOver(flight: Flight): boolean {
  return flight.isOver;
}
