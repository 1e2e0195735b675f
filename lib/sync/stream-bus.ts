/**
 * Invalidations over Redis Streams, one capped stream per service: what was missed while the link was lost is read again, and L1
 * stays as it is. One blocking connection reads the streams of all followers.
 *
 * 1. A position that was trimmed away, or that belongs to other data, is a gap: see stream-position.ts. It is checked after
 *    every delivery; while nothing is delivered, one stream in turn stands for all, because only a flush of the database can
 *    take it. 2. The link is restored after everything missed was delivered. 3. An idle bus sends less than one command a
 *    second, however many followers it has. 4. What one reply brings is delivered in slices.
 */
import { TimeSlices } from '../base/time-slices.js';
import type { LinkSession } from '../tiers/redis/link-session.js';
import type { BusFollower } from './invalidation-bus.js';
import { LinkedBus, SILENCE_MS, type BusParts } from './linked-bus.js';
import { StreamPosition, type StreamEntry } from './stream-position.js';

/** Messages of a stream in one reply at most. */
const READ_COUNT = 500;

/**
 * How long Redis waits for a message before it replies that there is none: after a reply without messages, and after one with
 * messages. A message just before the end proves nothing about the time Redis waited, so a link that works may show no sign of
 * life for the sum of both. That sum must be well within {@link SILENCE_MS}.
 */
const IDLE_BLOCK_MS = 1250;
const BUSY_BLOCK_MS = 250;

/**
 * Time between two checks whether the positions are still there: of streams that delivered something, and of one stream in
 * turn, while this process uses Redis and while it is idle. After so many messages a check is due at once, well before a
 * stream could have been trimmed as far as its position.
 */
const VERIFY_EVERY_MS = 100;
const VERIFY_ANY_EVERY_MS = 1000;
const VERIFY_ANY_IDLE_EVERY_MS = 12_000;
const VERIFY_AFTER = 50;

/** After so many replies in a row with nothing but messages of our own, replies are let gather: nobody else writes now. */
const OWN_REPLIES = 8;

/** Why followers are told of a gap. */
const LOST = 'the stream was trimmed, or its data replaced';

/** What a stream bus is made of. */
export interface StreamBusParts extends BusParts {
  /** The time by the clock of Redis, for the lag of messages. */
  readonly serverNowMs: () => number;
  /** Commands that this process has sent to the same Redis for its data: while the number stays, the process is idle. */
  readonly sentCommands: () => number;
  /** How long messages are let gather while only this process writes, in milliseconds; 0: not at all. */
  readonly gatherMs: number;
}

/** See the file's header. */
export class StreamBus extends LinkedBus {
  readonly #serverNowMs: () => number;
  readonly #sentCommands: () => number;
  readonly #gatherMs: number;
  readonly #positions = new Map<string, StreamPosition>();
  #verifiedMs = 0;
  #verifiedAnyMs = 0;
  /** {@link StreamBusParts.sentCommands} at the last check of a stream in turn. */
  #sentBefore = 0;
  /** The position that is checked next though nothing was delivered, as a place in the order of the followers. */
  #nextInTurn = 0;
  #ownReplies = 0;
  #blockMs = IDLE_BLOCK_MS;

  constructor(parts: StreamBusParts) {
    super(parts, false);
    this.#serverNowMs = parts.serverNowMs;
    this.#sentCommands = parts.sentCommands;
    this.#gatherMs = parts.gatherMs;
  }

  override follow(follower: BusFollower): void {
    super.follow(follower);
    for (const inbox of this.inboxes.slice(-1)) this.#positions.set(inbox.streamName, new StreamPosition(inbox, SILENCE_MS));
  }

  protected override async serve(session: LinkSession): Promise<never> {
    const positions = [...this.#positions.values()];
    await Promise.all(positions.map((position) => resume(session, position)));
    while (await this.#read(session, 0));
    await this.#verify(session, (position) => position.unverified > 0);
    await this.#anchorLost(session);
    this.establish(session);
    for (;;) {
      if (this.#ownReplies >= OWN_REPLIES && this.#gatherMs > 0) await session.pause(this.#gatherMs);
      // The questions go in front, in the same tick: their answers are about what was read so far, and don't wait for a message.
      const verified = this.#verify(session, this.#verificationDue());
      await Promise.all([verified, this.#read(session, this.#blockMs)]);
      await this.#anchorLost(session);
    }
  }

  /** Reads and delivers once; resolves to whether there may be more already. */
  async #read(session: LinkSession, blockMs: number): Promise<boolean> {
    const { clock } = this.parts;
    const positions = [...this.#positions.values()];
    const block = blockMs === 0 ? [] : ['BLOCK', String(blockMs)];
    const names = positions.map((position) => position.inbox.streamName);
    const ids = positions.map((position) => position.id);
    const sentMs = clock.nowMs();
    const args = ['COUNT', String(READ_COUNT), ...block, 'STREAMS', ...names, ...ids];
    const reply = await session.send<[name: string, StreamEntry[]][] | null>('xread', args, SILENCE_MS);
    this.#blockMs = reply === null ? IDLE_BLOCK_MS : BUSY_BLOCK_MS;
    if (reply === null) {
      this.#ownReplies = 0;
      // Redis has waited that long before it said so.
      this.noteLife(Math.min(sentMs + blockMs, clock.nowMs()));
      return false;
    }
    let isFull = false;
    this.#ownReplies++;
    for (const [name, entries] of reply) {
      isFull ||= entries.length >= READ_COUNT;
      const position = this.#positions.get(name);
      if (position !== undefined && (await this.#deliver(session, position, entries))) this.#ownReplies = 0;
    }
    if (!isFull) this.noteLife(sentMs);
    return isFull;
  }

  /**
   * Delivers what a reply brought; resolves to whether any of it came from another process.
   *
   * @throws why the session is over: the next one goes on with what was not delivered
   */
  async #deliver(session: LinkSession, position: StreamPosition, entries: readonly StreamEntry[]): Promise<boolean> {
    const slices = new TimeSlices(this.parts.clock, 1);
    let hasOthers = false;
    for (const entry of entries) {
      if (position.advance(entry, this.#serverNowMs())) hasOthers = true;
      if (!slices.isOver()) continue;
      await slices.next();
      session.requireOpen();
    }
    return hasOthers;
  }

  /** Which positions are to be checked now. */
  #verificationDue(): (position: StreamPosition) => boolean {
    const nowMs = this.parts.clock.nowMs();
    const everyMs = this.#sentCommands() === this.#sentBefore ? VERIFY_ANY_IDLE_EVERY_MS : VERIFY_ANY_EVERY_MS;
    const inTurn = nowMs - this.#verifiedAnyMs >= everyMs ? this.#takeTurn(nowMs) : undefined;
    const isDue = nowMs - this.#verifiedMs >= VERIFY_EVERY_MS;
    if (isDue) this.#verifiedMs = nowMs;
    return (position) => position === inTurn || position.unverified >= VERIFY_AFTER || (isDue && position.unverified > 0);
  }

  #takeTurn(nowMs: number): StreamPosition | undefined {
    this.#verifiedAnyMs = nowMs;
    this.#sentBefore = this.#sentCommands();
    const positions = [...this.#positions.values()];
    return positions[this.#nextInTurn++ % positions.length];
  }

  async #verify(session: LinkSession, isAsked: (position: StreamPosition) => boolean): Promise<void> {
    const positions = [...this.#positions.values()];
    const asked = positions.filter(isAsked);
    if ((await verifyAll(session, asked)) || asked.length === positions.length) return;
    // What took one stream may have taken the others.
    await verifyAll(
      session,
      positions.filter((position) => !asked.includes(position) && !position.isLost),
    );
  }

  async #anchorLost(session: LinkSession): Promise<void> {
    const lost = [...this.#positions.values()].filter((position) => position.isLost);
    await Promise.all(lost.map((position) => position.anchor(session, LOST)));
  }
}

/** Resolves to whether all positions are still there; those that are not are lost. */
async function verifyAll(session: LinkSession, positions: readonly StreamPosition[]): Promise<boolean> {
  const found = await Promise.all(positions.map((position) => position.verify(session)));
  found.forEach((isThere, i) => {
    if (!isThere) positions[i]?.lose(LOST);
  });
  return !found.includes(false);
}

/** Goes on from where the last session ended, if that is still there. */
async function resume(session: LinkSession, position: StreamPosition): Promise<void> {
  if (!position.isAnchored) await position.anchor(session, 'connected');
  else if (position.isLost || !(await position.verify(session))) await position.anchor(session, LOST);
}
