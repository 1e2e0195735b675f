/**
 * One cell of the matrix: a method of one service under one fault, and what may be read of its keys. The cell alone writes to its
 * service, so after each acknowledged write exactly one value is right; what failed leaves two.
 *
 * A call is judged by these rules. 1. It ends in time, on the time of this process: pauses of our own do not count. 2. It resolves, or,
 * while the fault lasts, rejects with a code that says Redis is away. 3. What is read is right; while the fault lasts, nothing may be
 * found. 4. What was acknowledged is right afterwards, wherever it is read, and after a restart (G4, G6, G7, G12, G16, G17).
 */
import { CacheError, type CacheClient, type SetResult } from '../../../lib/index.js';
import type { SeededRandom } from './crash-random.mjs';
import type { LoopTime } from './loop-time.js';

/** The kinds of services that are run. */
export const CELL_KINDS = ['l1', 'l2', 'stream', 'pubsub'] as const;

/** One of {@link CELL_KINDS}: the last two are two-level services, by their transport. */
export type CellKind = (typeof CELL_KINDS)[number];

/** What a cell is made of. */
export interface CellParts {
  readonly method: string;
  readonly kind: CellKind;
  readonly client: CacheClient<string>;
  /** The same service in another process, as it were, which reaches Redis on a way of its own; absent for `l1`. */
  readonly other: CacheClient<string> | undefined;
  readonly loopTime: LoopTime;
  readonly random: SeededRandom;
}

/** `calm`: everything has to work; `fault`: it lasts; `aftermath`: it is over, and not everybody has noticed. */
export type CellPhase = 'calm' | 'fault' | 'aftermath';

type Value = string | undefined;

/** Of a call: a few commands, each with its deadline, and what a busy machine adds. */
const LIMIT_MS = 6000;
const MAY_REJECT: readonly string[] = ['CACHE_L2_UNAVAILABLE', 'CACHE_L2_TIMEOUT'];

/** See the file's header. */
export class MatrixCell {
  readonly client: CacheClient<string>;
  readonly other: CacheClient<string> | undefined;
  readonly kind: CellKind;
  readonly findings: string[] = [];
  /** Findings that are none where another server has become the primary meanwhile: it may be behind for moments. */
  readonly lateFindings: string[] = [];
  phase: CellPhase = 'calm';
  /** Redis may forget entries under this fault, so nothing may be found afterwards either. */
  losesEntries = false;
  /** Leases may end before their time. */
  losesLeases = false;
  /** Set when the service is closed. */
  isClosed = false;
  calls = 0;
  readonly #name: string;
  readonly #loopTime: LoopTime;
  readonly #random: SeededRandom;
  readonly #possible = new Map<string, Set<Value>>();
  /** All that was ever written. */
  readonly #past = new Map<string, Set<Value>>();
  #values = 0;

  constructor({ method, kind, client, other, loopTime, random }: CellParts) {
    this.#name = `${kind} ${method}`;
    this.client = client;
    this.other = other;
    this.kind = kind;
    this.#loopTime = loopTime;
    this.#random = random;
  }

  /** A value that was never written before. */
  nextValue(): string {
    return `v${++this.#values}`;
  }

  /** True in that share of the cases; repeats with the seed. */
  chance(share: number): boolean {
    return this.#random.chance(share);
  }

  /** The keys that were written. */
  get keys(): readonly string[] {
    return [...this.#possible.keys()];
  }

  /** Makes a write that sets these keys to these values (`undefined`: removes them), and resolves to whether it was acknowledged. */
  async write(changes: Readonly<Record<string, Value>>, work: () => Promise<unknown>): Promise<boolean> {
    for (const [key, value] of Object.entries(changes)) this.mayBe(key, value);
    const { answer, isDone } = await this.#call(work);
    if (!isDone) return false;
    let isAcknowledged = true;
    for (const [key, value] of Object.entries(changes)) {
      if (this.#isAcknowledged(answer, key)) this.#possible.set(key, new Set([value]));
      else isAcknowledged = false;
    }
    if (!isAcknowledged && this.phase === 'calm') this.#find(`acknowledged ${JSON.stringify(answer)} without a fault`);
    return isAcknowledged;
  }

  /** Reads a key. */
  async read(key: string, work: () => Promise<Value>): Promise<void> {
    const { answer, isDone } = await this.#call(work);
    if (isDone) this.judge(key, answer as Value);
  }

  /** Makes a call whose answer `judge` looks at: it returns what is wrong with it. */
  async ask<T>(work: () => Promise<T> | T, judge: (answer: T) => string | undefined = () => undefined): Promise<void> {
    const { answer, isDone } = await this.#call(work);
    const wrong = isDone ? judge(answer as T) : undefined;
    if (wrong !== undefined) this.#find(wrong);
  }

  /** A value that is written, or loaded and handed out, and may be kept. */
  mayBe(key: string, value: Value): void {
    this.#of(key).add(value);
    this.#pastOf(key).add(value);
  }

  /** Finds fault with what was said of whether a key has a value. */
  judgeHas(key: string, found: boolean): void {
    const values = [...this.#of(key)];
    const isThere = !values.includes(undefined);
    const isSure = isThere ? !this.mayMiss || found : values.every((value) => value === undefined);
    if (isSure && found !== isThere) this.#find(`says ${String(found)} of ${key}`, found && this.#pastOf(key).size > 0);
  }

  /** Whether nothing may be found though something was written. */
  get mayMiss(): boolean {
    return this.phase !== 'calm' || this.losesEntries;
  }

  /** Finds fault with what was read. @param only what is right, where more is known than what was written last */
  judge(key: string, value: Value, how = 'read', only?: Value): void {
    const possible = only === undefined ? this.#of(key) : new Set([only]);
    if (possible.has(value) || (value === undefined && this.mayMiss)) return;
    this.#find(`${how} ${key}: ${String(value)}, not ${[...possible].map(String).join(' or ')}`, this.#pastOf(key).has(value));
  }

  /** Finds fault with a lease that two have. */
  judgeLease(isHadTwice: boolean): void {
    if (isHadTwice && !this.losesLeases) this.#find('had twice', true);
  }

  #of(key: string): Set<Value> {
    let possible = this.#possible.get(key);
    if (possible === undefined) this.#possible.set(key, (possible = new Set([undefined])));
    return possible;
  }

  #pastOf(key: string): Set<Value> {
    let past = this.#past.get(key);
    if (past === undefined) this.#past.set(key, (past = new Set([undefined])));
    return past;
  }

  async #call(work: () => unknown): Promise<{ answer?: unknown; isDone: boolean }> {
    this.calls++;
    const beganIn = this.phase;
    const startedMs = this.#loopTime.nowMs();
    try {
      const answer = await this.#loopTime.atMost(work, LIMIT_MS);
      return { answer, isDone: true };
    } catch (error) {
      const tookMs = this.#loopTime.nowMs() - startedMs;
      const isCalm = beganIn === 'calm' && this.phase === 'calm';
      if (isCalm || !CacheError.is(error) || !MAY_REJECT.includes(error.code))
        this.#find(`rejects in ${this.phase} after ${tookMs} ms: ${String(error)}`);
      return { isDone: false };
    }
  }

  #isAcknowledged(answer: unknown, key: string): boolean {
    const one = answer instanceof Map ? (answer.get(key) as SetResult) : answer;
    if (typeof one !== 'object' || one === null || !('l2' in one)) return true;
    const { l1, l2 } = one as SetResult;
    return l2 !== 'none' || (this.kind === 'l1' && l1);
  }

  /** @param isOfThePast whether it fits a server that is behind; what a closed service wrote last nobody sends again */
  #find(what: string, isOfThePast = false): void {
    const list = isOfThePast && (this.phase !== 'calm' || this.isClosed) ? this.lateFindings : this.findings;
    if (list.length < 5) list.push(`${this.#name}: ${what}`);
  }
}
