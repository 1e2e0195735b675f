/** What befalls readers and Redis in a staleness run, at random, and when it did. */
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import type { SeededRandom } from './crash-random.mjs';
import type { Span } from './staleness-judge.js';
import { monotonicMs, type StalenessProcess } from './staleness-process.js';
import type { StalenessMode, StalenessWorld } from './staleness-world.js';

/** A fault that was, for the report. */
export interface FaultRecord {
  readonly kind: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A connection that lost bytes is reset when its fault ends, and the reader notices that a moment later. */
const AFTERMATH_MS = 300;
/** A failover is over when the writers have found the new master and sent again what it may not have. */
const LOSS_AFTERMATH_MS = 3000;

const COMMON = {
  killNormal: 2,
  killPubsub: 2,
  killBus: 3,
  freezeReader: 5,
  trim: 2,
  drop: 2,
  blackhole: 3,
  longBlackhole: 2,
  deaf: 2,
  mute: 2,
  refuse: 2,
  slow: 4,
  trimWhileLost: 3,
  freezeLost: 2,
};
const STANDALONE = { ...COMMON, freezeRedis: 2, restart: 2, flush: 2 };
const WEIGHTS: Readonly<Record<StalenessMode, Readonly<Record<string, number>>>> = {
  stream: STANDALONE,
  pubsub: STANDALONE,
  sentinel: { ...COMMON, failover: 6, killMaster: 3 },
  cluster: { ...COMMON, failover: 5, killMaster: 2, moveSlots: 8 },
};
/** What a short run must not miss comes first. */
const FIRST: Readonly<Record<StalenessMode, readonly string[]>> = {
  stream: ['trimWhileLost', 'slow', 'killBus'],
  pubsub: ['killPubsub', 'longBlackhole', 'freezeReader'],
  sentinel: ['failover', 'killBus'],
  cluster: ['moveSlots', 'failover', 'killBus'],
};

/** By then everybody has found Redis again and told it everything. */
const CALM_MS = 3000;
/** How long a blocked read waits for a stream that is no longer there, and a moment to ask where it is. */
const REREAD_MS = 700;

/** See the file's header. */
export class StalenessFaults {
  readonly records: FaultRecord[] = [];
  /** When the proxies did not let everything through. */
  readonly proxyTimes: Span[] = [];
  /** When a stream may have moved while readers waited for it where it was: they look again after half a second. */
  readonly moveTimes: Span[] = [];
  /** When Redis itself may have lost what it had acknowledged. */
  readonly lossTimes: Span[] = [];
  /** When Redis stood still: what it had not sent yet reached nobody, whatever it had confirmed. */
  readonly frozenTimes: Span[] = [];
  readonly #random: SeededRandom;
  readonly #world: StalenessWorld;
  readonly #readers: readonly StalenessProcess[];

  constructor(random: SeededRandom, world: StalenessWorld, readers: readonly StalenessProcess[]) {
    this.#random = random;
    this.#world = world;
    this.#readers = readers;
  }

  /** Lets faults happen one after the other for so long; resolves when all are over. */
  async blow(durationMs: number): Promise<void> {
    const endMs = monotonicMs() + durationMs;
    const first = [...FIRST[this.#world.mode]];
    while (monotonicMs() < endMs) {
      await pass(this.#random.between(100, 700));
      await this.#strike(first.shift() ?? this.#random.pickWeighted(WEIGHTS[this.#world.mode]));
    }
  }

  async #strike(kind: string): Promise<void> {
    const fromMs = monotonicMs();
    await this.#do(kind);
    this.records.push({ kind, fromMs, toMs: monotonicMs() });
  }

  async #do(kind: string): Promise<void> {
    const random = this.#random;
    switch (kind) {
      case 'killNormal':
      case 'killPubsub':
        return this.#onMasters('CLIENT', 'KILL', 'TYPE', kind === 'killNormal' ? 'normal' : 'pubsub');
      case 'killBus':
        return this.#killBus();
      case 'freezeReader':
        return this.#freeze(random.between(200, random.chance(0.4) ? 4000 : 1500), () => pass(0));
      case 'freezeLost':
        return this.#freeze(random.between(1200, 3500), async () => {
          await pass(random.between(50, 800));
          await this.#disturb('blackhole', random.between(1000, 3500));
        });
      case 'slow':
        return this.#slowDown(random.between(700, 2500));
      case 'longBlackhole':
        return this.#disturb('blackhole', random.between(2500, 3200));
      case 'trim':
        return this.#trim();
      case 'trimWhileLost':
        return this.#trimWhileLost();
      case 'freezeRedis':
        return this.#freezeRedis(random.pick([random.between(100, 900), random.between(2100, 2800)]));
      case 'restart':
        return this.#world.standalone?.restart();
      case 'flush':
        // What a process still owes an empty Redis may be older than what others had written there.
        await pass(CALM_MS);
        await this.#world.standalone?.flush();
        return this.#world.plant();
      case 'failover':
      case 'killMaster':
        return this.#changeMaster(kind);
      case 'moveSlots':
        return this.#moveSlots();
      default:
        return this.#disturb(kind, random.chance(0.2) ? random.between(2200, 3500) : random.between(50, 1000));
    }
  }

  async #onMasters(command: string, ...args: string[]): Promise<void> {
    await Promise.all(this.#world.masters().map((server) => server.call(command, ...args)));
  }

  /** Ends the connections the readers hear the others over. */
  async #killBus(): Promise<void> {
    for (const server of this.#world.masters()) {
      const lines = String(await server.call('CLIENT', 'LIST')).split('\n');
      for (const line of lines.filter((each) => each.includes('name=oxcache-bus'))) {
        const id = /id=(\d+)/.exec(line)?.[1];
        if (id !== undefined) await server.call('CLIENT', 'KILL', 'ID', id);
      }
    }
  }

  async #freeze(durationMs: number, meanwhile: () => Promise<void>): Promise<void> {
    const reader = this.#random.pick(this.#readers);
    reader.freeze();
    await Promise.all([pass(durationMs), meanwhile()]);
    reader.thaw();
  }

  /** What was not read yet is gone: to nothing, or to the last few messages. */
  async #trim(): Promise<void> {
    const left = this.#random.pick([0, 0, 1, 5]);
    await Promise.all(
      this.#world.masters().map((server) => server.call('XTRIM', 'chaos::shared:stream', 'MAXLEN', left).catch(ignoreMoved)),
    );
  }

  async #trimWhileLost(): Promise<void> {
    await this.#disturbing(async () => {
      for (const proxy of this.#world.proxies) proxy.blackhole();
      await pass(this.#random.between(200, 1200));
      await this.#trim();
      await pass(this.#random.between(0, 300));
    });
  }

  async #disturb(kind: string, durationMs: number): Promise<void> {
    await this.#disturbing(async () => {
      for (const proxy of this.#world.proxies) {
        if (kind === 'drop') proxy.drop();
        else if (kind === 'blackhole') proxy.blackhole();
        else if (kind === 'deaf') proxy.halfOpen('toClient');
        else if (kind === 'mute') proxy.halfOpen('toServer');
        else {
          await proxy.refuse();
          proxy.drop();
        }
      }
      await pass(kind === 'drop' ? 0 : durationMs);
    });
  }

  async #disturbing(work: () => Promise<void>): Promise<void> {
    const fromMs = monotonicMs();
    await work();
    for (const proxy of this.#world.proxies) await proxy.resume();
    this.proxyTimes.push([fromMs, monotonicMs() + AFTERMATH_MS]);
  }

  /** Answers and messages overtake each other, on connections of their own; they come well within the allowance. */
  async #slowDown(durationMs: number): Promise<void> {
    for (const proxy of this.#world.proxies) proxy.setLatency(this.#random.between(1, 20), { jitterMs: 50 });
    await pass(durationMs);
    for (const proxy of this.#world.proxies) await proxy.resume();
  }

  async #freezeRedis(durationMs: number): Promise<void> {
    const { standalone } = this.#world;
    const fromMs = monotonicMs();
    standalone?.freeze();
    await pass(durationMs);
    standalone?.thaw();
    this.frozenTimes.push([fromMs, monotonicMs()]);
  }

  /** A cluster's failover waits until the replica has everything; all others may lose what was acknowledged last. */
  async #changeMaster(kind: 'failover' | 'killMaster'): Promise<void> {
    const { sentinel, cluster } = this.#world;
    const fromMs = monotonicMs();
    if (cluster !== undefined) {
      const index = this.#random.between(0, cluster.masters.length - 1);
      if (kind === 'failover') {
        await cluster.failover(index);
        return;
      }
      await cluster.killMaster(index);
      await cluster.replicas[index]?.restart();
    } else if (kind === 'failover') {
      await sentinel?.failover();
    } else if (sentinel !== undefined) {
      const killed = sentinel.master;
      await sentinel.killMaster();
      await killed.restart();
    }
    this.lossTimes.push([fromMs, monotonicMs() + LOSS_AFTERMATH_MS]);
  }

  /** Moves slots that hold something to another master, one of them with a rest half-way. */
  async #moveSlots(): Promise<void> {
    const { cluster } = this.#world;
    if (cluster === undefined) return;
    const [from, to] = this.#twoOf(cluster.masters);
    const bucket = this.#random.pick(['chaos::shared:stream', `{${this.#random.between(0, 63)}}`]);
    const slot = Number(await from.call('CLUSTER', 'KEYSLOT', bucket));
    const owner = await until(() => cluster.slotOwner(slot));
    const target = owner === to ? from : to;
    const move = await cluster.beginMove(owner, target, slot);
    const fromMs = monotonicMs();
    await move.moveKeys(1);
    this.moveTimes.push([fromMs, fromMs + REREAD_MS]);
    await pass(this.#random.between(0, 400));
    const restMs = monotonicMs();
    await move.finish();
    this.moveTimes.push([restMs, restMs + REREAD_MS]);
  }

  #twoOf(servers: readonly RedisServer[]): [RedisServer, RedisServer] {
    const one = this.#random.pick(servers);
    return [one, this.#random.pick(servers.filter((server) => server !== one))];
  }
}

function ignoreMoved(error: unknown): void {
  if (!(error as Error).message.startsWith('MOVED')) throw error;
}

/** Lets time go by. */
export async function pass(ms: number): Promise<void> {
  const fromMs = monotonicMs();
  await until(() => monotonicMs() - fromMs >= ms, { intervalMs: 2, timeoutMs: ms + 10_000 });
}
