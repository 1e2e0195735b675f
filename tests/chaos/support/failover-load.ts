/**
 * Many lanes of calls at once, over several managers, and a journal of what each call was answered. A key belongs to one lane,
 * and a lane makes one call after the other: so it is known what Redis must have of every key in the end. That is the state
 * after the last acknowledged call, or after a later one whose end nobody knows.
 */
import type { CacheClient, CacheManager, SetResult } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import { seededRandom, type SeededRandom } from './crash-random.mjs';

/** The services of a manager under load; in the second one a single lane writes and clears. */
export const FAILOVER_SERVICES = { busy: 'busy', cleared: 'cleared' } as const;

/** What a key may hold: a number, or nothing. */
type State = number | undefined;

interface Lane {
  readonly client: CacheClient<number>;
  readonly keys: readonly string[];
  /** What entries of the lane are written with. */
  readonly tags: readonly string[];
  readonly random: SeededRandom;
  readonly weights: Readonly<Record<Call, number>>;
  isQuiet: boolean;
  isBusy: boolean;
}

type Call = 'set' | 'setMany' | 'delete' | 'deleteMany' | 'tags' | 'clear' | 'getMany';

const LOOPS = 4;
const LANES_PER_LOOP = 32;
const KEYS_PER_LANE = 2;
const CLEARED_KEYS = 40;
/** Between two calls of a lane; the servers need the processor as well. */
const PAUSE_MS = 50;
const WEIGHTS = { set: 5, setMany: 3, delete: 3, deleteMany: 1, tags: 0, clear: 0, getMany: 2 };

/** See the file's header. */
export class FailoverLoad {
  /** What went wrong in a call: an error, no acknowledgement, an end too late. */
  readonly troubles: string[] = [];
  /** How often a call was acknowledged, by the answer. */
  readonly answers = { written: 0, logged: 0, done: 0 };
  /** The longest call. */
  slowestMs = 0;
  readonly #accepted = new Map<CacheClient<number>, Map<string, State[]>>();
  readonly #loops: Lane[][] = [];
  readonly #cleared: Lane;
  readonly #maxCallMs: number;
  #running: Promise<unknown> = Promise.resolve();
  #isRunning = false;
  #last = 0;
  #calls = 0;

  /** @param maxCallMs what no call may exceed */
  constructor(managers: readonly CacheManager[], seed: number, maxCallMs: number) {
    this.#maxCallMs = maxCallMs;
    const random = seededRandom(seed);
    for (const [index, manager] of managers.entries()) {
      const client = manager.client<number>(FAILOVER_SERVICES.busy);
      for (let loop = 0; loop < LOOPS; loop++) {
        this.#loops.push(
          Array.from({ length: LANES_PER_LOOP }, (_, lane) => {
            const name = `m${index}.${loop}.${lane}`;
            const keys = Array.from({ length: KEYS_PER_LANE }, (_unused, key) => `${name}.${key}`);
            const isTagged = lane % 2 === 0;
            const weights = { ...WEIGHTS, tags: isTagged ? 2 : 0 };
            return { client, keys, tags: isTagged ? [`tag ${name}`] : [], random, weights, isQuiet: false, isBusy: false };
          }),
        );
      }
    }
    const [first] = managers;
    if (first === undefined) throw new Error('A load needs a manager');
    const keys = Array.from({ length: CLEARED_KEYS }, (_, key) => `c${key}`);
    const weights = { set: 4, setMany: 2, delete: 1, deleteMany: 0, tags: 0, clear: 2, getMany: 2 };
    const client = first.client<number>(FAILOVER_SERVICES.cleared);
    this.#cleared = { client, keys, tags: [], random, weights, isQuiet: false, isBusy: false };
    this.#loops.push([this.#cleared]);
  }

  /** How many calls have ended. */
  get calls(): number {
    return this.#calls;
  }

  /** How many keys hold something. */
  get held(): number {
    return [...this.#accepted.values()].flatMap((keys) => [...keys.values()]).filter(([state]) => state !== undefined).length;
  }

  /** Begins, or goes on. */
  start(): void {
    this.#isRunning = true;
    for (const lane of this.#loops.flat()) lane.isQuiet = false;
    this.#running = Promise.all(this.#loops.map((lanes) => this.#run(lanes)));
  }

  /** Waits until so many more calls have ended. */
  async more(calls: number): Promise<void> {
    const enough = this.#calls + calls;
    await until(() => this.#calls >= enough, { timeoutMs: 20_000, describe: () => `${calls} more calls, at ${this.#calls}` });
  }

  /**
   * From now on every second lane only reads: what they were answered last is never overwritten. Resolves to their keys when they
   * have been answered.
   */
  async quietHalf(): Promise<ReadonlySet<string>> {
    const lanes = this.#loops.flat().filter((lane, index) => index % 2 === 1 && lane !== this.#cleared);
    await quiet(lanes);
    return new Set(lanes.flatMap(({ keys }) => keys));
  }

  /** From now on the lane that clears only reads, but for {@link clear}; resolves when all of its keys hold something. */
  async fill(): Promise<void> {
    await quiet([this.#cleared]);
    await this.#setMany(this.#cleared, this.#cleared.keys);
  }

  /** Clears what {@link fill} wrote. */
  async clear(): Promise<void> {
    await this.#clear(this.#cleared);
  }

  /** Reads all keys of a client at once, whatever is there. */
  async readAll(client: CacheClient<number>): Promise<void> {
    await client.getMany([...(this.#accepted.get(client)?.keys() ?? [])]);
  }

  /** No more calls; resolves when the last one has ended. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#running;
  }

  /** Compares the journal with what somebody's clients find; returns what does not fit. */
  async compare(
    who: string,
    { busy, cleared }: Readonly<Record<keyof typeof FAILOVER_SERVICES, CacheClient<number>>>,
  ): Promise<string[]> {
    const found: string[] = [];
    for (const [writer, keys] of this.#accepted) {
      const reader = writer.service === FAILOVER_SERVICES.cleared ? cleared : busy;
      await Promise.all(
        [...keys].map(async ([key, accepted]) => {
          const state = await reader.get(key);
          if (!accepted.includes(state)) found.push(`${who}: ${key} is ${state ?? 'gone'}, not ${describe(accepted)}`);
        }),
      );
    }
    return found;
  }

  async #run(lanes: readonly Lane[]): Promise<void> {
    while (this.#isRunning) {
      await Promise.all(lanes.map((lane) => this.#step(lane)));
      const fromMs = performance.now();
      await until(() => !this.#isRunning || performance.now() - fromMs >= PAUSE_MS, { intervalMs: PAUSE_MS });
    }
  }

  async #step(lane: Lane): Promise<void> {
    const call = lane.isQuiet ? 'getMany' : lane.random.pickWeighted(lane.weights);
    const fromMs = performance.now();
    lane.isBusy = call !== 'getMany';
    try {
      await this.#call(lane, call);
    } catch (error) {
      this.troubles.push(`${call}: ${String(error)}`);
    }
    lane.isBusy = false;
    const tookMs = performance.now() - fromMs;
    this.slowestMs = Math.max(this.slowestMs, tookMs);
    if (tookMs > this.#maxCallMs) this.troubles.push(`${call} took ${Math.round(tookMs)} ms`);
    this.#calls++;
  }

  async #call(lane: Lane, call: Call): Promise<void> {
    const { client, keys, tags, random } = lane;
    const key = random.pick(keys);
    switch (call) {
      case 'set': {
        const n = ++this.#last;
        this.#begin(lane, key, n);
        this.#acknowledge(lane, key, n, await client.set(key, n, { tags }));
        break;
      }
      case 'setMany':
        await this.#setMany(lane, keys);
        break;
      case 'delete':
        await this.#remove(lane, [key], () => client.delete(key));
        break;
      case 'deleteMany':
        await this.#remove(lane, keys, () => client.deleteMany(keys));
        break;
      case 'tags':
        await this.#remove(lane, keys, () => client.invalidateTags(...tags));
        break;
      case 'clear':
        await this.#clear(lane);
        break;
      case 'getMany':
        await client.getMany(keys);
    }
  }

  async #setMany(lane: Lane, keys: readonly string[]): Promise<void> {
    const entries = keys.map((key) => [key, ++this.#last] as const);
    for (const [key, n] of entries) this.#begin(lane, key, n);
    const results = await lane.client.setMany(entries, { tags: lane.tags });
    for (const [key, n] of entries) this.#acknowledge(lane, key, n, results.get(key));
  }

  async #clear(lane: Lane): Promise<void> {
    await this.#remove(lane, lane.keys, () => lane.client.clear());
  }

  async #remove(lane: Lane, keys: readonly string[], remove: () => Promise<unknown>): Promise<void> {
    for (const key of keys) this.#begin(lane, key, undefined);
    await remove();
    this.answers.done++;
    for (const key of keys) this.#statesOf(lane).set(key, [undefined]);
  }

  /** From now on the key may hold it; it has to as soon as that is acknowledged. */
  #begin(lane: Lane, key: string, state: State): void {
    const states = this.#statesOf(lane);
    states.set(key, [...(states.get(key) ?? [undefined]), state]);
  }

  #acknowledge(lane: Lane, key: string, n: number, result: SetResult | undefined): void {
    if (result?.l2 !== 'written' && result?.l2 !== 'logged') {
      this.troubles.push(`a write of ${key} ended as ${result?.l2 ?? 'nothing'}`);
      return;
    }
    this.answers[result.l2]++;
    this.#statesOf(lane).set(key, [n]);
  }

  #statesOf({ client }: Lane): Map<string, State[]> {
    let states = this.#accepted.get(client);
    if (states === undefined) this.#accepted.set(client, (states = new Map<string, State[]>()));
    return states;
  }
}

async function quiet(lanes: readonly Lane[]): Promise<void> {
  for (const lane of lanes) lane.isQuiet = true;
  await until(() => lanes.every(({ isBusy }) => !isBusy));
}

function describe(accepted: readonly State[]): string {
  return accepted.map((state) => state ?? 'gone').join(' or ');
}
