/**
 * The disk as Node offers it. Files are raw descriptors: `readSync` needs one, and a `FileHandle` that is collected
 * unclosed ends the process. Nothing ever touches a descriptor after its close, when the system may have given the
 * number to another file.
 */
import * as fs from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, rmdir, unlink } from 'node:fs/promises';
import type { LogDisk, LogFile } from './log-disk.js';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** What file systems answer that cannot sync a folder. */
const CANNOT_SYNC = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

class NodeFile implements LogFile {
  readonly #fd: number;
  /** Calls that have the descriptor in hand; {@link close} waits for them. */
  readonly #underWay = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return this.#track((done) => {
      let written = 0;
      const next = (): void => {
        if (written === bytes.length) return done(null);
        fs.write(this.#fd, bytes, written, bytes.length - written, position + written, (error, count) => {
          if (error !== null) return done(error);
          if (count === 0) return done(systemError('EIO', 'the system wrote nothing and gave no reason'));
          written += count;
          next();
        });
      };
      next();
    });
  }

  readSync(target: Uint8Array, position: number): number {
    if (this.#closing !== undefined) throw closedError();
    let read = 0;
    while (read < target.length) {
      const count = fs.readSync(this.#fd, target, read, target.length - read, position + read);
      if (count === 0) break;
      read += count;
    }
    return read;
  }

  sync(): Promise<void> {
    return this.#track((done) => fs.fdatasync(this.#fd, done));
  }

  truncate(length: number): Promise<void> {
    return this.#track((done) => fs.ftruncate(this.#fd, length, done));
  }

  close(): Promise<void> {
    return (this.#closing ??= Promise.allSettled(this.#underWay).then(() =>
      toPromise((done) => {
        fs.close(this.#fd, done);
      }),
    ));
  }

  #track(start: (done: fs.NoParamCallback) => void): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    const call = toPromise(start);
    this.#underWay.add(call);
    const forget = (): void => void this.#underWay.delete(call);
    call.then(forget, forget);
    return call;
  }
}

/** The file system of this machine. */
export const nodeDisk: LogDisk = {
  create: (path) => openFile(path, 'wx+'),
  open: (path) => openFile(path, 'r+'),
  read: (path) => readFile(path),

  async list(folder) {
    try {
      return (await readdir(folder)).sort();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  },

  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  },

  async remove(path) {
    try {
      await unlink(path);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT') return;
      // Linux says EISDIR of a folder, macOS and Windows say EPERM.
      if (code !== 'EISDIR' && code !== 'EPERM') throw error;
      await removeFolder(path, error);
    }
  },

  async rename(from, to) {
    try {
      await rename(from, to);
      return true;
    } catch (error) {
      // ENOENT is also the answer when the folder of `to` is missing.
      if (codeOf(error) === 'ENOENT' && !(await isThere(from))) return false;
      throw error;
    }
  },

  async syncFolder(path) {
    // Windows opens no folders as files.
    if (process.platform === 'win32') return;
    const fd = await openDescriptor(path, 'r');
    try {
      await toPromise((done) => fs.fsync(fd, done));
    } catch (error) {
      if (!CANNOT_SYNC.includes(codeOf(error) ?? '')) throw error;
    } finally {
      await toPromise((done) => fs.close(fd, done));
    }
  },
};

async function openFile(path: string, flags: string): Promise<LogFile> {
  return new NodeFile(await openDescriptor(path, flags));
}

function openDescriptor(path: string, flags: string): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, FILE_MODE, (error, fd) => {
      if (error === null) resolve(fd);
      else reject(error);
    });
  });
}

async function removeFolder(path: string, unlinkError: unknown): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    // No folder after all: what forbade removing the file is what to report.
    throw codeOf(error) === 'ENOTDIR' ? unlinkError : error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => codeOf(error) !== 'ENOENT',
  );
}

function toPromise(start: (done: fs.NoParamCallback) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

function closedError(): Error {
  return systemError('EBADF', 'the file is closed');
}

function systemError(code: string, text: string): Error {
  return Object.assign(new Error(`${code}: ${text}`), { code });
}
