/**
 * The port to the disk: what the write-ahead log needs of a file system and no more, so that tests can put a failing,
 * full or hanging disk in its place. Errors are the system's own and carry its `code` (`ENOSPC`, `EIO`, …).
 */

/** An open file. */
export interface LogFile {
  /** Writes all of `bytes` at `position` (short writes are continued); rejects with the system's error, and then some bytes may be in the file. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Fills `target` from `position`; returns the bytes read. Synchronous: what was written lately is in the page cache. */
  readSync(target: Uint8Array, position: number): number;
  /** Resolves once what was written before the call survives a power loss (fdatasync). */
  sync(): Promise<void>;
  /** Cuts the file off, or extends it with zeros, to `length` bytes. */
  truncate(length: number): Promise<void>;
  /** Closes the file once what is under way with it is done. Idempotent; every other call fails with `EBADF` from then on. */
  close(): Promise<void>;
}

/** The file system. */
export interface LogDisk {
  /** Creates a file for reading and writing, for its owner only (0600); rejects with `EEXIST` when there is one. */
  create(path: string): Promise<LogFile>;
  /** Opens an existing file for reading and writing. */
  open(path: string): Promise<LogFile>;
  /** The whole content of a file. */
  read(path: string): Promise<Buffer>;
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
