/** What a call may be given (G12): every check here runs before a tier, a queue or a counter changes. */
import { misuse } from '../base/describe-value.js';
import { requireTtlMs } from '../base/duration.js';
import { CacheError } from '../base/errors.js';
import { requireOptionNames } from '../base/option-names.js';
import { isReservedKey } from '../base/reserved-keys.js';
import type { LoadOptions, SetOptions } from './cache-client.js';
import { isWellFormed } from '../base/well-formed.js';
import { readTags } from './tag-names.js';

/** The key limit of a service without L2, which has no setting of its own. */
export const DEFAULT_MAX_KEY_LENGTH = 1024;

/** @throws {TypeError} not a string; {CacheError} CACHE_KEY_INVALID empty, too long, reserved, or not well-formed Unicode */
export function guardKey(key: unknown, maxLength: number, service: string): asserts key is string {
  if (typeof key !== 'string') throw misuse('key', 'a string', key);
  if (key.length === 0) throw new CacheError('CACHE_KEY_INVALID', 'A key must not be empty', { service, key });
  if (key.length > maxLength) {
    const shown = `${key.slice(0, 64)}…`;
    throw new CacheError(
      'CACHE_KEY_INVALID',
      `A key of ${key.length} characters is longer than l2.max_key_length (${maxLength})`,
      {
        service,
        key: shown,
      },
    );
  }
  if (isReservedKey(key)) {
    throw new CacheError('CACHE_KEY_INVALID', 'A key must not begin with "\\u0001oxcache:", which is reserved', { service, key });
  }
  // Half a surrogate pair would be written as a replacement character: two keys would become one.
  if (!isWellFormed(key)) throw new CacheError('CACHE_KEY_INVALID', 'A key must be well-formed Unicode', { service });
}

/** A copy of the keys, each to be checked by {@link guardKey}. @throws {TypeError} when `keys` is not an array */
export function readKeys(keys: unknown): unknown[] {
  if (!Array.isArray(keys)) throw misuse('keys', 'an array of strings', keys);
  return keys.slice();
}

/** @throws {TypeError} for `undefined`, which stands for "nothing is cached" */
export function guardValue(value: unknown): void {
  if (value === undefined)
    throw misuse('value', 'anything but undefined (null may be stored; use delete to remove a key)', value);
}

/**
 * The pairs of a `setMany`, each to be checked by {@link guardPair}. Arrays and Maps are copied, at no cost worth mentioning: what
 * their owner does with them after the call changes nothing.
 *
 * @throws {TypeError} when it is not a Map or another iterable
 */
export function readEntries(entries: unknown): Iterable<unknown> {
  if (Array.isArray(entries)) return entries.slice() as unknown[];
  if (entries instanceof Map) return pairUp([...entries.keys()], [...entries.values()]);
  if (typeof entries === 'object' && entries !== null && Symbol.iterator in entries) return entries as Iterable<unknown>;
  throw notEntries(entries);
}

/** @throws {TypeError} when it is no pair; a text would otherwise pass for one of its first two letters */
export function guardPair(pair: unknown, entries: unknown): asserts pair is readonly [unknown, unknown] {
  if (!Array.isArray(pair)) throw notEntries(entries);
}

function* pairUp(keys: readonly unknown[], values: readonly unknown[]): Iterable<readonly [unknown, unknown]> {
  for (let i = 0; i < keys.length; i++) yield [keys[i], values[i]];
}

function notEntries(entries: unknown): TypeError {
  return misuse('entries', 'a Map or an iterable of [key, value] pairs', entries);
}

/** @throws {TypeError} when `fn` is not a function */
export function guardFunction(fn: unknown, parameter: string): void {
  if (typeof fn !== 'function') throw misuse(parameter, 'a function', fn);
}

/** The lifetime a write was given, in milliseconds; absent: the service's. @throws {TypeError} */
export function readSetOptions(
  options: SetOptions | undefined | null,
  strategies: Readonly<Record<string, number>>,
): number | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return requireTtlMs(options, 'ttl', strategies);
  requireOptionNames(options, ['ttl', 'tags'], ' of set()');
  const { ttl } = options;
  return ttl === undefined ? undefined : requireTtlMs(ttl, 'ttl', strategies);
}

/** When an entry past its TTL is an answer: never, when the fresh one can't be asked for, or whenever there is no fresh one. */
export type StaleRule = 'never' | 'on-failure' | 'always';

/** The options of a load, checked. */
export interface CheckedLoadOptions {
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[] | undefined;
  readonly timeoutMs: number | undefined;
  readonly allowStale: boolean | undefined;
  /** What `allowStale` means where nothing is loaded. */
  readonly staleRule: StaleRule;
  readonly disableLoad: boolean;
  readonly signal: AbortSignal | undefined;
}

const NO_OPTIONS: CheckedLoadOptions = {
  ttlMs: undefined,
  tags: undefined,
  timeoutMs: undefined,
  allowStale: undefined,
  staleRule: 'on-failure',
  disableLoad: false,
  signal: undefined,
};

/** @throws {TypeError} for an option that is unknown or of the wrong type */
export function readLoadOptions(
  options: LoadOptions | undefined,
  strategies: Readonly<Record<string, number>>,
  service: string,
): CheckedLoadOptions {
  if (options === undefined) return NO_OPTIONS;
  if (typeof options !== 'object' || (options as unknown) === null || Array.isArray(options))
    throw misuse('options', 'an object', options);
  requireOptionNames(options, ['ttl', 'tags', 'timeout', 'allowStale', 'disableLoad', 'signal'], ' of getOrLoad()');
  const { ttl, tags, timeout, allowStale, disableLoad, signal } = options;
  if (allowStale !== undefined && typeof allowStale !== 'boolean') throw misuse('allowStale', 'a boolean', allowStale);
  if (disableLoad !== undefined && typeof disableLoad !== 'boolean') throw misuse('disableLoad', 'a boolean', disableLoad);
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw misuse('signal', 'an AbortSignal', signal);
  return {
    ttlMs: ttl === undefined ? undefined : requireTtlMs(ttl, 'ttl', strategies),
    tags: tags === undefined ? undefined : readTags(tags, service),
    timeoutMs: timeout === undefined ? undefined : requireTtlMs(timeout, 'timeout', strategies),
    allowStale,
    staleRule: allowStale === undefined ? 'on-failure' : allowStale ? 'always' : 'never',
    disableLoad: disableLoad ?? false,
    signal,
  };
}
