/** What a look at the cache noted of a key that has no fresh value. */

/** The notes of one look; whoever looks starts with {@link newLook}, or with a flight. */
export interface LookNotes {
  readonly key: string;
  /** A value past its TTL that may stand in for a fresh one; `undefined`: none. */
  stale: unknown;
  /** The tier that held {@link stale}. */
  staleTier: 'l1' | 'l2';
  /** When {@link stale} may not be served any more (G2), in milliseconds on this process's clock. */
  staleEndMs: number;
  /** Whether what was found in L2 is in the last `refresh_ahead` share of its life. */
  isDue: boolean;
  /** Whether L2 was asked and could not answer. */
  hasWaitedInVain: boolean;
}

/** Notes with nothing in them. */
export function newLook(key: string): LookNotes {
  return { key, stale: undefined, staleTier: 'l1', staleEndMs: Infinity, isDue: false, hasWaitedInVain: false };
}
