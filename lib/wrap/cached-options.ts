/** The options of `cached`, and their check when a function is wrapped. */
import { misuse } from '../base/describe-value.js';
import { requireTtlMs, type Duration } from '../base/duration.js';
import { CacheError } from '../base/errors.js';
import { nearestName } from '../base/nearest-name.js';
import { isOptions } from '../base/option-names.js';
import { readTags } from '../clients/tag-names.js';
import type { CacheType } from '../config/resolved-config.js';

/** Options of `cached`. An option that is `undefined` counts as absent. */
export interface CachedOptions<A extends unknown[] = unknown[]> {
  /** Lifetime of what the function returns; absent: the service's. A strategy's name is looked up at the first call. */
  readonly ttl?: Duration;
  /**
   * Makes the key: a function of the arguments, or a template such as `"user:{id}"`, `"user:{0}"` or `"user:{0.id}"`.
   * Absent: the function's name and its encoded arguments.
   */
  readonly key?: string | ((...args: A) => string);
  /**
   * Tags of what the function returns, for `invalidateTags` of the client: a list, or a function of the arguments that returns one.
   * The function is called when there is something to store, not on a hit.
   */
  readonly tags?: readonly string[] | ((...args: A) => readonly string[]);
  /** Uses only some of the service's tiers; absent: all it has. */
  readonly cacheType?: CacheType;
  /** What a failure of the cache does to a call: `ignore` (the default) runs the function, `propagate` rejects. */
  readonly onCacheError?: 'ignore' | 'propagate';
  /** How long the function may take when it is run to fill the cache; absent: the service's `load_timeout`. */
  readonly timeout?: Duration;
  /** Whether a value past its TTL may be returned when the function fails; absent: true, within the service's `stale_ttl`. */
  readonly allowStale?: boolean;
}

const CACHE_TYPES: readonly unknown[] = ['l1', 'l2', 'two-level'];
const ON_CACHE_ERROR: readonly unknown[] = ['ignore', 'propagate'];

const CHECKS: Readonly<Record<keyof CachedOptions, (value: unknown) => void>> = {
  ttl(value) {
    if (!isStrategyName(value)) requireTtlMs(value, 'ttl');
  },
  key(value) {
    if (typeof value !== 'function' && (typeof value !== 'string' || value === '')) {
      throw misuse('key', 'a function of the arguments or a template such as "user:{0}"', value);
    }
  },
  tags(value) {
    if (typeof value === 'function') return;
    if (!Array.isArray(value)) throw misuse('tags', 'an array of strings or a function of the arguments that returns one', value);
    try {
      readTags(value);
    } catch (error) {
      throw CacheError.is(error) ? new TypeError(`Unusable \`tags\`: ${error.message}`) : error;
    }
  },
  cacheType(value) {
    if (!CACHE_TYPES.includes(value)) throw misuse('cacheType', '"l1", "l2" or "two-level"', value);
  },
  onCacheError(value) {
    if (!ON_CACHE_ERROR.includes(value)) throw misuse('onCacheError', '"ignore" or "propagate"', value);
  },
  timeout(value) {
    if (!isStrategyName(value)) requireTtlMs(value, 'timeout');
  },
  allowStale(value) {
    if (typeof value !== 'boolean') throw misuse('allowStale', 'a boolean', value);
  },
};

/**
 * Checks what was passed as options.
 *
 * @throws {TypeError} for an unknown option (it names the nearest known one) or an unusable value
 */
export function checkCachedOptions(options: unknown): void {
  if (!isOptions(options)) {
    throw misuse('options', 'an object such as { ttl: "5m" }', options);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(CHECKS, name)) throw unknownOption(name);
    if (value !== undefined) CHECKS[name as keyof CachedOptions](value);
  }
}

function unknownOption(name: string): TypeError {
  const known = Object.keys(CHECKS);
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? `the options are ${known.join(', ')}` : `did you mean \`${nearest}\`?`;
  return new TypeError(`Unknown option \`${name}\` of cached: ${hint}`);
}

/** Strategies are known once the service is; what begins with a digit or a sign was meant as a number with a unit. */
function isStrategyName(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z_]/.test(value);
}
