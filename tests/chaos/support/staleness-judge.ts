/**
 * Says whether what processes read was too old, given what others wrote and when (G4, G5). Pure: it knows neither processes nor
 * Redis, so its own tests can show that it would notice.
 *
 * 1. A read is stale when a write that began after the value it returned had taken effect was acknowledged long enough before it.
 * Writes that overlap may be ordered either way. 2. "Long enough" is the allowance in good time: time in which the reader ran
 * and its link was up; once its link is back, a loss counts no more, and with `bypass` time counts in whichever state after 2 s.
 * 3. A write that is logged counts from when its process has told Redis, one that failed never; both may take effect any time
 * before that. 4. A load took effect when its loader was called, whenever it lands. All times are milliseconds of one monotonic clock.
 */

/** What was written, or removed. */
export interface WriteRecord {
  /** `value`: of one key; `removal`: of one key; `tags`: everything with one of them; `clear`: everything. */
  readonly kind: 'value' | 'removal' | 'tags' | 'clear';
  /** Of `value` and `removal`. */
  readonly key?: string;
  /** What tells this value from all others. */
  readonly id?: string;
  /** Of `value`: what it was written with. Of `tags`: what was invalidated. */
  readonly tags?: readonly string[];
  readonly startedMs: number;
  /** From then on a write that begins is newer; `Infinity` when that is not known. */
  readonly effectiveMs: number;
  /** From then on nothing older may be read, but for the allowance; `Infinity`: never. */
  readonly bindingMs: number;
}

/** A value that was read; misses say nothing. */
export interface ReadRecord {
  readonly key: string;
  readonly id: string;
  readonly startedMs: number;
  /** The call that was made. */
  readonly how: string;
}

/** From and to, in milliseconds. */
export type Span = readonly [number, number];

/** What is known of one process that reads. */
export interface ReaderRecord {
  readonly name: string;
  readonly reads: readonly ReadRecord[];
  /** When it did not run, in any order. */
  readonly stalls: readonly Span[];
  /** When its link was down or disturbed, in any order. */
  readonly linkLosses: readonly Span[];
  /** When its link was seen to be back. */
  readonly restoredMs: readonly number[];
  /** Values of its own that Redis had not been told of, and until when: the process goes on reading them (G8). */
  readonly unconfirmedUntilMs: ReadonlyMap<string, number>;
  /** With `on_link_loss = "bypass"`: after so long nothing older is allowed whatever its state; absent with `serve`. */
  readonly bypassMs?: number;
}

/** All that happened. */
export interface StalenessHistory {
  readonly writes: readonly WriteRecord[];
  readonly readers: readonly ReaderRecord[];
  /** When Redis itself may not have had what it had acknowledged: failovers. */
  readonly lossTimes: readonly Span[];
  /** How long a message may take in good time. */
  readonly allowanceMs: number;
}

/** Something that contradicts the rules. */
export interface StaleRead {
  /** `OWN`: stale, but a value of the process itself that was still in its log; `UNKNOWN`: nobody wrote it. */
  readonly kind: 'STALE' | 'OWN' | 'UNKNOWN';
  readonly reader: string;
  readonly read: ReadRecord;
  /** How long the newer write had been acknowledged when the read began. */
  readonly lateMs: number;
  readonly value?: WriteRecord;
  readonly newer?: WriteRecord;
}

/** Everything that contradicts the rules above; empty when all is well. */
export function judgeStaleness(history: StalenessHistory): StaleRead[] {
  const writes = new WriteIndex(history.writes);
  return history.readers.flatMap((reader) => {
    const horizon = new Horizon(reader, history);
    return reader.reads.flatMap((read) => judgeRead(read, reader, writes, horizon));
  });
}

function judgeRead(
  read: ReadRecord,
  { name, unconfirmedUntilMs }: ReaderRecord,
  writes: WriteIndex,
  horizon: Horizon,
): StaleRead[] {
  const value = writes.value(read.id);
  if (value?.key !== read.key) {
    return [{ kind: 'UNKNOWN', reader: name, read, lateMs: 0, ...(value === undefined ? {} : { value }) }];
  }
  const newer = writes.newestBefore(value, horizon.of(read.startedMs));
  if (newer === undefined || newer.startedMs <= value.effectiveMs) return [];
  const kind = read.startedMs <= (unconfirmedUntilMs.get(read.id) ?? -Infinity) ? 'OWN' : 'STALE';
  return [{ kind, reader: name, read, lateMs: read.startedMs - newer.bindingMs, value, newer }];
}

/** Until when writes must have been heard of at a moment, for one reader. */
class Horizon {
  readonly #reader: ReaderRecord;
  readonly #allowanceMs: number;
  readonly #stalls: readonly Span[];
  readonly #badTimes: readonly Span[];
  readonly #lossTimes: readonly Span[];
  readonly #restoredMs: readonly number[];

  constructor(reader: ReaderRecord, { lossTimes, allowanceMs }: StalenessHistory) {
    this.#reader = reader;
    this.#allowanceMs = allowanceMs;
    this.#lossTimes = mergeSpans(lossTimes);
    this.#stalls = mergeSpans(reader.stalls);
    this.#badTimes = mergeSpans([...reader.stalls, ...reader.linkLosses, ...lossTimes]);
    const isLoss = (ms: number): boolean => this.#lossTimes.some(([from, to]) => from <= ms && ms <= to);
    this.#restoredMs = reader.restoredMs.filter((ms) => !isLoss(ms)).sort((one, other) => one - other);
  }

  of(startedMs: number): number {
    const { bypassMs } = this.#reader;
    const restoredMs = lastAtMost(this.#restoredMs, startedMs, (ms) => ms);
    return Math.max(
      goBack(startedMs, this.#allowanceMs, this.#badTimes),
      restoredMs === undefined ? -Infinity : goBack(restoredMs, this.#allowanceMs, this.#stalls),
      bypassMs === undefined ? -Infinity : goBack(startedMs, bypassMs + this.#allowanceMs, this.#lossTimes),
    );
  }
}

/** The moment from which on `neededMs` have passed until `fromMs`, spans left out. */
export function goBack(fromMs: number, neededMs: number, spans: readonly Span[]): number {
  let atMs = fromMs;
  let leftMs = neededMs;
  for (let index = spans.length - 1; index >= 0; index--) {
    const [from, to] = spans[index] as Span;
    if (from >= atMs) continue;
    const passedMs = Math.max(0, atMs - to);
    if (passedMs >= leftMs) break;
    leftMs -= passedMs;
    atMs = from;
  }
  return atMs - leftMs;
}

/** The same times as spans that do not touch, in their order. */
export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: [number, number][] = [];
  for (const [from, to] of [...spans].sort(([one], [other]) => one - other)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** Writes in the order they became binding, each with the one that began last among those up to it. */
type Line = { readonly bindingMs: number; readonly newest: WriteRecord }[];

/** Finds what may supersede a value. */
class WriteIndex {
  readonly #values = new Map<string, WriteRecord>();
  readonly #byKey: ReadonlyMap<string, Line>;
  readonly #byTag: ReadonlyMap<string, Line>;
  readonly #clears: Line;

  constructor(writes: readonly WriteRecord[]) {
    const byKey = new Map<string, WriteRecord[]>();
    const byTag = new Map<string, WriteRecord[]>();
    const clears: WriteRecord[] = [];
    for (const write of writes) {
      if (write.kind === 'value' && write.id !== undefined) this.#values.set(write.id, write);
      if (write.bindingMs === Infinity) continue;
      if (write.kind === 'clear') clears.push(write);
      else if (write.kind === 'tags') for (const tag of write.tags ?? []) append(byTag, tag, write);
      else append(byKey, write.key ?? '', write);
    }
    this.#byKey = new Map([...byKey].map(([key, list]) => [key, lineOf(list)]));
    this.#byTag = new Map([...byTag].map(([tag, list]) => [tag, lineOf(list)]));
    this.#clears = lineOf(clears);
  }

  value(id: string): WriteRecord | undefined {
    return this.#values.get(id);
  }

  /** Of all that concerns a value and is binding by then, what began last. */
  newestBefore(value: WriteRecord, atMs: number): WriteRecord | undefined {
    const lines = [this.#clears, this.#byKey.get(value.key ?? ''), ...(value.tags ?? []).map((tag) => this.#byTag.get(tag))];
    const found = lines.flatMap((line) => lastAtMost(line ?? [], atMs, ({ bindingMs }) => bindingMs)?.newest ?? []);
    return found.sort((one, other) => other.startedMs - one.startedMs)[0];
  }
}

function append(map: Map<string, WriteRecord[]>, name: string, write: WriteRecord): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [write]);
  else list.push(write);
}

function lineOf(writes: readonly WriteRecord[]): Line {
  const line: Line = [];
  for (const write of [...writes].sort((one, other) => one.bindingMs - other.bindingMs)) {
    const before = line.at(-1)?.newest;
    const newest = before !== undefined && before.startedMs > write.startedMs ? before : write;
    line.push({ bindingMs: write.bindingMs, newest });
  }
  return line;
}

/** The last of what is sorted that is not past `limit`. */
function lastAtMost<T>(sorted: readonly T[], limit: number, valueOf: (item: T) => number): T | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (valueOf(sorted[middle] as T) <= limit) low = middle + 1;
    else high = middle;
  }
  return sorted[low - 1];
}
