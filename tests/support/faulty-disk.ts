/**
 * A disk that fails, fills up or hangs on demand, in front of another. Nothing is wrong with it until a test asks.
 *
 * Every call is listed in `operations` when it is made, whether or not it then fails.
 */
import type { LogDisk, LogFile } from '../../lib/recovery/log-disk.js';

/** The methods of the disk and of its files. */
export type DiskOperation = keyof LogDisk | Exclude<keyof LogFile, 'identity'>;

/** Those that can hang. */
export type AsyncDiskOperation = Exclude<DiskOperation, 'readSync' | 'openSync'>;

/** A call that was made. */
export interface RecordedOperation {
  readonly operation: DiskOperation;
  /** The file or folder; of a rename, where it comes from. */
  readonly path: string;
}

interface Failure {
  readonly code: string;
  remaining: number;
}

/** How far a file's bytes reach, as long as it can be reached by this path. */
interface KnownFile {
  size: number;
}

export class FaultyDisk implements LogDisk {
  readonly #disk: LogDisk;
  readonly #failures = new Map<DiskOperation, Failure>();
  readonly #hanging = new Set<DiskOperation>();
  readonly #files = new Map<string, KnownFile>();
  #waiting: (() => void)[] = [];
  #freeBytes = Infinity;
  /** Every call so far, in order. Tests may empty it. */
  readonly operations: RecordedOperation[] = [];

  constructor(disk: LogDisk) {
    this.#disk = disk;
  }

  /** Lets the next `count` calls fail with `code`; nothing of them happens, except that a file is closed. */
  failNext(operation: DiskOperation, code: string, count = 1): void {
    this.#failures.set(operation, { code, remaining: count });
  }

  /** Lets all calls fail until {@link heal}. */
  failAll(operation: DiskOperation, code: string): void {
    this.failNext(operation, code, Infinity);
  }

  /**
   * Leaves room for `bytes` more than there are now. A write that needs more lands up to the limit, then fails with
   * `ENOSPC`. Overwriting in place is free; removing and cutting off files gives space back.
   */
  limitBytes(bytes: number): void {
    this.#freeBytes = bytes;
  }

  /** Lets calls begin only at {@link release}. Not for what is synchronous, which cannot wait. */
  hang(operation: AsyncDiskOperation): void {
    this.#hanging.add(operation);
  }

  /** Lets everything that hangs go on. */
  release(): void {
    this.#hanging.clear();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const goOn of waiting) goOn();
  }

  /** A disk without faults from now on; what hangs goes on. */
  heal(): void {
    this.#failures.clear();
    this.#freeBytes = Infinity;
    this.release();
  }

  async create(path: string): Promise<LogFile> {
    await this.#begin('create', path);
    const file = await this.#disk.create(path);
    return this.#wrap(path, file, 0);
  }

  async open(path: string): Promise<LogFile> {
    await this.#begin('open', path);
    const file = await this.#disk.open(path);
    return this.#wrap(path, file, this.#files.get(path)?.size ?? (await this.#disk.read(path, Infinity)).length);
  }

  openSync(path: string): LogFile {
    this.#list('openSync', path);
    this.#failIfAsked('openSync', path);
    return this.#wrap(path, this.#disk.openSync(path), this.#files.get(path)?.size ?? 0);
  }

  async read(path: string, maxBytes: number): Promise<Buffer> {
    await this.#begin('read', path);
    return this.#disk.read(path, maxBytes);
  }

  async identify(path: string): Promise<string | undefined> {
    await this.#begin('identify', path);
    return this.#disk.identify(path);
  }

  async list(folder: string): Promise<string[]> {
    await this.#begin('list', folder);
    return this.#disk.list(folder);
  }

  async makeFolder(path: string): Promise<void> {
    await this.#begin('makeFolder', path);
    await this.#disk.makeFolder(path);
  }

  async remove(path: string): Promise<void> {
    await this.#begin('remove', path);
    // A folder, or a file that is not there, has no bytes to give back.
    const size = this.#files.get(path)?.size ?? (await this.#disk.read(path, Infinity).catch(() => '')).length;
    await this.#disk.remove(path);
    this.#files.delete(path);
    this.#freeBytes += size;
  }

  async rename(from: string, to: string): Promise<boolean> {
    await this.#begin('rename', from);
    if (!(await this.#disk.rename(from, to))) return false;
    for (const [path, file] of [...this.#files]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.#files.delete(path);
      this.#files.set(to + path.slice(from.length), file);
    }
    return true;
  }

  async syncFolder(path: string): Promise<void> {
    await this.#begin('syncFolder', path);
    await this.#disk.syncFolder(path);
  }

  #wrap(path: string, file: LogFile, size: number): LogFile {
    const known = this.#files.get(path) ?? { size };
    this.#files.set(path, known);
    return {
      identity: file.identity,
      read: async (length) => {
        await this.#begin('read', path);
        return file.read(length);
      },
      write: async (bytes, position) => {
        await this.#begin('write', path);
        await this.#write(file, known, bytes, position);
      },
      readSync: (target, position) => {
        this.#list('readSync', path);
        this.#failIfAsked('readSync', path);
        return file.readSync(target, position);
      },
      sync: async () => {
        await this.#begin('sync', path);
        await file.sync();
      },
      truncate: async (length) => {
        await this.#begin('truncate', path);
        await file.truncate(length);
        this.#freeBytes += Math.max(0, known.size - length);
        known.size = Math.min(known.size, length);
      },
      close: async () => {
        try {
          await this.#begin('close', path);
        } finally {
          await file.close();
        }
      },
    };
  }

  async #write(file: LogFile, known: KnownFile, bytes: Uint8Array, position: number): Promise<void> {
    const end = position + bytes.length;
    const reachableEnd = known.size + Math.max(0, this.#freeBytes);
    const landing = Math.max(0, Math.min(end, reachableEnd) - position);
    // Taken before the write, so that two writes at once cannot both have the last space.
    const grownTo = Math.max(known.size, position + landing);
    this.#freeBytes -= grownTo - known.size;
    known.size = grownTo;
    await file.write(bytes.subarray(0, landing), position);
    if (landing < bytes.length) throw systemError('ENOSPC', 'write');
  }

  async #begin(operation: DiskOperation, path: string): Promise<void> {
    this.#list(operation, path);
    if (this.#hanging.has(operation)) await new Promise<void>((goOn) => this.#waiting.push(goOn));
    this.#failIfAsked(operation, path);
  }

  #list(operation: DiskOperation, path: string): void {
    this.operations.push({ operation, path });
  }

  #failIfAsked(operation: DiskOperation, path: string): void {
    const failure = this.#failures.get(operation);
    if (failure === undefined || failure.remaining === 0) return;
    failure.remaining--;
    throw systemError(failure.code, operation, path);
  }
}

function systemError(code: string, operation: string, path = ''): Error {
  return Object.assign(new Error(`${code}: ${operation} ${path}`), { code, syscall: operation });
}
