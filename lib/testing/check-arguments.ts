/** The checks of what the tools for tests are given: a fault that was misspelt must not pass for one that was survived. */
import { misuse } from '../base/describe-value.js';
import { requireOptionNames } from '../base/option-names.js';

/** Milliseconds, 0 included. @throws {TypeError} for anything else */
export function requireMs(parameter: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw misuse(parameter, 'a non-negative number of milliseconds', value);
  return value;
}

/** A whole number of at least `least`. @throws {TypeError} for anything else */
export function requireCount(parameter: string, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw misuse(parameter, `a whole number ${range}`, value);
}

/** A function. @throws {TypeError} for anything else */
export function requireFunction<F>(parameter: string, value: F): F {
  if (typeof value !== 'function') throw misuse(parameter, 'a function', value);
  return value;
}

/** An object with these options only. @throws {TypeError} for anything else */
export function requireOptions(value: unknown, names: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw misuse('options', 'an object', value);
  requireOptionNames(value, names);
}
