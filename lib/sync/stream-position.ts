/**
 * How far one follower has read its stream, and whether that can still be relied on.
 *
 * Entries leave a stream at its old end only. So if the entry that was read before a reply is still there after the reply, nothing
 * behind it had been trimmed when the reply was made. If it is gone, or another entry has its id, something may have been missed.
 */
import { VERSION_LENGTH } from '../base/hybrid-clock.js';
import { MESSAGE_FIELD, sealMessage } from '../codec/invalidation-message.js';
import type { LinkSession } from '../tiers/redis/link-session.js';
import type { BusInbox } from './bus-inbox.js';

/** An entry as Redis replies with it: its id, then fields and values by turns. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

/** See the file's header. */
export class StreamPosition {
  readonly inbox: BusInbox;
  readonly #deadlineMs: number;
  #last: StreamEntry | undefined;
  #before: StreamEntry | undefined;
  #unverified = 0;
  #isLost = false;

  /** @param deadlineMs how long Redis may take for an answer */
  constructor(inbox: BusInbox, deadlineMs: number) {
    this.inbox = inbox;
    this.#deadlineMs = deadlineMs;
  }

  /** The id of the entry read last. */
  get id(): string {
    return this.#last?.[0] ?? '0';
  }

  /** Whether there is a position at all. */
  get isAnchored(): boolean {
    return this.#last !== undefined;
  }

  /** Whether the position can't be relied on any more, of which the follower has been told. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Entries delivered since the last {@link verify}. */
  get unverified(): number {
    return this.#unverified;
  }

  /** Delivers the next entry; returns whether it came from another process. @param serverNowMs the time by the clock of Redis */
  advance(entry: StreamEntry, serverNowMs: number): boolean {
    this.#before ??= this.#last;
    this.#unverified++;
    this.#last = entry;
    const [id, fields] = entry;
    const text = fields.length === 2 && fields[0] === MESSAGE_FIELD ? fields[1] : undefined;
    return this.inbox.deliver(text, Math.max(0, serverNowMs - Number.parseInt(id, 10)));
  }

  /** Asks whether nothing was missed up to here. @throws what {@link LinkSession.send} does */
  async verify(session: LinkSession): Promise<boolean> {
    const expected = this.#before ?? this.#last;
    this.#before = undefined;
    this.#unverified = 0;
    if (expected === undefined) return false;
    const [id] = expected;
    const [found] = await session.send<StreamEntry[]>('xrange', [this.inbox.streamName, id, id], this.#deadlineMs);
    return isSame(found, expected);
  }

  /** Tells of a gap; {@link anchor} has to follow. */
  lose(reason: string): void {
    this.#isLost = true;
    this.inbox.gap(reason);
  }

  /**
   * Finds a position to read on from: the newest entry there is, or one of our own, and tells of a gap. Where one was told of
   * already, another is only told of if something came since. @throws what {@link LinkSession.send} does
   */
  async anchor(session: LinkSession, reason: string): Promise<void> {
    const { streamName, origin } = this.inbox;
    const newest = ['+', '-', 'COUNT', '1'];
    let [entry] = await session.send<StreamEntry[]>('xrevrange', [streamName, ...newest], this.#deadlineMs);
    if (entry === undefined) {
      const hello = sealMessage(origin, '0'.repeat(VERSION_LENGTH), 'h');
      const id = await session.send<string>('xadd', [streamName, '*', MESSAGE_FIELD, hello], this.#deadlineMs);
      entry = [id, [MESSAGE_FIELD, hello]];
    }
    const isTold = this.#isLost && isSame(this.#last, entry);
    this.#before = undefined;
    this.#unverified = 0;
    this.#isLost = false;
    this.#last = entry;
    if (!isTold) this.inbox.gap(reason);
  }
}

function isSame(a: StreamEntry | undefined, b: StreamEntry): boolean {
  return a?.[0] === b[0] && a[1].length === b[1].length && a[1].every((text, i) => text === b[1][i]);
}
