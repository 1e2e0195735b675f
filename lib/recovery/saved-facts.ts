/**
 * Keeps the control file saying what the index says is invalidated as a whole. While the disk refuses records it says more:
 * that everything up to now is to be invalidated, so that a crash forgets none of the keys that only memory has. That is
 * taken back once their records are there.
 */
import type { Clock } from '../base/clock.js';
import type { ControlFacts, ControlFile, LogPoint } from './control-file.js';
import { withinDeadline } from './disk-deadline.js';
import { isMissing } from './log-disk.js';
import type { LogIndex } from './log-index.js';

/** A disk that has failed is tried again after this long. */
export const RETRY_MS = 1000;

/** What is made known while the disk refuses records. */
interface Emergency {
  /** Whether the disk has older records of keys that only memory knows better: then none of them count after a crash. */
  readonly isDead: boolean;
}

/** See the file's header. */
export class SavedFacts {
  readonly #clock: Clock;
  readonly #index: LogIndex;
  readonly #control: ControlFile | undefined;
  readonly #pointNow: () => LogPoint;
  readonly #remakeFolder: () => Promise<void>;
  /** What the control file says is what follows from these; `undefined` when that is not certain. */
  #savedFor: ControlFacts | undefined;
  #emergency: Emergency | undefined;
  #error: unknown = new Error('The folder of the log could not be made');
  #askAgainAtMs = 0;

  /**
   * @param control absent: there is nowhere to write to
   * @param pointNow a point after everything that was written so far
   * @param remakeFolder makes the folder of the log again, which is gone
   */
  constructor(
    clock: Clock,
    index: LogIndex,
    control: ControlFile | undefined,
    pointNow: () => LogPoint,
    remakeFolder: () => Promise<void>,
  ) {
    this.#clock = clock;
    this.#index = index;
    this.#control = control;
    this.#pointNow = pointNow;
    this.#remakeFolder = remakeFolder;
    this.#savedFor = index.facts;
  }

  /** Whether the file says anything that a crash must not forget. */
  get isNeeded(): boolean {
    return this.#emergency !== undefined || this.#index.facts.invalidateBefore.version !== '';
  }

  /** Whether that is where a successor reads it. @throws the system's error */
  async isInPlace(): Promise<boolean> {
    return !this.isNeeded || this.#control === undefined || withinDeadline(this.#clock, this.#control.isThere());
  }

  /** Why the last attempt to save failed. */
  get error(): unknown {
    return this.#error;
  }

  /** Makes the file, so that it needs no room later; whether it is there. Never rejects. */
  async prepare(): Promise<boolean> {
    this.#savedFor = undefined;
    const isThere = await this.save();
    // Without it there is nothing to be read, which says the same.
    this.#savedFor = this.#index.facts;
    return isThere;
  }

  /** Makes the control file say what it has to; whether it now does. Never rejects. */
  async save(): Promise<boolean> {
    const { facts } = this.#index;
    if (this.#savedFor === facts) return true;
    // A disk that hangs would take another deadline from the next caller.
    if (this.#control === undefined || this.#clock.nowMs() < this.#askAgainAtMs) return false;
    this.#savedFor = undefined;
    const emergency = this.#emergency;
    try {
      await withinDeadline(this.#clock, this.#write(this.#control, facts));
    } catch (error) {
      this.#error = error;
      if ((error as NodeJS.ErrnoException).code === 'ETIMEDOUT') this.#askAgainAtMs = this.#clock.nowMs() + RETRY_MS;
      return false;
    }
    if (this.#emergency === emergency) this.#savedFor = facts;
    return true;
  }

  /** Writes the file anew, which may be gone; whether it is there. Never rejects. */
  renew(): Promise<boolean> {
    this.#savedFor = undefined;
    return this.save();
  }

  /** Says that keys are known that the disk does not have; whether the control file now does. Never rejects. */
  raise(isDead: boolean): Promise<boolean> {
    this.#emergency = { isDead: isDead || this.#emergency?.isDead === true };
    this.#savedFor = undefined;
    return this.save();
  }

  /** Takes back what {@link raise} said; whether the control file now does. Never rejects. */
  async lower(): Promise<boolean> {
    const emergency = this.#emergency;
    if (emergency !== undefined) this.#savedFor = undefined;
    this.#emergency = undefined;
    if (await this.save()) return true;
    this.#emergency ??= emergency;
    return false;
  }

  async #write(control: ControlFile, facts: ControlFacts): Promise<void> {
    const said = this.#withEmergency(facts);
    try {
      await control.write(said);
    } catch (error) {
      if (!isMissing(error)) throw error;
      await this.#remakeFolder();
      await control.write(said);
    }
  }

  #withEmergency(facts: ControlFacts): ControlFacts {
    if (this.#emergency === undefined) return facts;
    const point = this.#pointNow();
    return { deadBefore: this.#emergency.isDead ? point : facts.deadBefore, invalidateBefore: point };
  }
}
