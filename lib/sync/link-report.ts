/**
 * The lines that a lost link to the other processes is worth in the log: one when it is lost, one when it is back. A link that
 * is restored soon is worth none, unless it keeps being lost; nor is one whose Redis can't be used at all, which has a line of
 * its own.
 */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../observe/logger.js';
import { adviceFor, classifyRefusal, refusalIn } from '../tiers/redis/redis-errors.js';

/** A shorter loss is what a failover or a restart looks like. */
const PATIENCE_MS = 2000;
/** So many losses within so long are worth a line, however short each is; after so much calm the link is said to be back. */
const MANY_LOSSES = 3;
const CALM_MS = 30_000;

/** What a report is made of. */
export interface LinkReportParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** For people; without credentials. */
  readonly endpoint: string;
  /** Whether the connection for data works: else the loss is no news. */
  readonly isRedisUsable: () => boolean;
}

/** See the file's header. */
export class LinkReport {
  readonly #parts: LinkReportParts;
  #lossesMs: number[] = [];
  #isReported = false;
  #cancel: () => void = () => undefined;

  constructor(parts: LinkReportParts) {
    this.#parts = parts;
  }

  /** The link is lost, or could not be established. */
  lost(reason: string): void {
    const nowMs = this.#parts.clock.nowMs();
    this.#cancel();
    this.#lossesMs = [...this.#lossesMs.filter((ms) => nowMs - ms < CALM_MS), nowMs].slice(-MANY_LOSSES);
    if (this.#isReported) return;
    if (this.#isFlapping && this.#parts.isRedisUsable()) this.#report(reason);
    else this.#reportLater(reason);
  }

  /** The link is there. */
  restored(): void {
    this.#cancel();
    if (!this.#isReported) return;
    if (!this.#isFlapping) this.#reportBack();
    else this.#cancel = this.#parts.clock.schedule(this.#reportBack, CALM_MS);
  }

  /** Ends the timers. */
  close(): void {
    this.#cancel();
  }

  get #isFlapping(): boolean {
    return this.#lossesMs.length === MANY_LOSSES;
  }

  #reportLater(reason: string): void {
    const { clock, isRedisUsable } = this.#parts;
    this.#cancel = clock.schedule(() => {
      if (isRedisUsable()) this.#report(reason);
      else this.#reportLater(reason);
    }, PATIENCE_MS);
  }

  #report(reason: string): void {
    const { logger, endpoint } = this.#parts;
    const code = refusalIn(reason)?.code;
    const isPermanent = code !== undefined && classifyRefusal(code) === 'permanent';
    const advice = isPermanent ? ` ${adviceFor(code)}` : '';
    this.#isReported = true;
    logger[isPermanent ? 'error' : 'warn'](
      `Writes of other processes are not heard of: the link to Redis at ${endpoint} is lost (${reason}).${advice} Until it is back, copies in L1 may be older than Redis, for l1.ttl at most.`,
    );
  }

  readonly #reportBack = (): void => {
    this.#isReported = false;
    this.#lossesMs = [];
    this.#parts.logger.info(
      `Writes of other processes are heard of again: the link to Redis at ${this.#parts.endpoint} is back.`,
    );
  };
}
