/**
 * What Redis is known to have of the logs that are taken over together: one process may have confirmed what another one wrote,
 * and this process goes on writing while they are read.
 */
import type { LogPoint } from './control-file.js';

/** Several folders have records of a key. */
const SEVERAL = '*';

/** Writes of this process that are remembered while logs are read; after that many, no value of the logs is believed. */
const MAX_REMEMBERED = 500_000;

/** See the file's header. */
export class ForeignConfirmations {
  readonly #confirmed = new Map<string, LogPoint & { readonly folder: string }>();
  /** The folder with a key's records; {@link SEVERAL} of them. */
  readonly #folders = new Map<string, string>();

  /** Whether there are more than can be remembered: any value may have been overtaken by one that is forgotten. */
  get isOverfull(): boolean {
    return this.#confirmed.size >= MAX_REMEMBERED;
  }

  /** Notes that Redis has what was written of a key up to `point`; `folder`: where that is said, empty for this process. */
  confirm(key: string, { version, isLocalTime }: LogPoint, folder: string): void {
    if (folder === '' && this.isOverfull) return;
    const known = this.#confirmed.get(key);
    if (known === undefined || isCovered(known, { version, isLocalTime }))
      this.#confirmed.set(key, { version, isLocalTime, folder });
  }

  /** Notes where a record is; whether Redis is known to have it. */
  isConfirmed(record: LogPoint & { readonly key: string }, folder: string): boolean {
    const other = this.#folders.get(record.key);
    this.#folders.set(record.key, other === undefined || other === folder ? folder : SEVERAL);
    const known = this.#confirmed.get(record.key);
    return known !== undefined && isCovered(record, known);
  }

  /**
   * Confirmations of records in other folders than their own. They have to be repeated in the log that takes them all over:
   * nobody knows which of the folders has the older files, so they may be removed in any order.
   */
  *crossing(): IterableIterator<readonly [string, LogPoint]> {
    for (const [key, { version, isLocalTime, folder }] of this.#confirmed) {
      if ((this.#folders.get(key) ?? folder) !== folder) yield [key, { version, isLocalTime }];
    }
  }
}

/**
 * Whether a write is done with because Redis has the one of `point`. A process writes on its own clock only before the first
 * contact with Redis, so what is on Redis's clock is not covered by that; the other way round the numbers are the best guess.
 */
export function isCovered(write: LogPoint, point: LogPoint): boolean {
  return (write.isLocalTime || !point.isLocalTime) && write.version <= point.version;
}
