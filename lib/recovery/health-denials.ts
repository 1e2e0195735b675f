/** Commands that Redis refuses for good while the others go on: which ones, and for how long that is remembered. */
import type { Failure } from '../tiers/redis/redis-errors.js';
import { EPISODE_MS } from './health-pauses.js';

/** A command that Redis refuses for good, beside the traffic. */
export interface Denial {
  readonly failure: Failure;
  /** Which command, or which script. */
  readonly subject: string;
  readonly lastMs: number;
}

/** Denials remembered at most: there are fewer commands that the library sends. */
const MAX_DENIALS = 20;

/** The denials after another one, which stands at the end, and whether it has not been known. */
export function addDenial(
  denials: readonly Denial[],
  denial: Denial,
): { readonly denials: readonly Denial[]; readonly isNews: boolean } {
  const recent = denials.filter(({ lastMs }) => denial.lastMs - lastMs < EPISODE_MS);
  const isNews = !recent.some(({ failure }) => failure.reason === denial.failure.reason);
  const others = recent.filter(({ subject }) => subject !== denial.subject);
  return { denials: [...others, denial].slice(-MAX_DENIALS), isNews };
}

/** What is refused at a moment, for people; `undefined`: nothing that is known of. */
export function describeDenials(denials: readonly Denial[], atMs: number): string | undefined {
  const reasons = denials.filter(({ lastMs }) => atMs - lastMs < EPISODE_MS).map(({ failure }) => failure.reason);
  return reasons.length === 0 ? undefined : `it refuses commands: ${[...new Set(reasons)].join('; ')}`;
}
