/**
 * The port to the disk: what the write-ahead log needs of a file system and no more, so that tests can put a failing,
 * full or hanging disk in its place. Errors are the system's own and carry its `code` (`ENOSPC`, `EIO`, …).
 */

/** The `code` of what is no file of ours: no regular file, a link, or one that is too large. */
export const FOREIGN_FILE = 'EFOREIGN';

/** Whether an error of the disk says that the file, or a folder on the way to it, is not there. */
export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** An open file. */
export interface LogFile {
  /** Names the file itself, whatever its path: compare it with {@link LogDisk.identify}. */
  readonly identity: string;
  /** Writes all of `bytes` at `position` (short writes are continued); rejects with the system's error, and then some bytes may be in the file. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Fills `target` from `position`; returns the bytes read. Synchronous: what was written lately is in the page cache. */
  readSync(target: Uint8Array, position: number): number;
  /** The first `length` bytes, or what there is of them. */
  read(length: number): Promise<Buffer>;
  /** Resolves once what was written before the call survives a power loss (fdatasync). */
  sync(): Promise<void>;
  /** Cuts the file off, or extends it with zeros, to `length` bytes. */
  truncate(length: number): Promise<void>;
  /** Closes the file once what is under way with it is done. Idempotent; every other call fails with `EBADF` from then on. */
  close(): Promise<void>;
}

/**
 * The file system. Only regular files are opened, and no link is followed: a pipe would block a thread for ever, a link lead
 * anywhere. Everything else is refused with the code {@link FOREIGN_FILE}.
 */
export interface LogDisk {
  /** Creates a file for reading and writing, for its owner only (0600); rejects with `EEXIST` when there is one. */
  create(path: string): Promise<LogFile>;
  /** Opens an existing file for reading and writing. */
  open(path: string): Promise<LogFile>;
  /** Opens an existing file for {@link LogFile.readSync}, at once. @throws the system's error */
  openSync(path: string): LogFile;
  /** The whole content of a file; one of more than `maxBytes` is refused with {@link FOREIGN_FILE}. */
  read(path: string, maxBytes: number): Promise<Buffer>;
  /** The {@link LogFile.identity} of what is at `path` now; `undefined` when there is nothing. */
  identify(path: string): Promise<string | undefined>;
  /** The names in a folder, sorted; empty when there is no such folder. */
  list(folder: string): Promise<string[]>;
  /** Creates a folder and its parents, for their owner only (0700); one that exists is left as it is. */
  makeFolder(path: string): Promise<void>;
  /** Removes a file or an empty folder; that it is absent is fine. */
  remove(path: string): Promise<void>;
  /** Moves a file or folder in one step; false when `from` is not there. */
  rename(from: string, to: string): Promise<boolean>;
  /** Makes the names in a folder survive a power loss; does nothing where the platform has no way to. */
  syncFolder(path: string): Promise<void>;
}
