/** Pauses between attempts: growing, so that a long wait costs little, and uneven, so that those who wait spread out. */
import type { Random } from '../base/random.js';

/** How long pauses are, in milliseconds. */
export interface PauseRange {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Each pause is so many times the one before. */
const GROWTH = 1.5;

/** The pause after attempt `round` (from 0): between half its size and its size, which ends growing at the longest. */
export function growingPauseMs({ firstMs, longestMs }: PauseRange, round: number, random: Random): number {
  return Math.min(longestMs, firstMs * GROWTH ** round) * (0.5 + random() / 2);
}
