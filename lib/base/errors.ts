/**
 * The one error class of the library. Codes are API: they are stable, documented in docs/errors.md,
 * and the only thing callers should branch on. Misuse of the API is a `TypeError`, not a `CacheError`.
 * Its message and its cause hold no known secret, whoever worded them (G11).
 */
import { redactCause, redactSecrets } from './redact-secrets.js';

/** Every code a {@link CacheError} can carry; docs/errors.md says when each occurs and what to do. */
export const CACHE_ERROR_CODES = [
  'CACHE_CONFIG_NOT_FOUND',
  'CACHE_CONFIG_SYNTAX',
  'CACHE_CONFIG_INVALID',
  'CACHE_NOT_INITIALISED',
  'CACHE_ALREADY_INITIALISED',
  'CACHE_SERVICE_UNKNOWN',
  'CACHE_CLOSED',
  'CACHE_L2_UNAVAILABLE',
  'CACHE_L2_TIMEOUT',
  'CACHE_ENCODE_FAILED',
  'CACHE_DECODE_FAILED',
  'CACHE_KEY_INVALID',
  'CACHE_VALUE_TOO_LARGE',
  'CACHE_LOAD_FAILED',
  'CACHE_LOAD_TIMEOUT',
  'CACHE_LOAD_CYCLE',
  'CACHE_LOG_FULL',
  'CACHE_LOG_CORRUPT',
  'CACHE_INTERNAL',
] as const;

/** A stable error code. */
export type CacheErrorCode = (typeof CACHE_ERROR_CODES)[number];

/** One problem in a configuration: where it is and what to do about it. */
export interface ConfigIssue {
  /** Dotted path of the key, e.g. `services.user_cache.l1.ttl`; empty for the whole file. */
  readonly path: string;
  /** 1-based line in the TOML source; absent when the configuration was an object. */
  readonly line?: number;
  /** What is wrong and what to do, in one sentence. Never contains a secret. */
  readonly message: string;
}

/** Optional facts of a {@link CacheError}; each is absent when it does not apply. */
export interface CacheErrorDetails {
  readonly service?: string | undefined;
  readonly key?: string | undefined;
  readonly cause?: unknown;
  /** 1-based position, of `CACHE_CONFIG_SYNTAX`. */
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  /** All problems found, of `CACHE_CONFIG_INVALID`. */
  readonly issues?: readonly ConfigIssue[] | undefined;
}

/**
 * An error of the cache itself. A loader's or wrapped function's own error is never wrapped in it.
 *
 * @example
 * try {
 *   await client.set('user:1', value);
 * } catch (error) {
 *   if (CacheError.is(error, 'CACHE_L2_UNAVAILABLE', 'CACHE_L2_TIMEOUT')) return;
 *   throw error;
 * }
 */
export class CacheError extends Error {
  override readonly name = 'CacheError';
  /** The stable code to branch on. */
  readonly code: CacheErrorCode;
  /** The service concerned; absent when the error is not about one service. */
  declare readonly service?: string;
  /** The key concerned; absent when the error is not about one key. */
  declare readonly key?: string;
  /** 1-based line in the configuration file, of `CACHE_CONFIG_SYNTAX`. */
  declare readonly line?: number;
  /** 1-based column in the configuration file, of `CACHE_CONFIG_SYNTAX`. */
  declare readonly column?: number;
  /** Every problem found, of `CACHE_CONFIG_INVALID`. */
  declare readonly issues?: readonly ConfigIssue[];

  constructor(code: CacheErrorCode, message: string, details: CacheErrorDetails = {}) {
    super(redactSecrets(message), details.cause === undefined ? undefined : { cause: redactCause(details.cause) });
    this.code = code;
    if (details.service !== undefined) this.service = details.service;
    if (details.key !== undefined) this.key = details.key;
    if (details.line !== undefined) this.line = details.line;
    if (details.column !== undefined) this.column = details.column;
    if (details.issues !== undefined) this.issues = details.issues;
  }

  /**
   * Whether `error` is a {@link CacheError}, and of one of `codes` where any are given. Works across
   * copies of the package in one process, which `instanceof` does not.
   */
  static is(error: unknown, ...codes: CacheErrorCode[]): error is CacheError {
    if (!(error instanceof Error) || error.name !== 'CacheError') return false;
    const code = (error as { code?: unknown }).code;
    if (typeof code !== 'string') return false;
    return codes.length === 0 || (codes as string[]).includes(code);
  }
}
