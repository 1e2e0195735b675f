/**
 * The right of one process to load a key (`single_flight = "cluster"`): a lease that is renewed for as long as the load takes,
 * so that a process that died keeps the others waiting for {@link LEASE_MS} at most.
 */
import type { Clock } from '../base/clock.js';
import type { RedisSide } from './service-core.js';

/** How long a lease lasts unless it is renewed: a process that died delays the others by at most this, in milliseconds. */
export const LEASE_MS = 2000;

/** Renewed this often: two renewals in a row may be lost. */
const RENEWAL_MS = 600;

/** Where the leases of loads are among the locks: no user's lock has such a name. */
const LOAD_PREFIX = '\u0001oxcache:load:';

/** The name of a key's lease. */
export function leaseNameOf(key: string): string {
  return LOAD_PREFIX + key;
}

/** A lease that is held; it is renewed from now on. */
export class LoadLease {
  readonly #redis: RedisSide;
  readonly #clock: Clock;
  readonly #key: string;
  readonly #token: string;
  #isOver = false;
  #cancel: () => void = () => undefined;

  /** @param sentMs when the lease was asked for: its time began then at the earliest */
  constructor(redis: RedisSide, clock: Clock, key: string, token: string, sentMs: number) {
    this.#redis = redis;
    this.#clock = clock;
    this.#key = key;
    this.#token = token;
    this.#planRenewal(sentMs);
  }

  /** Gives the lease back, as soon as Redis has what was loaded. Never rejects: at worst the lease ends with its time. */
  async end(): Promise<void> {
    try {
      // Write-behind: who takes the lease next must find the value.
      await this.#redis.outbox.push(this.#key);
    } catch {
      // Redis can't be used, or has no room; that was told where it happened.
    }
    this.#isOver = true;
    this.#cancel();
    await this.#redis.tier.releaseLease(leaseNameOf(this.#key), this.#token).catch(() => false);
  }

  /** Plans the next renewal; `sentMs` is when the last one, or the first claim, was sent. */
  #planRenewal(sentMs: number): void {
    this.#cancel = this.#clock.schedule(() => void this.#renew(), Math.max(0, sentMs + RENEWAL_MS - this.#clock.nowMs()));
  }

  async #renew(): Promise<void> {
    const sentMs = this.#clock.nowMs();
    const isHeld = await this.#redis.tier
      .extendLease(leaseNameOf(this.#key), this.#token, LEASE_MS)
      // Perhaps the next one gets through.
      .catch(() => true);
    if (isHeld && !this.#isOver) this.#planRenewal(sentMs);
  }
}
