/**
 * A connection of its own for listening to Redis. It runs one session at a time: what its user says to Redis until something fails.
 * Then it pauses, longer and longer up to a second, and begins the next.
 *
 * 1. Every command has a deadline; a silent Redis loses its socket at once, and a new connection follows. 2. Nothing here throws or
 *    rejects: a failure ends the session, and the user is told once until a session is established again. 3. After `close` nothing
 *    is left. As on the connection for data, it is the socket that keeps a process alive, no timer.
 */
import type { Cluster, Command as CommandClass, Redis } from 'ioredis';
import type { Clock } from '../../base/clock.js';
import { AWAITED, Deadline } from '../../base/deadline.js';
import { LinkSession } from './link-session.js';
import { failureOf } from './redis-errors.js';
import { provePrimary } from './server-role.js';

/** Pauses between sessions: the first, and the longest, in milliseconds. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1000;

/** What a link is made of. */
export interface LinkParts {
  /**
   * Makes the connection, which is the link's own from then on: `lazyConnect`, `protocol: 2`, no offline queue, `maxRetriesPerRequest: 0`,
   * no `autoResubscribe`, no ready check, and a `retryStrategy` that goes on for ever.
   */
  readonly client: () => Redis | Cluster;
  /** ioredis's own class; passed in because ioredis is loaded on demand. */
  readonly Command: typeof CommandClass;
  readonly clock: Clock;
  /** How long the first attempt may take, and the question for the role of a server. */
  readonly timeoutMs: number;
  /** The server says that it is a replica; absent: nobody is told. */
  readonly onReplica?: () => void;
}

/** Who talks over a link. */
export interface LinkUser {
  /** Whether a session stays with one node of a cluster, the next session with another, as a subscription has to. */
  readonly staysWithNode: boolean;
  /** One session. It ends by rejecting, and does when a command of it has failed. */
  serve(session: LinkSession): Promise<never>;
  /** An established session ended, or the first attempt failed; once until {@link BusLink.establish}. */
  down(reason: string): void;
  /** A message came over a subscription. */
  heard(channel: string, text: string): void;
}

/** See the file's header. */
export class BusLink {
  readonly #parts: LinkParts;
  readonly #user: LinkUser;
  readonly #firstAttempt: Promise<void>;
  #endFirstAttempt: () => void = () => undefined;
  #client: Redis | Cluster | undefined;
  #session: LinkSession | undefined;
  #state: 'new' | 'up' | 'down' | 'closed' = 'new';
  #failures = 0;
  #turn = 0;
  #reason = 'the connection was lost';
  #cancelPause: (() => void) | undefined;

  constructor(parts: LinkParts, user: LinkUser) {
    this.#parts = parts;
    this.#user = user;
    this.#firstAttempt = new Promise((resolve) => {
      this.#endFirstAttempt = resolve;
    });
  }

  /** Whether a session is established. */
  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** Connects; resolves when a session is established or the first attempt has failed or taken too long. Never rejects. */
  async start(): Promise<void> {
    const { clock, timeoutMs } = this.#parts;
    if (this.#state !== 'new' || this.#client !== undefined) return;
    const client = this.#parts.client();
    this.#client = client;
    client.on('ready', this.#onReady);
    client.on('close', this.#onClose);
    client.on('error', this.#onError);
    const onTime = (): void => {
      this.#tellDown(`not established within ${timeoutMs} ms`);
    };
    const deadline = new Deadline(clock, timeoutMs, onTime, AWAITED);
    if (client.status === 'ready') this.#onReady();
    // Why it failed comes as an error event.
    else client.connect().catch(() => undefined);
    await this.#firstAttempt;
    deadline.cancel();
  }

  /** Says that a session does what it is for; nothing if it is over. */
  establish(session: LinkSession): void {
    if (this.#state === 'closed' || session.isOver) return;
    this.#state = 'up';
    this.#failures = 0;
    this.#endFirstAttempt();
  }

  /** Ends the session that is established, so that the next one begins with a look at the server. */
  doubt(): void {
    if (this.#state === 'up') this.#session?.end(new Error('the server may be a replica by now'));
  }

  /** Ends everything; the user is told nothing from now on. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#endFirstAttempt();
    this.#cancelPause?.();
    this.#session?.end(new Error('closed'));
    const client = this.#client;
    if (client === undefined) return;
    client.off('ready', this.#onReady);
    client.off('close', this.#onClose);
    // The error listener stays: a socket that fails while closing must not end the process. Nothing is said goodbye to: a blocked
    // command would have to end first.
    dropSockets(client);
    client.disconnect();
  }

  #begin(): void {
    const client = this.#client;
    if (this.#state === 'closed' || this.#session !== undefined || client?.status !== 'ready') return;
    const isCluster = 'nodes' in client;
    const node = this.#user.staysWithNode && isCluster ? this.#nextMaster(client) : client;
    if (node === undefined) {
      this.#fail(new Error('the cluster has no node to talk to'));
      return;
    }
    const session = new LinkSession(node, this.#parts.Command, this.#parts.clock);
    this.#session = session;
    const lose = (): void => {
      session.end(new Error(this.#reason));
    };
    const hear = (channel: string, text: string): void => {
      if (!session.isOver) this.#user.heard(channel, text);
    };
    node.on('close', lose);
    node.on('message', hear);
    const finish = (error: unknown): void => {
      session.end(error);
      node.off('close', lose);
      node.off('message', hear);
      this.#session = undefined;
      if (this.#state === 'closed') return;
      // Commands that go unanswered, or are answered by a replica that was the primary, need another connection. So does the next
      // session after a subscription, because nothing else can be asked on that one.
      const isSubscribed = !isCluster && (node as Redis).mode === 'subscriber';
      const isReplica = failureOf(error).code === 'READONLY';
      if (session.wasSilent || isSubscribed || isReplica) dropSockets(node);
      if (isReplica) this.#parts.onReplica?.();
      this.#fail(error);
    };
    this.#serve(session, isCluster).catch(finish);
  }

  async #serve(session: LinkSession, isCluster: boolean): Promise<never> {
    // A replica may never hear of what is written elsewhere. In a cluster it answers with MOVED.
    if (!isCluster) await provePrimary((name, args) => session.send(name, args, this.#parts.timeoutMs));
    return this.#user.serve(session);
  }

  #nextMaster(cluster: Cluster): Redis | undefined {
    const masters = cluster.nodes('master');
    return masters[this.#turn++ % masters.length];
  }

  #fail(error: unknown): void {
    this.#failures++;
    this.#tellDown(failureOf(error).reason);
    // Else the next connection begins the next session.
    if (this.#client?.status === 'ready') this.#beginLater();
  }

  #beginLater(): void {
    if (this.#cancelPause !== undefined) return;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.#failures - 1, 10), MAX_PAUSE_MS);
    this.#cancelPause = this.#parts.clock.schedule(() => {
      this.#cancelPause = undefined;
      this.#begin();
    }, pauseMs);
  }

  #tellDown(reason: string): void {
    if (this.#state === 'closed' || this.#state === 'down') return;
    this.#state = 'down';
    this.#user.down(reason);
    this.#endFirstAttempt();
  }

  readonly #onReady = (): void => {
    this.#reason = 'the connection was lost';
    if (this.#failures === 0) this.#begin();
    else this.#beginLater();
  };

  readonly #onClose = (): void => {
    // A session that was going on tells it by itself.
    if (this.#session === undefined) this.#tellDown(this.#reason);
  };

  readonly #onError = (error: unknown): void => {
    this.#reason = failureOf(error).reason;
  };
}

/** Without the polite half-close a frozen server would never answer; ioredis then connects anew. */
function dropSockets(client: Redis | Cluster): void {
  for (const node of 'nodes' in client ? client.nodes() : [client]) {
    (node as unknown as { stream?: { destroy(): void } }).stream?.destroy();
  }
}
