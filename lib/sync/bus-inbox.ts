/**
 * The way from a transport to one follower: opens messages, leaves out what the process sent itself, and sees to it that a
 * follower that throws disturbs neither the transport nor the others.
 */
import { headOf, openMessage } from '../codec/invalidation-message.js';
import type { BusFollower } from './invalidation-bus.js';

/**
 * Characters of the longest text that is taken apart: what is longer would stop the event loop. Only batches of thousands of long
 * keys make such a message.
 */
export const MAX_READ_LENGTH = 1024 * 1024;

/** Keys and tags of the longest message that is obeyed one by one: as many as the largest batch has. */
export const MAX_READ_ITEMS = 10_000;

/** The inbox of one follower. */
export class BusInbox {
  readonly streamName: string;
  readonly channelName: string;
  readonly origin: string;
  readonly #follower: BusFollower;
  readonly #ownHead: string;

  constructor(follower: BusFollower) {
    this.streamName = follower.streamName;
    this.channelName = follower.channelName;
    this.origin = follower.origin;
    this.#follower = follower;
    this.#ownHead = headOf(follower.origin);
  }

  /** Hands over what came; `text` is absent where there was nothing that could be a message. False for one of our own. */
  deliver(text: string | undefined, lagMs: number | undefined): boolean {
    // Most of what a busy writer hears is its own: that is not taken apart.
    if (text?.startsWith(this.#ownHead) === true) return false;
    const isTooLong = text !== undefined && text.length > MAX_READ_LENGTH;
    const message = text === undefined || isTooLong ? undefined : openMessage(text);
    if (isTooLong || (message !== undefined && message.keys.length + message.tags.length > MAX_READ_ITEMS)) {
      // It may name keys that were written: whatever is held may be old.
      this.gap('a message was too long to be taken apart');
      return true;
    }
    this.#tell((follower) => {
      if (message === undefined) follower.ignored();
      else if (message.kind !== 'h') follower.receive(message, lagMs);
    });
    return true;
  }

  /** See {@link BusFollower.gap}. */
  gap(reason: string): void {
    this.#tell((follower) => {
      follower.gap(reason);
    });
  }

  /** See {@link BusFollower.linkLost}. */
  linkLost(reason: string): void {
    this.#tell((follower) => {
      follower.linkLost(reason);
    });
  }

  /** See {@link BusFollower.linkRestored}. */
  linkRestored(): void {
    this.#tell((follower) => {
      follower.linkRestored();
    });
  }

  #tell(say: (follower: BusFollower) => void): void {
    try {
      say(this.#follower);
    } catch {
      // What it was told may have been done by half.
      try {
        this.#follower.gap('a message could not be applied');
      } catch {
        // It can't be helped, and the others can.
      }
    }
  }
}
