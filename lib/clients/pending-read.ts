/**
 * One L2 read in flight. In a two-level service it is shared by everybody who asks for the key meanwhile, keeps an L1 copy
 * when it ends, and is a ticket of the fence: a write that happens during the read makes the copy unwanted (G4).
 */
import type { CacheError } from '../base/errors.js';
import type { StaleRule } from './guards.js';
import type { ReadFailures } from './read-failures.js';
import { FenceTicket } from '../sync/write-fence.js';
import type { RawReceiver } from '../tiers/redis/read-lane.js';
import type { StoredEntry } from '../tiers/redis/entry-codec.js';
import { unavailable } from '../tiers/redis/redis-errors.js';

/** What a read of L2 ended with: an entry (perhaps stale), nothing, or that L2 could not be asked. */
export type ReadEnd = StoredEntry | undefined | typeof UNREADABLE;

/** L2 could not be asked: not the same as nothing being there. */
export const UNREADABLE: unique symbol = Symbol('oxcache.unreadable');

/** What to do with the bytes and at the end; implemented by the read path. */
export interface ReadOwner {
  /** Its promise rejects with a {@link CacheError} when Redis could not be asked whether the entry counts. */
  open(key: string, raw: Buffer | null): StoredEntry | undefined | Promise<StoredEntry | undefined>;
  /** What was decoded can't be kept or handed out: it counts as nothing there, and is reported (G13). */
  refuse(key: string, failure: unknown): void;
  /** Keeps an L1 copy unless the read was overtaken; returns the entry to hand out. */
  finish(read: PendingRead, entry: StoredEntry | undefined): StoredEntry | undefined;
  fail(read: { readonly key: string; readonly failures?: ReadFailures | undefined }, error: CacheError): void;
  /** Turns the end of a read into the value a `get` resolves to, counted. */
  settleGet(key: string, end: ReadEnd, staleRule: StaleRule): unknown;
}

/** See the file's header. */
export class PendingRead extends FenceTicket implements RawReceiver {
  readonly promise: Promise<ReadEnd>;
  /** Of the call about many keys that began this read; absent: it is reported by itself. */
  readonly failures: ReadFailures | undefined;
  readonly #owner: ReadOwner;
  #resolve: (end: ReadEnd) => void = () => undefined;

  constructor(key: string, owner: ReadOwner, failures?: ReadFailures) {
    super(key);
    this.#owner = owner;
    this.failures = failures;
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  receive(raw: Buffer | null): void {
    const entry = this.#owner.open(this.key, raw);
    if (!(entry instanceof Promise)) this.#finish(entry);
    else
      void entry.then(
        (opened) => {
          this.#finish(opened);
        },
        (error: unknown) => {
          this.fail(unavailable(error));
        },
      );
  }

  fail(error: CacheError): void {
    this.#owner.fail(this, error);
    this.#resolve(UNREADABLE);
  }

  /** Nothing may be thrown from here: other reads are answered in the same turn. */
  #finish(entry: StoredEntry | undefined): void {
    try {
      this.#resolve(this.#owner.finish(this, entry));
    } catch (failure) {
      this.#owner.refuse(this.key, failure);
      this.#resolve(undefined);
    }
  }
}

/** A `get` of a service without L1: one read for one caller, with nothing to keep and nothing to join. */
export class DirectGet implements RawReceiver {
  readonly key: string;
  readonly #owner: ReadOwner;
  readonly #staleRule: StaleRule;
  readonly #resolve: (value: unknown) => void;

  constructor(key: string, staleRule: StaleRule, owner: ReadOwner, resolve: (value: unknown) => void) {
    this.key = key;
    this.#staleRule = staleRule;
    this.#owner = owner;
    this.#resolve = resolve;
  }

  receive(raw: Buffer | null): void {
    const entry = this.#owner.open(this.key, raw);
    if (!(entry instanceof Promise)) this.#resolve(this.#settle(entry));
    else
      this.#resolve(
        entry.then(
          (opened) => this.#settle(opened),
          (error: unknown) => this.#settleFailed(unavailable(error)),
        ),
      );
  }

  fail(error: CacheError): void {
    this.#resolve(this.#settleFailed(error));
  }

  #settle(end: ReadEnd): unknown {
    return this.#owner.settleGet(this.key, end, this.#staleRule);
  }

  #settleFailed(error: CacheError): unknown {
    this.#owner.fail(this, error);
    return this.#settle(UNREADABLE);
  }
}
