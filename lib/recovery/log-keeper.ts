/**
 * The logs of one manager: where each has its folder, and which logs of dead processes it takes over — when it opens, as soon
 * as another process is seen to be gone, and from time to time, because not every death can be seen (G7).
 */
import { atMost } from '../base/deadline.js';
import { BackgroundTasks } from '../base/background-tasks.js';
import type { Clock } from '../base/clock.js';
import { randomId, type Random } from '../base/random.js';
import type { Logger } from '../observe/logger.js';
import { DISK_DEADLINE_MS } from './disk-deadline.js';
import type { LogDisk } from './log-disk.js';
import { LogHome, type AdoptedLogs } from './log-home.js';
import { NeighbourWatch } from './neighbour-watch.js';
import { OpenFiles } from './open-files.js';

/** What a keeper is made of. */
export interface KeeperParts {
  readonly disk: LogDisk;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often dead processes are looked for whose death was not seen. */
  readonly intervalMs: number;
}

/** Where a log goes. */
export interface LogPlace {
  /** Its folder; absent when there cannot be one. */
  readonly folder?: string;
  /** Makes it, with what shows that its owner lives, where it is missing. @throws the system's error */
  readonly makeFolder: () => Promise<void>;
  /** Why there cannot be one. */
  readonly error?: unknown;
}

/** A log that takes over others. */
export interface AdoptingLog {
  /** Whether it is closed, and takes over no more. */
  readonly isClosed: boolean;
  /** Makes the files that need no room later. Never rejects. */
  prepare(): Promise<void>;
  /** Takes logs over; `end` resolves when that is done. Neither rejects. `isSmall`: that takes no time to speak of. */
  adopt(folders: readonly string[]): Promise<{ readonly end: Promise<void>; readonly isSmall: boolean }>;
}

/** A `wal.dir`, with the logs that are kept there. */
interface Place {
  readonly home: LogHome;
  readonly watch: NeighbourWatch;
  readonly logs: Map<string, AdoptingLog>;
  /** Warnings that were given. */
  readonly toldOf: Set<string>;
  cancelLook: (() => void) | undefined;
  looking: Promise<void>;
}

const PROCESS_ID_LENGTH = 16;
/** Processes that see a death at the same moment look one after the other, within so long. */
const LOOK_SPREAD_MS = 100;
/** How long a start waits for small logs that dead processes left, and for files to be made: as long as a disk may take. */
const ADOPTION_PATIENCE_MS = DISK_DEADLINE_MS;
const PREPARATION_PATIENCE_MS = 200;
/** Paths in a warning, at most. */
const MAX_NAMED = 3;

/** See the file's header. */
export class LogKeeper {
  /** Names this manager's folders; no other one has it. */
  readonly processId: string;
  /** The files that its logs have open. */
  readonly openFiles = new OpenFiles();
  readonly #parts: KeeperParts;
  readonly #places = new Map<string, Promise<Place>>();
  readonly #background = new BackgroundTasks();
  /** What a start waits for. */
  readonly #small = new BackgroundTasks();
  #prepared: Promise<void> = Promise.resolve();
  #isClosed = false;
  #cancelNext: () => void = () => undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.processId = randomId(parts.random, PROCESS_ID_LENGTH);
  }

  /** Finds a place for the log `logName` below `dir`; the folder is made when it is needed. Never rejects. */
  async placeOf(dir: string, logName: string): Promise<LogPlace> {
    try {
      const { home } = await this.#placeAt(dir);
      const folder = home.folderOf(logName);
      const makeFolder = async (): Promise<void> => {
        await home.ensure();
        await this.#parts.disk.makeFolder(folder);
      };
      return { folder, makeFolder };
    } catch (error) {
      const makeFolder = async (): Promise<void> => {
        await this.#placeAt(dir);
      };
      return { error, makeFolder };
    }
  }

  /** From {@link start} on hands over to `log` what dead processes left of the logs of that name. Never rejects. */
  async keep(dir: string, logName: string, log: AdoptingLog): Promise<void> {
    const place = await this.#placeAt(dir).catch(() => undefined);
    place?.logs.set(logName, log);
  }

  /**
   * Looks for dead processes. When this resolves, the logs have what is there now, and what was cleared there counts; see
   * {@link settle} for the records. Never rejects.
   */
  async start(): Promise<void> {
    const places = await this.#opened();
    await Promise.all(places.map((place) => this.#look(place, true)));
    if (places.length > 0 && !this.#isClosed) this.#planNext();
    this.#prepared = this.#prepareAll(places);
  }

  /** Waits until what was found is taken over, unless it is much, and the files of the logs are there, unless they are many. Never rejects. */
  async settle(): Promise<void> {
    const { clock } = this.#parts;
    await Promise.all([
      atMost(clock, ADOPTION_PATIENCE_MS, this.#small.drain()),
      atMost(clock, PREPARATION_PATIENCE_MS, this.#prepared),
    ]);
  }

  /** Stops; the folders are removed where no log is left in them. Close the logs first. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelNext();
    const places = await this.#opened();
    for (const { watch, cancelLook } of places) {
      cancelLook?.();
      watch.close();
    }
    await Promise.all(places.map(({ looking }) => looking));
    await Promise.all([this.#background.drain(), this.#small.drain(), this.#prepared]);
    for (const { home } of places) await home.close().catch(() => undefined);
  }

  #placeAt(dir: string): Promise<Place> {
    const known = this.#places.get(dir);
    if (known !== undefined) return known;
    const place = this.#open(dir);
    place.catch(() => undefined);
    this.#places.set(dir, place);
    return place;
  }

  async #open(dir: string): Promise<Place> {
    const { disk, clock } = this.#parts;
    const opened: { place?: Place } = {};
    const onGone = (): void => {
      if (opened.place !== undefined) this.#lookSoon(opened.place);
    };
    const home = await LogHome.open({ dir, processId: this.processId, disk, clock, onWatcherGone: onGone });
    const watch = new NeighbourWatch(clock, home.folder, onGone);
    const place = { home, watch, logs: new Map(), toldOf: new Set<string>(), cancelLook: undefined, looking: Promise.resolve() };
    return (opened.place = place);
  }

  /** Those that could be opened. */
  async #opened(): Promise<Place[]> {
    const places = await Promise.allSettled(this.#places.values());
    return places.flatMap((place) => (place.status === 'fulfilled' ? [place.value] : []));
  }

  async #prepareAll(places: readonly Place[]): Promise<void> {
    // One after the other: a disk has more to do than to make files that may never be needed.
    for (const { logs } of places) for (const log of logs.values()) if (!log.isClosed && !this.#isClosed) await log.prepare();
  }

  #planNext(): void {
    this.#cancelNext = this.#parts.clock.schedule(() => {
      this.#planNext();
      for (const opening of this.#places.values()) {
        void opening.then(
          (place) => this.#look(place, true),
          () => undefined,
        );
      }
    }, this.#parts.intervalMs);
  }

  #lookSoon(place: Place): void {
    if (this.#isClosed) return;
    place.cancelLook ??= this.#parts.clock.schedule(() => {
      place.cancelLook = undefined;
      void this.#look(place, false);
    }, LOOK_SPREAD_MS * this.#parts.random());
  }

  /** Takes over what there is. Never rejects. */
  #look(place: Place, isRegular: boolean): Promise<void> {
    place.looking = place.looking.then(() => this.#adoptInto(place, isRegular));
    return place.looking;
  }

  async #adoptInto({ home, logs, watch, toldOf }: Place, isRegular: boolean): Promise<void> {
    if (this.#isClosed) return;
    try {
      const names = [...logs].filter(([, log]) => !log.isClosed).map(([name]) => name);
      const adopted = await home.adopt(names);
      for (const [name, folders] of adopted.folders) {
        const taken = await logs.get(name)?.adopt(folders);
        if (taken !== undefined) (taken.isSmall ? this.#small : this.#background).add(taken.end, () => undefined);
      }
      this.#warn(toldOf, adopted);
      watch.follow(adopted.neighbours, isRegular);
    } catch (error) {
      this.#warnOf(toldOf, [home.folder], () => `Logs of other processes cannot be looked for: ${(error as Error).message}`);
    }
  }

  #warn(toldOf: Set<string>, { strangers, unreadable }: AdoptedLogs): void {
    this.#warnOf(toldOf, strangers, (paths) => {
      const logs = strangers.length === 1 ? 'One log is' : `${strangers.length} logs are`;
      return (
        `${logs} of services of this name with another key prefix or Redis address, and left alone: ${paths}. ` +
        'Start once with the old settings to replay what is in there, or remove the folders to give it up.'
      );
    });
    const folders = unreadable.map(({ folder }) => folder);
    this.#warnOf(toldOf, folders, (paths) => {
      const reasons = [...new Set(unreadable.map(({ error }) => error.message))].slice(0, MAX_NAMED).join('; ');
      return `Logs cannot be taken over, and their writes are not replayed before they can: ${paths} (${reasons})`;
    });
  }

  /** Warns in one line, unless everything in it was warned of before. */
  #warnOf(toldOf: Set<string>, paths: readonly string[], messageOf: (paths: string) => string): void {
    if (paths.every((path) => toldOf.has(path))) return;
    for (const path of paths) toldOf.add(path);
    const more = paths.length > MAX_NAMED ? ` and ${paths.length - MAX_NAMED} more` : '';
    this.#parts.logger.warn(messageOf(paths.slice(0, MAX_NAMED).join(', ') + more));
  }
}
