/** What the reducer of `health-state.ts` is told and what it answers with: the words between it and whoever drives it. */
import type { ConnectionEvent } from '../tiers/redis/connection-monitor.js';
import type { Failure } from '../tiers/redis/redis-errors.js';

/** What has happened, when, and how many commands were answered since the event before. */
export type HealthEvent = { readonly atMs: number; readonly successes: number } & (
  | ConnectionEvent
  | { readonly type: 'probe-answered'; readonly hasWritten: boolean }
  | { readonly type: 'probe-failed'; readonly failure: Failure; readonly isSilent: boolean }
  | { readonly type: 'replay-began' | 'replay-ended' | 'tick' }
);

/** What is worth a line in the log. */
export type HealthReport =
  | { readonly about: 'degraded'; readonly failure: Failure; readonly isFlapping: boolean }
  /** The outage goes on for another reason. */
  | { readonly about: 'changed'; readonly failure: Failure }
  | { readonly about: 'recovered'; readonly downMs: number }
  | { readonly about: 'steady'; readonly interruptions: number }
  /** Redis refuses some commands, which goes on beside the traffic. */
  | { readonly about: 'refusing'; readonly failure: Failure }
  | { readonly about: 'accepting' }
  /** It takes no writes, and the reads go on. */
  | { readonly about: 'read-only'; readonly failure: Failure }
  | { readonly about: 'writable'; readonly downMs: number }
  /** What Redis refused it carries out again. */
  | { readonly about: 'allowing' };

/** What is to be done, in order. */
export type HealthAction =
  | { readonly type: 'open-gate' }
  | { readonly type: 'close-gate'; readonly reason: string }
  | { readonly type: 'set-full'; readonly isFull: boolean }
  /** `reason` is absent where writes are sent again. */
  | { readonly type: 'stop-writes'; readonly reason: string | undefined }
  | { readonly type: 'probe'; readonly mustWrite: boolean }
  | { readonly type: 'relink' }
  /** Send a `tick` at this time, in place of the one asked for before; `undefined`: none. */
  | { readonly type: 'wake'; readonly atMs: number | undefined }
  | { readonly type: 'tell-degraded'; readonly reason: string }
  /** `downMs` is absent where no outage had been told of. */
  | { readonly type: 'tell-usable'; readonly isFirst: boolean; readonly downMs: number | undefined }
  | { readonly type: 'report'; readonly report: HealthReport };
