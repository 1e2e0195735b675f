/**
 * Which process loads a key (`single_flight = "cluster"`, G3). Whoever has the key's lease looks in Redis once more and then
 * loads; the others look in Redis again and again, at once when they are told of a write, until the value is there or the lease
 * is free. Meanwhile callers who allow it are given the value past its TTL.
 *
 * 1. A load never fails because of a lease: when Redis can't be asked, every process loads by itself (G6). 2. A flight that
 *    waits has not begun: a write overtakes what it found, but not what it will load (G4).
 */
import { systemClock, type Clock } from '../base/clock.js';
import { CacheError } from '../base/errors.js';
import { systemRandom, type Random } from '../base/random.js';
import { TimeSlices } from '../base/time-slices.js';
import { newLeaseOwner } from '../tiers/redis/lease-script.js';
import { eachInParts } from './each-in-parts.js';
import type { Flight, LoadEnd } from './flight.js';
import { leaseEndMs } from './lease-end.js';
import { LEASE_MS, leaseNameOf, LoadLease } from './load-lease.js';
import { newLook, type LookNotes } from './look-notes.js';
import { growingPauseMs, type PauseRange } from './pauses.js';
import { ReadFailures } from './read-failures.js';
import type { RedisSide, ServiceCore } from './service-core.js';

/** Between two looks. */
const PAUSES: PauseRange = { firstMs: 5, longestMs: 50 };

/** Claims of one lease in a row at most: the second is for an answer that came too late. */
const MAX_CLAIMS = 2;

/** What turns are made of. */
export interface TurnParts {
  readonly core: ServiceCore;
  readonly redis: RedisSide;
  /** Looks for what is cached; notes what it found that is past its TTL, and whether L2 could be asked. */
  readonly look: (notes: LookNotes, failures?: ReadFailures) => Promise<LoadEnd | undefined>;
  /** Whether the flights are those of one call, so that what fails in a round is reported once for all of them. */
  readonly isOneCall: boolean;
}

/** What became of some flights. */
export interface TurnResult {
  /** Their values are cached by now. */
  readonly found: ReadonlyMap<Flight, LoadEnd>;
  /** They are to be loaded by this process now. */
  readonly mine: readonly Flight[];
}

/** The answer to a claim of a lease: its token, or `undefined` when another process has it; and when it was asked for. */
interface Claim {
  readonly token: string | undefined;
  readonly sentMs: number;
}

interface Waiting {
  readonly flight: Flight;
  /** Empty until the lease is asked for. */
  owner: string;
  isNew: boolean;
}

/** What failed in one round. */
class RoundFailures {
  readonly reads: ReadFailures;
  readonly claims: ReadFailures;

  constructor(core: ServiceCore) {
    this.reads = new ReadFailures(core);
    this.claims = new ReadFailures(core);
  }

  report(asked: number): void {
    this.reads.report(asked);
    this.claims.report(asked, 'claimed for a load');
  }
}

/** The turns of some flights of one call. */
export class LoadTurns {
  readonly #parts: TurnParts;
  readonly #random: Random;
  readonly #workClock: Clock;
  #waiting: Waiting[];
  #rounds = 0;
  #dueMs = -Infinity;

  /**
   * @param flights those whose key was just found not to be cached
   * @param workClock measures how long work holds the event loop, which a clock of tests does not know
   */
  constructor(parts: TurnParts, flights: readonly Flight[], random: Random = systemRandom, workClock: Clock = systemClock) {
    this.#parts = parts;
    this.#random = random;
    this.#workClock = workClock;
    this.#waiting = flights.map((flight) => ({ flight, owner: '', isNew: true }));
  }

  /** Whether {@link next} has something to wait for. */
  get isOver(): boolean {
    return this.#waiting.length === 0;
  }

  /** Waits until something has become of at least one flight, or all were given up; each is in one result only. */
  async next(): Promise<TurnResult> {
    const { clock } = this.#parts.core.parts;
    const found = new Map<Flight, LoadEnd>();
    const mine = new Set<Flight>();
    while (found.size + mine.size === 0 && this.#waiting.length > 0) {
      await this.#pause();
      const isDue = clock.nowMs() >= this.#dueMs;
      const asked = this.#waiting.filter(({ flight }) => !flight.isOver && (isDue || flight.isOvertaken));
      const failures = this.#parts.isOneCall ? new RoundFailures(this.#parts.core) : undefined;
      await eachInParts(
        asked,
        // Anew for each round: the time between two rounds is no work.
        new TimeSlices(this.#workClock, 1),
        (one) => this.#ask(one, failures),
        ({ flight }, end) => {
          if (end === undefined || flight.isOver) return;
          flight.isHeldElsewhere = false;
          if (end === 'load') mine.add(flight);
          else found.set(flight, end);
        },
      );
      failures?.report(asked.length);
      if (isDue) this.#dueMs = clock.nowMs() + growingPauseMs(PAUSES, this.#rounds++, this.#random);
      this.#waiting = this.#waiting.filter(({ flight }) => !flight.isOver && !found.has(flight) && !mine.has(flight));
    }
    return { found, mine: [...mine] };
  }

  /** What is to be done about a flight now; `undefined`: wait. Never rejects. */
  async #ask(one: Waiting, failures: RoundFailures | undefined): Promise<LoadEnd | 'load' | undefined> {
    const { flight } = one;
    const owner = (one.owner ||= newLeaseOwner(this.#random));
    // Who waited for another process's reload ahead of time takes what that brought.
    const looks = !flight.isForced || (flight.isBackground && !one.isNew);
    this.#renew(flight);
    if (looks && !one.isNew) {
      const found = await this.#lookAgain(flight, failures);
      if (found !== undefined) return found;
    }
    one.isNew = false;
    let claim: Claim;
    try {
      claim = await this.#claim(flight.key, owner);
    } catch (error) {
      this.#failed(flight, owner, error, failures);
      return 'load';
    }
    if (claim.token === undefined) return this.#leaveToOthers(flight);
    this.#hold(flight, claim.token, claim.sentMs);
    this.#renew(flight);
    return looks ? ((await this.#lookAgain(flight, failures)) ?? 'load') : 'load';
  }

  /**
   * Asks for the lease of a key. An answer so late that the lease may be over is asked for once more; a Redis that is late again
   * is too slow for leases, and the load goes on with what it got.
   */
  async #claim(key: string, owner: string): Promise<Claim> {
    const { core, redis } = this.#parts;
    const { clock } = core.parts;
    for (let attempt = 1; ; attempt++) {
      const sentMs = clock.nowMs();
      const token = await redis.tier.acquireLease(leaseNameOf(key), owner, LEASE_MS);
      if (token === undefined || attempt === MAX_CLAIMS || clock.nowMs() < leaseEndMs(sentMs, LEASE_MS)) return { token, sentMs };
    }
  }

  /** What is cached by now; `load` when L2 can't be asked any more. */
  async #lookAgain(flight: Flight, failures: RoundFailures | undefined): Promise<LoadEnd | 'load' | undefined> {
    const look = newLook(flight.key);
    const end = await this.#parts.look(look, failures?.reads);
    flight.stale = look.stale;
    flight.staleTier = look.staleTier;
    flight.staleEndMs = look.staleEndMs;
    flight.isDue = look.isDue;
    flight.hasWaitedInVain = look.hasWaitedInVain;
    flight.lend();
    return end ?? (look.hasWaitedInVain ? 'load' : undefined);
  }

  /** Another process loads the key. */
  async #leaveToOthers(flight: Flight): Promise<LoadEnd | undefined> {
    if (flight.isBackground && flight.waiters <= 1) {
      const look = newLook(flight.key);
      const end = await this.#parts.look(look);
      if (end !== undefined) {
        flight.isLeftToOthers = true;
        return end;
      }
    }
    flight.isHeldElsewhere = true;
    // What was invalidated since it was looked at is not lent; the next look tells.
    flight.lend();
    return undefined;
  }

  #hold(flight: Flight, token: string, sentMs: number): void {
    const { core, redis } = this.#parts;
    const lease = new LoadLease(redis, core.parts.clock, flight.key, token, sentMs);
    core.parts.background.add(
      flight.left.then(() => lease.end()),
      () => undefined,
    );
  }

  #failed(flight: Flight, owner: string, error: unknown, failures: RoundFailures | undefined): void {
    const { core, redis } = this.#parts;
    this.#renew(flight);
    // What was not even tried cost no time, and has been told of.
    if (error === redis.tier.unusableError() || !CacheError.is(error)) return;
    flight.hasWaitedInVain = true;
    if (failures === undefined) core.report(core.locate(error, flight.key), flight.key, false);
    else failures.claims.add(error);
    // The answer may have been lost, and the lease be ours: without this it would last for its time.
    const released = flight.left.then(() => redis.tier.releaseLease(leaseNameOf(flight.key), owner));
    core.parts.background.add(released, () => undefined);
  }

  /** What overtook a flight that has not begun is no reason to drop what it will bring. */
  #renew(flight: Flight): void {
    if (flight.isOver || !flight.isOvertaken) return;
    const { fence } = this.#parts.core.parts;
    fence.close(flight);
    flight.renew();
    fence.admit(flight);
  }

  /** Resolves when it is time for the next round, or a flight was overtaken or given up. */
  #pause(): Promise<void> {
    const { clock } = this.#parts.core.parts;
    const leftMs = this.#dueMs - clock.nowMs();
    if (leftMs <= 0 || this.#waiting.some(({ flight }) => flight.isOvertaken)) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        for (const { flight } of this.#waiting) flight.onOvertaken = undefined;
        resolve();
      };
      const cancel = clock.schedule(wake, leftMs, true);
      for (const { flight } of this.#waiting) flight.onOvertaken = wake;
    });
  }
}
