/**
 * What shows that the owner of a process's folder lives, and who that is: a listening socket and `owner.json`, whose time the
 * owner moves on. If they are removed, or the folder is moved, they are made again: a folder without them looks left behind,
 * and others would take over the logs in it.
 */
import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.js';
import { AliveSocket, SOCKET_NAME } from './alive-socket.js';
import type { LogDisk, LogFile } from './log-disk.js';
import { describeOwner, OWNER_NAME, type LogOwner } from './log-owner.js';

/** What a sign is made of. */
export interface SignParts {
  /** The folder of this process, absolute. */
  readonly folder: string;
  readonly processId: string;
  readonly disk: LogDisk;
  readonly clock: Clock;
}

/** What is there while the sign is shown. */
interface Shown {
  readonly owner: LogOwner;
  readonly file: LogFile;
  readonly socket: AliveSocket | undefined;
  readonly socketIdentity: string | undefined;
  /** The user the folder belongs to. */
  readonly userId: number;
}

/** See the file's header. */
export class OwnerSign {
  readonly #parts: SignParts;
  readonly #onWatcherGone: () => void;
  #shown: Shown;
  #making: Promise<void> | undefined;

  private constructor(parts: SignParts, onWatcherGone: () => void, shown: Shown) {
    this.#parts = parts;
    this.#onWatcherGone = onWatcherGone;
    this.#shown = shown;
  }

  /**
   * Makes the folder and shows who owns it.
   *
   * @param onWatcherGone another process that had watched this one is gone, or closes
   * @throws the system's error (EACCES, EROFS, ENOSPC, …)
   */
  static async show(parts: SignParts, onWatcherGone: () => void): Promise<OwnerSign> {
    return new OwnerSign(parts, onWatcherGone, await make(parts, onWatcherGone));
  }

  /** Who this process is. */
  get owner(): LogOwner {
    return this.#shown.owner;
  }

  /** The user the folder belongs to. */
  get userId(): number {
    return this.#shown.userId;
  }

  /** Makes the folder and the sign again where they are gone. @throws the system's error */
  ensure(): Promise<void> {
    return (this.#making ??= this.#ensure().finally(() => {
      this.#making = undefined;
    }));
  }

  /** Moves the time of `owner.json` on; returns it, as the file system has it. @throws the system's error */
  async touch(): Promise<number> {
    await this.#shown.file.write(bytesOf(this.#shown.owner), 0);
    // So that a server of files has it too.
    await this.#shown.file.sync();
    return (await lstat(join(this.#parts.folder, OWNER_NAME))).mtimeMs;
  }

  /** Shows it no more. The files are left. */
  async close(): Promise<void> {
    await this.#making?.catch(() => undefined);
    await this.#shown.file.close().catch(() => undefined);
    await this.#shown.socket?.close();
  }

  async #ensure(): Promise<void> {
    if (await this.#isInPlace()) return;
    const { disk, folder } = this.#parts;
    // First: closing a socket removes what is at its path.
    await this.#shown.socket?.close();
    await this.#shown.file.close().catch(() => undefined);
    await disk.remove(join(folder, OWNER_NAME));
    this.#shown = await make(this.#parts, this.#onWatcherGone);
  }

  async #isInPlace(): Promise<boolean> {
    const { disk, folder } = this.#parts;
    const { file, socket, socketIdentity } = this.#shown;
    if ((await disk.identify(join(folder, OWNER_NAME))) !== file.identity) return false;
    return socket === undefined || (await disk.identify(join(folder, SOCKET_NAME))) === socketIdentity;
  }
}

async function make({ disk, folder, processId, clock }: SignParts, onWatcherGone: () => void): Promise<Shown> {
  await disk.makeFolder(folder);
  const facts = await lstat(folder);
  if (!facts.isDirectory()) throw Object.assign(new Error(`ENOTDIR: not a folder: ${folder}`), { code: 'ENOTDIR' });
  // First the sign of life, then the name: who sees the name sees a living owner.
  const socket = await AliveSocket.listen(folder, onWatcherGone);
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
    const socketIdentity = socket === undefined ? undefined : await disk.identify(join(folder, SOCKET_NAME));
    return { owner, file, socket, socketIdentity, userId: facts.uid };
  } catch (error) {
    await socket?.close();
    await file?.close();
    if (file !== undefined) await disk.remove(join(folder, OWNER_NAME)).catch(() => undefined);
    await disk.remove(folder).catch(() => undefined);
    throw error;
  }
}

function bytesOf(owner: LogOwner): Uint8Array {
  return Buffer.from(`${JSON.stringify(owner)}\n`);
}
