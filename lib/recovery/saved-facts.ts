/**
 * What the control file says, next to what it should say. It follows the index, with one exception: while the disk refuses
 * records, keys are known in memory only, and the file says for the case of a crash that the whole service is invalid.
 */
import type { Clock } from '../base/clock.js';
import { NO_POINT, type ControlFacts, type ControlFile, type LogPoint } from './control-file.js';
import { withinDeadline } from './disk-deadline.js';
import type { LogIndex } from './log-index.js';

/** See the file's header. */
export class SavedFacts {
  readonly #control: ControlFile | undefined;
  readonly #index: LogIndex;
  readonly #clock: Clock;
  #saved: ControlFacts;
  /** Up to where the service is invalid should the process die now; {@link NO_POINT} while the disk works. */
  #raised: LogPoint = NO_POINT;
  /** One change after the other: the two halves of the file must not get mixed. */
  #last: Promise<unknown> = Promise.resolve();
  #error: unknown;

  /** @param control absent: there is no such file, and nothing can be saved */
  constructor(control: ControlFile | undefined, index: LogIndex, clock: Clock) {
    this.#control = control;
    this.#index = index;
    this.#clock = clock;
    this.#saved = index.facts;
  }

  /** Why the last change could not be saved; `undefined` when it could. */
  get error(): unknown {
    return this.#error;
  }

  /** Saves what the index says, or `facts` before it says so; whether the file now says it. Never rejects. */
  save(facts?: ControlFacts): Promise<boolean> {
    const saving = this.#last.then(() => this.#write(facts ?? this.#due()));
    this.#last = saving;
    return saving;
  }

  /** Saves that everything before `point` is invalid, until {@link lower}; whether the file now says it. Never rejects. */
  raise(point: LogPoint): Promise<boolean> {
    this.#raised = point;
    return this.save();
  }

  /** The disk has what was known in memory only: the file follows the index again. Never rejects. */
  lower(): Promise<boolean> {
    this.#raised = NO_POINT;
    return this.save();
  }

  #due(): ControlFacts {
    const { facts } = this.#index;
    const raised = this.#raised;
    if (raised.version === '') return facts;
    const isCovered = facts.invalidateBefore.isLocalTime === raised.isLocalTime && facts.invalidateBefore.version > raised.version;
    return isCovered ? facts : { ...facts, invalidateBefore: raised };
  }

  async #write(facts: ControlFacts): Promise<boolean> {
    const { deadBefore, invalidateBefore } = this.#saved;
    if (isSame(facts.deadBefore, deadBefore) && isSame(facts.invalidateBefore, invalidateBefore)) return true;
    if (this.#control === undefined) return false;
    try {
      await withinDeadline(this.#clock, this.#control.write(facts));
      this.#saved = facts;
      this.#error = undefined;
      return true;
    } catch (error) {
      this.#error = error;
      return false;
    }
  }
}

function isSame(one: LogPoint, other: LogPoint): boolean {
  return one.version === other.version && one.isLocalTime === other.isLocalTime;
}
