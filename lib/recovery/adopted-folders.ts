/** The folders of the logs that were taken over. Each goes when there is no segment in it any more. */
import type { Clock } from '../base/clock.js';
import { CONTROL_FILE } from './control-file.js';
import { withinDeadline } from './disk-deadline.js';
import type { LogDisk } from './log-disk.js';

/** See the file's header. */
export class AdoptedFolders {
  readonly #disk: LogDisk;
  readonly #clock: Clock;
  readonly #folders: string[] = [];

  constructor(disk: LogDisk, clock: Clock) {
    this.#disk = disk;
    this.#clock = clock;
  }

  /** How many are left. */
  get size(): number {
    return this.#folders.length;
  }

  /** Adds one. */
  add(folder: string): void {
    this.#folders.push(folder);
  }

  /** Removes those that are empty. Never rejects. */
  async removeEmpty(): Promise<void> {
    const left: string[] = [];
    for (const folder of this.#folders.splice(0)) if (!(await this.remove(folder))) left.push(folder);
    this.#folders.push(...left);
  }

  /** Removes a folder in which there are no segments; whether it is gone. Never rejects. */
  async remove(folder: string): Promise<boolean> {
    const remove = async (): Promise<boolean> => {
      if ((await this.#disk.list(folder)).some((name) => name !== CONTROL_FILE)) return false;
      await this.#disk.remove(`${folder}/${CONTROL_FILE}`);
      await this.#disk.remove(folder);
      return true;
    };
    return withinDeadline(this.#clock, remove()).catch(() => false);
  }
}
