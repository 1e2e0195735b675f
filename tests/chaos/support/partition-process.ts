/** The parent's end of a process that takes part in a partition: calls it, and kills it. */
import { fileURLToPath } from 'node:url';
import type { ConfigObject } from '../../../lib/index.js';
import { CalledProcess } from '../../support/called-process.js';

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

/** See the file's header. */
export class PartitionProcess {
  readonly #process: CalledProcess;

  private constructor(process: CalledProcess) {
    this.#process = process;
  }

  /** Starts a process; resolves once its manager is open, with Redis or without. */
  static async start(spec: PartitionSpec): Promise<PartitionProcess> {
    return new PartitionProcess(await CalledProcess.start(CHILD, spec));
  }

  /** What it has written to standard error: nothing, when all is well. */
  get stderr(): string {
    return this.#process.stderr;
  }

  /** Writes; resolves to where the value is. */
  set(key: string, n: number): Promise<string> {
    return this.#process.call('set', key, n) as Promise<string>;
  }

  /** Deletes; resolves to `deleted`. */
  delete(key: string): Promise<string> {
    return this.#process.call('delete', key) as Promise<string>;
  }

  /** What it reads past its own L1. */
  read(key: string): Promise<number | null> {
    return this.#process.call('read', key) as Promise<number | null>;
  }

  /** What it says of itself. */
  state(): Promise<PartitionState> {
    return this.#process.call('state') as Promise<PartitionState>;
  }

  /** Closes its manager; resolves once it has ended. */
  close(): Promise<void> {
    return this.#process.close();
  }

  /** `kill -9`. May be called in any state. */
  kill(): Promise<void> {
    return this.#process.kill();
  }
}
