/**
 * Reading many keys. The call is worked through in slices, and no more of its keys are under way at a server than that answers well
 * within a deadline, so that other callers' reads get their turn. A server that does not answer holds up its own keys only.
 */
import { systemClock } from '../base/clock.js';
import { TimeSlices } from '../base/time-slices.js';
import { ABSENT } from '../tiers/memory/memory-entry.js';
import type { MemoryTier } from '../tiers/memory/memory-tier.js';
import type { StaleRule } from './guards.js';
import type { ReadEnd } from './pending-read.js';
import { ReadFailures } from './read-failures.js';
import type { ReadPath } from './read-path.js';
import type { ServiceCore } from './service-core.js';

/** Keys of one part; two parts are under way at each server. */
const PART_KEYS = 1024;
const PARTS_UNDER_WAY = 2;

/** Keys that were asked for together, and their values or what will bring them. */
interface Part {
  readonly keys: string[];
  readonly values: unknown[];
  readonly pending: (Promise<ReadEnd> | undefined)[];
}

/** How keys are read. */
interface Reading {
  readonly staleRule: StaleRule;
  readonly slices: TimeSlices;
  readonly failures: ReadFailures;
}

/** What is missing in L1, and there is no L2. */
const NOTHING: Promise<ReadEnd> = Promise.resolve(undefined);

/** Reads of many keys, over the paths of one view. */
export class ReadMany {
  readonly #core: ServiceCore;
  readonly #reads: ReadPath;
  readonly #memory: MemoryTier | undefined;
  readonly #hasRedis: boolean;

  constructor(core: ServiceCore, reads: ReadPath, memory: MemoryTier | undefined, hasRedis: boolean) {
    this.#core = core;
    this.#reads = reads;
    this.#memory = memory;
    this.#hasRedis = hasRedis;
  }

  /** The values of those that were found, in the order of their first occurrence. `keys` must not change meanwhile. */
  async get<V>(keys: readonly string[], staleRule: StaleRule = 'on-failure'): Promise<Map<string, V>> {
    const slices = new TimeSlices(systemClock, 1);
    const failures = new ReadFailures(this.#core);
    const result = new Map<string, V>();
    if (keys.length <= PARTS_UNDER_WAY * PART_KEYS || !this.#reads.hasManyServers) {
      failures.report(await this.#read(keys, result, { staleRule, slices, failures }));
      return result;
    }
    const groups = await this.#byServer(keys, slices);
    const found = new Map<string, V>();
    const reads = groups.map((group) =>
      this.#read(group, found, { staleRule, slices: new TimeSlices(systemClock, 1), failures }),
    );
    const asked = await Promise.all(reads);
    failures.report(asked.reduce((sum, count) => sum + count, 0));
    for (const key of keys) {
      const value = found.get(key);
      if (value !== undefined) result.set(key, value);
      if (slices.isOver()) await slices.next();
    }
    return result;
  }

  /** The keys of each server, in their order. */
  async #byServer(keys: readonly string[], slices: TimeSlices): Promise<readonly string[][]> {
    const groups = new Map<string, string[]>();
    for (const key of keys) {
      const server = this.#reads.serverOf(key);
      const group = groups.get(server);
      if (group === undefined) groups.set(server, [key]);
      else group.push(key);
      if (slices.isOver()) await slices.next();
    }
    return [...groups.values()];
  }

  /** Adds what is found to `result`; resolves to how many different keys there were. */
  async #read(keys: readonly string[], result: Map<string, unknown>, { staleRule, slices, failures }: Reading): Promise<number> {
    const seen = new Set<string>();
    let before: Part | undefined;
    let part = newPart();
    for (const key of keys) {
      if (seen.has(key)) continue;
      seen.add(key);
      this.#ask(part, key, failures);
      const isUp = slices.isOver();
      if (part.keys.length < PART_KEYS && !isUp) continue;
      if (before !== undefined) await this.#settle(before, result, staleRule, slices);
      before = part;
      part = newPart();
      if (isUp) await slices.next();
    }
    if (before !== undefined) await this.#settle(before, result, staleRule, slices);
    await this.#settle(part, result, staleRule, slices);
    return seen.size;
  }

  #ask(part: Part, key: string, failures: ReadFailures): void {
    const value = this.#memory?.read(key);
    part.keys.push(key);
    part.values.push(value);
    if (value === undefined) {
      part.pending.push(this.#hasRedis ? this.#reads.fetch(key, failures) : NOTHING);
      return;
    }
    part.pending.push(undefined);
    this.#core.hit(key, 'l1', false);
  }

  async #settle(
    { keys, values, pending }: Part,
    result: Map<string, unknown>,
    staleRule: StaleRule,
    slices: TimeSlices,
  ): Promise<void> {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      const end = pending[i];
      const value = end === undefined ? values[i] : this.#reads.settleGet(key, await end, staleRule);
      if (value !== undefined && value !== ABSENT) result.set(key, value);
      if (slices.isOver()) await slices.next();
    }
  }
}

function newPart(): Part {
  return { keys: [], values: [], pending: [] };
}
