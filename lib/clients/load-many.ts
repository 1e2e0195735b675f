/**
 * Loading several keys with one call of the caller's function, for the keys that are missing only. Each key is a flight of
 * its own, so that single loads of the same keys join in, and these join theirs (G3).
 *
 * Every step is taken in slices, however many keys there are; of a call of a usual size all flights are open when it returns.
 * A key is waited for in the turn in which its flight is opened: others who join it and give up do not take it down then.
 */
import { systemClock } from '../base/clock.js';
import { misuse } from '../base/describe-value.js';
import { TimeSlices } from '../base/time-slices.js';
import type { ManyLoader } from './cache-client.js';
import { eachInParts, PART_SIZE } from './each-in-parts.js';
import type { Flight } from './flight.js';
import { GroupContext } from './group-context.js';
import type { CheckedLoadOptions } from './guards.js';
import type { LoadPath } from './load-path.js';
import { reportLoad } from './load-report.js';
import { LoadScope } from './load-scope.js';
import type { LoadTurns } from './load-turns.js';
import { noteEnds, type Ends } from './note-ends.js';
import { ReadFailures } from './read-failures.js';
import type { ServiceCore } from './service-core.js';

/** Notes the value of a key; `undefined`: the source has nothing. */
type Note = (key: string, value: unknown) => void;

/** What was loaded, of one call of the loader. */
interface Loaded {
  readonly values: readonly unknown[];
  readonly stamp: number;
  readonly startedMs: number;
}

const NONE: ReadonlySet<string> = new Set();

/** Loads of many keys, over the paths of one view. */
export class LoadMany {
  readonly #core: ServiceCore;
  readonly #loads: LoadPath;

  constructor(core: ServiceCore, loads: LoadPath) {
    this.#core = core;
    this.#loads = loads;
  }

  /**
   * Brings the values of keys that have no fresh L1 entry; each is noted once. `keys` has no duplicates.
   *
   * @param scope the loader that asks for them; `undefined`: none
   */
  async load(
    keys: readonly string[],
    loadMany: ManyLoader<unknown>,
    options: CheckedLoadOptions,
    scope: LoadScope | undefined,
    note: Note,
  ): Promise<void> {
    options.signal?.throwIfAborted();
    const slices = new TimeSlices(systemClock, 1);
    const pausing: string[] = [];
    for (const key of keys) {
      if (this.#loads.isPausing(key, options)) pausing.push(key);
      if (slices.isOver()) await this.#next(slices, []);
    }
    // No `await` without need: callers of this tick join the flights that are opened here.
    const spared = pausing.length === 0 ? NONE : await this.#spare(pausing, slices, note);
    const needed: string[] = [];
    const mine: Flight[] = [];
    const ends: Ends<unknown> = [];
    let part: Promise<unknown>[] = [];
    for (const key of keys) {
      if (!spared.has(key)) {
        needed.push(key);
        part.push(LoadScope.resume(scope, () => this.#loads.wait(this.#joinOrOpen(key, options, mine), options)));
      }
      const isUp = slices.isOver();
      if (part.length < PART_SIZE && !isUp) continue;
      // Whoever is between two turns has to hear of a rejection by the next one.
      ends.push(Promise.allSettled(part));
      part = [];
      if (isUp) await this.#next(slices, mine);
    }
    ends.push(Promise.allSettled(part));
    // Not awaited, nor anybody's background work: it ends its flights, and may go on when all of them were given up.
    if (mine.length > 0) void this.#fly(mine, loadMany, options.ttlMs);
    await noteEnds(needed, ends, slices, note);
  }

  #joinOrOpen(key: string, options: CheckedLoadOptions, mine: Flight[]): Flight {
    const joined = this.#loads.join(key, false);
    if (joined !== undefined) return joined;
    const opened = this.#loads.open(key, false, options.tags);
    mine.push(opened);
    return opened;
  }

  /** @throws {CacheError} CACHE_CLOSED when the service was closed meanwhile; nobody waits for flights of this call then */
  async #next(slices: TimeSlices, opened: readonly Flight[]): Promise<void> {
    await slices.next();
    try {
      this.#core.requireOpen();
    } catch (error) {
      await this.#fail(opened, error);
      throw error;
    }
  }

  /** Notes what callers get of keys whose last loads failed; returns those that are not to be loaded. */
  async #spare(pausing: readonly string[], slices: TimeSlices, note: Note): Promise<ReadonlySet<string>> {
    const spared = new Set<string>();
    const failures = new ReadFailures(this.#core);
    await eachInParts(
      pausing,
      slices,
      (key) => this.#loads.spare(key, failures),
      (key, end) => {
        if (end === undefined) return;
        spared.add(key);
        note(key, this.#loads.finish(key, end));
      },
    );
    failures.report(pausing.length);
    return spared;
  }

  /** Never rejects. */
  async #fly(opened: readonly Flight[], loadMany: ManyLoader<unknown>, ttlMs: number | undefined): Promise<void> {
    const slices = new TimeSlices(systemClock, 1);
    try {
      for (const flight of opened) {
        if (flight.behind === undefined) continue;
        await flight.awaitTurn();
        if (slices.isOver()) await slices.next();
      }
      const missing = await this.#landCached(opened, slices);
      if (this.#core.parts.config.singleFlight !== 'cluster') {
        await this.#loadGroup(missing, loadMany, ttlMs);
        return;
      }
      // Where Redis can't be asked, nobody is waited for.
      const alone = missing.filter((flight) => flight.hasWaitedInVain);
      const turns = this.#loads.turnsOf(
        missing.filter((flight) => !flight.hasWaitedInVain),
        true,
      );
      if (turns === undefined) await this.#loadGroup(missing, loadMany, ttlMs);
      else await Promise.all([this.#loadGroup(alone, loadMany, ttlMs), this.#loadInTurns(turns, loadMany, ttlMs)]);
    } catch (error) {
      await this.#fail(opened, error);
    }
  }

  /** Loads what no other process is loading, in as few calls as there are moments at which keys become free. */
  async #loadInTurns(turns: LoadTurns, loadMany: ManyLoader<unknown>, ttlMs: number | undefined): Promise<void> {
    const slices = new TimeSlices(systemClock, 1);
    const loading: Promise<void>[] = [];
    while (!turns.isOver) {
      const { found, mine } = await turns.next();
      loading.push(this.#loadGroup(mine, loadMany, ttlMs));
      for (const [flight, end] of found) {
        this.#loads.land(flight, end);
        if (slices.isOver()) await slices.next();
      }
    }
    await Promise.all(loading);
  }

  /** Begins flights, and lands those whose key turns out to be cached; returns the others. */
  async #landCached(opened: readonly Flight[], slices: TimeSlices): Promise<Flight[]> {
    const missing: Flight[] = [];
    const failures = new ReadFailures(this.#core);
    await eachInParts(
      opened,
      slices,
      (flight) => {
        this.#loads.begin(flight);
        return flight.isOver ? undefined : this.#loads.findCached(flight, failures);
      },
      (flight, end) => {
        if (end !== undefined) this.#loads.land(flight, end);
        if (!flight.isOver) missing.push(flight);
      },
    );
    failures.report(opened.length);
    return missing;
  }

  /** Loads some keys with one call; a failure is theirs alone. Never rejects. */
  async #loadGroup(found: readonly Flight[], loadMany: ManyLoader<unknown>, ttlMs: number | undefined): Promise<void> {
    if (found.length === 0) return;
    const scope = new LoadScope(this.#core.name, found.length, this.#core.nesting.next());
    const flights: Flight[] = [];
    try {
      await this.#start(found, scope, flights);
      // All were given up while they were started.
      if (scope.deserted !== undefined) return;
      await this.#keep(flights, await this.#call(flights, scope, loadMany), ttlMs);
    } catch (error) {
      await this.#fail(flights, error);
    }
  }

  /** Starts flights that one call of the loader is about to bring; those that were given up meanwhile are left out. */
  async #start(found: readonly Flight[], scope: LoadScope, started: Flight[]): Promise<void> {
    const slices = new TimeSlices(systemClock, 1);
    for (const flight of found) {
      if (flight.isOver) {
        scope.flightOver(undefined);
      } else {
        flight.start();
        flight.scope = scope;
        started.push(flight);
      }
      if (slices.isOver()) await slices.next();
    }
  }

  async #call(flights: readonly Flight[], scope: LoadScope, loadMany: ManyLoader<unknown>): Promise<Loaded> {
    const { clock } = this.#core.parts;
    const keys = flights.map((flight) => flight.key);
    const stamp = this.#loads.stamp();
    const startedMs = clock.nowMs();
    try {
      const result = await scope.run(() => loadMany(keys, new GroupContext(scope)));
      return { values: readManyResult(result, flights), stamp, startedMs };
    } catch (error) {
      const slices = new TimeSlices(systemClock, 1);
      for (const { key } of flights) {
        reportLoad(this.#core, key, startedMs, false, { error });
        if (slices.isOver()) await slices.next();
      }
      throw error;
    }
  }

  /** Keeps what was loaded and lands its flights. */
  async #keep(flights: readonly Flight[], { values, stamp, startedMs }: Loaded, ttlMs: number | undefined): Promise<void> {
    let at = 0;
    await eachInParts(
      flights,
      new TimeSlices(systemClock, 1),
      (flight) => {
        const value = values[at++];
        reportLoad(this.#core, flight.key, startedMs, false);
        return flight.isOver ? value : this.#loads.keep(flight, value, stamp, ttlMs);
      },
      (flight, value) => {
        this.#loads.land(flight, { source: 'load', value });
      },
    );
  }

  async #fail(flights: readonly Flight[], error: unknown): Promise<void> {
    const slices = new TimeSlices(systemClock, 1);
    for (const flight of flights) {
      this.#loads.fail(flight, error);
      if (slices.isOver()) await slices.next();
    }
  }
}

/**
 * The values in the order of the flights; what becomes of `result` later does not change them.
 *
 * @throws {TypeError} when what `loadMany` returned does not fit the keys it was given
 */
function readManyResult(result: unknown, flights: readonly Flight[]): unknown[] {
  if (result instanceof Map) return flights.map(({ key }) => (result as ReadonlyMap<string, unknown>).get(key));
  if (!Array.isArray(result) || result.length !== flights.length) {
    throw misuse(
      'the result of loadMany',
      `a Map by key, or an array of ${flights.length} values in the order of the keys`,
      result,
    );
  }
  return [...(result as unknown[])];
}
