/** The parent's end of a process that reads or writes in a staleness run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigObject } from '../../../lib/index.js';
import { startScript, type RunningScript } from '../../support/spawn-script.js';
import { parseStalenessJournal, type ProcessJournal } from './staleness-journal.js';

/** What such a process is started with. */
export interface StalenessSpec {
  readonly name: string;
  readonly role: 'writer' | 'reader';
  readonly config: ConfigObject;
  readonly seed: number;
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  /** How often which call is made, relative to the others. */
  readonly weights: Readonly<Record<string, number>>;
  /** Ports of Redis it reaches through other ports. */
  readonly routes: Readonly<Record<number, number>>;
  readonly allowanceMs: number;
}

const CHILD = fileURLToPath(new URL('./staleness-child.mjs', import.meta.url));

/** The clock the processes share, in milliseconds. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** See the file's header. */
export class StalenessProcess {
  readonly spec: StalenessSpec;
  readonly #script: RunningScript;
  readonly #journal: string;

  private constructor(spec: StalenessSpec, folder: string, deadlineMs: number) {
    this.spec = spec;
    this.#journal = join(folder, `${spec.name}.jsonl`);
    const args = [JSON.stringify({ ...spec, journal: this.#journal })];
    this.#script = startScript(CHILD, { args, deadlineMs });
  }

  /** Starts a process; resolves once it works. It is killed after `deadlineMs`. */
  static async start(spec: StalenessSpec, folder: string, deadlineMs: number): Promise<StalenessProcess> {
    const started = new StalenessProcess(spec, folder, deadlineMs);
    await started.says('ready');
    return started;
  }

  /** Resolves once it has said so; rejects when it ends before. */
  async says(word: string): Promise<void> {
    const ended = this.#script.done.then(({ code, signal, stderr, stdout }) => {
      if (!stdout.includes(word)) throw new Error(`${this.spec.name} ended (${signal ?? code ?? ''}): ${stderr}`);
    });
    await Promise.race([this.#script.printed(word, 30_000), ended]);
  }

  /** Asks it to go on to its next stage. */
  goOn(): void {
    this.#script.kill('SIGUSR2');
  }

  /** Stops it where it is. */
  freeze(): void {
    this.#script.kill('SIGSTOP');
  }

  /** Lets it go on. */
  thaw(): void {
    this.#script.kill('SIGCONT');
  }

  /** Kills it, in whichever state. */
  async end(): Promise<void> {
    this.#script.kill();
    await this.#script.done;
  }

  /** What it wrote to standard error: nothing, when all is well. */
  get stderr(): string {
    return this.#script.stderr();
  }

  /** Its counters, once it has closed. */
  metrics(): Readonly<Record<string, number>> {
    const line = /^metrics (.*)$/m.exec(this.#script.stdout());
    return JSON.parse(line?.[1] ?? '{}') as Record<string, number>;
  }

  /** What it has noted so far. */
  journal(): ProcessJournal {
    return parseStalenessJournal(readFileSync(this.#journal, 'utf8'));
  }
}
