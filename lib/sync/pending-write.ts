/** A write on its way to Redis, and what those who own it make of its outcome. It is settled once, whoever comes first. */
import type { CacheError } from '../base/errors.js';
import type { ScriptWrite, WriteOutcome } from '../tiers/redis/write-script.js';

/** Takes a write that Redis did not confirm; resolves to what became of it instead. */
export type Rescue<R> = (write: PendingWrite<R>, error: CacheError) => R | Promise<R>;

/** Told of a write that Redis confirmed, before anybody else; a promise, where its caller has to wait for something more. */
export type OnConfirmed<R> = (write: PendingWrite<R>) => Promise<void> | undefined;

/** A write that Redis has not confirmed yet. `R`: what its {@link Rescue} makes of it. */
export class PendingWrite<R = never> implements ScriptWrite {
  readonly key: string;
  readonly redisKey: string;
  sealed: string | Buffer;
  version: string;
  readonly outcome: Promise<WriteOutcome | R>;
  /** Whether its outcome is known, or being made. */
  isSettled = false;
  #resolve: (outcome: WriteOutcome | R | Promise<WriteOutcome | R>) => void = () => undefined;

  constructor(key: string, redisKey: string, sealed: string | Buffer, version: string) {
    this.key = key;
    this.redisKey = redisKey;
    this.sealed = sealed;
    this.version = version;
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
