/**
 * Drives one connection by the rules of `health-state.ts`: hands over what the connection reports, carries out what the rules
 * answer, keeps the one timer they ask for. It decides nothing itself.
 */
import type { Clock } from '../base/clock.js';
import { CacheError } from '../base/errors.js';
import type { EndpointHealth } from '../observe/health.js';
import type { Logger } from '../observe/logger.js';
import type {
  ConnectionEvent,
  ConnectionListener,
  ConnectionMonitor,
  MonitoredConnection,
} from '../tiers/redis/connection-monitor.js';
import { failureOf } from '../tiers/redis/redis-errors.js';
import { describeDenials } from './health-denials.js';
import type { HealthAction, HealthEvent } from './health-events.js';
import { allowsTraffic, initialHealth, type HealthState } from './health-facts.js';
import { logHealth } from './health-report.js';
import { reduceHealth } from './health-state.js';

/** What a monitor needs besides its connection. */
export interface MonitorParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** `global.health_check_interval`. */
  readonly intervalMs: number;
}

/** Everything an event may be but for what the monitor adds. */
type Occurrence = HealthEvent extends infer E ? (E extends HealthEvent ? Omit<E, 'atMs' | 'successes'> : never) : never;

/** See the file's header. */
export class HealthMonitor implements ConnectionMonitor {
  readonly #connection: MonitoredConnection;
  readonly #parts: MonitorParts;
  readonly #listeners = new Set<ConnectionListener>();
  #state: HealthState;
  #actions: HealthAction[] = [];
  #isActing = false;
  #isClosed = false;
  #cancelTick: () => void = () => undefined;

  constructor(connection: MonitoredConnection, parts: MonitorParts) {
    this.#connection = connection;
    this.#parts = parts;
    const options = { pingIntervalMs: parts.intervalMs, canRelink: connection.isOwned };
    this.#state = initialHealth(parts.clock.nowMs(), options);
  }

  onEvent(event: ConnectionEvent): void {
    this.#take(event, this.#parts.clock.nowMs());
  }

  health(): EndpointHealth {
    const { phase, sinceMs, failure } = this.#state;
    const base = { endpoint: this.#connection.endpoint, sinceMs };
    if (this.#isClosed) return { ...base, status: 'degraded', traffic: 'none', reason: 'closed' };
    if (!allowsTraffic(phase)) return { ...base, status: phase, traffic: 'none', reason: failure.reason };
    const { writeFailure } = this.#state;
    if (writeFailure !== undefined)
      return { ...base, status: 'degraded', traffic: 'reads', reason: `it takes no writes: ${writeFailure.reason}` };
    const denial = describeDenials(this.#state.denials, this.#parts.clock.nowMs());
    return denial === undefined
      ? { ...base, status: phase, traffic: 'all' }
      : { ...base, status: 'degraded', traffic: 'all', reason: denial };
  }

  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  beginReplay(): () => void {
    this.#takeNow({ type: 'replay-began' });
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      this.#takeNow({ type: 'replay-ended' });
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTick();
    this.#listeners.clear();
    this.#actions = [];
  }

  #takeNow(occurrence: Occurrence): void {
    this.#take(occurrence, this.#parts.clock.nowMs());
  }

  #take(occurrence: Occurrence, atMs: number): void {
    if (this.#isClosed) return;
    const { state, actions } = reduceHealth(this.#state, {
      ...occurrence,
      atMs,
      successes: this.#connection.takeSuccesses(),
    });
    this.#state = state;
    this.#actions.push(...actions);
    // A listener may begin a replay: what follows from that comes after what is being done.
    if (this.#isActing) return;
    this.#isActing = true;
    try {
      for (let action = this.#actions.shift(); action !== undefined; action = this.#actions.shift()) this.#act(action);
    } finally {
      this.#isActing = false;
    }
  }

  #act(action: HealthAction): void {
    const connection = this.#connection;
    switch (action.type) {
      case 'open-gate':
        connection.openGate();
        return;
      case 'close-gate':
        connection.closeGate(action.reason);
        return;
      case 'set-full':
        connection.isFull = action.isFull;
        return;
      case 'stop-writes':
        connection.stopWrites(action.reason);
        return;
      case 'probe':
        this.#probe(action.mustWrite);
        return;
      case 'relink':
        connection.dropSocket();
        return;
      case 'wake':
        this.#cancelTick();
        if (action.atMs !== undefined) this.#planTick(action.atMs);
        return;
      case 'tell-degraded':
        for (const listener of [...this.#listeners]) listener.onDegrade?.(action.reason);
        return;
      case 'tell-usable':
        for (const listener of [...this.#listeners]) listener.onUsable?.(action.isFirst);
        if (action.downMs !== undefined) for (const listener of [...this.#listeners]) listener.onRecover?.(action.downMs);
        return;
      case 'report':
        logHealth(this.#parts.logger, connection.endpoint, action.report);
    }
  }

  #probe(mustWrite: boolean): void {
    this.#connection.probe(mustWrite).then(
      () => {
        this.#takeNow({ type: 'probe-answered', hasWritten: mustWrite });
      },
      (error: unknown) => {
        const isSilent = CacheError.is(error, 'CACHE_L2_TIMEOUT');
        this.#takeNow({ type: 'probe-failed', failure: failureOf(error), isSilent });
      },
    );
  }

  #planTick(atMs: number): void {
    const { clock } = this.#parts;
    this.#cancelTick = clock.schedule(
      () => {
        // A timer may fire a fraction of a millisecond early by this clock; the rules would then wait for another one.
        this.#take({ type: 'tick' }, Math.max(atMs, clock.nowMs()));
      },
      Math.max(0, atMs - clock.nowMs()),
    );
  }
}
