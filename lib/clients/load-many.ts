/**
 * Loading several keys with one call of the caller's function, for the keys that are missing only. Each key is a flight of
 * its own, so that single loads of the same keys join in, and these join theirs (G3).
 */
import { misuse } from '../base/describe-value.js';
import type { ManyLoader } from './cache-client.js';
import type { Flight } from './flight.js';
import type { CheckedLoadOptions } from './guards.js';
import type { LoadPath } from './load-path.js';
import { reportLoad } from './load-report.js';
import { LoadScope } from './load-scope.js';
import type { LoadTurns } from './load-turns.js';
import type { ServiceCore } from './service-core.js';

/** Loads of many keys, over the paths of one view. */
export class LoadMany {
  readonly #core: ServiceCore;
  readonly #loads: LoadPath;

  constructor(core: ServiceCore, loads: LoadPath) {
    this.#core = core;
    this.#loads = loads;
  }

  /** The values of keys that have no fresh L1 entry; every key is in the result. `keys` has no duplicates. */
  async load(keys: readonly string[], loadMany: ManyLoader<unknown>, options: CheckedLoadOptions): Promise<Map<string, unknown>> {
    options.signal?.throwIfAborted();
    const result = new Map<string, unknown>(keys.map((key) => [key, undefined]));
    const pausing = keys.filter((key) => this.#loads.isPausing(key, options));
    // No `await` without need: callers of this tick join the flights that are opened here.
    const needed = pausing.length === 0 ? keys : await this.#spare(keys, pausing, result);
    const mine: Flight[] = [];
    const flights = needed.map((key) => {
      const joined = this.#loads.join(key, false);
      if (joined !== undefined) return joined;
      const opened = this.#loads.open(key, false, options.tags);
      mine.push(opened);
      return opened;
    });
    // Not awaited, nor anybody's background work: it ends its flights, and may go on when all of them were given up.
    if (mine.length > 0) void this.#fly(mine, loadMany, options.ttlMs);
    const values = await Promise.allSettled(flights.map((flight) => this.#loads.wait(flight, options)));
    for (const [i, settled] of values.entries()) {
      if (settled.status === 'rejected') throw settled.reason;
      result.set(needed[i] as string, settled.value);
    }
    return result;
  }

  /** Fills in what callers get of keys whose last loads failed; returns the keys that are to be loaded. */
  async #spare(keys: readonly string[], pausing: readonly string[], result: Map<string, unknown>): Promise<readonly string[]> {
    const spared = new Set<string>();
    await Promise.all(
      pausing.map(async (key) => {
        const end = await this.#loads.spare(key);
        if (end === undefined) return;
        spared.add(key);
        result.set(key, this.#loads.finish(key, end));
      }),
    );
    return keys.filter((key) => !spared.has(key));
  }

  /** Never rejects. */
  async #fly(opened: readonly Flight[], loadMany: ManyLoader<unknown>, ttlMs: number | undefined): Promise<void> {
    try {
      for (const flight of opened) if (flight.behind !== undefined) await flight.awaitTurn();
      for (const flight of opened) this.#loads.begin(flight);
      const missing = await this.#landCached(opened);
      // Where Redis can't be asked, nobody is waited for.
      const alone = missing.filter((flight) => flight.hasWaitedInVain);
      const turns = this.#loads.turnsOf(missing.filter((flight) => !flight.hasWaitedInVain));
      if (turns === undefined) await this.#loadGroup(missing, loadMany, ttlMs);
      else await Promise.all([this.#loadGroup(alone, loadMany, ttlMs), this.#loadInTurns(turns, loadMany, ttlMs)]);
    } catch (error) {
      this.#fail(opened, error);
    }
  }

  /** Loads what no other process is loading, in as few calls as there are moments at which keys become free. */
  async #loadInTurns(turns: LoadTurns, loadMany: ManyLoader<unknown>, ttlMs: number | undefined): Promise<void> {
    const loading: Promise<void>[] = [];
    while (!turns.isOver) {
      const { found, mine } = await turns.next();
      for (const [flight, end] of found) this.#loads.land(flight, end);
      loading.push(this.#loadGroup(mine, loadMany, ttlMs));
    }
    await Promise.all(loading);
  }

  /** Loads some keys with one call; a failure is theirs alone. */
  async #loadGroup(flights: readonly Flight[], loadMany: ManyLoader<unknown>, ttlMs: number | undefined): Promise<void> {
    if (flights.length === 0) return;
    try {
      await this.#landLoaded(flights, loadMany, ttlMs);
    } catch (error) {
      this.#fail(flights, error);
    }
  }

  #fail(flights: readonly Flight[], error: unknown): void {
    for (const flight of flights) this.#loads.fail(flight, error);
  }

  /** Lands the flights whose key turns out to be cached; returns the others. */
  async #landCached(flights: readonly Flight[]): Promise<Flight[]> {
    const wanted = flights.filter((flight) => !flight.isOver);
    const ends = await Promise.all(wanted.map((flight) => this.#loads.findCached(flight)));
    return wanted.filter((flight, i) => {
      const end = ends[i];
      if (end !== undefined) this.#loads.land(flight, end);
      return !flight.isOver;
    });
  }

  async #landLoaded(flights: readonly Flight[], loadMany: ManyLoader<unknown>, ttlMs: number | undefined): Promise<void> {
    const { clock } = this.#core.parts;
    const keys = flights.map((flight) => flight.key);
    for (const flight of flights) flight.start();
    const stamp = this.#loads.stamp();
    const startedMs = clock.nowMs();
    let valueOf: (key: string, index: number) => unknown;
    try {
      const scope = new LoadScope(this.#core.name, flights.length, this.#core.nesting.next());
      for (const flight of flights) flight.scope = scope;
      valueOf = readManyResult(await scope.run(() => loadMany(keys, new GroupContext(flights))), keys);
    } catch (error) {
      for (const key of keys) reportLoad(this.#core, key, startedMs, false, { error });
      throw error;
    }
    await Promise.all(
      flights.map(async (flight, i) => {
        reportLoad(this.#core, flight.key, startedMs, false);
        const value = valueOf(flight.key, i);
        const handedOut = flight.isOver ? value : await this.#loads.keep(flight, value, stamp, ttlMs);
        this.#loads.land(flight, { source: 'load', value: handedOut });
      }),
    );
  }
}

/** What a loader of many keys is given: its signal is aborted when nobody waits for any of the keys. */
class GroupContext {
  readonly #flights: readonly Flight[];
  #signal: AbortSignal | undefined;

  constructor(flights: readonly Flight[]) {
    this.#flights = flights;
  }

  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    const controller = new AbortController();
    let waiting = this.#flights.length;
    for (const { signal } of this.#flights) {
      const onAbort = (): void => {
        if (--waiting === 0) controller.abort(signal.reason);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort);
    }
    this.#signal = controller.signal;
    return this.#signal;
  }
}

/** @throws {TypeError} when what `loadMany` returned does not fit the keys it was given */
function readManyResult(result: unknown, keys: readonly string[]): (key: string, index: number) => unknown {
  if (result instanceof Map) return (key) => (result as ReadonlyMap<string, unknown>).get(key);
  if (!Array.isArray(result) || result.length !== keys.length) {
    throw misuse('the result of loadMany', `a Map by key, or an array of ${keys.length} values in the order of the keys`, result);
  }
  return (_key, index) => (result as unknown[])[index];
}
