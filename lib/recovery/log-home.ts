/**
 * A process's folder below `wal.dir`. It says who the owner is and that it lives, and takes over the logs of owners that are
 * gone, so that what they acknowledged is replayed (G7). Every log is taken over by one process, however many try, and whoever
 * dies right after that leaves it to be taken over again: moving a folder is one step, and the only one there is.
 *
 * Only folders are touched whose names are ours and which belong to the user this process runs as; links are not followed.
 */
import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Clock } from '../base/clock.js';
import { misuse } from '../base/describe-value.js';
import { AliveSocket, SOCKET_NAME } from './alive-socket.js';
import type { LogDisk, LogFile } from './log-disk.js';
import { adoptedName, isLogOf, isProcessId, parseLogFolder } from './log-name.js';
import { describeOwner, OWNER_NAME, type LogOwner } from './log-owner.js';
import { isOwnerGone, TOUCH_INTERVAL_MS } from './owner-life.js';

export { logNameOf } from './log-name.js';

/** What a {@link LogHome} is made of. */
export interface HomeParts {
  /** `wal.dir`. */
  readonly dir: string;
  /** Names the folder: 1 to 64 letters, digits, `_` or `-` that no other process has, or ever had. */
  readonly processId: string;
  readonly disk: LogDisk;
  readonly clock: Clock;
}

/** A folder that could not be looked into. */
export interface UnreadableFolder {
  readonly folder: string;
  readonly error: Error;
}

/** What {@link LogHome.adopt} came to. */
export interface AdoptedLogs {
  /** Where the logs are now: below this process's folder. */
  readonly folders: readonly string[];
  /** What was skipped. Logs may be in there. */
  readonly unreadable: readonly UnreadableFolder[];
}

/** The folder of another process. */
interface Neighbour {
  readonly processId: string;
  readonly folder: string;
  readonly facts: Stats;
  readonly names: readonly string[];
}

/** What a folder without logs may hold and be removed all the same. */
const OWN_FILES = [OWNER_NAME, SOCKET_NAME];

/** See the file's header. */
export class LogHome {
  /** `<dir>/<process id>`, absolute. */
  readonly folder: string;
  readonly #parts: HomeParts;
  readonly #dir: string;
  readonly #owner: LogOwner;
  readonly #socket: AliveSocket | undefined;
  readonly #ownerFile: LogFile;
  readonly #ownerBytes: Uint8Array;
  readonly #userId: number;
  #cancelTouch: () => void = () => undefined;
  /** Calls that move folders come one after the other; closing comes last. */
  #lastCall: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(
    parts: HomeParts,
    folder: string,
    userId: number,
    socket: AliveSocket | undefined,
    owner: LogOwner,
    file: LogFile,
  ) {
    this.#parts = parts;
    this.#dir = dirname(folder);
    this.folder = folder;
    this.#userId = userId;
    this.#socket = socket;
    this.#owner = owner;
    this.#ownerFile = file;
    this.#ownerBytes = bytesOf(owner);
    this.#planTouch();
  }

  /**
   * Makes the folder, says who owns it, and shows life.
   *
   * @throws the system's error (EACCES, EROFS, ENOSPC, …)
   */
  static async open(parts: HomeParts): Promise<LogHome> {
    const { disk, processId, clock } = parts;
    if (!isProcessId(processId)) throw misuse('processId', '1 to 64 letters, digits, `_` or `-`', processId);
    // The working directory may change; the logs stay where they are.
    const folder = resolve(parts.dir, processId);
    await disk.makeFolder(folder);
    const facts = await lstat(folder);
    if (!facts.isDirectory()) throw Object.assign(new Error(`ENOTDIR: not a folder: ${folder}`), { code: 'ENOTDIR' });
    // First the sign of life, then the name: who sees the name sees a living owner.
    const socket = await AliveSocket.listen(folder);
    let file: LogFile | undefined;
    try {
      const owner = await describeOwner(processId, clock.nowMs(), socket === undefined ? 'pid' : 'socket');
      file = await disk.create(join(folder, OWNER_NAME));
      await file.write(bytesOf(owner), 0).catch((error: unknown) => {
        // The socket says enough, and what the dead left must not wait for room. The next touch writes it.
        if (socket === undefined || (error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      });
      await file.sync();
      for (const path of [folder, dirname(folder), dirname(dirname(folder))]) await disk.syncFolder(path);
      return new LogHome(parts, folder, facts.uid, socket, owner, file);
    } catch (error) {
      await socket?.close();
      await file?.close();
      if (file !== undefined) await disk.remove(join(folder, OWNER_NAME)).catch(() => undefined);
      await disk.remove(folder).catch(() => undefined);
      throw error;
    }
  }

  /** Where the log called `logName` of this process belongs; it is not made here. */
  folderOf(logName: string): string {
    return join(this.folder, logName);
  }

  /**
   * Claims the logs of this name that processes left behind that are gone, and removes what is left of such processes. What is
   * claimed is returned once, by one call of one process. After {@link close} nothing is claimed.
   *
   * @throws the system's error when `wal.dir` cannot be read; a single folder that cannot be is skipped
   */
  adopt(logName: string): Promise<AdoptedLogs> {
    const call = this.#lastCall.then(() => this.#adopt(logName));
    this.#lastCall = call.catch(() => undefined);
    return call;
  }

  /**
   * The folders of logs that gone processes wrote for a service of this name, but for another key prefix or endpoint than
   * `logName`'s: not to be replayed here, and worth a warning. What cannot be read is left out.
   */
  async strangersOf(service: string, logName: string): Promise<readonly string[]> {
    const strangers: string[] = [];
    await this.#visit(async (neighbour) => {
      const found = neighbour.names.filter((name) => {
        const log = parseLogFolder(name)?.logName;
        return log !== undefined && log !== logName && isLogOf(service, log);
      });
      if (found.length === 0 || !(await this.#isGone(neighbour))) return;
      for (const name of found) {
        const folder = join(neighbour.folder, name);
        if ((await lstat(folder)).isDirectory()) strangers.push(folder);
      }
    });
    return strangers;
  }

  /**
   * Stops showing life and removes the folder when no log is left in it; what cannot be removed is left to the next process.
   * Close the logs first: others may take them over from here on. Idempotent.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#lastCall.then(() => this.#close()));
  }

  async #close(): Promise<void> {
    this.#cancelTouch();
    await this.#ownerFile.close().catch(() => undefined);
    await this.#socket?.close();
    await this.#removeEmpty(this.folder).catch(() => undefined);
  }

  async #adopt(logName: string): Promise<AdoptedLogs> {
    const folders: string[] = [];
    if (this.#closing !== undefined) return { folders, unreadable: [] };
    const unreadable = await this.#visit(async (neighbour) => {
      const { names, facts, folder } = neighbour;
      const wanted = names.filter((name) => parseLogFolder(name)?.logName === logName);
      if (wanted.length === 0 && !isLeftover(names)) return;
      // What another user wrote is no word of ours, even where we may read it.
      if (facts.uid !== this.#userId) {
        if (wanted.length > 0) throw new Error(`The logs in ${folder} belong to another user`);
        return;
      }
      if (!(await this.#isGone(neighbour))) return;
      for (const name of wanted) {
        const target = await this.#take(neighbour, name);
        if (target !== undefined) folders.push(target);
      }
      await this.#removeEmpty(folder);
    });
    return { folders, unreadable };
  }

  /** Moves one log of a neighbour that is gone here; `undefined` when another process was faster, or it is no folder. */
  async #take({ folder, processId }: Neighbour, name: string): Promise<string | undefined> {
    const parsed = parseLogFolder(name);
    const from = join(folder, name);
    if (parsed === undefined || (await factsOf(from))?.isDirectory() !== true) return undefined;
    const target = join(this.folder, adoptedName(parsed, processId));
    return (await this.#parts.disk.rename(from, target)) ? target : undefined;
  }

  /** Shows every folder of another process to `look`; returns those where it failed. */
  async #visit(look: (neighbour: Neighbour) => Promise<void>): Promise<readonly UnreadableFolder[]> {
    const unreadable: UnreadableFolder[] = [];
    for (const processId of await this.#parts.disk.list(this.#dir)) {
      const folder = join(this.#dir, processId);
      if (!isProcessId(processId) || folder === this.folder) continue;
      try {
        const facts = await factsOf(folder);
        if (facts?.isDirectory() !== true) continue;
        await look({ processId, folder, facts, names: await this.#parts.disk.list(folder) });
      } catch (error) {
        // A folder that went away while it was looked at is nobody's trouble.
        if ((await factsOf(folder).catch(() => 'there')) === undefined) continue;
        unreadable.push({ folder, error: error instanceof Error ? error : new Error(String(error)) });
      }
    }
    return unreadable;
  }

  #isGone({ folder }: Neighbour): Promise<boolean> {
    return isOwnerGone(folder, this.#owner, async () => {
      // The time of the file system, which may be another machine's: what it notes for a file that was written just now.
      await this.#touch();
      return (await lstat(join(this.folder, OWNER_NAME))).mtimeMs;
    });
  }

  /** Removes a folder in which there is nothing but what says whose it is. */
  async #removeEmpty(folder: string): Promise<void> {
    const { disk } = this.#parts;
    const names = await disk.list(folder);
    if (!isLeftover(names)) return;
    // Last what says whose it is, so that a folder which is there half is still known to be left behind.
    for (const name of [SOCKET_NAME, OWNER_NAME]) if (names.includes(name)) await disk.remove(join(folder, name));
    await disk.remove(folder);
  }

  async #touch(): Promise<void> {
    await this.#ownerFile.write(this.#ownerBytes, 0);
    // So that a server of files has it too.
    await this.#ownerFile.sync();
  }

  #planTouch(): void {
    this.#cancelTouch = this.#parts.clock.schedule(() => {
      this.#planTouch();
      // A disk that fails now may work the next time.
      this.#touch().catch(() => undefined);
    }, TOUCH_INTERVAL_MS);
  }
}

/** Whether this is all that is left of a process without logs. An empty folder may be anybody's. */
function isLeftover(names: readonly string[]): boolean {
  return names.length > 0 && names.every((name) => OWN_FILES.includes(name));
}

function bytesOf(owner: LogOwner): Uint8Array {
  return Buffer.from(`${JSON.stringify(owner)}\n`);
}

async function factsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
