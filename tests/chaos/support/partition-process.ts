/** The parent's end of a process that takes part in a partition: calls it, and kills it. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ConfigObject } from '../../../lib/index.js';
import { reapWithParent } from '../../support/reaper.js';

/** What such a process is started with. */
export interface PartitionSpec {
  readonly config: ConfigObject;
  /** The port Redis is known by, and the one where this process finds it. */
  readonly knownPort: number;
  readonly routePort: number;
  /** How wrong its wall clock is. */
  readonly clockOffsetMs: number;
}

/** What the process says of itself. */
export interface PartitionState {
  readonly status: string;
  readonly owed: number;
}

const CHILD = fileURLToPath(new URL('./partition-child.mjs', import.meta.url));
const MODULE = new URL('../../../dist/index.js', import.meta.url).href;

/** See the file's header. */
export class PartitionProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  readonly #ready: Promise<unknown>;
  #calls = 0;
  #stderr = '';

  private constructor(spec: PartitionSpec) {
    this.#child = fork(CHILD, [JSON.stringify({ ...spec, module: MODULE })], {
      env: { ...process.env, NODE_OPTIONS: undefined },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    reapWithParent(this.#child);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#child.on('message', (message: { id: number; answer?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting?.resolve(message.answer);
      else waiting?.reject(new Error(message.error));
    });
    this.#child.once('exit', (code, signal) => {
      const error = new Error(`The process ended (${signal ?? code ?? ''}): ${this.#stderr}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    this.#ready = this.#answerTo(0);
  }

  /** Starts a process; resolves once its manager is open, with Redis or without. */
  static async start(spec: PartitionSpec): Promise<PartitionProcess> {
    const started = new PartitionProcess(spec);
    await started.#ready;
    return started;
  }

  /** What it has written to standard error: nothing, when all is well. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Writes; resolves to where the value is. */
  set(key: string, n: number): Promise<string> {
    return this.#call('set', key, n) as Promise<string>;
  }

  /** Deletes; resolves to `deleted`. */
  delete(key: string): Promise<string> {
    return this.#call('delete', key) as Promise<string>;
  }

  /** What it reads past its own L1. */
  read(key: string): Promise<number | null> {
    return this.#call('read', key) as Promise<number | null>;
  }

  /** What it says of itself. */
  state(): Promise<PartitionState> {
    return this.#call('state') as Promise<PartitionState>;
  }

  /** Closes its manager; resolves once it has ended. */
  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    await this.#call('close');
    await ended;
  }

  /** `kill -9`. May be called in any state. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  #call(call: string, ...args: unknown[]): Promise<unknown> {
    const id = ++this.#calls;
    const answer = this.#answerTo(id);
    this.#child.send({ id, call, args });
    return answer;
  }

  #answerTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }
}
