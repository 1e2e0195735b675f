/**
 * What Redis has confirmed of what is logged, until the log says so itself: after a crash it is not replayed then. They are
 * written with company, for each of them is small, and only where there is something they save from being replayed.
 */
import type { LogPoint } from './control-file.js';
import type { LogEntry } from './log-entry.js';
import type { SegmentChain } from './segment-chain.js';

/** Confirmations that were appended: keys, and the points up to which Redis has them. */
export type AppendedConfirmations = readonly (readonly [string, LogPoint])[];

/** So many wait for a disk that fails; what is more may be replayed once more after a crash. */
const MAX_WAITING = 65_536;

/** See the file's header. */
export class LogConfirmations {
  readonly #chain: SegmentChain;
  readonly #limitBytes: number;
  readonly #waiting = new Map<string, LogPoint>();
  #hasForgotten = false;

  /** @param limitBytes they fill the segments up to here at most */
  constructor(chain: SegmentChain, limitBytes: number) {
    this.#chain = chain;
    this.#limitBytes = limitBytes;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Whether the disk may have records of this key that are confirmed without the disk saying so. */
  mayBeUnsaid(key: string): boolean {
    return this.#hasForgotten || this.#waiting.has(key);
  }

  /** Takes one of an entry that was in the index; whether there is anything to be written. */
  add(entry: LogEntry): boolean {
    // What the disk never saw needs no word.
    if (!entry.wasAppended && !entry.isShadowing) return false;
    this.#waiting.set(entry.key, { version: entry.recordVersion, isLocalTime: entry.isRecordLocal });
    return true;
  }

  /** Takes one that an adopted log has. */
  repeat(key: string, point: LogPoint): void {
    this.#waiting.set(key, point);
  }

  /** Appends those that wait to the log; they wait until {@link release} tells that they are written. @throws the system's error */
  async append(): Promise<AppendedConfirmations> {
    const chain = this.#chain;
    const appended: (readonly [string, LogPoint])[] = [];
    if (chain.size === 0) {
      this.#waiting.clear();
      this.#hasForgotten = false;
    }
    this.#forgetExcess();
    for (const item of this.#waiting) {
      const bound = chain.boundOf(item[0], '');
      // They wait for room: the records they are about will give it.
      if (chain.bytes + bound > this.#limitBytes) break;
      if (chain.mustMakeRoom(bound)) await chain.makeRoom(bound);
      chain.appendConfirmed(...item);
      appended.push(item);
    }
    return appended;
  }

  /** Lets go of those that were written. */
  release(appended: AppendedConfirmations): void {
    for (const [key, point] of appended) if (this.#waiting.get(key) === point) this.#waiting.delete(key);
  }

  #forgetExcess(): void {
    for (const key of this.#waiting.keys()) {
      if (this.#waiting.size <= MAX_WAITING) return;
      this.#waiting.delete(key);
      this.#hasForgotten = true;
    }
  }
}
