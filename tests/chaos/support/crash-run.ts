/**
 * One run of the crash matrix: processes that write through bad weather are killed one after the other, then a last one
 * recovers what they left, and Redis is compared with their journal.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import { openEnvelope } from '../../../lib/codec/envelope.js';
import { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import { CLEARED_FIELD } from '../../../lib/tiers/redis/marks-script.js';
import { RedisServer } from '../../support/redis-server.js';
import { startScript, type RunningScript } from '../../support/spawn-script.js';
import { until } from '../../support/until.js';
import { seededRandom, type SeededRandom } from './crash-random.mjs';
import { chooseSettings, type CrashSettings } from './crash-settings.js';
import { CrashWeather } from './crash-weather.js';
import { judge, parseJournal, type JournalEvent, type ObservedValue } from './journal-oracle.js';

/** What a run came to. */
export interface CrashReport {
  readonly run: number;
  readonly label: string;
  readonly kills: number;
  readonly events: number;
  readonly durationMs: number;
  /** Empty when all is well. */
  readonly findings: readonly string[];
  /** Where journal and logs were kept, when there are findings. */
  readonly keptIn: string | undefined;
}

const CHILD = fileURLToPath(new URL('./crash-child.mjs', import.meta.url));
/** Clocks are compared over a network that delays: they may be wrong by half of what the slowest answer took. */
const TOLERANCE_MS = 300;
const RECOVERY_TIMEOUT_MS = 15_000;

/** A Redis and the proxy in front of it, for many runs one after the other. */
export class CrashLane {
  readonly #redis: RedisServer;
  readonly #proxy: TcpFaultProxy;
  readonly #reader: Redis;

  private constructor(redis: RedisServer, proxy: TcpFaultProxy) {
    this.#redis = redis;
    this.#proxy = proxy;
    this.#reader = new Redis({ host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null, retryStrategy: () => 10 });
    this.#reader.on('error', () => undefined);
  }

  /** Starts both. */
  static async open(): Promise<CrashLane> {
    const redis = await RedisServer.start({ appendonly: true });
    return new CrashLane(redis, await TcpFaultProxy.start(redis.port));
  }

  /** Ends both. */
  async close(): Promise<void> {
    this.#reader.disconnect();
    await this.#proxy.close();
    await this.#redis.stop();
  }

  /** Makes one run. */
  async run(seed: number, run: number): Promise<CrashReport> {
    const startedMs = performance.now();
    const random = seededRandom(seed * 100_003 + run);
    const folder = mkdtempSync(join(tmpdir(), 'oxcache-crash-'));
    const prefix = `crash${seed}r${run}`;
    const settings = chooseSettings(random, prefix, join(folder, 'wal'), this.#proxy.port);
    const scene = new CrashScene(settings, random, folder, new CrashWeather(random, this.#proxy, this.#redis));
    let findings: string[];
    try {
      findings = await scene.play((names) => this.#look(prefix, names));
    } catch (error) {
      findings = [`FAILED ${String(error)}`];
    } finally {
      await scene.end();
    }
    const events = scene.journal().length;
    if (findings.length === 0) rmSync(folder, { recursive: true, force: true });
    return {
      run,
      label: settings.label,
      kills: scene.kills,
      events,
      durationMs: performance.now() - startedMs,
      findings,
      keptIn: findings.length === 0 ? undefined : folder,
    };
  }

  /**
   * The values Redis has now. Marks of deletions are none, nor is what is older than the last clear: no reader takes it for one, and
   * its memory is freed only if the process that cleared lives long enough.
   */
  async #look(prefix: string, keys: readonly string[]): Promise<Map<string, ObservedValue>> {
    const found = new Map<string, ObservedValue>();
    const cleared = (await this.#reader.hget(`${prefix}::chaos:marks`, CLEARED_FIELD)) ?? '';
    for (const key of keys) {
      const name = `${prefix}:chaos:${key}`;
      const raw = await this.#reader.getBuffer(name);
      if (raw === null) continue;
      const entry = openEnvelope(raw);
      if (typeof entry === 'string') throw new Error(`${name} holds what is no entry: ${entry}`);
      if (entry.kind !== 'v' || entry.version < cleared) continue;
      const text = entry.compression === 'g' ? gunzipSync(entry.payload) : entry.payload;
      const { n } = JSON.parse(text.toString('utf8')) as { n: number };
      found.set(key, { n, expiresAtMs: entry.expiresAtMs });
    }
    return found;
  }
}

/** The processes of one run and what they leave. */
class CrashScene {
  kills = 0;
  readonly #settings: CrashSettings;
  readonly #random: SeededRandom;
  readonly #folder: string;
  readonly #weather: CrashWeather;
  readonly #children: RunningScript[] = [];
  readonly #findings: string[] = [];
  #generation = 0;

  constructor(settings: CrashSettings, random: SeededRandom, folder: string, weather: CrashWeather) {
    this.#settings = settings;
    this.#random = random;
    this.#folder = folder;
    this.#weather = weather;
  }

  /** Plays it; resolves to what must not be. */
  async play(look: (keys: readonly string[]) => Promise<Map<string, ObservedValue>>): Promise<string[]> {
    for (let left = this.#settings.generations; left > 0; left--) await this.#workAndDie();
    await this.#weather.heal();
    const last = this.#start('recover');
    await Promise.race([last.printed('recovered', RECOVERY_TIMEOUT_MS), last.done]);
    const checkedAtMs = Date.now();
    const observed = await look(this.#settings.writers.flat());
    await this.#checkFolders(1);
    last.kill('SIGUSR2');
    const { code, stderr } = await last.done;
    if (code !== 0 || stderr !== '') this.#findings.push(`EXIT the last process ended with ${code ?? 'a signal'}: ${stderr}`);
    await this.#checkFolders(0);
    const { isQueuedDurable, mayGiveUpValues } = this.#settings;
    const options = { isQueuedDurable, mayGiveUpValues, checkedAtMs, toleranceMs: TOLERANCE_MS };
    const judged = judge(this.journal(), observed, options);
    return [...this.#findings, ...judged.map(({ kind, key, detail }) => `${kind} ${key}: ${detail}`)];
  }

  /** What the processes have noted so far. */
  journal(): JournalEvent[] {
    try {
      return parseJournal(readFileSync(this.#journalFile, 'utf8'));
    } catch {
      return [];
    }
  }

  /** Ends what still runs. */
  async end(): Promise<void> {
    for (const child of this.#children) child.kill();
    await Promise.all(this.#children.map((child) => child.done));
    await this.#weather.heal();
  }

  get #journalFile(): string {
    return join(this.#folder, 'journal');
  }

  async #workAndDie(): Promise<void> {
    const random = this.#random;
    if (random.chance(0.85)) this.#weather.start();
    const isEarly = random.chance(0.2);
    const lifeMs = isEarly ? random.between(30, 400) : random.chance(0.1) ? random.between(800, 2500) : random.between(10, 500);
    const child = this.#start('work');
    let hasEnded = false;
    void child.done.then(() => (hasEnded = true));
    if (!isEarly)
      await until(() => hasEnded || child.stdout().includes('ready'), { timeoutMs: 15_000, describe: 'a process to be ready' });
    const fromMs = performance.now();
    await until(() => hasEnded || performance.now() - fromMs >= lifeMs, { intervalMs: 1 });
    child.kill();
    const { signal, stderr } = await child.done;
    if (signal !== 'SIGKILL' || stderr !== '') this.#findings.push(`EXIT process ${this.#generation} ended by itself: ${stderr}`);
    this.kills++;
    // Its successor may come up in good weather, or in bad.
    if (random.chance(0.3)) await this.#weather.heal();
  }

  #start(role: 'work' | 'recover'): RunningScript {
    const { config, writers, deleteResult, weights, sizes, shortTtlShare, overlapShare, pauseShare, ttlMs } = this.#settings;
    const generation = ++this.#generation;
    const seed = this.#random.between(1, 2 ** 31);
    const choices = { config, writers, deleteResult, weights, sizes, shortTtlShare, overlapShare, pauseShare, ttlMs };
    const spec = { ...choices, role, generation, seed, journal: this.#journalFile };
    const child = startScript(CHILD, { args: [JSON.stringify(spec)], deadlineMs: 40_000 });
    this.#children.push(child);
    return child;
  }

  /** Nothing is left of the dead: their logs have been replayed, so `wal.dir` holds the folders of the living only. */
  async #checkFolders(living: number): Promise<void> {
    const dir = join(this.#folder, 'wal');
    const left = (): string[] => {
      const folders = readdirSync(dir).filter((name) => !diedAtBirth(join(dir, name)));
      const adopted = folders.flatMap((name) => readdirSync(join(dir, name))).filter((name) => name.includes('.from-'));
      return [...(folders.length === living ? [] : folders), ...adopted];
    };
    // Folders are removed in the background.
    await until(() => left().length === 0, { timeoutMs: 2000 }).catch(() => {
      this.#findings.push(`LEFTOVER in wal.dir, with ${living} living: ${left().join(', ')}`);
    });
  }
}

/** A process that is killed before it has said who it is leaves a folder without a log; it is removed a minute later. */
function diedAtBirth(folder: string): boolean {
  const names = readdirSync(folder);
  if (names.includes('owner.json') && statSync(join(folder, 'owner.json')).size > 0) return false;
  return names.every((name) => ['owner.json', 'alive.sock'].includes(name));
}
