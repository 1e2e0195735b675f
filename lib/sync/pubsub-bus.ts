/**
 * Invalidations over Pub/Sub: nothing is kept in Redis, and nothing can be read again, so every new subscription is a gap. A
 * subscription stays with one node; in a cluster every node passes on what is published at any of them.
 */
import type { LinkSession } from '../tiers/redis/link-session.js';
import { LinkedBus, SILENCE_MS, type BusParts } from './linked-bus.js';

/**
 * Time between two questions whether Redis is there, and for the answer: {@link SILENCE_MS} in all. Long enough that an idle
 * process sends less than one command a second.
 */
const PING_EVERY_MS = 1250;
const PING_DEADLINE_MS = SILENCE_MS - PING_EVERY_MS;

/** See the file's header. */
export class PubSubBus extends LinkedBus {
  #wasSubscribed = false;

  constructor(parts: BusParts) {
    super(parts, true);
  }

  protected override async serve(session: LinkSession): Promise<never> {
    const { clock } = this.parts;
    const channels = this.inboxes.map((inbox) => inbox.channelName);
    const askedMs = clock.nowMs();
    await session.send('subscribe', channels, SILENCE_MS);
    const reason = this.#wasSubscribed ? 'subscribed again' : 'connected';
    this.#wasSubscribed = true;
    for (const inbox of this.inboxes) inbox.gap(reason);
    this.noteLife(askedMs);
    this.establish(session);
    for (;;) {
      await session.pause(PING_EVERY_MS);
      const sentMs = clock.nowMs();
      await session.send('ping', [], PING_DEADLINE_MS);
      // The answer came behind everything that was published before the question.
      this.noteLife(sentMs);
    }
  }

  protected override heard(channel: string, text: string): void {
    for (const inbox of this.inboxes) if (inbox.channelName === channel) inbox.deliver(text, undefined);
  }
}
