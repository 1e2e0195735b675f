/** What a test of the invalidation bus needs: followers that write down what they are told, buses over real connections. */
import { afterEach } from '@jest/globals';
import { Cluster, Command, Redis } from 'ioredis';
import { systemClock } from '../../lib/base/clock.js';
import { sealMessage, type InvalidationKind, type InvalidationMessage } from '../../lib/codec/invalidation-message.js';
import type { BusFollower, InvalidationBus } from '../../lib/sync/invalidation-bus.js';
import { PubSubBus } from '../../lib/sync/pubsub-bus.js';
import { StreamBus } from '../../lib/sync/stream-bus.js';
import { until } from './until.js';

export type Transport = 'stream' | 'pubsub';

/** The node id of the process under test, and of another one. */
export const OWN = 'aaaaaaa';
export const OTHER = 'bbbbbbb';

/** How long the first attempt of a bus may take. */
export const TIMEOUT_MS = 1000;

const OPTIONS = {
  protocol: 2,
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  enableReadyCheck: false,
  connectionName: 'bus',
  disconnectTimeout: 50,
  retryStrategy: (attempt: number) => Math.min(20 * 2 ** Math.min(attempt, 5), 200),
} as const;

/** A follower that writes down what it is told, one line each. */
export class RecordingFollower implements BusFollower {
  readonly origin = OWN;
  readonly log: string[] = [];
  readonly lags: (number | undefined)[] = [];
  readonly streamName: string;
  readonly channelName: string;
  /** What to do before a message is written down. */
  onMessage: (message: InvalidationMessage) => void = () => undefined;

  constructor(service = 'svc') {
    this.streamName = `t::${service}:stream`;
    this.channelName = `t::${service}:bus`;
  }

  receive(message: InvalidationMessage, lagMs: number | undefined): void {
    this.onMessage(message);
    this.lags.push(lagMs);
    this.log.push(message.kind === 'c' ? 'clear' : message.keys.join(','));
  }

  ignored(): void {
    this.log.push('ignored');
  }

  gap(reason: string): void {
    this.log.push(`gap: ${reason}`);
  }

  linkLost(reason: string): void {
    this.reasons.push(reason);
    this.log.push('lost');
  }

  linkRestored(): void {
    this.log.push('restored');
  }

  readonly reasons: string[] = [];

  /** Waits until `line` was written down `times` times. */
  async told(line: string, times = 1): Promise<void> {
    await until(() => this.log.filter((entry) => entry === line).length >= times, {
      describe: () => `"${line}" ${times} times; told were: ${this.log.join(' | ')}`,
    });
  }

  /** Waits until it was told that something may have been missed, after its first `from` lines. */
  async toldOfGap(from: number): Promise<void> {
    await until(() => this.log.slice(from).some((line) => line.startsWith('gap')), {
      describe: () => `a gap; told were: ${this.log.join(' | ')}`,
    });
  }
}

/** A server, or a proxy in front of one. */
interface Place {
  readonly port: number;
}

/** A server that takes commands. */
interface Server {
  call(command: string, ...args: readonly (string | number)[]): Promise<unknown>;
}

/** Makes a bus over a connection of its own. */
export function makeBus(
  transport: Transport,
  place: Place,
  login: { username?: string; password?: string } = {},
): InvalidationBus {
  return makeBusOver(transport, () => new Redis({ ...OPTIONS, ...login, host: '127.0.0.1', port: place.port }));
}

/** Makes a bus over a connection to a cluster. */
export function makeClusterBus(transport: Transport, place: Place): InvalidationBus {
  const nodes = [{ host: '127.0.0.1', port: place.port }];
  const { lazyConnect, ...redisOptions } = OPTIONS;
  const clusterRetryStrategy = (attempt: number): number => OPTIONS.retryStrategy(attempt);
  return makeBusOver(
    transport,
    () => new Cluster(nodes, { lazyConnect, clusterRetryStrategy, slotsRefreshInterval: 500, redisOptions }),
  );
}

function makeBusOver(transport: Transport, client: () => Redis | Cluster): InvalidationBus {
  const parts = { client, Command, clock: systemClock, timeoutMs: TIMEOUT_MS };
  // As in a process that is never idle.
  let sent = 0;
  return transport === 'stream'
    ? new StreamBus({ ...parts, serverNowMs: () => systemClock.nowMs(), sentCommands: () => sent++, gatherMs: 1 })
    : new PubSubBus(parts);
}

/** Opens buses that are closed after the test. */
export interface BusBench {
  /** Closes it after the test. */
  own(bus: InvalidationBus): InvalidationBus;
  /** A started bus with followers, which have been told of the beginning. */
  open(transport: Transport, place: Place, ...followers: RecordingFollower[]): Promise<InvalidationBus>;
}

/** Gives a test file its bench. */
export function useBusBench(): BusBench {
  const buses: InvalidationBus[] = [];
  afterEach(() => {
    for (const bus of buses.splice(0)) bus.close();
  });
  const own = (bus: InvalidationBus): InvalidationBus => {
    buses.push(bus);
    return bus;
  };
  return {
    own,
    async open(transport, place, ...followers) {
      const bus = own(makeBus(transport, place));
      for (const follower of followers) bus.follow(follower);
      await bus.start();
      return bus;
    },
  };
}

/** A version, newer for a larger `n`. */
export function version(n = 0, node = OTHER): string {
  return String(1_767_225_600_000 + n).padStart(13, '0') + '0000' + node;
}

/** Says something as another process would, or whatever `text` is. */
export async function sayText(transport: Transport, server: Server, follower: BusFollower, text: string): Promise<void> {
  if (transport === 'stream') await server.call('XADD', follower.streamName, 'MAXLEN', '~', 10_000, '*', 'm', text);
  else await server.call('PUBLISH', follower.channelName, text);
}

/** Says that keys were written (or another kind of message), as another process or as `origin`. */
export async function say(
  transport: Transport,
  server: Server,
  follower: BusFollower,
  keys: readonly string[],
  kind: InvalidationKind = 'k',
  origin = OTHER,
): Promise<void> {
  await sayText(transport, server, follower, sealMessage(origin, version(), kind, keys));
}
