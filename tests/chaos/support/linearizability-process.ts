/** The parent's end of a process of a linearizability run: calls it, stops it, ends it. */
import { fileURLToPath } from 'node:url';
import type { ConfigObject } from '../../../lib/index.js';
import { CalledProcess } from '../../support/called-process.js';

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

/** See the file's header. */
export class LinearizabilityProcess {
  readonly #process: CalledProcess;

  private constructor(process: CalledProcess) {
    this.#process = process;
  }

  /** Starts a process; resolves once its managers are open, one for each configuration. */
  static async start(configs: readonly ConfigObject[]): Promise<LinearizabilityProcess> {
    return new LinearizabilityProcess(await CalledProcess.start(CHILD, { configs }));
  }

  /** What it has written to standard error: nothing, when all is well. */
  get stderr(): string {
    return this.#process.stderr;
  }

  /** Makes the calls one after the other, with nothing in between. */
  write(calls: readonly WriteCall[]): Promise<readonly WriteAnswer[]> {
    return this.#process.call('write', calls) as Promise<readonly WriteAnswer[]>;
  }

  /** Reads past its L1. */
  read(key: string): Promise<ReadAnswer> {
    return this.#process.call('read', key) as Promise<ReadAnswer>;
  }

  /** Blocks its event loop for so long, as soon as it gets to it. */
  block(ms: number): Promise<unknown> {
    return this.#process.call('block', ms);
  }

  /** Resolves once it owes Redis nothing, to when that was. */
  async settle(): Promise<number> {
    const { atMs } = (await this.#process.call('settle')) as { atMs: number };
    return atMs;
  }

  /** Stops it where it is. */
  freeze(): void {
    this.#process.freeze();
  }

  /** Lets it go on. */
  thaw(): void {
    this.#process.thaw();
  }

  /** Closes its managers; resolves once it has ended. */
  close(): Promise<void> {
    return this.#process.close();
  }

  /** `kill -9`. May be called in any state. */
  kill(): Promise<void> {
    return this.#process.kill();
  }
}
