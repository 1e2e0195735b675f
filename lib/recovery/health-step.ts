/** One application of the rules under way: what those in rooms of their own change and add to. */
import type { HealthAction } from './health-events.js';
import type { HealthState } from './health-facts.js';

/** See the file's header. */
export interface HealthStep {
  /** A copy of the state, which is being changed. */
  readonly state: { -readonly [K in keyof HealthState]: HealthState[K] };
  /** What is to be done, so far. */
  readonly actions: HealthAction[];
  readonly atMs: number;
}
