/**
 * Versions: the order of writes to one Redis, across processes. A hybrid logical clock (Kulkarni et al., "Logical
 * Physical Clocks", 2014) whose physical part is anchored to the server's own `TIME`, so that processes with wrong wall
 * clocks still agree on what is newer.
 *
 * 1. Stamps of one process strictly increase. 2. A stamp taken after a version was observed is newer than that version.
 * 3. Stamps taken before the first contact with Redis are shifted onto its time line when they are turned into versions,
 *    so a wrong local clock cannot make them win. 4. The text form has a fixed width and sorts like the stamps.
 * 5. The server's time is known as an interval. A write that is awaited is stamped at its end, anything else at its beginning: of
 * two that do not overlap the later one has the newer version, as long as clocks are as exact as the comparison says (Corbett et al.,
 * "Spanner", 2012).
 */
import type { Clock } from './clock.js';

/** A point in the order of this process's writes; negative when it was taken before the clock was anchored. */
export type Stamp = number;

/** Characters in a version: 13 digits of milliseconds, 4 of the counter, 7 of the process's identifier. */
export const VERSION_LENGTH = 24;

/** Characters of the process identifier at the end of a version. */
export const NODE_ID_LENGTH = 7;

/** Stamps per millisecond. A power of two, so that a stamp is an exact double until the year 2248. */
export const TICKS_PER_MS = 1024;

/**
 * A version further ahead of the server's clock than this is neither followed nor obeyed: it was made while some clock was wrong.
 * Following it would spread it, and obeying it would lock its key, or empty its service, until that time.
 */
export const MAX_AHEAD_MS = 60_000;

/** How far ahead a version may be that was found in a log: what is beyond the longest life of anything was made by no clock. */
const MAX_LOGGED_AHEAD_MS = 30 * 24 * 3_600_000;

/** How far two clocks drift apart at most, as a share of the time that passes: what quartz does. */
const MAX_DRIFT = 50e-6;
/** Versions of a later time are nobody's: digits would run out before long. */
const LAST_MS = Date.UTC(2200, 0);

const VERSION = /^\d{17}[\x21-\x7e]{7}$/;

const COUNTER_TEXT: readonly string[] = Array.from({ length: TICKS_PER_MS }, (_, i) => String(i).padStart(4, '0'));

/** One process's clock for one Redis. */
export class HybridClock {
  readonly #clock: Clock;
  readonly #nodeId: string;
  #last = 0;
  #offsetMs = 0;
  #firstOffsetMs = 0;
  #uncertaintyMs = 0;
  #comparedAtMs = 0;
  #anchored = false;
  #highestSeen = '';
  #renewedTo: Stamp = 0;
  #jumpedMs: number;
  /** By how much local time has been moved forward since the last comparison. */
  #unprovenMs = 0;
  readonly #onJump: () => unknown;
  #textMs = -1;
  #text = '';

  /**
   * @param nodeId {@link NODE_ID_LENGTH} characters that no other process has: the tie-break of equal times
   * @param onJump called when local time was moved forward (the machine slept): the clocks are to be compared now, or before Redis
   *   is used again
   */
  constructor(clock: Clock, nodeId: string, onJump: () => unknown = () => undefined) {
    if (nodeId.length !== NODE_ID_LENGTH) throw new TypeError(`Expected a node id of ${NODE_ID_LENGTH} characters`);
    this.#clock = clock;
    this.#nodeId = nodeId;
    this.#onJump = onJump;
    this.#jumpedMs = clock.jumpedMs ?? 0;
  }

  /** Whether the clock has ever been compared with Redis. */
  get isAnchored(): boolean {
    return this.#anchored;
  }

  /** How far {@link nowMs} may be from the server's clock, in milliseconds: half of the best round trip, and the drift since. */
  get uncertaintyMs(): number {
    return this.#uncertaintyMs;
  }

  /** Milliseconds to add to local time to get the server's. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** {@link offsetMs} as it was found at the first contact: what stamps from before it are shifted by. */
  get firstOffsetMs(): number {
    return this.#firstOffsetMs;
  }

  /** The server's time as far as this process knows it, in milliseconds since the epoch: what may have ended counts as ended. */
  nowMs(): number {
    return this.noticeJump() + this.#offsetMs;
  }

  /** Reads local time, and notices if that was moved forward since it was last read here. */
  noticeJump(): number {
    const localMs = this.#clock.nowMs();
    const jumpedMs = this.#clock.jumpedMs ?? 0;
    if (jumpedMs !== this.#jumpedMs) this.#jump(jumpedMs);
    return localMs;
  }

  /**
   * {@link nowMs}, but not ahead of the server's time where local time was moved forward since the clocks were compared: what is made
   * now must not be from the future, in case it was not sleep that moved it, but somebody who set the clock.
   */
  provenMs(): number {
    return this.nowMs() - this.#unprovenMs;
  }

  /** The next point in the order of writes, not before now: of a write that is awaited. */
  stamp(): Stamp {
    return this.#stampAt(this.provenMs() + this.#uncertaintyMs);
  }

  /** The next point in the order of writes, not after now unless the last one was: of what gives way to whatever comes meanwhile. */
  stampEarly(): Stamp {
    return this.#stampAt(this.provenMs() - this.#uncertaintyMs);
  }

  /** The text of a stamp, {@link VERSION_LENGTH} characters. */
  versionOf(stamp: Stamp): string {
    const ticks = this.#ticksOf(stamp);
    const ms = Math.floor(ticks / TICKS_PER_MS);
    if (ms !== this.#textMs) {
      this.#textMs = ms;
      this.#text = String(ms).padStart(13, '0');
    }
    return this.#text + (COUNTER_TEXT[ticks - ms * TICKS_PER_MS] ?? '') + this.#nodeId;
  }

  /**
   * A version newer than `newer`, which Redis has, for a write that was called before now and lost to it; `undefined` when that is
   * beyond all time. See {@link versionInTurn}.
   */
  versionAfter(newer: string): string | undefined {
    this.follow(newer);
    const stamp = this.stamp();
    const version = this.versionOf(stamp);
    if (version <= newer) return undefined;
    this.#renewedTo = stamp;
    return version;
  }

  /**
   * The version of a write that goes out now and was stamped at its call. Writes go out in the order of their calls; where one was
   * given a newer version since the call, by {@link versionAfter}, this one needs a newer one still.
   */
  versionInTurn(stamp: Stamp): string {
    if (this.#ticksOf(stamp) >= this.#renewedTo) return this.versionOf(stamp);
    this.#renewedTo = this.stamp();
    return this.versionOf(this.#renewedTo);
  }

  /** Newer than or equal to every version that this process has made or followed. */
  get newest(): string {
    const last = this.versionOf(this.#anchored ? this.#last : -this.#last);
    return last > this.#highestSeen ? last : this.#highestSeen;
  }

  /** The latest time a version may have that {@link accepts} takes. After a step of the server's clock, versions run ahead of it. */
  get acceptsUntilMs(): number {
    return Math.max(this.nowMs(), this.#last / TICKS_PER_MS) + MAX_AHEAD_MS;
  }

  /** Whether a version is to be followed and obeyed: the one place where {@link MAX_AHEAD_MS} is applied in a process. */
  accepts(version: string): boolean {
    // Most versions read are older than the newest one followed so far; their text alone says so (4).
    return version <= this.#highestSeen || timeOfVersion(version) <= this.acceptsUntilMs;
  }

  /**
   * Whether a version that was found in a log is from beyond all time. Clocks of servers may be apart by far more than
   * {@link MAX_AHEAD_MS}. Never true before the first contact with Redis: this process's own clock may be anywhere.
   */
  isAbsurd(version: string): boolean {
    return this.#anchored && timeOfVersion(version) > this.acceptsUntilMs + MAX_LOGGED_AHEAD_MS;
  }

  /** Makes every later stamp newer than `version`, unless that is not to be followed; returns whether it {@link accepts} it. */
  observe(version: string): boolean {
    if (version <= this.#highestSeen) return true;
    if (!this.accepts(version)) return false;
    this.#follow(version);
    return true;
  }

  /**
   * {@link observe} for a version that Redis itself vouches for, as the newest one it has applied (docs/entry-format.md): that is
   * followed however far ahead it is, because the server's clock was there once. What is no version is ignored.
   */
  follow(version: string): void {
    if (version > this.#highestSeen && VERSION.test(version) && timeOfVersion(version) <= LAST_MS) this.#follow(version);
  }

  /**
   * Takes over the server's clock from one `TIME` round trip (the midpoint rule of NTP). A later sample moves the offset
   * only by what the round trip cannot explain, so that noise does not move time to and fro.
   */
  anchor(serverMs: number, sentMs: number, receivedMs: number): void {
    const uncertainty = (receivedMs - sentMs) / 2;
    const sample = serverMs - (sentMs + receivedMs) / 2;
    this.#unprovenMs = 0;
    if (!this.#anchored) {
      this.#anchored = true;
      // The line of time moves: what was followed before may lie in its future again.
      this.#highestSeen = '';
      this.#firstOffsetMs = sample;
      this.#offsetMs = sample;
      this.#uncertaintyMs = uncertainty;
      this.#comparedAtMs = receivedMs;
      this.#last = Math.max(0, this.#last + Math.floor(sample * TICKS_PER_MS));
      return;
    }
    const error = sample - this.#offsetMs;
    const isExplained = Math.abs(error) <= uncertainty;
    if (!isExplained) this.#offsetMs += error > 0 ? error - uncertainty : error + uncertainty;
    const bySample = uncertainty + Math.min(Math.abs(error), uncertainty);
    const driftMs = Math.max(0, receivedMs - this.#comparedAtMs) * MAX_DRIFT;
    this.#uncertaintyMs = isExplained ? Math.min(this.#uncertaintyMs + driftMs, bySample) : bySample;
    this.#comparedAtMs = receivedMs;
  }

  #jump(jumpedMs: number): void {
    const byMs = jumpedMs - this.#jumpedMs;
    this.#jumpedMs = jumpedMs;
    if (!this.#anchored) return;
    this.#unprovenMs += byMs;
    this.#onJump();
  }

  #stampAt(ms: number): Stamp {
    const physical = Math.floor(ms * TICKS_PER_MS);
    this.#last = physical > this.#last ? physical : this.#last + 1;
    return this.#anchored ? this.#last : -this.#last;
  }

  #ticksOf(stamp: Stamp): number {
    return stamp < 0 ? -stamp + Math.floor(this.#firstOffsetMs * TICKS_PER_MS) : stamp;
  }

  #follow(version: string): void {
    this.#highestSeen = version;
    const ticks = timeOfVersion(version) * TICKS_PER_MS + Number(version.slice(13, 17));
    if (ticks > this.#last) this.#last = ticks;
  }
}

/** When a version was made, in milliseconds since the epoch. */
export function timeOfVersion(version: string): number {
  return Number(version.slice(0, 13));
}

/** The first version above `highest`, by the process that made `version`. */
export function versionAbove(highest: string, version: string): string {
  return shiftVersion(highest, 1 / TICKS_PER_MS).slice(0, -NODE_ID_LENGTH) + version.slice(-NODE_ID_LENGTH);
}

/** A version moved along the line of time by `offsetMs`, as {@link HybridClock.versionOf} moves a stamp. */
export function shiftVersion(version: string, offsetMs: number): string {
  const ticks = timeOfVersion(version) * TICKS_PER_MS + Number(version.slice(13, 17)) + Math.floor(offsetMs * TICKS_PER_MS);
  const ms = Math.floor(Math.max(0, ticks) / TICKS_PER_MS);
  return String(ms).padStart(13, '0') + (COUNTER_TEXT[Math.max(0, ticks) - ms * TICKS_PER_MS] ?? '') + version.slice(17);
}
