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
import { SOCKET_NAME } from './alive-socket.js';
import { isMissing, type LogDisk } from './log-disk.js';
import { adoptedName, isProcessId, parseLogFolder, servicePartOf } from './log-name.js';
import { OWNER_NAME } from './log-owner.js';
import { OwnerSign } from './owner-sign.js';
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
  /** Another process that had watched this one is gone, or closes. */
  readonly onWatcherGone: () => void;
}

/** A folder that could not be looked into. */
export interface UnreadableFolder {
  readonly folder: string;
  readonly error: Error;
}

/** What {@link LogHome.adopt} came to. */
export interface AdoptedLogs {
  /** Where the logs are now, below this process's folder, by their name. */
  readonly folders: ReadonlyMap<string, readonly string[]>;
  /** Logs of gone processes for a service of ours, with another key prefix or endpoint: not to be replayed here. */
  readonly strangers: readonly string[];
  /** What was skipped. Logs may be in there. */
  readonly unreadable: readonly UnreadableFolder[];
  /** The folders of other processes, living or not; sorted. */
  readonly neighbours: readonly string[];
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
  readonly #sign: OwnerSign;
  #cancelTouch: () => void = () => undefined;
  /** Calls that move folders come one after the other; closing comes last. */
  #lastCall: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(parts: HomeParts, folder: string, sign: OwnerSign) {
    this.#parts = parts;
    this.#dir = dirname(folder);
    this.folder = folder;
    this.#sign = sign;
    this.#planTouch();
  }

  /**
   * Makes the folder, says who owns it, and shows life.
   *
   * @throws the system's error (EACCES, EROFS, ENOSPC, …)
   */
  static async open(parts: HomeParts): Promise<LogHome> {
    const { disk, processId, clock, onWatcherGone } = parts;
    if (!isProcessId(processId)) throw misuse('processId', '1 to 64 letters, digits, `_` or `-`', processId);
    // The working directory may change; the logs stay where they are.
    const folder = resolve(parts.dir, processId);
    return new LogHome(parts, folder, await OwnerSign.show({ folder, processId, disk, clock }, onWatcherGone));
  }

  /** Where the log called `logName` of this process belongs; it is not made here. */
  folderOf(logName: string): string {
    return join(this.folder, logName);
  }

  /** Makes the folder, and what shows life in it, again where they are gone. @throws the system's error */
  async ensure(): Promise<void> {
    if (this.#closing === undefined) await this.#sign.ensure();
  }

  /**
   * Claims the logs with these names that processes left behind that are gone, and removes what is left of such processes. What
   * is claimed is returned once, by one call of one process. After {@link close} nothing is claimed.
   *
   * @throws the system's error when `wal.dir` cannot be read; a single folder that cannot be is skipped
   */
  adopt(logNames: readonly string[]): Promise<AdoptedLogs> {
    const call = this.#lastCall.then(() => this.#adopt(new Set(logNames)));
    this.#lastCall = call.catch(() => undefined);
    return call;
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
    await this.#sign.close();
    await this.#removeEmpty(this.folder).catch(() => undefined);
  }

  async #adopt(logNames: ReadonlySet<string>): Promise<AdoptedLogs> {
    const folders = new Map<string, string[]>();
    const strangers: string[] = [];
    const unreadable: UnreadableFolder[] = [];
    const neighbours: string[] = [];
    if (this.#closing !== undefined) return { folders, strangers, unreadable, neighbours };
    const services = new Set([...logNames].map(servicePartOf));
    for await (const neighbour of this.#neighbours(unreadable)) {
      const { names, facts, folder } = neighbour;
      neighbours.push(folder);
      const logNameAt = (name: string): string => parseLogFolder(name)?.logName ?? '';
      const wanted = names.filter((name) => logNames.has(logNameAt(name)));
      const strange = names.filter((name) => !logNames.has(logNameAt(name)) && services.has(servicePartOf(logNameAt(name))));
      if (wanted.length === 0 && strange.length === 0 && !isLeftover(names)) continue;
      try {
        // What another user wrote is no word of ours, even where we may read it.
        if (facts.uid !== this.#sign.userId) {
          if (wanted.length > 0) throw new Error(`The logs in ${folder} belong to another user`);
          continue;
        }
        if (!(await this.#isGone(neighbour))) continue;
        for (const name of wanted) {
          const target = await this.#take(neighbour, name);
          if (target !== undefined) folders.set(logNameAt(name), [...(folders.get(logNameAt(name)) ?? []), target]);
        }
        for (const name of strange) if (await isFolder(join(folder, name))) strangers.push(join(folder, name));
        await this.#removeEmpty(folder);
      } catch (error) {
        await noteUnreadable(unreadable, folder, error);
      }
    }
    return { folders, strangers, unreadable, neighbours };
  }

  /** Moves one log of a neighbour that is gone here; `undefined` when another process was faster, or it is no folder. */
  async #take({ folder, processId }: Neighbour, name: string): Promise<string | undefined> {
    const parsed = parseLogFolder(name);
    const from = join(folder, name);
    if (parsed === undefined || !(await isFolder(from))) return undefined;
    const target = join(this.folder, adoptedName(parsed, processId));
    return (await this.#parts.disk.rename(from, target)) ? target : undefined;
  }

  /** The folders of other processes; those that could not be looked into are added to `unreadable`. */
  async *#neighbours(unreadable: UnreadableFolder[]): AsyncIterableIterator<Neighbour> {
    const { disk } = this.#parts;
    for (const processId of await disk.list(this.#dir)) {
      const folder = join(this.#dir, processId);
      if (!isProcessId(processId) || folder === this.folder) continue;
      let neighbour: Neighbour;
      try {
        const facts = await lstat(folder);
        if (!facts.isDirectory()) continue;
        neighbour = { processId, folder, facts, names: await disk.list(folder) };
      } catch (error) {
        await noteUnreadable(unreadable, folder, error);
        continue;
      }
      yield neighbour;
    }
  }

  #isGone({ folder }: Neighbour): Promise<boolean> {
    // The time of the file system, which may be another machine's: what it notes for a file that was written just now.
    return isOwnerGone(folder, this.#sign.owner, () => this.#sign.touch());
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

  #planTouch(): void {
    this.#cancelTouch = this.#parts.clock.schedule(() => {
      this.#planTouch();
      // A disk that fails now may work the next time.
      this.#sign
        .ensure()
        .then(() => this.#sign.touch())
        .catch(() => undefined);
    }, TOUCH_INTERVAL_MS);
  }
}

/** Whether this is all that is left of a process without logs. An empty folder may be anybody's. */
function isLeftover(names: readonly string[]): boolean {
  return names.length > 0 && names.every((name) => OWN_FILES.includes(name));
}

/** A folder that went away while it was looked at is nobody's trouble. */
async function noteUnreadable(unreadable: UnreadableFolder[], folder: string, error: unknown): Promise<void> {
  const isGone = await lstat(folder).then(
    () => false,
    (failure: unknown) => isMissing(failure),
  );
  if (!isGone) unreadable.push({ folder, error: error instanceof Error ? error : new Error(String(error)) });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
