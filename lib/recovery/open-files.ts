/**
 * Bounds the descriptors that logs hold (G14): sockets need them more. The files used last stay open, in all logs of a manager
 * together; the others are opened again when they are needed, by the name they have.
 */

/** Files open at once, unless more are in use at the same moment. */
export const MAX_OPEN_FILES = 64;

/** What the system answers when there is no descriptor left. */
const NO_DESCRIPTOR = ['EMFILE', 'ENFILE'];

/** A file that can be closed and opened again. */
export interface Reopenable {
  /** Closes the file once what is under way with it is done. Idempotent. */
  release(): void;
}

/** See the file's header. */
export class OpenFiles {
  readonly #limit: number;
  /** The one that was used longest ago first. */
  readonly #open = new Set<Reopenable>();

  constructor(limit = MAX_OPEN_FILES) {
    this.#limit = limit;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Notes that a file was opened or used, and closes the one that was used longest ago where there are too many. */
  use(file: Reopenable): void {
    this.#open.delete(file);
    this.#open.add(file);
    for (const oldest of this.#open) {
      if (this.#open.size <= this.#limit) return;
      this.#open.delete(oldest);
      oldest.release();
    }
  }

  /** Notes that a file was closed. */
  forget(file: Reopenable): void {
    this.#open.delete(file);
  }

  /** Opens a file; if the process has no descriptor left, after those that logs hold were let go. @throws the system's error */
  async open<T>(open: () => Promise<T>): Promise<T> {
    try {
      return await open();
    } catch (error) {
      if (!this.makeRoom(error)) throw error;
      return open();
    }
  }

  /** Closes all if an error says that the process has no descriptor left; whether it did. */
  makeRoom(error: unknown): boolean {
    if (!NO_DESCRIPTOR.includes((error as NodeJS.ErrnoException).code ?? '') || this.#open.size === 0) return false;
    for (const file of this.#open) file.release();
    this.#open.clear();
    return true;
  }
}
