/**
 * What of the log still matters, in memory: the last write of each key that Redis has not confirmed, and up to where the
 * whole service was invalidated. A burst of writes of one key is one entry. Reads of this process look here first, so that
 * they see its own writes (G8), and replay works off what is here.
 *
 * The live bytes of every segment are counted here, because here is decided what is live.
 */
import { shiftVersion, timeOfVersion } from '../base/hybrid-clock.js';
import { NO_POINT, NOTHING_CLEARED, type ControlFacts, type LogPoint } from './control-file.js';
import type { LogEntry } from './log-entry.js';
import type { LogSegment } from './log-segment.js';

/** See the file's header. */
export class LogIndex {
  readonly #entries = new Map<string, LogEntry>();
  #facts: ControlFacts = NOTHING_CLEARED;
  #values = 0;
  #hasLocal = false;
  #oldestMs = Infinity;

  /** Keys with a write that Redis has not confirmed. */
  get size(): number {
    return this.#entries.size;
  }

  /** When the oldest of these was written, at the earliest; `undefined` when there is none, nor a clear. */
  get sinceMs(): number | undefined {
    const { version } = this.#facts.invalidateBefore;
    const oldestMs = Math.min(this.size === 0 ? Infinity : this.#oldestMs, version === '' ? Infinity : timeOfVersion(version));
    return oldestMs === Infinity ? undefined : oldestMs;
  }

  /** Those of them whose value is still to be had. */
  get values(): number {
    return this.#values;
  }

  /** What is invalidated as a whole. */
  get facts(): ControlFacts {
    return this.#facts;
  }

  /** Whether there is anything Redis has to be told. */
  get isEmpty(): boolean {
    return this.#entries.size === 0 && this.#facts.invalidateBefore.version === '';
  }

  /** The last unconfirmed write of a key; `undefined` when there is none. */
  find(key: string): LogEntry | undefined {
    return this.#entries.get(key);
  }

  /** All of them, in no particular order. May be iterated while entries come and go. */
  entries(): IterableIterator<LogEntry> {
    return this.#entries.values();
  }

  /** Whether an entry is still what it was: the last write of its key. */
  has(entry: LogEntry): boolean {
    return this.#entries.get(entry.key) === entry;
  }

  /** Takes a write of this process, unless it is older than what is known; whether it was taken. */
  put(entry: LogEntry): boolean {
    if (isBefore(entry, this.#facts.deadBefore)) return false;
    const known = this.#entries.get(entry.key);
    if (known !== undefined) {
      if (isBefore(entry, known)) return false;
      this.#supersede(known, entry);
    }
    this.#insert(entry);
    return true;
  }

  /** Takes a write found in the log that a process left behind, unless what is known is newer; whether it was taken. */
  adopt(entry: LogEntry): boolean {
    const known = this.#entries.get(entry.key);
    if (isBefore(entry, this.#facts.deadBefore)) return false;
    if (known !== undefined) {
      if (isBefore(entry, known) || (known.isLocalTime !== entry.isLocalTime && !isLater(entry, known))) {
        // The disk has an older record: Redis's word for what is known has to be written down.
        known.isShadowing = true;
        return false;
      }
      this.#supersede(known, entry);
    }
    this.#insert(entry);
    return true;
  }

  /**
   * {@link adopt}s an entry of another index, which loses it, with its record.
   *
   * @param offsetMs puts an entry of before the first contact with Redis on its clock; absent: that is not known yet
   */
  adoptFrom(staged: LogIndex, entry: LogEntry, offsetMs: number | undefined): boolean {
    staged.#entries.delete(entry.key);
    if (entry.kind === 'value') staged.#values--;
    if (offsetMs !== undefined) rebaseEntry(entry, offsetMs);
    const isTaken = this.adopt(entry);
    // Its record is in a file already.
    if (isTaken) unpin(entry);
    else uncount(entry);
    return isTaken;
  }

  /** Removes an entry. */
  remove(entry: LogEntry): void {
    if (!this.has(entry)) return;
    this.#forget(entry);
    this.#entries.delete(entry.key);
  }

  /** Notes where an entry's record is, unless it was superseded meanwhile: then it is kept until its successor's is there. */
  place(entry: LogEntry, segment: LogSegment, offset: number, length: number, bodyLength: number): void {
    if (!this.has(entry)) {
      const successor = this.#entries.get(entry.key);
      if (successor !== undefined && successor.segment === undefined) pin(successor, segment);
      return;
    }
    unpin(entry);
    if (entry.segment !== undefined) entry.segment.liveBytes -= entry.length;
    entry.segment = segment;
    entry.offset = offset;
    entry.length = length;
    entry.bodyLength = bodyLength;
    segment.liveBytes += length;
    entry.sealed = undefined;
  }

  /** Gives the value of an entry up: its key is kept, to be invalidated. A record it has counts until the next one is placed. */
  dropValue(entry: LogEntry): void {
    if (!this.has(entry)) return;
    if (entry.kind === 'value') this.#values--;
    entry.kind = 'dropped';
    entry.sealed = undefined;
  }

  /** Everything older than `point` is to be removed from Redis and does not count any more. */
  clear(point: LogPoint): void {
    this.#facts = { deadBefore: point, invalidateBefore: point };
    for (const entry of this.#entries.values()) {
      // What is on another clock was taken over before this process had heard of Redis's: it was there first.
      if (isBefore(entry, point) || entry.isLocalTime !== point.isLocalTime) this.remove(entry);
    }
  }

  /** Takes over what the control file of an adopted log says. */
  adoptFacts(facts: ControlFacts): void {
    const deadBefore = laterOf(this.#facts.deadBefore, facts.deadBefore);
    this.#facts = { deadBefore, invalidateBefore: laterOf(this.#facts.invalidateBefore, facts.invalidateBefore) };
    for (const entry of this.#entries.values()) if (isBefore(entry, deadBefore)) this.remove(entry);
  }

  /** Everything older than `point` is to be removed from Redis; what is known of it here still counts. */
  invalidate(point: LogPoint): void {
    this.#facts = { ...this.#facts, invalidateBefore: point };
  }

  /** Redis has nothing any more from before `point`. */
  confirmInvalidation(point: LogPoint): void {
    if (this.#facts.invalidateBefore.version === point.version) this.#facts = { ...this.#facts, invalidateBefore: NO_POINT };
  }

  /** Whether what Redis has with this version is invalidated, though Redis has not been told yet. */
  hides(version: string): boolean {
    const { invalidateBefore } = this.#facts;
    return invalidateBefore.version !== '' && (invalidateBefore.isLocalTime || version < invalidateBefore.version);
  }

  /** Puts what was written before the first contact with Redis on Redis's clock. */
  rebase(offsetMs: number): void {
    const { deadBefore, invalidateBefore } = this.#facts;
    if (deadBefore.isLocalTime || invalidateBefore.isLocalTime)
      this.#facts = { deadBefore: rebased(deadBefore, offsetMs), invalidateBefore: rebased(invalidateBefore, offsetMs) };
    if (!this.#hasLocal && !deadBefore.isLocalTime) return;
    this.#hasLocal = false;
    for (const entry of this.#entries.values()) {
      rebaseEntry(entry, offsetMs);
      // Only now can it be compared with what was cleared.
      if (isBefore(entry, this.#facts.deadBefore)) this.remove(entry);
    }
  }

  #insert(entry: LogEntry): void {
    // Own writes come in the order of their time.
    if (this.#entries.size === 0) this.#oldestMs = timeOfVersion(entry.version);
    else if (entry.adoptedFrom !== undefined) this.#oldestMs = Math.min(this.#oldestMs, timeOfVersion(entry.version));
    this.#entries.set(entry.key, entry);
    if (entry.kind === 'value') this.#values++;
    if (entry.isLocalTime) this.#hasLocal = true;
  }

  #supersede(known: LogEntry, entry: LogEntry): void {
    entry.isShadowing = known.isShadowing || known.wasAppended;
    const kept = known.segment ?? known.pin;
    if (kept !== undefined) pin(entry, kept);
    this.#forget(known);
  }

  #forget(entry: LogEntry): void {
    if (entry.kind === 'value') this.#values--;
    entry.sealed = undefined;
    unpin(entry);
    uncount(entry);
  }
}

function uncount(entry: LogEntry): void {
  if (entry.segment === undefined) return;
  entry.segment.liveBytes -= entry.length;
  entry.segment = undefined;
}

function rebaseEntry(entry: LogEntry, offsetMs: number): void {
  if (!entry.isLocalTime) return;
  entry.version = shiftVersion(entry.version, offsetMs);
  entry.expiresAtMs += offsetMs;
  entry.shiftMs = offsetMs;
  entry.isLocalTime = false;
}

function pin(entry: LogEntry, segment: LogSegment): void {
  unpin(entry);
  entry.pin = segment;
  segment.pins++;
}

function unpin(entry: LogEntry): void {
  if (entry.pin === undefined) return;
  entry.pin.pins--;
  entry.pin = undefined;
}

/** Whether a write was made before a point; false where the two are not on the same clock. */
function isBefore(entry: LogPoint, point: LogPoint): boolean {
  return point.version !== '' && entry.isLocalTime === point.isLocalTime && entry.version < point.version;
}

/**
 * Whether an adopted write is newer than one on another clock. In one log the order of the records says so. What this process
 * wrote itself is newer; between other processes the numbers are the best guess.
 */
function isLater(entry: LogEntry, known: LogEntry): boolean {
  const origin = known.adoptedFrom;
  return origin !== undefined && (origin === entry.adoptedFrom || entry.version > known.version);
}

/** On different clocks the numbers are the best guess; the order in which logs are found says nothing. */
function laterOf(one: LogPoint, other: LogPoint): LogPoint {
  return other.version < one.version ? one : other;
}

function rebased(point: LogPoint, offsetMs: number): LogPoint {
  if (!point.isLocalTime) return point;
  return { version: shiftVersion(point.version, offsetMs), isLocalTime: false };
}
