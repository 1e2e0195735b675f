/**
 * Says whether what happened to one key could have happened one thing at a time (linearizability, Herlihy and Wing 1990): whether there
 * is an order of all calls in which each call takes effect at one moment between its start and its end, and every read returns what
 * was written last. Pure: it knows neither processes nor Redis, so its own tests can show that it notices.
 *
 * The search is that of Wing and Gong (1993) with Lowe's memory of states that led nowhere: from a state, any call may come next that
 * began before the first end among those that are left. Written values are unique, so a state is the set of calls that are
 * done and the value. A read that fits is taken at once: it changes nothing, so putting it off never helps.
 */

/** A call and what came of it. Times are milliseconds of one monotonic clock. */
export interface RegisterCall {
  readonly kind: 'write' | 'remove' | 'read';
  /** What was written, or read; absent: nothing was there. */
  readonly value?: string;
  readonly startMs: number;
  /** The call had taken effect by then; `Infinity`: not known when. */
  readonly endMs: number;
  /** It may have had no effect at all: it failed. */
  readonly isOptional?: boolean;
}

/** Whether the calls fit together, starting with nothing there. */
export function isLinearizable(calls: readonly RegisterCall[]): boolean {
  return new Search(calls).succeeds();
}

/**
 * How many pairs of neighbours in time, a write with a write or a removal, were made one strictly after the other: what the history
 * can prove anything about.
 */
export function countOrderedPairs(calls: readonly RegisterCall[]): number {
  const changes = calls.filter(({ kind }) => kind !== 'read').sort((a, b) => a.startMs - b.startMs);
  return changes.filter((call, index) => {
    const before = changes[index - 1];
    return before !== undefined && before.endMs < call.startMs && (before.kind === 'write' || call.kind === 'write');
  }).length;
}

class Search {
  readonly #calls: readonly RegisterCall[];
  readonly #visited = new Set<string>();

  constructor(calls: readonly RegisterCall[]) {
    this.#calls = [...calls].sort((a, b) => a.startMs - b.startMs);
  }

  succeeds(): boolean {
    return this.#goOn(0n, undefined);
  }

  #goOn(done: bigint, value: string | undefined): boolean {
    const left = this.#calls.flatMap((call, index) => ((done >> BigInt(index)) & 1n ? [] : [{ call, index }]));
    const firstEndMs = Math.min(...left.map(({ call }) => (call.isOptional === true ? Infinity : call.endMs)));
    if (left.every(({ call }) => call.isOptional === true)) return true;
    const state = `${done.toString(36)}:${value ?? ''}`;
    if (this.#visited.has(state)) return false;
    this.#visited.add(state);
    const next = left.filter(({ call }) => call.startMs <= firstEndMs);
    const read = next.find(({ call }) => call.kind === 'read' && call.value === value);
    if (read !== undefined) return this.#goOn(done | (1n << BigInt(read.index)), value);
    return next.some(
      ({ call, index }) =>
        call.kind !== 'read' && this.#goOn(done | (1n << BigInt(index)), call.kind === 'write' ? call.value : undefined),
    );
  }
}
