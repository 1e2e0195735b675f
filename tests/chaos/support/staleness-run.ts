/** One staleness run: processes read and write through bad weather, then what they noted is judged. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigObject } from '../../../lib/index.js';
import { seededRandom } from './crash-random.mjs';
import { pass, StalenessFaults } from './staleness-faults.js';
import { judgeStaleness, type Span, type StaleRead, type StalenessHistory } from './staleness-judge.js';
import { readerOf } from './staleness-journal.js';
import { monotonicMs, StalenessProcess, type StalenessSpec } from './staleness-process.js';
import { StalenessWorld, type StalenessMode } from './staleness-world.js';

/** What a run is to be like. */
export interface StalenessPlan {
  readonly mode: StalenessMode;
  readonly seed: number;
  readonly weatherMs: number;
  /** `false`: nobody tells anybody, and the judge must notice. */
  readonly isSynced?: boolean;
}

/** What a run came to. */
export interface StalenessReport {
  readonly mode: StalenessMode;
  readonly seed: number;
  /** Empty when all is well. */
  readonly findings: readonly string[];
  readonly faults: number;
  readonly writes: number;
  readonly reads: number;
  /** Stale reads of values the reader had loaded itself while Redis was away, and could not tell Redis of yet. */
  readonly ownReads: number;
  /** Reads that L1 answered for certain. */
  readonly memoryHits: number;
  readonly invalidations: number;
  readonly gaps: number;
  readonly linkLosses: number;
  readonly durationMs: number;
  /** Where the journals are, when there are findings. */
  readonly keptIn: string | undefined;
}

/** How long a message may take between processes that share two processors with everything else. */
const ALLOWANCE_MS = 250;
/** With `bypass`, L1 is not trusted when the link has shown no life for so long. */
const BYPASS_MS = 2000;
const STALL_MS = 16;
const KEYS = Array.from({ length: 30 }, (_, index) => `k${index}`);
const TAGS = ['red', 'green', 'blue'];
const WRITES = {
  set: 40,
  setTagged: 14,
  setMany: 4,
  setL2Only: 8,
  delete: 12,
  getOrLoad: 8,
  refresh: 4,
  invalidateTags: 3,
  clear: 0.5,
};
const READS = { peek: 30, get: 60, getMany: 2, getOrLoad: 1 };

/** Makes one run. */
export async function runStaleness(plan: StalenessPlan): Promise<StalenessReport> {
  const folder = mkdtempSync(join(tmpdir(), 'oxcache-staleness-'));
  const world = await StalenessWorld.start(plan.mode);
  const scene = new StalenessScene(plan, world, folder);
  try {
    const report = await scene.play();
    if (report.findings.length === 0) rmSync(folder, { recursive: true, force: true });
    return report;
  } finally {
    await scene.end();
    await world.stop();
  }
}

class StalenessScene {
  readonly #plan: StalenessPlan;
  readonly #world: StalenessWorld;
  readonly #folder: string;
  readonly #writers: StalenessProcess[] = [];
  readonly #readers: StalenessProcess[] = [];

  constructor(plan: StalenessPlan, world: StalenessWorld, folder: string) {
    this.#plan = plan;
    this.#world = world;
    this.#folder = folder;
  }

  async play(): Promise<StalenessReport> {
    const startedMs = monotonicMs();
    const { seed, weatherMs } = this.#plan;
    const proxied = { routes: this.#world.routes };
    await Promise.all([
      this.#start(this.#writers, 'writer', 'w1'),
      this.#start(this.#writers, 'writer', 'w2', { batches: true }),
      this.#start(this.#readers, 'reader', 'direct'),
      this.#start(this.#readers, 'reader', 'proxied', proxied),
      this.#start(this.#readers, 'reader', 'bypass', { ...proxied, bypass: true }),
    ]);
    const faults = new StalenessFaults(seededRandom(seed), this.#world, this.#readers);
    // The proxies live in this process: when it does not run, nothing gets through.
    const stalls: Span[] = [];
    let tickedMs = monotonicMs();
    const ticking = setInterval(() => {
      const nowMs = monotonicMs();
      if (nowMs - tickedMs > STALL_MS) stalls.push([tickedMs, nowMs]);
      tickedMs = nowMs;
    }, 10);
    try {
      await faults.blow(weatherMs);
      await this.#finish(Math.max(0, ...faults.lossTimes.map(([, to]) => to)));
    } finally {
      clearInterval(ticking);
    }
    const { records, proxyTimes, lossTimes } = faults;
    writeFileSync(
      join(this.#folder, 'faults.json'),
      JSON.stringify({ startedMs, records, proxyTimes, lossTimes, stalls }, undefined, 1),
    );
    return this.#judge(faults, stalls, startedMs);
  }

  async end(): Promise<void> {
    await Promise.all([...this.#writers, ...this.#readers].map((process) => process.end()));
  }

  async #start(
    into: StalenessProcess[],
    role: StalenessSpec['role'],
    name: string,
    options: { routes?: StalenessSpec['routes']; bypass?: boolean; batches?: boolean } = {},
  ): Promise<void> {
    const { mode, seed, weatherMs, isSynced = true } = this.#plan;
    const { routes = {}, bypass = false, batches = false } = options;
    const transport = mode === 'pubsub' ? 'pubsub' : 'stream';
    const config: ConfigObject = {
      global: { key_prefix: 'chaos', health_check_interval: 1, log_level: 'silent' },
      services: {
        shared: {
          cache_type: 'two-level',
          ttl: 600,
          l1: { max_capacity: 1000 },
          l2: this.#world.l2,
          two_level: { enable_batch_write: batches, batch_interval_ms: 5 },
          sync: { enabled: isSynced, transport, on_link_loss: bypass ? 'bypass' : 'serve' },
          wal: { dir: join(this.#folder, `${name}-wal`) },
        },
      },
    };
    const weights = role === 'writer' ? WRITES : READS;
    const spec = { name, role, config, seed: seed * 31 + into.length, keys: KEYS, tags: TAGS, weights, routes };
    into.push(await StalenessProcess.start({ ...spec, allowanceMs: ALLOWANCE_MS }, this.#folder, weatherMs + 90_000));
  }

  /** The writers stop and tell Redis everything, then every reader has to know it. */
  async #finish(notBeforeMs: number): Promise<void> {
    for (const writer of this.#writers) writer.goOn();
    await Promise.all(this.#writers.map((writer) => writer.says('settled')));
    await pass(Math.max(0, notBeforeMs - monotonicMs()));
    for (const reader of this.#readers) reader.goOn();
    await Promise.all(this.#readers.map((reader) => reader.says('closed')));
    for (const writer of this.#writers) writer.goOn();
    await Promise.all(this.#writers.map((writer) => writer.says('closed')));
  }

  async #judge(faults: StalenessFaults, stalls: readonly Span[], startedMs: number): Promise<StalenessReport> {
    const writers = this.#writers.map((process) => process.journal());
    const journals = this.#readers.map((process) => ({ process, journal: process.journal() }));
    const history: StalenessHistory = {
      writes: [...writers, ...journals.map(({ journal }) => journal)].flatMap(({ writes }) => writes),
      readers: journals.map(({ process: { spec }, journal }) => {
        const isProxied = Object.keys(spec.routes).length > 0;
        const proxy = isProxied
          ? { stalls, disturbed: [...faults.proxyTimes, ...faults.moveTimes, ...faults.frozenTimes] }
          : { stalls: [], disturbed: [...faults.moveTimes, ...faults.frozenTimes] };
        return readerOf(spec.name, journal, proxy, spec.name === 'bypass' ? BYPASS_MS : undefined);
      }),
      lossTimes: faults.lossTimes,
      allowanceMs: ALLOWANCE_MS,
    };
    const stale = judgeStaleness(history);
    const noises = [...this.#writers, ...this.#readers].flatMap(({ spec, stderr }) =>
      stderr === '' ? [] : [`NOISE ${spec.name}: ${stderr}`],
    );
    const findings = [
      // With `bypass` L1 is not trusted, but a process goes on seeing its own writes that Redis does not have yet (G8).
      ...stale.filter(({ kind, reader }) => kind !== 'OWN' || reader !== 'bypass').map((each) => describe(each, startedMs)),
      ...noises,
      ...(await this.#world.foreignFindings()),
    ];
    if (findings.length > 0) writeFileSync(join(this.#folder, 'findings.txt'), findings.join('\n'));
    const sum = (numbers: readonly (number | undefined)[]): number => numbers.reduce<number>((all, one) => all + (one ?? 0), 0);
    const counted = (name: string): number => sum(this.#readers.map((reader) => reader.metrics()[name]));
    return {
      mode: this.#plan.mode,
      seed: this.#plan.seed,
      findings,
      faults: faults.records.length,
      writes: sum(writers.map(({ writes }) => writes.length)),
      reads: sum(journals.map(({ journal }) => journal.readCount)),
      ownReads: stale.filter(({ kind }) => kind === 'OWN').length,
      memoryHits: sum(journals.map(({ journal }) => journal.memoryHits)),
      invalidations: counted('invalidationsReceived'),
      gaps: counted('invalidationGaps'),
      linkLosses: counted('invalidationLinkLosses'),
      durationMs: monotonicMs() - startedMs,
      keptIn: findings.length === 0 ? undefined : this.#folder,
    };
  }
}

function describe({ kind, reader, read, lateMs, value, newer }: StaleRead, startedMs: number): string {
  const at = (ms: number | undefined): string => (ms === undefined ? '?' : `+${((ms - startedMs) / 1000).toFixed(3)}s`);
  const was = value === undefined ? 'nobody wrote' : `from ${at(value.startedMs)} to ${at(value.effectiveMs)}`;
  const than =
    newer === undefined
      ? ''
      : `, though ${newer.id ?? newer.kind} began at ${at(newer.startedMs)} and had been acknowledged for ${Math.round(lateMs)} ms`;
  return `${kind} ${reader} ${read.how} ${read.key} at ${at(read.startedMs)}: ${read.id} (${was})${than}`;
}
