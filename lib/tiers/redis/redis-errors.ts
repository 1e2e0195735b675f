/**
 * The only reader of ioredis's and Redis's errors. It turns them into `CacheError`s without the command they came from:
 * ioredis attaches the arguments, and those are users' values (G11).
 */
import { types } from 'node:util';
import { CacheError } from '../../base/errors.js';
import { redactSecrets } from '../../base/redact-secrets.js';

/** The first word of a Redis error reply (`NOSCRIPT`, `WRONGTYPE`, `OOM`, …); empty for other errors. */
export function replyCode(error: unknown): string {
  if (!isError(error) || error.name !== 'ReplyError') return '';
  return /^[A-Z]+/.exec(error.message)?.[0] ?? '';
}

/** One line about a failure, fit for a log: no arguments, no credentials. */
export function describeFailure(error: unknown): string {
  if (!isError(error)) return 'unknown failure';
  // ioredis speaks of one of its options here, which is none of ours.
  if (error.name === 'MaxRetriesPerRequestError') return 'the connection was lost before the answer';
  const code = (error as { code?: unknown }).code;
  // An AggregateError of a refused connection has no message of its own, only a code.
  const text = error.message === '' && typeof code === 'string' ? code : error.message;
  return redactSecrets(text.replace(/,? with args beginning with.*$/s, '').split('\n', 1)[0] ?? '');
}

/** The error callers see when Redis refused a command or the connection failed. */
export function unavailable(error: unknown): CacheError {
  if (error instanceof CacheError) return error;
  const reason = describeFailure(error);
  return new CacheError('CACHE_L2_UNAVAILABLE', `Redis could not be used: ${reason}`, { cause: new Error(reason) });
}

/** The error callers see when a command's deadline passed. */
export function timedOut(timeoutMs: number): CacheError {
  return new CacheError('CACHE_L2_TIMEOUT', `Redis did not answer within ${timeoutMs} ms (l2.command_timeout_ms)`);
}

/** Whether it is an error of any realm: a socket's is Node's own, also where the library runs in a `vm` context, as under jest. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value);
}
