/**
 * What of the log still matters, in memory: the last write of each key that Redis has not confirmed, and up to where the
 * whole service was invalidated. A burst of writes of one key is one entry. Reads of this process look here first, so that
 * they see its own writes (G8), and replay works off what is here.
 *
 * The live bytes of every segment are counted here, because here is decided what is live.
 *
 * A clear, and the first contact with Redis, concern every entry. They count at once, whoever asks: an entry is judged when
 * it is looked at. {@link LogIndex.sweep} goes through those that nobody looks at, in slices, because there may be a million.
 */
import { shiftVersion, timeOfVersion } from '../base/hybrid-clock.js';
import type { TimeSlices } from '../base/time-slices.js';
import { isBefore, NO_POINT, NOTHING_CLEARED, type ControlFacts, type LogPoint } from './control-file.js';
import type { LogEntry } from './log-entry.js';
import type { LogSegment } from './log-segment.js';

/** See the file's header. */
export class LogIndex {
  readonly #entries = new Map<string, LogEntry>();
  #facts: ControlFacts = NOTHING_CLEARED;
  #values = 0;
  #hasLocal = false;
  /** What puts an entry of before the first contact with Redis on its clock; `undefined` until that is known. */
  #offsetMs: number | undefined;
  /** Clears so far; the last one counts for the entries that have seen fewer. */
  #clears = 0;
  /** Whether the last clear was before the first contact with Redis. */
  #isClearLocal = false;
  /** Changes that concern every entry, and how many of them every entry was judged by. */
  #changes = 0;
  #swept = 0;
  #oldestMs = Infinity;

  /** Keys with a write that Redis has not confirmed; until the end of a {@link sweep}, with what was cleared. */
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
    return this.#judge(this.#entries.get(key));
  }

  /** All of them, in no particular order. May be iterated while entries come and go. */
  *entries(): IterableIterator<LogEntry> {
    for (const entry of this.#entries.values()) if (this.#judge(entry) !== undefined) yield entry;
  }

  /** Whether an entry is still what it was: the last write of its key. */
  has(entry: LogEntry): boolean {
    return this.find(entry.key) === entry;
  }

  /** Takes a write of this process, unless it is older than what is known; whether it was taken. */
  put(entry: LogEntry): boolean {
    if (isBefore(entry, this.#facts.deadBefore)) return false;
    const known = this.find(entry.key);
    if (known !== undefined) {
      if (isBefore(entry, known)) return false;
      this.#supersede(known, entry);
    }
    this.#insert(entry);
    return true;
  }

  /** Takes a write found in the log that a process left behind, unless what is known is newer; whether it was taken. */
  adopt(entry: LogEntry): boolean {
    if (isBefore(entry, this.#facts.deadBefore)) return false;
    const known = this.find(entry.key);
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
    if (this.#entries.get(entry.key) !== entry) return;
    this.#forget(entry);
    this.#entries.delete(entry.key);
  }

  /** Notes where an entry's record is, unless it was superseded meanwhile: then it is kept until its successor's is there. */
  place(entry: LogEntry, segment: LogSegment, offset: number, length: number, bodyLength: number): void {
    if (!this.has(entry)) {
      const successor = this.find(entry.key);
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

  /** Gives the value of an entry up whose version nobody can have made: its key is to be invalidated, as of `point`. */
  distrust(entry: LogEntry, { version, isLocalTime }: LogPoint): void {
    entry.version = version;
    entry.isLocalTime = isLocalTime;
    this.dropValue(entry);
  }

  /** Everything older than `point` is to be removed from Redis and does not count any more. A {@link sweep} is due. */
  clear(point: LogPoint): void {
    this.#facts = { deadBefore: point, invalidateBefore: point };
    this.#clears++;
    this.#isClearLocal = point.isLocalTime;
    this.#changes++;
  }

  /** Takes over what the control file of an adopted log says. A {@link sweep} is due. */
  adoptFacts(facts: ControlFacts): void {
    const deadBefore = laterOf(this.#facts.deadBefore, facts.deadBefore);
    this.#facts = { deadBefore, invalidateBefore: laterOf(this.#facts.invalidateBefore, facts.invalidateBefore) };
    this.#changes++;
  }

  /** What was cleared was cleared at `point`, because the time that was said is beyond all time. What is known here still counts. */
  replaceFacts(point: LogPoint): void {
    this.#facts = { deadBefore: NO_POINT, invalidateBefore: point };
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

  /** Puts what was written before the first contact with Redis on Redis's clock. A {@link sweep} is due. */
  rebase(offsetMs: number): void {
    const { deadBefore, invalidateBefore } = this.#facts;
    if (deadBefore.isLocalTime || invalidateBefore.isLocalTime)
      this.#facts = { deadBefore: rebased(deadBefore, offsetMs), invalidateBefore: rebased(invalidateBefore, offsetMs) };
    if (!this.#hasLocal && !deadBefore.isLocalTime) return;
    this.#hasLocal = false;
    this.#offsetMs = offsetMs;
    this.#changes++;
  }

  /** Removes what was cleared, in slices; the first one before this returns. What comes meanwhile is left to the next sweep. */
  async sweep(slices: TimeSlices): Promise<void> {
    const changes = this.#changes;
    if (changes === this.#swept) return;
    for (const entry of this.#entries.values()) {
      this.#judge(entry);
      if (slices.isOver()) await slices.next();
    }
    this.#swept = Math.max(this.#swept, changes);
  }

  /** The entry, as what was cleared and Redis's clock make it; `undefined` when it does not count any more. */
  #judge(entry: LogEntry | undefined): LogEntry | undefined {
    if (this.#swept === this.#changes || entry === undefined) return entry;
    // What is on another clock was taken over before this process had heard of Redis's: it was there first.
    const isOnOtherClock = entry.clears < this.#clears && entry.isLocalTime !== this.#isClearLocal;
    entry.clears = this.#clears;
    if (!isOnOtherClock) {
      if (this.#offsetMs !== undefined) rebaseEntry(entry, this.#offsetMs);
      if (!isBefore(entry, this.#facts.deadBefore)) return entry;
    }
    this.remove(entry);
    return undefined;
  }

  #insert(entry: LogEntry): void {
    // Own writes come in the order of their time.
    if (this.#entries.size === 0) this.#oldestMs = timeOfVersion(entry.version);
    else if (entry.adoptedFrom !== undefined) this.#oldestMs = Math.min(this.#oldestMs, timeOfVersion(entry.version));
    entry.clears = this.#clears;
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
