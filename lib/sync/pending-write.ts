/** A write on its way to Redis, and what those who own it make of its outcome. It is settled once, whoever comes first. */
import type { CacheError } from '../base/errors.js';
import type { ScriptWrite, WriteOutcome } from '../tiers/redis/write-script.js';

/** Takes a write that Redis did not confirm; resolves to what became of it instead. */
export type Rescue<R> = (write: PendingWrite<R>, error: CacheError) => R | Promise<R>;

/** Told of a write that Redis confirmed, before anybody else; a promise, where its caller has to wait for something more. */
export type OnConfirmed<R> = (write: PendingWrite<R>) => Promise<void> | undefined;

/**
 * Makes a write newer than what Redis has; `undefined` when that is not to be, because it came after the call, or can't be, because
 * some clock is far off.
 */
export type Renew = (
  write: ScriptWrite & { readonly calledVersion: string },
  newer: string,
) => { readonly sealed: string | Buffer; readonly version: string } | undefined;

/** What becomes of a write beyond "Redis has it". */
export interface WriteEnds<R> {
  /** Absent: what Redis did not confirm ends with its error. */
  readonly rescue?: Rescue<R>;
  readonly onConfirmed?: OnConfirmed<R>;
  /** Absent: what is older ends as that. */
  readonly renew?: Renew;
}

/** A write that Redis has not confirmed yet. `R`: what its {@link Rescue} makes of it. */
export class PendingWrite<R = never> implements ScriptWrite {
  readonly key: string;
  readonly redisKey: string;
  sealed: string | Buffer;
  version: string;
  newer?: string;
  /** Whether its caller waits for Redis: then it is never older than what was there before its call, whatever the clocks say. */
  isAwaited: boolean;
  /** The version it had at its call. */
  calledVersion: string;
  /** How often it was sent again with a newer version. */
  renewals = 0;
  readonly outcome: Promise<WriteOutcome | R>;
  /** Whether its outcome is known, or being made. */
  isSettled = false;
  #resolve: (outcome: WriteOutcome | R | Promise<WriteOutcome | R>) => void = () => undefined;

  constructor(key: string, redisKey: string, sealed: string | Buffer, version: string, isAwaited: boolean) {
    this.key = key;
    this.redisKey = redisKey;
    this.sealed = sealed;
    this.version = version;
    this.isAwaited = isAwaited;
    this.calledVersion = version;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Decides the outcome, once. */
  settle(outcome: WriteOutcome | R | Promise<WriteOutcome | R>): void {
    this.isSettled = true;
    this.#resolve(outcome);
  }
}
