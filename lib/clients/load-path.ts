/**
 * Loading what is not cached. One flight per key (G3): a caller joins the flight under way, unless a write has overtaken it
 * or the caller needs a load that begins now; then it waits behind it, so that a key never has two loads at once and nobody
 * is handed a value older than a write that happened before the call.
 *
 * A failing cache never fails a load; a failing load yields the stale value where one is held and allowed.
 */
import { CacheError } from '../base/errors.js';
import { ABSENT, type MemoryEntry } from '../tiers/memory/memory-entry.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { Loader } from './cache-client.js';
import { Flight, type LoadEnd } from './flight.js';
import { FlightContext } from './flight-context.js';
import { waitAtMost } from './flight-patience.js';
import type { CheckedLoadOptions } from './guards.js';
import { LoadKeeper } from './load-keeper.js';
import { LoadTurns } from './load-turns.js';
import { UNREADABLE } from './pending-read.js';
import { ReloadPauses } from './reload-pauses.js';
import type { ReadPath } from './read-path.js';
import type { RedisSide, ServiceCore } from './service-core.js';
import type { WritePath } from './write-path.js';

/** Loads of one view of a service. */
export class LoadPath {
  readonly #core: ServiceCore;
  readonly #reads: ReadPath;
  readonly #writes: WritePath;
  readonly #memory: MemoryTier | undefined;
  readonly #redis: RedisSide | undefined;
  readonly #isSingle: boolean;
  /** Where the processes take turns; `undefined`: every process loads by itself. */
  readonly #sharedRedis: RedisSide | undefined;
  readonly #reloads: ReloadPauses;
  readonly #keeper: LoadKeeper;

  constructor(
    core: ServiceCore,
    reads: ReadPath,
    writes: WritePath,
    memory: MemoryTier | undefined,
    redis: RedisSide | undefined,
  ) {
    this.#core = core;
    this.#reads = reads;
    this.#writes = writes;
    this.#memory = memory;
    this.#redis = redis;
    this.#reloads = new ReloadPauses(core.parts.clock);
    this.#keeper = new LoadKeeper(core, writes, memory);
    this.#isSingle = core.parts.config.singleFlight !== 'off';
    this.#sharedRedis = core.parts.config.singleFlight === 'cluster' ? redis : undefined;
  }

  /** The value of a key that has no fresh L1 entry, or a forced reload of any key. */
  async load(key: string, loader: Loader<unknown>, options: CheckedLoadOptions, isForced: boolean): Promise<unknown> {
    options.signal?.throwIfAborted();
    const flight = this.join(key, isForced) ?? this.#launch(key, loader, options, isForced);
    const value = await this.wait(flight, options, isForced);
    if (flight.isDue) this.refreshInBackground(key, loader, options);
    return value;
  }

  /** The flight a new caller may share; `undefined` when it must be one of its own. */
  join(key: string, isForced: boolean): Flight | undefined {
    if (!this.#isSingle) return undefined;
    const flight = this.#core.parts.flights.get(key);
    if (flight === undefined || flight.isOvertaken) return undefined;
    return !isForced || (flight.isForced && !flight.hasStarted) ? flight : undefined;
  }

  /** Opens a flight for a key; it comes behind the one under way, if any, and waits for its turn. */
  open(key: string, isForced: boolean, tags?: readonly string[]): Flight {
    const { flights } = this.#core.parts;
    const flight = new Flight(key, isForced, this.#isSingle ? flights.get(key)?.left : undefined, tags);
    flight.isKept = !this.#core.isClosing;
    flights.add(flight, this.#isSingle);
    return flight;
  }

  /** Begins a flight whose turn has come: from now on, not before, a write overtakes it (G4). */
  begin(flight: Flight): void {
    this.#core.parts.fence.admit(flight);
  }

  /** Waits for a flight with one caller's patience; counts the call's hit or miss. */
  async wait(flight: Flight, options: CheckedLoadOptions, isForced = false): Promise<unknown> {
    if (flight.isBackground && !isForced) {
      // Nobody waits for a reload ahead of time while what is cached is still fresh.
      const cached = await this.findCached(new Flight(flight.key, false));
      if (cached !== undefined) return this.#finish(flight.key, cached);
    }
    const timeoutMs = options.timeoutMs ?? this.#core.parts.config.loadTimeoutMs;
    flight.waiters++;
    try {
      const takesStale = this.#sharedRedis !== undefined && !isForced && options.allowStale !== false;
      const end = await this.#waitAtMost(flight, timeoutMs, options.signal, takesStale);
      // A refresh asks for a load, not for what is cached: neither a hit nor a miss.
      return isForced ? this.#handOut(end.value) : this.#finish(flight.key, end);
    } catch (error) {
      const mayBeStale = options.allowStale !== false && flight.stale !== undefined && options.signal?.aborted !== true;
      if (!mayBeStale) {
        if (!isForced) this.#core.miss(flight.key);
        throw error;
      }
      this.#core.hit(flight.key, flight.staleTier, true);
      return this.#handOut(flight.stale);
    }
  }

  /** The turns of flights whose key is not cached; `undefined` when this process need not ask the others. */
  turnsOf(flights: readonly Flight[]): LoadTurns | undefined {
    const redis = this.#sharedRedis;
    if (redis === undefined || flights.length === 0 || this.#core.isClosing) return undefined;
    return new LoadTurns({ core: this.#core, redis, look: (flight) => this.findCached(flight) }, flights);
  }

  /** What L1 or L2 has for a flight: its end, or `undefined` with the stale value noted on the flight. */
  async findCached(flight: Flight): Promise<LoadEnd | undefined> {
    const held = this.#memory?.readEntry(flight.key);
    if (held?.stale === false) return { source: 'l1', value: held.value === ABSENT ? undefined : held.value };
    if (this.#redis === undefined) {
      noteStale(flight, held);
      return undefined;
    }
    const entry = await this.#reads.fetch(flight.key);
    // Not before: what was invalidated while L2 was asked is not served, not even as a stale copy.
    if (held !== undefined) noteStale(flight, this.#memory?.readEntry(flight.key));
    flight.hasWaitedInVain = entry === UNREADABLE;
    if (entry === undefined || entry === UNREADABLE) return undefined;
    if (this.#core.parts.lifetimes.isFresh(entry)) {
      flight.isDue = this.#core.parts.lifetimes.isDueForRefresh(entry);
      return { source: 'l2', value: entry.value };
    }
    if (entry.kind === 'v') {
      flight.stale = entry.value;
      flight.staleTier = 'l2';
    }
    return undefined;
  }

  /** {@link LoadKeeper.keep}. */
  keep(flight: Flight, value: unknown, stamp: number, ttlMs: number | undefined): Promise<unknown> {
    return this.#keeper.keep(flight, value, stamp, ttlMs);
  }

  /** The point in the order of writes at which a load begins. */
  stamp(): number {
    return this.#writes.stamp(false);
  }

  /** Counts and reports the end of a loader; `failure` holds what it threw, which may be anything, also `undefined`. */
  reportLoad(key: string, startedMs: number, isBackground: boolean, failure?: { readonly error: unknown }): void {
    const { counters, events, clock } = this.#core.parts;
    counters.loads++;
    if (failure !== undefined) counters.loadErrors++;
    if (!events.hears('load')) return;
    events.emit('load', {
      service: this.#core.name,
      key,
      durationMs: clock.nowMs() - startedMs,
      background: isBackground,
      ...failure,
    });
  }

  /** Starts a reload nobody waits for, unless the key is being loaded already or its last such reload failed just now. */
  refreshInBackground(key: string, loader: Loader<unknown>, options: CheckedLoadOptions): void {
    const { flights, background } = this.#core.parts;
    if (flights.get(key)?.isOver === false || this.#core.isClosing || !this.#reloads.mayStart(key)) return;
    const flight = this.#launch(key, loader, options, true, true);
    flight.waiters++;
    const timeoutMs = options.timeoutMs ?? this.#core.parts.config.loadTimeoutMs;
    const task = this.#waitAtMost(flight, timeoutMs, undefined);
    background.add(
      task
        .finally(() => this.#reloads.ended(key))
        .then(() => {
          if (flight.isLeftToOthers) this.#reloads.failed(key);
        }),
      (error) => {
        this.#reloads.failed(key);
        const message = 'A background reload failed; the cached value stays until its TTL ends';
        this.#core.report(
          new CacheError('CACHE_LOAD_FAILED', message, { service: this.#core.name, key, cause: error }),
          key,
          true,
        );
      },
    );
  }

  #launch(key: string, loader: Loader<unknown>, options: CheckedLoadOptions, isForced: boolean, isBackground = false): Flight {
    const flight = this.open(key, isForced, options.tags);
    flight.isBackground = isBackground;
    this.#fly(flight, loader, options.ttlMs, isBackground).then(
      (end) => {
        this.#core.parts.fence.close(flight);
        flight.land(end);
      },
      (error: unknown) => {
        this.#core.parts.fence.close(flight);
        flight.fail(error);
      },
    );
    return flight;
  }

  async #fly(flight: Flight, loader: Loader<unknown>, ttlMs: number | undefined, isBackground: boolean): Promise<LoadEnd> {
    if (flight.turn !== undefined) await flight.turn;
    this.begin(flight);
    if (flight.isForced) {
      noteStale(flight, this.#memory?.readEntry(flight.key));
    } else {
      const cached = await this.findCached(flight);
      if (cached !== undefined) return cached;
    }
    const turn = flight.hasWaitedInVain ? undefined : await this.turnsOf([flight])?.next();
    const found = turn?.found.get(flight);
    if (found !== undefined) return found;
    if (flight.isOver)
      throw new CacheError('CACHE_LOAD_FAILED', 'Nobody waits for this load any more', {
        service: this.#core.name,
        key: flight.key,
      });
    flight.start();
    const stamp = this.stamp();
    const startedMs = this.#core.parts.clock.nowMs();
    let value: unknown;
    try {
      value = await loader(new FlightContext(flight));
    } catch (error) {
      this.reportLoad(flight.key, startedMs, isBackground, { error });
      throw error;
    }
    this.reportLoad(flight.key, startedMs, isBackground);
    return { source: 'load', value: isOver(flight) ? value : await this.keep(flight, value, stamp, ttlMs) };
  }

  #finish(key: string, end: LoadEnd): unknown {
    if (end.source === 'load') this.#core.miss(key);
    else this.#core.hit(key, end.source, end.isStale === true);
    return this.#handOut(end.value);
  }

  #handOut(value: unknown): unknown {
    return this.#memory === undefined ? value : this.#memory.handOut(value);
  }

  #waitAtMost(flight: Flight, timeoutMs: number, signal: AbortSignal | undefined, takesStale = false): Promise<LoadEnd> {
    const { clock, counters } = this.#core.parts;
    const onTimeout = (): CacheError => {
      counters.loadTimeouts++;
      const details = { service: this.#core.name, key: flight.key };
      return new CacheError('CACHE_LOAD_TIMEOUT', `The load took longer than ${timeoutMs} ms`, details);
    };
    return waitAtMost(flight, clock, { timeoutMs, signal, takesStale, onTimeout });
  }
}

/** What L1 holds may stand in if the load fails. */
function noteStale(flight: Flight, held: MemoryEntry | undefined): void {
  if (held !== undefined && held.value !== ABSENT) flight.stale = held.value;
}

/** Whether a flight was given up meanwhile; a function, because the compiler takes a property that was checked for settled. */
function isOver(flight: Flight): boolean {
  return flight.isOver;
}
