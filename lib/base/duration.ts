/**
 * Durations as users write them: seconds as a number, a number with a unit, or the name of a strategy.
 * Internally every duration is milliseconds, in a name that ends in `Ms`.
 */
import { misuse } from './describe-value.js';

/** A number of seconds (fractions allowed), a string with a unit (`"250ms"`, `"30s"`, `"5m"`, `"1h"`, `"1d"`), or a strategy's name. */
export type Duration = number | string;

/** Names every configuration knows, in milliseconds. */
export const BUILT_IN_STRATEGIES: Readonly<Record<string, number>> = {
  realtime: 10_000,
  short: 300_000,
  medium: 3_600_000,
  long: 10_800_000,
};

/** The longest lifetime an entry can be given: 30 days. */
export const MAX_TTL_MS = 30 * 86_400_000;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const WITH_UNIT = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Returns the milliseconds `value` stands for, or `undefined` when it is not a duration. Zero is a duration here. */
export function parseDurationMs(
  value: unknown,
  strategies: Readonly<Record<string, number>> = BUILT_IN_STRATEGIES,
): number | undefined {
  if (typeof value === 'number') {
    return Number.isFinite(value) && value >= 0 ? value * 1000 : undefined;
  }
  if (typeof value !== 'string') return undefined;
  if (Object.hasOwn(strategies, value)) return strategies[value];
  const match = WITH_UNIT.exec(value);
  if (match === null) return undefined;
  return Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN);
}

/**
 * The whole milliseconds of a lifetime given in a call, at least 1.
 *
 * @throws {TypeError} when it is not a duration, not positive, or longer than 30 days
 */
export function requireTtlMs(value: unknown, parameter: string, strategies?: Readonly<Record<string, number>>): number {
  const ms = parseDurationMs(value, strategies);
  if (ms === undefined || ms <= 0 || ms > MAX_TTL_MS) {
    throw misuse(
      parameter,
      'a positive duration of at most 30 days (seconds, or a string such as "250ms", "30s", "5m", "1h", "1d")',
      value,
    );
  }
  return Math.max(1, Math.round(ms));
}
