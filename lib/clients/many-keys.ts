/**
 * The calls about several keys at once. Everything is checked before anything is done: a call that fails for one of its keys
 * has changed none (G12).
 */
import { ABSENT } from '../tiers/memory/memory-entry.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { LoadOptions, ManyLoader, SetOptions, SetResult } from './cache-client.js';
import { guardFunction, guardKey, guardKeys, guardValue, readEntries, readLoadOptions, readSetOptions } from './guards.js';
import { LoadMany } from './load-many.js';
import type { LoadPath } from './load-path.js';
import type { ReadPath } from './read-path.js';
import type { ServiceCore } from './service-core.js';
import { readSetTags } from './tag-names.js';
import type { PreparedValue, WritePath } from './write-path.js';

/** The paths of one view of a service, and the L1 it uses. */
export interface ManyKeysParts {
  readonly reads: ReadPath;
  readonly writes: WritePath;
  readonly loads: LoadPath;
  readonly memory: MemoryTier | undefined;
}

/** See the file's header. */
export class ManyKeys<V> {
  readonly #core: ServiceCore;
  readonly #parts: ManyKeysParts;
  readonly #loadsMany: LoadMany;

  constructor(core: ServiceCore, parts: ManyKeysParts) {
    this.#core = core;
    this.#parts = parts;
    this.#loadsMany = new LoadMany(core, parts.loads);
  }

  /** `getMany` of the client. */
  async get(keys: readonly string[]): Promise<Map<string, V>> {
    this.#check(keys);
    return this.#parts.reads.getMany<V>(keys);
  }

  /** `setMany` of the client. */
  async set(entries: Iterable<readonly [string, V]>, options?: SetOptions): Promise<Map<string, SetResult>> {
    this.#core.requireOpen();
    const { writes } = this.#parts;
    const lifeMs = readSetOptions(options, this.#core.parts.strategies);
    const tags = readSetTags(options, this.#core.name);
    // Of a repeated key the last value counts.
    const prepared = new Map<string, PreparedValue | Promise<PreparedValue>>();
    for (const [key, value] of readEntries(entries)) {
      guardKey(key, this.#core.maxKeyLength, this.#core.name);
      guardValue(value);
      prepared.set(key, writes.prepare(key, value, tags));
    }
    const ends = [...prepared].map(async ([key, each]) => [key, await writes.setPrepared(key, each, lifeMs, tags)] as const);
    return new Map(await Promise.all(ends));
  }

  /** `deleteMany` of the client. */
  async delete(keys: readonly string[]): Promise<number> {
    this.#check(keys);
    const existed = await Promise.all([...new Set(keys)].map((key) => this.#parts.writes.remove(key)));
    return existed.filter(Boolean).length;
  }

  /** `getOrLoadMany` of the client. */
  async getOrLoad(keys: readonly string[], loadMany: ManyLoader<V>, options?: LoadOptions): Promise<Map<string, V | undefined>> {
    this.#check(keys);
    guardFunction(loadMany, 'loadMany');
    const checked = readLoadOptions(options, this.#core.parts.strategies, this.#core.name);
    const result = new Map<string, V | undefined>();
    const missing: string[] = [];
    for (const key of new Set(keys)) {
      const value = this.#parts.memory?.read(key);
      if (value === undefined) missing.push(key);
      else this.#core.hit(key, 'l1', false);
      result.set(key, value === ABSENT ? undefined : (value as V | undefined));
    }
    if (missing.length === 0) return result;
    const found = checked.disableLoad
      ? await this.#parts.reads.getMany(missing, checked.staleRule)
      : await this.#loadsMany.load(missing, loadMany, checked);
    for (const key of missing) result.set(key, found.get(key) as V | undefined);
    return result;
  }

  /** @throws {CacheError} CACHE_CLOSED, CACHE_KEY_INVALID; {TypeError} */
  #check(keys: readonly string[]): void {
    this.#core.requireOpen();
    guardKeys(keys, this.#core.maxKeyLength, this.#core.name);
  }
}
