/**
 * Compares what Redis holds after a crash with the journal of the processes that wrote: was everything that was acknowledged
 * kept, and nothing older served (G7, G2)? Pure: it knows neither processes nor Redis, so its own tests can show that it
 * would notice.
 *
 * Calls are ordered as they began; one process writes at a time, so that is also the order of their versions.
 */

/** What a call said it did: `done` is the answer of a deletion or a clear. */
export type AckResult = 'written' | 'logged' | 'queued' | 'none' | 'done';

/** A line of the journal. Times are milliseconds since the epoch. */
export type JournalEvent =
  | { readonly kind: 'ready'; readonly generation: number; readonly atMs: number }
  | {
      readonly kind: 'began';
      /** `<generation>.<number>`: each process that writes is one generation. */
      readonly id: string;
      readonly op: 'set' | 'load' | 'delete' | 'clear';
      /** Absent for a clear. */
      readonly key?: string;
      /** What tells this value from all others of its key. */
      readonly n?: number;
      readonly ttlMs?: number;
      readonly atMs: number;
    }
  | { readonly kind: 'acked'; readonly id: string; readonly result: AckResult; readonly atMs: number }
  | { readonly kind: 'rejected'; readonly id: string; readonly code: string; readonly atMs: number }
  | {
      readonly kind: 'reading';
      readonly id: string;
      readonly key: string;
      /** Whether Redis is in use and has been told everything that predecessors left. */
      readonly isSettled: boolean;
      readonly atMs: number;
    }
  | { readonly kind: 'read'; readonly id: string; readonly n: number | null; readonly atMs: number };

/** A value in Redis; keys without one are not in the map. */
export interface ObservedValue {
  readonly n: number;
  readonly expiresAtMs: number;
}

/** What the services of a run promise beyond what their answers say. */
export interface OracleOptions {
  /** With `wal.mode = "always"` what is queued is in the log. */
  readonly isQueuedDurable: boolean;
  /** A log that is small, or replayed with `safe`, may give values up, though never serve older ones. */
  readonly mayGiveUpValues: boolean;
  /** When Redis was looked at. */
  readonly checkedAtMs: number;
  /** How far clocks may disagree. */
  readonly toleranceMs: number;
}

/** Something that must not be. */
export interface Finding {
  readonly kind: 'LOST' | 'STALE' | 'REVIVED' | 'OVERLONG' | 'UNKNOWN' | 'STALE READ' | 'EXPIRED READ' | 'REJECTED';
  readonly key: string;
  readonly detail: string;
}

/** One call, or one key of a call for several. */
interface Operation {
  readonly id: string;
  readonly op: 'set' | 'load' | 'delete' | 'clear';
  readonly key: string | undefined;
  readonly n: number | undefined;
  readonly ttlMs: number;
  readonly order: number;
  readonly beganAtMs: number;
  /** How many operations had begun when the answer came. */
  begunAtAck?: number;
  result?: AckResult;
  ackedAtMs?: number;
}

/** Reads the text of a journal. The last line may be torn: its writer was killed. */
export function parseJournal(text: string): JournalEvent[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as JournalEvent);
}

/** Everything that contradicts the journal; empty when all is well. */
export function judge(
  events: readonly JournalEvent[],
  observed: ReadonlyMap<string, ObservedValue>,
  options: OracleOptions,
): Finding[] {
  const history = new History(options);
  for (const event of events) history.take(event);
  return [...history.findings, ...history.keys().flatMap((key) => judgeKey(key, history, observed.get(key), options))];
}

/** The operations of a journal, by key, and what is wrong with its reads. */
class History {
  readonly findings: Finding[] = [];
  readonly #options: OracleOptions;
  readonly #byId = new Map<string, Operation>();
  readonly #byKey = new Map<string, Operation[]>();
  readonly #clears: Operation[] = [];
  readonly #reading = new Map<string, { readonly key: string; readonly floor: Operation | undefined; readonly atMs: number }>();

  constructor(options: OracleOptions) {
    this.#options = options;
  }

  keys(): string[] {
    return [...this.#byKey.keys()];
  }

  /** What wrote or removed a key, in the order it began. */
  of(key: string): Operation[] {
    return [...(this.#byKey.get(key) ?? []), ...this.#clears].sort((one, other) => one.order - other.order);
  }

  /** Whether an answer says that nothing older may be served from then on, also after a crash. */
  isBinding(operation: Operation): boolean {
    return this.#isEffective(operation) && (operation.result !== 'queued' || this.#options.isQueuedDurable);
  }

  /**
   * Whether nothing older may be served by the process that was answered. A write that ended nowhere because a later call
   * overtook it leaves that to the later one, which is yet to be answered.
   */
  #isEffective({ op, key, order, result, begunAtAck = 0 }: Operation): boolean {
    if (op === 'load' || result === undefined) return false;
    if (result !== 'none' || key === undefined) return true;
    return !this.of(key).some((each) => each.order > order && each.order < begunAtAck);
  }

  take(event: JournalEvent): void {
    switch (event.kind) {
      case 'ready':
        return;
      case 'began':
        this.#begin(event);
        return;
      case 'acked':
        this.#end(event.id, event.result, event.atMs);
        return;
      case 'rejected':
        this.#reject(event.id, event.code, event.atMs);
        return;
      case 'reading':
        this.#reading.set(event.id, { key: event.key, floor: this.#floorOf(event), atMs: event.atMs });
        return;
      case 'read':
        this.#judgeRead(event.id, event.n);
    }
  }

  #begin({ id, op, key, n, ttlMs = Infinity, atMs }: Extract<JournalEvent, { kind: 'began' }>): void {
    const operation: Operation = { id, op, key, n, ttlMs, order: this.#byId.size, beganAtMs: atMs };
    this.#byId.set(id, operation);
    if (key === undefined) this.#clears.push(operation);
    else if (this.#byKey.get(key)?.push(operation) === undefined) this.#byKey.set(key, [operation]);
  }

  #end(id: string, result: AckResult, atMs: number): void {
    const operation = this.#byId.get(id);
    if (operation === undefined) return;
    operation.result = result;
    operation.begunAtAck = this.#byId.size;
    operation.ackedAtMs = atMs;
  }

  /** A full log gives a value up and says so; its key is invalidated all the same. Nothing else is a reason to reject. */
  #reject(id: string, code: string, atMs: number): void {
    const operation = this.#byId.get(id);
    if (code !== 'CACHE_LOG_FULL' || !this.#options.mayGiveUpValues) {
      this.findings.push({
        kind: 'REJECTED',
        key: operation?.key ?? '*',
        detail: `${operation?.op ?? 'read'} ${id} with ${code}`,
      });
    } else if (operation?.op === 'set') this.#end(id, 'none', atMs);
  }

  /**
   * The last operation whose effect a read has to see: those of its own process at once, those of its predecessors as soon
   * as Redis has been told of them. Until then the log they left is all there is, and it may end before they did.
   */
  #floorOf({ id, key, isSettled }: Extract<JournalEvent, { kind: 'reading' }>): Operation | undefined {
    const isOwn = (each: Operation): boolean => generationOf(each.id) === generationOf(id);
    return this.of(key).findLast((each) => (isOwn(each) ? this.#isEffective(each) : isSettled && this.isBinding(each)));
  }

  #judgeRead(id: string, n: number | null): void {
    const reading = this.#reading.get(id);
    if (n === null || reading === undefined) return;
    const { key, floor, atMs } = reading;
    const source = this.of(key).find((each) => each.n === n);
    if (source === undefined) {
      this.findings.push({ kind: 'UNKNOWN', key, detail: `read ${id} got ${n}, which nobody wrote` });
    } else if (floor !== undefined && source.order < floor.order) {
      this.findings.push({ kind: 'STALE READ', key, detail: `read ${id} got ${describe(source)} after ${describe(floor)}` });
    } else if (atMs > (source.ackedAtMs ?? Infinity) + source.ttlMs + this.#options.toleranceMs) {
      this.findings.push({ kind: 'EXPIRED READ', key, detail: `read ${id} got ${describe(source)} at ${atMs}` });
    }
  }
}

function judgeKey(key: string, history: History, value: ObservedValue | undefined, options: OracleOptions): Finding[] {
  const operations = history.of(key);
  const binding = operations.filter((each) => history.isBinding(each));
  if (value === undefined) return isAbsenceFine(operations, binding, options) ? [] : [lost(key, binding, operations)];
  const source = operations.find((each) => each.n === value.n);
  if (source === undefined) return [{ kind: 'UNKNOWN', key, detail: `Redis has ${value.n}, which nobody wrote` }];
  const findings: Finding[] = [];
  const newer = binding.filter((each) => each.order > source.order);
  if (newer.length > 0) {
    const kind = newer.some(isRemoval) ? 'REVIVED' : 'STALE';
    findings.push({ kind, key, detail: `Redis has ${describe(source)}, then came ${newer.map(describe).join(', ')}` });
  }
  // A write that was not acknowledged got its end some time before its process was gone, which was before the check.
  const latestMs = (source.ackedAtMs ?? options.checkedAtMs) + source.ttlMs + options.toleranceMs;
  if (value.expiresAtMs > latestMs) {
    const detail = `${describe(source)} lives until ${value.expiresAtMs}, at most ${latestMs} is right`;
    findings.push({ kind: 'OVERLONG', key, detail });
  }
  return findings;
}

function isAbsenceFine(operations: readonly Operation[], binding: readonly Operation[], options: OracleOptions): boolean {
  const kept = binding.findLast((each) => each.result !== 'none');
  if (kept === undefined || isRemoval(kept) || options.mayGiveUpValues) return true;
  const mayBeOver = ({ beganAtMs, ttlMs }: Operation): boolean => beganAtMs + ttlMs <= options.checkedAtMs + options.toleranceMs;
  // What began later may have landed: a removal, a value that has expired since, a write that was given up.
  const later = operations.filter((each) => each.order > kept.order);
  return mayBeOver(kept) || later.some((each) => isRemoval(each) || mayBeOver(each) || each.result === 'none');
}

function lost(key: string, binding: readonly Operation[], operations: readonly Operation[]): Finding {
  const tail = operations.slice(-4).map(describe).join(', ');
  const kept = binding.findLast((each) => each.result !== 'none');
  return {
    kind: 'LOST',
    key,
    detail: `nothing in Redis after ${kept === undefined ? 'nothing' : describe(kept)}; the last were ${tail}`,
  };
}

function isRemoval({ op }: Operation): boolean {
  return op === 'delete' || op === 'clear';
}

function generationOf(id: string): string {
  return id.slice(0, id.indexOf('.'));
}

function describe({ id, op, n, result, beganAtMs, ackedAtMs }: Operation): string {
  const what = n === undefined ? op : `${op} n=${n}`;
  return `${what} (${id}, began ${beganAtMs.toFixed(1)}, ${result === undefined ? 'unacknowledged' : `${result} at ${ackedAtMs?.toFixed(1) ?? ''}`})`;
}
