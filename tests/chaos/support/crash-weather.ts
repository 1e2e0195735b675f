/** Outages at random, between the processes of a crash run and their Redis, and what ends them all. */
import type { TcpFaultProxy } from '../../../lib/testing/tcp-fault-proxy.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import type { SeededRandom } from './crash-random.mjs';

/** See the file's header. */
export class CrashWeather {
  readonly #random: SeededRandom;
  readonly #proxy: TcpFaultProxy;
  readonly #redis: RedisServer;
  #isEnding = false;
  #blowing: Promise<void> | undefined;

  constructor(random: SeededRandom, proxy: TcpFaultProxy, redis: RedisServer) {
    this.#random = random;
    this.#proxy = proxy;
    this.#redis = redis;
  }

  /** Begins: outages come and go until {@link heal}. */
  start(): void {
    this.#isEnding = false;
    this.#blowing ??= this.#blow();
  }

  /** Ends every outage and resolves once Redis can be reached. */
  async heal(): Promise<void> {
    this.#isEnding = true;
    await this.#blowing;
    this.#blowing = undefined;
    await this.#clear();
  }

  async #blow(): Promise<void> {
    if (this.#random.chance(0.3)) await this.#strike();
    while (await this.#pass(this.#random.between(5, 250))) await this.#strike();
  }

  async #strike(): Promise<void> {
    const random = this.#random;
    const proxy = this.#proxy;
    const kind = random.pickWeighted({
      drop: 3,
      blackhole: 4,
      deaf: 3,
      mute: 2,
      refuse: 5,
      slow: 2,
      cut: 3,
      freeze: 4,
      restart: 1,
    });
    switch (kind) {
      case 'drop':
        return proxy.drop();
      case 'cut':
        return proxy.cutAfter(random.between(0, 5000), random.pick(['toClient', 'toServer']));
      case 'slow':
        return proxy.setLatency(random.between(1, 20), { jitterMs: 5 });
      case 'freeze':
        this.#redis.freeze();
        break;
      case 'restart':
        await this.#redis.kill();
        break;
      case 'blackhole':
        proxy.blackhole();
        break;
      case 'deaf':
        proxy.halfOpen('toClient');
        break;
      case 'mute':
        proxy.halfOpen('toServer');
        break;
      case 'refuse':
        await proxy.refuse();
        proxy.drop();
    }
    // Some outages last: whole generations of processes never see Redis.
    if (await this.#pass(random.chance(0.2) ? 1500 : random.between(20, 400))) await this.#clear();
  }

  async #clear(): Promise<void> {
    if (!this.#redis.isRunning) await this.#redis.restart();
    this.#redis.thaw();
    await this.#proxy.resume();
  }

  /** Lets time go by; resolves to whether there is to be more weather. */
  async #pass(ms: number): Promise<boolean> {
    const fromMs = performance.now();
    await until(() => this.#isEnding || performance.now() - fromMs >= ms, { intervalMs: 2 });
    return !this.#isEnding;
  }
}
