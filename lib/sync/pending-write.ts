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

/**
 * Who a write is from: a caller who waits for Redis; a caller who does not, because it is written behind; or nobody who calls now,
 * because it was fetched (a load): then it may be older than what Redis has.
 */
export type WriteOrigin = 'awaited' | 'behind' | 'fetched';

/** What makes a write that of a call. */
type Call = Pick<PendingWrite, 'sealed' | 'version' | 'calledVersion'>;

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
  #isFetched: boolean;
  /** The awaited write that this one, which was fetched, has taken the place of; `undefined`: none. */
  #replaced: Call | undefined;
  readonly outcome: Promise<WriteOutcome | R>;
  /** Whether its outcome is known, or being made. */
  isSettled = false;
  #resolve: (outcome: WriteOutcome | R | Promise<WriteOutcome | R>) => void = () => undefined;

  constructor(key: string, redisKey: string, sealed: string | Buffer, version: string, origin: WriteOrigin) {
    this.key = key;
    this.redisKey = redisKey;
    this.sealed = sealed;
    this.version = version;
    this.isAwaited = origin === 'awaited';
    this.#isFetched = origin === 'fetched';
    this.calledVersion = version;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Another write of the key, newer and not sent yet either, takes the place of this one. */
  take({ sealed, version }: Pick<ScriptWrite, 'sealed' | 'version'>, origin: WriteOrigin): void {
    const before: Call | undefined = this.isAwaited
      ? { sealed: this.sealed, version: this.version, calledVersion: this.calledVersion }
      : this.#replaced;
    this.sealed = sealed;
    this.version = version;
    this.isAwaited = origin === 'awaited';
    this.#isFetched = origin === 'fetched';
    this.calledVersion = version;
    this.renewals = 0;
    this.#replaced = undefined;
    if (before !== undefined) this.#standFor(before);
  }

  /** From now on an earlier write, which turned out to be too old, ends as this one. */
  standFor({ isAwaited, sealed, version, calledVersion }: PendingWrite<R>): void {
    if (isAwaited && !this.isAwaited) this.#standFor({ sealed, version, calledVersion });
  }

  /** Becomes the awaited write that it stands for, if it is none itself; whether it is one now. */
  recall(): boolean {
    if (this.isAwaited || this.#replaced === undefined) return this.isAwaited;
    Object.assign(this, this.#replaced);
    this.#replaced = undefined;
    this.isAwaited = true;
    this.#isFetched = false;
    return true;
  }

  /**
   * What was fetched may be older than what Redis has, and is not sent again then; the call before it is. A later call is sent again
   * itself: what it has replaced, or removed, must not come out after it.
   */
  #standFor(call: Call): void {
    if (this.#isFetched) this.#replaced = call;
    else this.isAwaited = true;
  }

  /** Decides the outcome, once. */
  settle(outcome: WriteOutcome | R | Promise<WriteOutcome | R>): void {
    this.isSettled = true;
    this.#resolve(outcome);
  }
}
