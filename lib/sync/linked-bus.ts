/** What the transports have in common: their followers, and a link whose state the followers are told of. */
import { BusLink, type LinkParts } from '../tiers/redis/bus-link.js';
import type { LinkSession } from '../tiers/redis/link-session.js';
import { BusInbox } from './bus-inbox.js';
import type { LinkReport } from './link-report.js';
import type { BusFollower, InvalidationBus } from './invalidation-bus.js';

/**
 * How long, in milliseconds, Redis may be silent before the link counts as lost: the D of docs/invalidation.md. With
 * `on_link_loss = "bypass"` L1 is not trusted when {@link InvalidationBus.lastLifeMs} is longer ago than this.
 */
export const SILENCE_MS = 2000;

/** What a transport is made of. */
export interface BusParts extends LinkParts {
  /** Hears of losses, for the log; absent: nobody does. */
  readonly report?: LinkReport;
}

/** A transport over a link of its own. */
export abstract class LinkedBus implements InvalidationBus {
  protected readonly inboxes: BusInbox[] = [];
  protected readonly parts: BusParts;
  readonly #link: BusLink;
  #lastLifeMs = 0;
  #isStarted = false;

  constructor(parts: BusParts, staysWithNode: boolean) {
    this.parts = parts;
    this.#link = new BusLink(parts, {
      staysWithNode,
      serve: (session) => this.serve(session),
      down: (reason) => {
        parts.report?.lost(reason);
        for (const inbox of this.inboxes) inbox.linkLost(reason);
      },
      heard: (channel, text) => {
        this.heard?.(channel, text);
      },
    });
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  get lastLifeMs(): number {
    return this.#lastLifeMs;
  }

  follow(follower: BusFollower): void {
    if (this.#isStarted) throw new TypeError('Expected follow() to be called before start()');
    this.inboxes.push(new BusInbox(follower));
  }

  async start(): Promise<void> {
    if (this.#isStarted || this.inboxes.length === 0) return;
    this.#isStarted = true;
    await this.#link.start();
  }

  doubt(): void {
    this.#link.doubt();
  }

  close(): void {
    this.#isStarted = true;
    this.parts.report?.close();
    this.#link.close();
  }

  /** One session; rejects when it is over. */
  protected abstract serve(session: LinkSession): Promise<never>;

  /** A message came over a subscription; absent where nothing is subscribed to. */
  protected heard?(channel: string, text: string): void;

  /** Messages come from now on, and everything missed has been delivered. */
  protected establish(session: LinkSession): void {
    if (session.isOver) return;
    this.#link.establish(session);
    this.parts.report?.restored();
    for (const inbox of this.inboxes) inbox.linkRestored();
  }

  /** What was sent before `ms` has been delivered. */
  protected noteLife(ms: number): void {
    if (ms > this.#lastLifeMs) this.#lastLifeMs = ms;
  }
}
