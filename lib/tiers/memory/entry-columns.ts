/**
 * What the entries of the memory tier hold, one array per fact, by slot, and what follows from their times. Facts a
 * configuration has no use for have no array: idle deadlines exist with a time to idle only, freshness with refresh-ahead
 * only, weights with a byte limit only. A free slot has endless deadlines, so a sweep never takes it for a dead entry.
 * Times are milliseconds since the epoch. An entry is fresh before its deadline; at the deadline it is not.
 */
import { ABSENT, type MemoryEntry } from './memory-entry.js';

/** Which of the optional columns there are, and how long entries last. */
export interface ColumnOptions {
  /** Time to idle; `undefined`: entries do not expire by idleness. */
  readonly ttiMs: number | undefined;
  /** How long past its TTL an entry is of use. */
  readonly staleTtlMs: number;
  readonly hasFreshness: boolean;
  readonly hasWeights: boolean;
}

/** Parallel arrays of one tier. */
export class EntryColumns {
  values: unknown[] = [];
  createdAtMs = new Float64Array(0);
  /** When the TTL ends. */
  expiresAtMs = new Float64Array(0);
  /** When the entry stops being fresh: its TTL's end, or its idle deadline before that. Without idling the same array. */
  deadlinesMs = this.expiresAtMs;
  /** From when on a read should start a reload; `undefined`: nobody asks. */
  freshUntilMs: Float64Array | undefined;
  #weights: Float64Array | undefined;
  readonly #options: ColumnOptions;

  constructor(length: number, options: ColumnOptions) {
    this.#options = options;
    this.grow(length);
  }

  /** Makes room for `length` slots. */
  grow(length: number): void {
    const values = new Array<unknown>(length).fill(undefined);
    for (let slot = 0; slot < this.values.length; slot++) values[slot] = this.values[slot];
    this.values = values;
    const { ttiMs, hasFreshness, hasWeights } = this.#options;
    this.createdAtMs = extend(this.createdAtMs, length, 0);
    this.expiresAtMs = extend(this.expiresAtMs, length, Infinity);
    this.deadlinesMs = ttiMs === undefined ? this.expiresAtMs : extend(this.deadlinesMs, length, Infinity);
    if (hasFreshness) this.freshUntilMs = extend(this.freshUntilMs, length, 0);
    if (hasWeights) this.#weights = extend(this.#weights, length, 0);
  }

  /** The entry of a slot, with its value as it is handed out. */
  entryOf(slot: number, value: unknown, stale: boolean): MemoryEntry {
    const expiresAtMs = this.expiresAtMs[slot] as number;
    const freshUntilMs = this.freshUntilMs === undefined ? expiresAtMs : (this.freshUntilMs[slot] as number);
    return { value, createdAtMs: this.createdAtMs[slot] as number, expiresAtMs, freshUntilMs, stale };
  }

  /** Sets the end of the life of `slot`, and starts its time to idle. */
  setTimes(slot: number, nowMs: number, expiresAtMs: number, freshUntilMs: number): void {
    this.expiresAtMs[slot] = expiresAtMs;
    this.slide(slot, nowMs);
    if (this.freshUntilMs !== undefined) this.freshUntilMs[slot] = freshUntilMs;
  }

  /** Starts the time to idle anew; it never reaches beyond the TTL. */
  slide(slot: number, nowMs: number): void {
    const { ttiMs } = this.#options;
    if (ttiMs !== undefined) this.deadlinesMs[slot] = Math.min(nowMs + ttiMs, this.expiresAtMs[slot] as number);
  }

  /** Whether the entry may be served as fresh. */
  isFresh(slot: number, nowMs: number): boolean {
    return (this.deadlinesMs[slot] as number) > nowMs;
  }

  /** Whether the entry has a fresh value; {@link ABSENT} is none. */
  isLive(slot: number, nowMs: number): boolean {
    return this.isFresh(slot, nowMs) && this.values[slot] !== ABSENT;
  }

  /** Whether nothing can be done with the entry any more: idle before its TTL, or past its stale window. */
  isDead(slot: number, nowMs: number): boolean {
    const expiresAtMs = this.expiresAtMs[slot] as number;
    const deadlineMs = this.deadlinesMs[slot] as number;
    return expiresAtMs + this.#options.staleTtlMs <= nowMs || (deadlineMs < expiresAtMs && deadlineMs <= nowMs);
  }

  /** Bytes the entry is charged; 0 where nobody asks. */
  weightOf(slot: number): number {
    return this.#weights?.[slot] ?? 0;
  }

  /** Bytes that entries are charged, by their keys; empty where nobody asks. */
  weightsOf(entries: readonly { readonly key: string; readonly slot: number }[]): ReadonlyMap<string, number> {
    return new Map(this.#weights === undefined ? [] : entries.map(({ key, slot }) => [key, this.weightOf(slot)]));
  }

  /** Charges the entry with `weight` bytes; returns the difference to before. */
  setWeight(slot: number, weight: number): number {
    if (this.#weights === undefined) return 0;
    const difference = weight - (this.#weights[slot] as number);
    this.#weights[slot] = weight;
    return difference;
  }

  /** Lets go of what a freed slot held. */
  erase(slot: number): void {
    this.values[slot] = undefined;
    this.expiresAtMs[slot] = Infinity;
    this.deadlinesMs[slot] = Infinity;
  }
}

function extend(cells: Float64Array | undefined, length: number, filler: number): Float64Array<ArrayBuffer> {
  const extended = new Float64Array(length);
  if (filler !== 0) extended.fill(filler, cells?.length ?? 0);
  if (cells !== undefined) extended.set(cells);
  return extended;
}
