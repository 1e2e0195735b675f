/** The parent's end of a Node script in a process of its own that makes calls: `serve-calls.mjs` is the other end. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { reapWithParent } from './reaper.js';

interface Message {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: string;
}

/** See the file's header. */
export class CalledProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  readonly #ready: Promise<unknown>;
  #calls = 0;
  #stderr = '';

  private constructor(script: string, spec: object) {
    this.#child = fork(script, [JSON.stringify(spec)], {
      // NODE_OPTIONS holds jest's own flags: a script runs as a user would run it.
      env: { ...process.env, NODE_OPTIONS: undefined },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    reapWithParent(this.#child);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#child.on('message', ({ id, answer, error }: Message) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(answer);
      else waiting?.reject(new Error(error));
    });
    this.#child.once('close', (code, signal) => {
      const error = new Error(`The process ended (${signal ?? code ?? ''}): ${this.#stderr}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    this.#ready = this.#answerTo(0);
  }

  /** Starts a script with `spec`, as JSON, as its argument; resolves once it takes calls. */
  static async start(script: string, spec: object): Promise<CalledProcess> {
    const started = new CalledProcess(script, spec);
    await started.#ready;
    return started;
  }

  /** What it has written to standard error: nothing, when all is well. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Makes a call; resolves to its answer. @throws {Error} with the text of what the call rejected with */
  call(name: string, ...args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#calls;
    const answer = this.#answerTo(id);
    this.#child.send({ id, name, args });
    return answer;
  }

  /** Stops it where it is. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Lets it go on. */
  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Calls its `close`; resolves once it has ended. */
  async close(): Promise<void> {
    const ended = once(this.#child, 'close');
    await this.call('close');
    await ended;
  }

  /** `kill -9`. May be called in any state. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await ended;
  }

  #answerTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }
}
