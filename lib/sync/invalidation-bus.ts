/**
 * How a process hears of the writes of the others (G5): the port of the transports, and of those who listen. What a transport
 * can't vouch for it reports as a gap, so that a follower never trusts a copy whose invalidation it may have missed.
 *
 * Messages of one service come in the order in which one Redis took them; what was published at different nodes of a cluster has no
 * order. One's own are not delivered.
 */
import type { InvalidationMessage } from '../codec/invalidation-message.js';

/** One service that listens. Members are called one at a time; one that throws is told of a gap and disturbs no other. */
export interface BusFollower {
  /** The stream of the service, as Redis calls it. */
  readonly streamName: string;
  /** The channel of the service, as Redis calls it. */
  readonly channelName: string;
  /** The node id of this process. */
  readonly origin: string;
  /**
   * Another process wrote keys, or cleared the service.
   *
   * @param lagMs how long ago Redis took the message, by the clock of Redis; absent where the transport doesn't know
   */
  receive(message: InvalidationMessage, lagMs: number | undefined): void;
  /** Something came that is not a message of this format. */
  ignored(): void;
  /** Something may have been missed: nothing that is held may be trusted. Also called when listening begins. */
  gap(reason: string): void;
  /** Nothing comes any more; once, until {@link linkRestored}. Also called when the first attempt to listen has failed. */
  linkLost(reason: string): void;
  /** Messages come; what was missed has been delivered, or was reported as a gap. Also called the first time. */
  linkRestored(): void;
}

/** A transport of invalidations, for all services of one Redis. */
export interface InvalidationBus {
  /** Adds a service; before {@link start} only. */
  follow(follower: BusFollower): void;
  /** Resolves when messages come or the first attempt has failed, with an end. Never rejects; goes on trying by itself. */
  start(): Promise<void>;
  /** Whether messages come, as far as is known. */
  readonly isUp: boolean;
  /**
   * Until when, by the process's own clock, nothing can have been missed: what was sent before has been delivered. 0: never yet.
   * In good health it is at most some 1.1 s ago. It tells the truth also after the process itself stood still.
   */
  readonly lastLifeMs: number;
  /** Looks again whether the other side is the one to listen to, because it says elsewhere that it is a replica. */
  doubt(): void;
  /** Ends listening. Followers are told nothing from then on. */
  close(): void;
}
