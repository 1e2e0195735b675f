/** All that is known of one Redis between two events; `health-state.ts` has the rules by which it changes. */
import type { Failure, FailureCode } from '../tiers/redis/redis-errors.js';
import type { Denial } from './health-denials.js';
import { emptyWindow, type FailureWindow } from './health-window.js';

/** `degraded` and `recovering`: nothing is sent but, in the latter, one probe. `replaying` and `healthy`: traffic flows. */
export type HealthPhase = 'degraded' | 'recovering' | 'replaying' | 'healthy';

/** All that is known of one Redis; times in milliseconds since the epoch. */
export interface HealthState {
  readonly phase: HealthPhase;
  /** Since when traffic flows, or does not. */
  readonly sinceMs: number;
  /** Why it does not, or last did not. */
  readonly failure: Failure;
  readonly pingIntervalMs: number;
  readonly canRelink: boolean;
  readonly isLinked: boolean;
  readonly isProbing: boolean;
  /** The probe under way was sent over a connection that is gone. */
  readonly isProbeStale: boolean;
  readonly hasOpened: boolean;
  /** Listeners know of the outage. */
  readonly isTold: boolean;
  /** Writes were refused: only a write that is not will show the end of it. */
  readonly mustWrite: boolean;
  /** Why Redis takes no writes while it is used for reads; `undefined`: it takes them, as far as is known. */
  readonly writeFailure: Failure | undefined;
  /** Writes are held back until a probe has told whether Redis takes them. */
  readonly areWritesStopped: boolean;
  /** The next probe belongs on a new connection: the name may lead to another server by then. */
  readonly mustRelink: boolean;
  /** Probes of this outage that were refused. */
  readonly tries: number;
  readonly notBeforeMs: number;
  readonly nextPingMs: number;
  readonly wakeMs: number | undefined;
  /** 0: not flapping. */
  readonly flapLevel: number;
  readonly lastReturnsMs: readonly [earlier: number, last: number];
  readonly interruptions: number;
  /** The kinds of failure of this outage that have been reported. */
  readonly reported: readonly FailureCode[];
  /** The last value was refused for want of room. */
  readonly isFull: boolean;
  /** There is a line in the log that says so and none that says that it is over. */
  readonly isFullReported: boolean;
  readonly lastFullMs: number;
  /** Commands that were refused for good, each with when it last was. */
  readonly denials: readonly Denial[];
  readonly window: FailureWindow;
  readonly replays: number;
}

/** Whether commands may be sent. */
export function allowsTraffic(phase: HealthPhase): boolean {
  return phase === 'healthy' || phase === 'replaying';
}

/** The state of a connection that has not been made yet. */
export function initialHealth(
  atMs: number,
  options: { readonly pingIntervalMs: number; readonly canRelink: boolean },
): HealthState {
  return {
    phase: 'degraded',
    sinceMs: atMs,
    failure: { code: 'UNREACHABLE', reason: 'not connected yet' },
    ...options,
    isLinked: false,
    isProbing: false,
    isProbeStale: false,
    hasOpened: false,
    isTold: false,
    mustWrite: false,
    writeFailure: undefined,
    areWritesStopped: false,
    mustRelink: false,
    tries: 0,
    notBeforeMs: atMs,
    nextPingMs: atMs,
    wakeMs: undefined,
    flapLevel: 0,
    lastReturnsMs: [-Infinity, -Infinity],
    interruptions: 0,
    reported: [],
    isFull: false,
    isFullReported: false,
    lastFullMs: -Infinity,
    denials: [],
    window: emptyWindow(atMs),
    replays: 0,
  };
}
