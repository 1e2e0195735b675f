/**
 * Everything that was made from one configuration: its services, their connections, their events. Closing it first drains:
 * what was accepted ends, and work that is under way in the program may still end in the cache. Then it lets go of every
 * socket and timer, and every later call fails with CACHE_CLOSED (G9).
 */
import { misuse } from '../base/describe-value.js';
import { requireTtlMs, type Duration } from '../base/duration.js';
import { CacheError } from '../base/errors.js';
import { nearestName } from '../base/nearest-name.js';
import { requireOptionNames } from '../base/option-names.js';
import type { CacheClient } from '../clients/cache-client.js';
import type { ServiceCore } from '../clients/service-core.js';
import { TieredClient } from '../clients/tiered-client.js';
import type { CacheEventMap, CacheEventName } from '../observe/events.js';
import type { ManagerHealth } from '../observe/health.js';
import type { ServiceMetrics } from '../observe/metrics.js';
import type { SharedParts } from './assemble-service.js';
import { drainServices } from './drain-services.js';

/** How long `close()` drains unless told otherwise. */
export const DEFAULT_DEADLINE_MS = 5000;

/** Expired L1 entries are looked for this often, so many slots of each service at a time. */
const SWEEP_INTERVAL_MS = 1000;
const SWEEP_MIN_SLOTS = 512;
/** At this share of its entries per sweep, a service is gone through once a minute. */
const SWEEP_SHARE = 1 / 60;

interface Opened {
  readonly core: ServiceCore;
  readonly client: TieredClient;
  closing?: Promise<void>;
}

/** See the file's header. Made by `init` or `createManager`. */
export class CacheManager {
  readonly #shared: SharedParts;
  readonly #services = new Map<string, Opened>();
  #cancelSweep: () => void = () => undefined;
  readonly #onClosed: (() => void)[] = [];
  #phase: 'open' | 'draining' | 'closed' = 'open';
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(cores: readonly ServiceCore[], shared: SharedParts) {
    this.#shared = shared;
    for (const core of cores) {
      const close = (): Promise<void> => this.#closeServices([opened], DEFAULT_DEADLINE_MS);
      const opened: Opened = { core, client: new TieredClient(core, core.parts.config.cacheType, close) };
      this.#services.set(core.name, opened);
    }
    this.#planSweep();
  }

  /** The names of the services, in the order of the configuration. */
  get services(): readonly string[] {
    return [...this.#services.keys()];
  }

  /**
   * The client of a service; always the same object for the same name.
   *
   * @throws {CacheError} CACHE_SERVICE_UNKNOWN
   */
  client<V = unknown>(service: string): CacheClient<V> {
    const opened = this.#services.get(service);
    if (opened !== undefined) return opened.client as CacheClient as CacheClient<V>;
    if (typeof service !== 'string') throw misuse('service', 'the name of a service', service);
    const nearest = nearestName(service, this.services);
    const hint = nearest === undefined ? `configured are: ${this.services.join(', ')}` : `did you mean "${nearest}"?`;
    throw new CacheError('CACHE_SERVICE_UNKNOWN', `There is no service "${service}"; ${hint}`, { service });
  }

  /** What is known of every service's Redis. */
  health(): ManagerHealth {
    const services = Object.fromEntries([...this.#services].map(([name, { client }]) => [name, client.health()]));
    const statuses = new Set(Object.values(services).map((service) => service.status));
    const worst = statuses.has('degraded') ? 'degraded' : statuses.has('replaying') ? 'replaying' : 'healthy';
    const owed = Object.values(services).reduce((sum, service) => sum + service.owed, 0);
    return { status: this.#phase === 'open' ? worst : this.#phase, owed, services };
  }

  /** What has been counted, by service. */
  metrics(): Readonly<Record<string, ServiceMetrics>> {
    return Object.fromEntries([...this.#services].map(([name, { client }]) => [name, client.metrics()]));
  }

  /** Adds a listener for an event of any service. */
  on<E extends CacheEventName>(event: E, listener: (payload: CacheEventMap[E]) => void): this {
    this.#shared.events.on(event, listener);
    return this;
  }

  /** Removes a listener; one that was never added is ignored. */
  off<E extends CacheEventName>(event: E, listener: (payload: CacheEventMap[E]) => void): this {
    this.#shared.events.off(event, listener);
    return this;
  }

  /**
   * Drains for at most `deadline` (a duration; 5 s), then closes. While it drains, writes are accepted and L1 answers, so that
   * work that has begun can end; loads run and keep nothing. It ends as soon as nothing is left to do.
   * May be called again: every call resolves when the first one is done.
   *
   * @throws {TypeError} for an unknown option, or when `deadline` is not a positive duration
   */
  async close(options: { readonly deadline?: Duration } = {}): Promise<void> {
    requireOptionNames(options, ['deadline'], ' of close()');
    const { deadline } = options;
    const deadlineMs =
      deadline === undefined ? DEFAULT_DEADLINE_MS : requireTtlMs(deadline, 'deadline', this.#shared.global.strategies);
    this.#closing ??= this.#closeAll(deadlineMs);
    await this.#closing;
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal Runs `action` once the manager is closed; at once when it is. */
  onceClosed(action: () => void): void {
    if (this.#phase === 'closed') action();
    else this.#onClosed.push(action);
  }

  async #closeAll(deadlineMs: number): Promise<void> {
    this.#phase = 'draining';
    this.#cancelSweep();
    await this.#closeServices([...this.#services.values()], deadlineMs);
    this.#shared.infrastructure?.buses.close();
    this.#shared.infrastructure?.pool.close();
    await this.#shared.infrastructure?.keeper.close();
    this.#shared.events.close();
    this.#phase = 'closed';
    for (const action of this.#onClosed.splice(0)) action();
  }

  /** Closes services together: what ends in one of them may go on in another. */
  async #closeServices(services: readonly Opened[], deadlineMs: number): Promise<void> {
    const open = services.filter((service) => service.closing === undefined);
    const cores = open.map(({ core }) => core);
    for (const core of cores) core.beginDraining();
    const drained = drainServices(cores, this.#shared.clock, deadlineMs);
    for (const service of open) service.closing = drained.then(() => this.#end(service.core));
    for (const { closing } of services) await closing;
  }

  async #end(core: ServiceCore): Promise<void> {
    core.markClosed();
    const { redis, memory, events, flights } = core.parts;
    // L1 hits check nothing: an empty L1 is what refuses them.
    memory?.close();
    core.receiver?.close();
    for (const flight of flights.all())
      flight.abandon(new CacheError('CACHE_CLOSED', 'The cache was closed during the load', { service: core.name }));
    const unconfirmed = new CacheError('CACHE_L2_TIMEOUT', 'Redis had not confirmed the write when the cache was closed', {
      service: core.name,
    });
    const left = (await redis?.outbox.abandon(unconfirmed)) ?? 0;
    if (left > 0) {
      const message = `${left} accepted writes had not been confirmed by Redis when the cache "${core.name}" was closed, and there is no log`;
      this.#shared.logger.error(message);
      core.report(new CacheError('CACHE_L2_TIMEOUT', message, { service: core.name }), undefined, true);
    }
    await redis?.outbox.close();
    events.close();
  }

  #planSweep(): void {
    if (![...this.#services.values()].some(({ core }) => core.parts.memory !== undefined)) return;
    this.#cancelSweep = this.#shared.clock.schedule(() => {
      for (const { core } of this.#services.values()) {
        const { memory } = core.parts;
        if (memory !== undefined && memory.size > 0)
          memory.sweep(Math.max(SWEEP_MIN_SLOTS, Math.ceil(memory.size * SWEEP_SHARE)));
      }
      this.#planSweep();
    }, SWEEP_INTERVAL_MS);
  }
}
