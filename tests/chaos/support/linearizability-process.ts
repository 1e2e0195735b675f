/** The parent's end of a process of a linearizability run: calls it, stops it, ends it. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ConfigObject } from '../../../lib/index.js';
import { reapWithParent } from '../../support/reaper.js';

/** A write or removal to make. */
export interface WriteCall {
  /** Which manager of the process makes it. */
  readonly manager: number;
  readonly call: 'set' | 'setL2Only' | 'setMany' | 'delete' | 'deleteMany' | 'invalidateTags' | 'clear';
  readonly key: string;
  /** Of calls that set. */
  readonly value?: string;
  readonly tags: readonly string[];
}

/** What became of it. */
export interface WriteAnswer {
  readonly startMs: number;
  readonly endMs: number;
  /** `done`: Redis has it; `logged`: it is acknowledged and Redis may get it later; `failed`: nobody knows. */
  readonly outcome: 'done' | 'logged' | 'failed';
  /** What the call said, where it says so. */
  readonly l2?: string | null;
}

/** What was read from Redis. */
export interface ReadAnswer {
  readonly startMs: number;
  readonly endMs: number;
  readonly value: string | null;
  /** A miss while Redis can't be asked says nothing. */
  readonly isSure: boolean;
}

const CHILD = fileURLToPath(new URL('./linearizability-child.mjs', import.meta.url));
const MODULE = new URL('../../../dist/index.js', import.meta.url).href;

/** See the file's header. */
export class LinearizabilityProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  readonly #ready: Promise<unknown>;
  #calls = 0;
  #stderr = '';

  private constructor(configs: readonly ConfigObject[]) {
    this.#child = fork(CHILD, [JSON.stringify({ configs, module: MODULE })], {
      env: { ...process.env, NODE_OPTIONS: undefined },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    reapWithParent(this.#child);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#child.on('message', ({ id, answer }: { id: number; answer: unknown }) => {
      this.#waiting.get(id)?.resolve(answer);
      this.#waiting.delete(id);
    });
    this.#child.once('close', (code, signal) => {
      const error = new Error(`The process ended (${signal ?? code ?? ''}): ${this.#stderr}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    this.#ready = this.#answerTo(0);
  }

  /** Starts a process; resolves once its managers are open, one for each configuration. */
  static async start(configs: readonly ConfigObject[]): Promise<LinearizabilityProcess> {
    const started = new LinearizabilityProcess(configs);
    await started.#ready;
    return started;
  }

  /** What it has written to standard error: nothing, when all is well. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Makes the calls one after the other, with nothing in between. */
  write(calls: readonly WriteCall[]): Promise<readonly WriteAnswer[]> {
    return this.#ask('write', { calls }) as Promise<readonly WriteAnswer[]>;
  }

  /** Reads past its L1. */
  read(key: string): Promise<ReadAnswer> {
    return this.#ask('read', { key }) as Promise<ReadAnswer>;
  }

  /** Blocks its event loop for so long, as soon as it gets to it. */
  block(ms: number): Promise<unknown> {
    return this.#ask('block', { ms });
  }

  /** Resolves once it owes Redis nothing, to when that was. */
  async settle(): Promise<number> {
    const { atMs } = (await this.#ask('settle', {})) as { atMs: number };
    return atMs;
  }

  /** Stops it where it is. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Lets it go on. */
  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Closes its managers; resolves once it has ended. */
  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    await this.#ask('close', {});
    await ended;
  }

  /** `kill -9`. May be called in any state. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  #ask(what: string, call: object): Promise<unknown> {
    const id = ++this.#calls;
    const answer = this.#answerTo(id);
    this.#child.send({ id, what, ...call });
    return answer;
  }

  #answerTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }
}
