/** How long a Redis that came back, or says no, is left alone: figures that `docs/recovery.md` repeats. */

/** Returns within this time are flapping, and so much calm ends it. */
export const FLAP_WINDOW_MS = 30_000;
/** The pauses of a flapping Redis, and between probes that are refused: the first, doubled each time up to the last. */
export const FIRST_PAUSE_MS = 250;
export const MAX_PAUSE_MS = 5000;
export const MAX_PROBE_PAUSE_MS = 1000;
/** The pause after too many failures: probes may succeed where commands don't. */
export const RATE_PAUSE_MS = 1000;
/** Commands that the user may not give are reported once; after so long without any, the next one is news. */
export const EPISODE_MS = 300_000;

/** 0 for level 0, then {@link FIRST_PAUSE_MS}, doubled with each level. */
export function pauseOf(level: number, longestMs: number): number {
  return level === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** Math.min(level - 1, 16), longestMs);
}
