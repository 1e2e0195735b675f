/**
 * The logs of one manager: where each has its folder, and which logs of dead processes it takes over — when it opens, and
 * from time to time, because other processes die too and may never be started again (G7).
 */
import type { Clock } from '../base/clock.js';
import { randomId, type Random } from '../base/random.js';
import type { Logger } from '../observe/logger.js';
import type { LogDisk } from './log-disk.js';
import { LogHome, logNameOf } from './log-home.js';

/** What a keeper is made of. */
export interface KeeperParts {
  readonly disk: LogDisk;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly keyPrefix: string;
  /** How often dead processes are looked for. */
  readonly intervalMs: number;
}

/** Where a log goes. */
export interface LogPlace {
  /** Its folder, which is there; absent when it could not be made. */
  readonly folder?: string;
  /** Why not. */
  readonly error?: unknown;
}

/** A log that takes over others. */
export interface AdoptingLog {
  /** Whether it is closed, and takes over no more. */
  readonly isClosed: boolean;
  adopt(folders: readonly string[]): Promise<void>;
}

/** Where to look for what a log takes over. */
interface Adopter {
  readonly home: LogHome;
  readonly logName: string;
  readonly log: AdoptingLog;
}

const PROCESS_ID_LENGTH = 16;

/** See the file's header. */
export class LogKeeper {
  /** Names this manager's folders; no other one has it. */
  readonly processId: string;
  readonly #parts: KeeperParts;
  readonly #homes = new Map<string, Promise<LogHome>>();
  readonly #adopters: Adopter[] = [];
  readonly #toldOf = new Set<string>();
  #adopting: Promise<void> | undefined;
  #isClosed = false;
  #cancelNext: () => void = () => undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.processId = randomId(parts.random, PROCESS_ID_LENGTH);
  }

  /** Makes the folder of a service's log below `dir`. Never rejects. */
  async placeOf(dir: string, service: string, endpoint: string): Promise<LogPlace> {
    try {
      const home = await this.#homeAt(dir);
      const folder = home.folderOf(logNameOf(service, this.#parts.keyPrefix, endpoint));
      await this.#parts.disk.makeFolder(folder);
      return { folder };
    } catch (error) {
      return { error };
    }
  }

  /** From now on hands over to `log` what dead processes left of a service's logs; resolves when it has what there is now. */
  async adoptFor(dir: string, service: string, endpoint: string, log: AdoptingLog): Promise<void> {
    const home = await this.#homeAt(dir).catch(() => undefined);
    if (home === undefined) return;
    const adopter = { home, logName: logNameOf(service, this.#parts.keyPrefix, endpoint), log };
    this.#adopters.push(adopter);
    await this.#adoptWith(adopter);
    await this.#warnOfStrangers(home, service, adopter.logName);
    if (this.#adopters.length === 1) this.#planNext();
  }

  /** Stops; the folders are removed where no log is left in them. Close the logs first. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelNext();
    await this.#adopting;
    for (const home of this.#homes.values()) await home.then((opened) => opened.close()).catch(() => undefined);
  }

  #homeAt(dir: string): Promise<LogHome> {
    const known = this.#homes.get(dir);
    if (known !== undefined) return known;
    const { disk, clock } = this.#parts;
    const home = LogHome.open({ dir, processId: this.processId, disk, clock });
    home.catch(() => undefined);
    this.#homes.set(dir, home);
    return home;
  }

  /** Looks for dead processes, and plans the next look. Never rejects. */
  async #adoptAll(): Promise<void> {
    for (const adopter of this.#adopters) await this.#adoptWith(adopter);
    if (!this.#isClosed) this.#planNext();
  }

  async #adoptWith({ home, logName, log }: Adopter): Promise<void> {
    if (this.#isClosed || log.isClosed) return;
    try {
      const { folders, unreadable } = await home.adopt(logName);
      for (const { folder, error } of unreadable) {
        this.#warnOnce(
          folder,
          `The log in ${folder} cannot be taken over: ${error.message}. Its writes are not replayed before it can.`,
        );
      }
      await log.adopt(folders);
    } catch (error) {
      this.#warnOnce(home.folder, `Logs of other processes cannot be looked for: ${(error as Error).message}`);
    }
  }

  async #warnOfStrangers(home: LogHome, service: string, logName: string): Promise<void> {
    const strangers = await home.strangersOf(service, logName).catch(() => []);
    for (const folder of strangers) {
      const message =
        `The log in ${folder} is of a service "${service}" with another key prefix or Redis address; it is left alone. ` +
        'Start once with the old settings to replay it, or remove the folder to give its writes up.';
      this.#warnOnce(folder, message);
    }
  }

  #warnOnce(folder: string, message: string): void {
    if (this.#toldOf.has(folder)) return;
    this.#toldOf.add(folder);
    this.#parts.logger.warn(message);
  }

  #planNext(): void {
    this.#cancelNext = this.#parts.clock.schedule(() => {
      this.#adopting = this.#adoptAll();
    }, this.#parts.intervalMs);
  }
}
