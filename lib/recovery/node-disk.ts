/**
 * The disk as Node offers it. Files are raw descriptors: `readSync` needs one, and a `FileHandle` that is collected
 * unclosed ends the process. Nothing ever touches a descriptor after its close, when the system may have given the
 * number to another file.
 */
import * as fs from 'node:fs';
import { lstat, mkdir, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { FOREIGN_FILE, isMissing, type LogDisk, type LogFile } from './log-disk.js';

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants;
/** Links are not followed, and a pipe without a reader or writer is opened at once. Windows has neither, nor the flags. */
const SAFELY = ((fs.constants.O_NOFOLLOW as number | undefined) ?? 0) | ((fs.constants.O_NONBLOCK as number | undefined) ?? 0);

/** What opening a link without following it, a socket, or a folder for writing is answered with. */
const NO_FILE = ['ELOOP', 'EMLINK', 'ENXIO', 'EISDIR', 'ENODEV', 'EOPNOTSUPP'];

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** What file systems answer that cannot sync a folder. */
const CANNOT_SYNC = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

class NodeFile implements LogFile {
  readonly identity: string;
  readonly #fd: number;
  /** Calls that have the descriptor in hand; {@link close} waits for them. */
  readonly #underWay = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(fd: number, identity: string) {
    this.#fd = fd;
    this.identity = identity;
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

  async read(length: number): Promise<Buffer> {
    const target = Buffer.allocUnsafeSlow(length);
    let read = 0;
    await this.#track((done) => {
      const next = (): void => {
        fs.read(this.#fd, target, read, length - read, read, (error, count) => {
          if (error !== null) return done(error);
          read += count;
          if (count === 0 || read === length) return done(null);
          next();
        });
      };
      if (length === 0) done(null);
      else next();
    });
    return target.subarray(0, read);
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
  create: (path) => openFile(path, O_RDWR | O_CREAT | O_EXCL),
  open: (path) => openFile(path, O_RDWR),

  openSync(path) {
    let fd: number;
    try {
      fd = fs.openSync(path, O_RDONLY | SAFELY);
    } catch (error) {
      throw toForeign(error, path);
    }
    try {
      return new NodeFile(fd, identityOf(requireFile(fs.fstatSync(fd, { bigint: true }), path)));
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  },

  async read(path, maxBytes) {
    const fd = await openDescriptor(path, O_RDONLY);
    try {
      const { size } = requireFile(await factsOf(fd), path);
      if (size > maxBytes) throw foreign(path, `is larger than ${maxBytes} bytes`);
      return await new NodeFile(fd, '').read(Number(size));
    } finally {
      await closeDescriptor(fd);
    }
  },

  identify(path) {
    // Once a commit: callbacks take half of what `fs/promises` does.
    return new Promise((resolve, reject) => {
      fs.lstat(path, { bigint: true }, (error, facts) => {
        if (error === null) resolve(identityOf(facts));
        else if (isMissing(error)) resolve(undefined);
        else reject(error);
      });
    });
  },

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
    const fd = await openDescriptor(path, O_RDONLY);
    try {
      await toPromise((done) => fs.fsync(fd, done));
    } catch (error) {
      if (!CANNOT_SYNC.includes(codeOf(error) ?? '')) throw error;
    } finally {
      await closeDescriptor(fd);
    }
  },
};

async function openFile(path: string, flags: number): Promise<LogFile> {
  const fd = await openDescriptor(path, flags);
  try {
    return new NodeFile(fd, identityOf(requireFile(await factsOf(fd), path)));
  } catch (error) {
    await closeDescriptor(fd);
    throw error;
  }
}

function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags | SAFELY, FILE_MODE, (error, fd) => {
      if (error === null) resolve(fd);
      else reject(toForeign(error, path));
    });
  });
}

function closeDescriptor(fd: number): Promise<void> {
  return toPromise((done) => fs.close(fd, done));
}

function factsOf(fd: number): Promise<fs.BigIntStats> {
  return new Promise((resolve, reject) => {
    fs.fstat(fd, { bigint: true }, (error, facts) => {
      if (error === null) resolve(facts);
      else reject(error);
    });
  });
}

function requireFile(facts: fs.BigIntStats, path: string): fs.BigIntStats {
  if (!facts.isFile()) throw foreign(path, 'is no regular file');
  return facts;
}

function identityOf({ dev, ino }: fs.BigIntStats): string {
  return `${dev}:${ino}`;
}

function foreign(path: string, what: string): Error {
  return systemError(FOREIGN_FILE, `${path} ${what}`);
}

function toForeign(error: unknown, path: string): Error {
  return NO_FILE.includes(codeOf(error) ?? '') ? foreign(path, 'is no regular file') : (error as Error);
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
