/**
 * Reading many keys. The call is worked through in slices, and no more of its keys are under way than L2 answers well within a
 * deadline, so that other callers' reads get their turn.
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

/** Keys of one part; two parts are under way. */
const PART_KEYS = 1024;

/** Keys that were asked for together, and their values or what will bring them. */
interface Part {
  readonly keys: string[];
  readonly values: unknown[];
  readonly pending: (Promise<ReadEnd> | undefined)[];
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
    const seen = new Set<string>();
    const result = new Map<string, V>();
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
    failures.report(seen.size);
    return result;
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
