/**
 * One linearizability run: processes write, remove, clear and invalidate by tag, mostly one strictly after the other, while faults befall
 * them; another process reads what Redis has. Then each key's calls are judged (`register-checker.ts`).
 *
 * Every key lives for a few calls only, so its history is short. A clear belongs to the history of every key, the invalidation of a tag
 * to that of every key with the tag. A call that was logged, or failed, may take effect until its process has settled, which every
 * round ends with; what is read after that is final.
 *
 * A process learns of clears and of tags by message, within milliseconds of running (G5). So a value that is read right after one of
 * those is no finding; it is left out and counted. What is final is read when every message has had its time.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { Redis } from 'ioredis';
import { RedisFaults } from '../../../lib/testing/redis-faults.js';
import { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import type { ConfigObject } from '../../../lib/index.js';
import { reapWithParent } from '../../support/reaper.js';
import { RedisServer } from '../../support/redis-server.js';
import { seededRandom, type SeededRandom } from './crash-random.mjs';
import { LinearizabilityProcess, type WriteAnswer, type WriteCall } from './linearizability-process.js';
import { countOrderedPairs, isLinearizable, type RegisterCall } from './register-checker.js';
import { pass } from './staleness-faults.js';

/** What a run is to be like. */
export interface LinearizabilityPlan {
  readonly seed: number;
  /** It ends when so many pairs were made one after the other. */
  readonly pairs: number;
  readonly transport: 'stream' | 'pubsub';
  /** Where the logs go. */
  readonly folder: string;
}

/** What it came to. */
export interface LinearizabilityReport {
  readonly seed: number;
  readonly transport: string;
  readonly pairs: number;
  readonly keys: number;
  readonly clears: number;
  readonly faults: number;
  /** Calls that were logged or failed. */
  readonly unsure: number;
  /** Values read right after a clear or an invalidation of a tag, which are not judged. */
  readonly unjudged: number;
  /** The histories that do not fit, and what processes wrote to standard error. */
  readonly findings: readonly string[];
}

const WRITERS = 3;
/** How wrong two of them are about the time of the server, until they compare again. */
const CLOCK_SKEW_MS = 10;
const MANAGERS = 2;
/** Keys at work at the same time. */
const LANES = 12;
/** Few enough that a short run has a rough round as well. */
const KEYS_A_ROUND = 80;
const COMMAND_TIMEOUT_MS = 500;
/** How often, and after which pauses, is looked for a value before it counts as not there. */
const READ_ATTEMPTS = 3;
const READ_PAUSE_MS = 15;
/** How late a message may be: as long as the longest fault stops a process, and a while on a busy machine. */
const MESSAGE_MS = 1500;
/** How much of what went before the first call of a key is told with a finding. */
const TOLD_MS = 100;
const SHARED_TAGS = ['red', 'green'];
const WEIGHTS = { set: 30, setL2Only: 8, setMany: 6, delete: 12, deleteMany: 4, invalidateTags: 12, clear: 1.5 };
const SETS: readonly string[] = ['set', 'setL2Only', 'setMany'];
/** In two of three rounds, the first one among them, nothing makes a call fail: what is not logged or failed is judged most strictly. */
const MILD = { pause: 4, slow: 5, none: 1 };
const ROUGH = { ...MILD, block: 2, freeze: 2, killConnections: 3, pauseWrites: 1, blackhole: 1 };
type Fault = keyof typeof ROUGH;
/** Burns a processor in bursts, as a neighbour on the same machine does. */
const NEIGHBOUR = 'setInterval(() => { const end = Date.now() + 60; while (Date.now() < end); }, 90)';

/** One call of a history. */
interface Made {
  readonly who: number;
  readonly call: WriteCall;
  readonly answer: WriteAnswer;
}

/** Makes one run. */
export async function runLinearizability(plan: LinearizabilityPlan): Promise<LinearizabilityReport> {
  const scene = await LinearizabilityScene.start(plan);
  try {
    return await scene.play();
  } finally {
    await scene.end();
  }
}

class LinearizabilityScene {
  readonly #plan: LinearizabilityPlan;
  readonly #random: SeededRandom;
  readonly #server: RedisServer;
  readonly #proxy: TcpFaultProxy;
  readonly #admin: Redis;
  readonly #redisFaults: RedisFaults;
  readonly #writers: LinearizabilityProcess[] = [];
  readonly #neighbours: ChildProcess[] = [];
  #reader: LinearizabilityProcess | undefined;
  #faults = 0;

  private constructor(plan: LinearizabilityPlan, server: RedisServer, proxy: TcpFaultProxy) {
    this.#plan = plan;
    this.#random = seededRandom(plan.seed);
    this.#server = server;
    this.#proxy = proxy;
    this.#admin = new Redis(server.url, { maxRetriesPerRequest: null });
    this.#admin.on('error', () => undefined);
    this.#redisFaults = new RedisFaults(this.#admin);
  }

  static async start(plan: LinearizabilityPlan): Promise<LinearizabilityScene> {
    const server = await RedisServer.start();
    const scene = new LinearizabilityScene(plan, server, await TcpFaultProxy.start(server.port));
    try {
      // The first writer and the reader reach Redis directly. The others reach it through the proxy, and compare clocks with it while only
      // one direction is slow: one is ahead of the server by half of that, the other one behind.
      for (const direction of [undefined, 'toClient', 'toServer'] as const) {
        if (direction !== undefined) scene.#proxy.setLatency(CLOCK_SKEW_MS * 2, { direction });
        const port = direction === undefined ? server.port : scene.#proxy.port;
        const names = Array.from({ length: MANAGERS }, (_, manager) => `w${scene.#writers.length}m${manager}`);
        scene.#writers.push(await LinearizabilityProcess.start(names.map((name) => scene.#config(name, port))));
        scene.#proxy.setLatency(0);
      }
      scene.#reader = await LinearizabilityProcess.start([scene.#config('reader', server.port)]);
    } catch (error) {
      await scene.end();
      throw error;
    }
    return scene;
  }

  async play(): Promise<LinearizabilityReport> {
    const { seed, transport, pairs: wanted } = this.#plan;
    const total = { pairs: 0, keys: 0, clears: 0, unsure: 0, unjudged: 0 };
    const findings: string[] = [];
    for (let index = 0; index < 2; index++) this.#startNeighbour();
    for (let round = 0; total.pairs < wanted; round++) {
      const made = await this.#playRound(round);
      const judged = await this.#judge(made);
      findings.push(...judged.findings);
      total.pairs += judged.pairs;
      total.unjudged += judged.unjudged;
      total.keys += made.size;
      const calls = new Set([...made.values()].flat());
      total.clears += [...calls].filter(({ call }) => call.call === 'clear').length;
      total.unsure += [...calls].filter(({ answer }) => answer.outcome !== 'done').length;
    }
    const processes = [...this.#writers, this.#readerProcess];
    await Promise.all(processes.map((process) => process.close()));
    const noises = processes.flatMap(({ stderr }) => (stderr === '' ? [] : [`NOISE ${stderr}`]));
    return { seed, transport, ...total, faults: this.#faults, findings: [...findings, ...noises] };
  }

  async end(): Promise<void> {
    for (const neighbour of this.#neighbours) neighbour.kill('SIGKILL');
    await Promise.all(this.#writers.map((writer) => writer.kill()));
    await this.#reader?.kill();
    this.#admin.disconnect();
    await this.#proxy.close();
    await this.#server.stop();
  }

  get #readerProcess(): LinearizabilityProcess {
    if (this.#reader === undefined) throw new Error('There is no reader yet');
    return this.#reader;
  }

  #config(name: string, port: number): ConfigObject {
    return {
      global: { health_check_interval: 30, log_level: 'silent' },
      services: {
        shared: {
          cache_type: 'two-level',
          ttl: 600,
          l2: { connection_string: `redis://127.0.0.1:${port}`, command_timeout_ms: COMMAND_TIMEOUT_MS },
          sync: { transport: this.#plan.transport },
          wal: { dir: `${this.#plan.folder}/${name}` },
        },
      },
    };
  }

  #startNeighbour(): void {
    const neighbour = spawn(process.execPath, ['-e', NEIGHBOUR], { stdio: 'ignore', env: {} });
    reapWithParent(neighbour);
    this.#neighbours.push(neighbour);
  }

  /** The calls of each key, clears and tags of others included. */
  async #playRound(round: number): Promise<Map<string, readonly Made[]>> {
    const all: Made[] = [];
    const reads = new Map<string, RegisterCall[]>();
    const tagsOf = new Map<string, readonly string[]>();
    let isOver = false;
    const weather = this.#blow(round % 3 === 1 ? ROUGH : MILD, () => isOver);
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < KEYS_A_ROUND) {
        const key = `r${round}k${next++}`;
        const tags = [this.#random.chance(0.5) ? this.#random.pick(SHARED_TAGS) : `of ${key}`];
        tagsOf.set(key, tags);
        reads.set(key, []);
        await this.#playKey(key, tags, all, reads);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    isOver = true;
    await weather;
    const settledMs = Math.max(...(await Promise.all(this.#writers.map((writer) => writer.settle()))));
    await this.#readerProcess.settle();
    await pass(MESSAGE_MS);
    this.#reads = reads;
    this.#settledMs = settledMs;
    return new Map([...tagsOf].map(([key, tags]) => [key, all.filter(({ call }) => concerns(call, key, tags))]));
  }

  #reads = new Map<string, RegisterCall[]>();
  #settledMs = 0;

  async #playKey(key: string, tags: readonly string[], all: Made[], reads: Map<string, RegisterCall[]>): Promise<void> {
    const random = this.#random;
    const running: Promise<void>[] = [];
    const count = random.between(2, 4);
    for (let index = 0; index < count; index++) {
      const together = index > 0 && random.chance(0.5) ? 2 : 1;
      const manager = random.between(0, MANAGERS - 1);
      const calls = Array.from({ length: together }, (_, at): WriteCall => {
        const kind = index === 0 ? 'set' : random.pickWeighted(WEIGHTS);
        const value = SETS.includes(kind) ? { value: `${key}.${index}.${at}` } : {};
        return { call: kind, manager: (manager + at) % MANAGERS, key, tags, ...value };
      });
      const who = random.between(0, WRITERS - 1);
      const writing = this.#writer(who)
        .write(calls)
        .then((answers) => {
          for (const [at, call] of calls.entries()) if (answers[at] !== undefined) all.push({ who, call, answer: answers[at] });
        });
      running.push(writing);
      const gap = random.pickWeighted({ none: 70, overlap: 15, pause: 15 });
      if (gap !== 'overlap') await writing;
      if (gap === 'pause') await pass(random.between(0, 10));
      if (random.chance(0.3)) running.push(this.#read(key, reads));
    }
    await Promise.all(running);
    await this.#read(key, reads);
  }

  /** One miss says nothing of a cache; one that lasts does. */
  async #read(key: string, reads: Map<string, RegisterCall[]>): Promise<void> {
    for (let attempt = 1; attempt <= READ_ATTEMPTS; attempt++) {
      const { startMs, endMs, value, isSure } = await this.#readerProcess.read(key);
      const isLast = attempt === READ_ATTEMPTS;
      if (isSure && (value !== null || isLast))
        reads.get(key)?.push({ kind: 'read', startMs, endMs, ...(value === null ? {} : { value }) });
      if (value !== null) return;
      if (!isLast) await pass(READ_PAUSE_MS);
    }
  }

  #writer(index: number): LinearizabilityProcess {
    const writer = this.#writers[index];
    if (writer === undefined) throw new Error(`There is no writer ${index}`);
    return writer;
  }

  /** What is final is read as well, then everything has to fit. */
  async #judge(made: ReadonlyMap<string, readonly Made[]>): Promise<{ pairs: number; unjudged: number; findings: string[] }> {
    const findings: string[] = [];
    let pairs = 0;
    let unjudged = 0;
    for (const [key, calls] of made) {
      await this.#read(key, this.#reads);
      const reads = this.#reads.get(key) ?? [];
      // Not always that of the first call: where calls overlap, a process that stood still comes to its own after the others.
      const firstMs = Math.min(...calls.filter(({ call }) => call.value !== undefined).map(({ answer }) => answer.startMs));
      const relevant = calls.filter(({ answer }) => answer.outcome !== 'done' || answer.endMs >= firstMs);
      const writes = relevant.map((each) => this.#registerCall(each));
      const judged = reads.filter((read) => !isRightAfterInvalidation(read, calls));
      pairs += countOrderedPairs(writes);
      unjudged += reads.length - judged.length;
      // What went before by a little may be why.
      const told = calls.filter((call) => relevant.includes(call) || call.answer.endMs >= firstMs - TOLD_MS);
      if (!isLinearizable([...writes, ...judged])) findings.push(describe(key, told, judged, firstMs));
    }
    return { pairs, unjudged, findings };
  }

  #registerCall({ call, answer: { startMs, endMs, outcome } }: Made): RegisterCall {
    return {
      kind: call.value === undefined ? 'remove' : 'write',
      ...(call.value === undefined ? {} : { value: call.value }),
      startMs,
      endMs: outcome === 'done' ? endMs : this.#settledMs,
      isOptional: outcome === 'failed',
    };
  }

  async #blow(weather: Readonly<Partial<Record<Fault, number>>>, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await pass(this.#random.between(20, 300));
      this.#faults++;
      await this.#strike(this.#random.pickWeighted(weather as Record<Fault, number>));
    }
  }

  async #strike(kind: Fault): Promise<void> {
    const random = this.#random;
    const victim = random.pick([...this.#writers, this.#readerProcess]);
    switch (kind) {
      case 'pause':
        await victim.block(random.between(5, 100));
        return;
      case 'block':
        await victim.block(random.between(COMMAND_TIMEOUT_MS + 100, COMMAND_TIMEOUT_MS + 400));
        return;
      case 'freeze':
        victim.freeze();
        await pass(random.between(50, 900));
        victim.thaw();
        return;
      case 'killConnections':
        return this.#redisFaults.killConnections();
      case 'slow':
        // In one direction only, so that a clock that is compared meanwhile is off.
        this.#proxy.setLatency(random.between(0, 15), { jitterMs: 30, direction: random.pick(['toClient', 'toServer']) });
        await pass(random.between(100, 600));
        this.#proxy.setLatency(0);
        return;
      case 'pauseWrites':
        await this.#redisFaults.pauseWrites(random.between(100, 900));
        return;
      case 'blackhole':
        this.#proxy.blackhole();
        await pass(random.between(100, 900));
        return this.#proxy.resume();
      case 'none':
        return pass(200);
    }
  }
}

/** Whether a call made for one key may change another. */
function concerns(call: WriteCall, key: string, tags: readonly string[]): boolean {
  if (call.call === 'clear' || call.key === key) return true;
  return call.call === 'invalidateTags' && call.tags.some((tag) => tags.includes(tag));
}

function isRightAfterInvalidation(read: RegisterCall, calls: readonly Made[]): boolean {
  if (read.value === undefined) return false;
  return calls.some(({ call, answer: { startMs, endMs } }) => {
    if (call.call !== 'clear' && call.call !== 'invalidateTags') return false;
    return startMs <= read.endMs && endMs >= read.startMs - MESSAGE_MS;
  });
}

function describe(key: string, calls: readonly Made[], reads: readonly RegisterCall[], firstMs: number): string {
  const at = (ms: number): string => (ms - firstMs).toFixed(2);
  const lines = [
    ...calls.map(({ who, call, answer }) => ({
      startMs: answer.startMs,
      endMs: answer.endMs,
      text: `w${who}.${call.manager} ${call.call} ${call.value ?? call.tags.join()} ${answer.l2 ?? answer.outcome}`,
    })),
    ...reads.map(({ startMs, endMs, value }) => ({ startMs, endMs, text: `reader ${value ?? 'nothing'}` })),
  ].sort((a, b) => a.startMs - b.startMs);
  return `${key}: ${lines.map(({ startMs, endMs, text }) => `[${at(startMs)}..${at(endMs)}] ${text}`).join('; ')}`;
}
