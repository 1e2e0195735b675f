/**
 * The calls about several keys at once. Everything is checked before anything is done: a call that fails for one of its keys
 * has changed none (G12). Calls about very many keys are worked through in slices of some milliseconds; those of usual sizes fit
 * into the first, and have done their part in L1 when they return.
 */
import { systemClock } from '../base/clock.js';
import { TimeSlices } from '../base/time-slices.js';
import { ABSENT } from '../tiers/memory/memory-entry.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { LoadOptions, ManyLoader, SetOptions, SetResult } from './cache-client.js';
import {
  guardFunction,
  guardKey,
  guardPair,
  guardValue,
  readEntries,
  readKeys,
  readLoadOptions,
  readSetOptions,
} from './guards.js';
import { LoadMany } from './load-many.js';
import type { LoadPath } from './load-path.js';
import { LoadScope } from './load-scope.js';
import { ReadMany } from './read-many.js';
import type { ReadPath } from './read-path.js';
import type { ServiceCore } from './service-core.js';
import { readSetTags } from './tag-names.js';
import { WriteMany, type Prepared } from './write-many.js';
import type { WritePath } from './write-path.js';

/** The paths of one view of a service, and the tiers it uses. */
export interface ManyKeysParts {
  readonly reads: ReadPath;
  readonly writes: WritePath;
  readonly loads: LoadPath;
  readonly memory: MemoryTier | undefined;
  readonly hasRedis: boolean;
}

/** See the file's header. */
export class ManyKeys<V> {
  readonly #core: ServiceCore;
  readonly #parts: ManyKeysParts;
  readonly #readsMany: ReadMany;
  readonly #writesMany: WriteMany;
  readonly #loadsMany: LoadMany;

  constructor(core: ServiceCore, parts: ManyKeysParts) {
    this.#core = core;
    this.#parts = parts;
    this.#readsMany = new ReadMany(core, parts.reads, parts.memory, parts.hasRedis);
    this.#writesMany = new WriteMany(core, parts.writes);
    this.#loadsMany = new LoadMany(core, parts.loads);
  }

  /** `getMany` of the client. */
  async get(keys: readonly string[]): Promise<Map<string, V>> {
    const slices = new TimeSlices(systemClock, 1);
    const checked = this.#check(keys, slices);
    return this.#readsMany.get<V>(Array.isArray(checked) ? checked : await checked);
  }

  /** `setMany` of the client. */
  set(entries: Iterable<readonly [string, V]>, options?: SetOptions): Promise<Map<string, SetResult>> {
    return this.#core.bulk.accept(this.#set(entries, options));
  }

  /** `deleteMany` of the client. */
  delete(keys: readonly string[]): Promise<number> {
    return this.#core.bulk.accept(this.#delete(keys));
  }

  /** `getOrLoadMany` of the client. */
  async getOrLoad(keys: readonly string[], loadMany: ManyLoader<V>, options?: LoadOptions): Promise<Map<string, V | undefined>> {
    // Now: it is known up to the loader's first `await`.
    const scope = LoadScope.current;
    const slices = new TimeSlices(systemClock, 1);
    const ready = this.#check(keys, slices);
    guardFunction(loadMany, 'loadMany');
    const checked = readLoadOptions(options, this.#core.parts.strategies, this.#core.name);
    const result = new Map<string, V | undefined>();
    const missing: string[] = [];
    for (const key of Array.isArray(ready) ? ready : await ready) {
      if (result.has(key)) continue;
      const value = this.#parts.memory?.read(key);
      if (value === undefined) missing.push(key);
      else this.#core.hit(key, 'l1', false);
      result.set(key, value === ABSENT ? undefined : (value as V | undefined));
      if (slices.isOver()) await this.#next(slices);
    }
    if (missing.length === 0) return result;
    if (!checked.disableLoad) {
      const note = (key: string, value: unknown): void => void result.set(key, value as V | undefined);
      await this.#loadsMany.load(missing, loadMany, checked, scope, note);
      return result;
    }
    const found = await this.#readsMany.get(missing, checked.staleRule);
    for (const key of missing) {
      result.set(key, found.get(key) as V | undefined);
      if (slices.isOver()) await slices.next();
    }
    return result;
  }

  async #set(entries: Iterable<readonly [string, V]>, options?: SetOptions): Promise<Map<string, SetResult>> {
    this.#core.requireOpen();
    const { name, maxKeyLength, compressing } = this.#core;
    const { writes } = this.#parts;
    const lifeMs = readSetOptions(options, this.#core.parts.strategies);
    const tags = readSetTags(options, name);
    const pairs = readEntries(entries);
    const group = compressing.openGroup(tags);
    const slices = new TimeSlices(systemClock, 1);
    // Of a repeated key the last value counts.
    const prepared = new Map<string, Prepared>();
    try {
      for (const pair of pairs) {
        guardPair(pair, entries);
        const [key, value] = pair;
        guardKey(key, maxKeyLength, name);
        guardValue(value);
        const each = writes.prepare(key, value, tags);
        // It may fail before its turn comes, or another entry may be refused first.
        if (each instanceof Promise) each.catch(() => undefined);
        prepared.set(key, each);
        if (slices.isOver()) await this.#next(slices);
      }
      return await this.#writesMany.set(prepared, lifeMs, group, slices);
    } finally {
      compressing.closeGroup(group);
    }
  }

  async #delete(keys: readonly string[]): Promise<number> {
    const { compressing } = this.#core;
    const slices = new TimeSlices(systemClock, 1);
    const checked = this.#check(keys, slices);
    const group = compressing.openGroup();
    try {
      const distinct = new Set<string>();
      for (const key of Array.isArray(checked) ? checked : await checked) {
        distinct.add(key);
        if (slices.isOver()) await this.#next(slices);
      }
      return await this.#writesMany.remove(distinct, group, slices);
    } finally {
      compressing.closeGroup(group);
    }
  }

  /** The keys, once they are checked; a promise when there are too many for one slice. @throws like {@link #checkSome} */
  #check(keys: readonly string[], slices: TimeSlices): string[] | Promise<string[]> {
    this.#core.requireOpen();
    const copy = readKeys(keys) as string[];
    const from = this.#checkSome(copy, 0, slices);
    return from === copy.length ? copy : this.#checkRest(copy, from, slices);
  }

  async #checkRest(keys: string[], from: number, slices: TimeSlices): Promise<string[]> {
    for (let at = from; at < keys.length; at = this.#checkSome(keys, at, slices)) await this.#next(slices);
    return keys;
  }

  /** Checks keys until the slice is up; returns where it ended. @throws {CacheError} CACHE_KEY_INVALID; {TypeError} */
  #checkSome(keys: readonly string[], from: number, slices: TimeSlices): number {
    const { name, maxKeyLength } = this.#core;
    for (let at = from; at < keys.length; at++) {
      guardKey(keys[at], maxKeyLength, name);
      if (slices.isOver()) return at + 1;
    }
    return keys.length;
  }

  /** @throws {CacheError} CACHE_CLOSED when the service was closed meanwhile */
  async #next(slices: TimeSlices): Promise<void> {
    await slices.next();
    this.#core.requireOpen();
  }
}
