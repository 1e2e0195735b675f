/**
 * Keeps secrets out of everything that is shown (G11): those that are known by their value, and what looks like one. Masking too
 * much is fine here, masking too little is not.
 */
import { types } from 'node:util';
import { maskKnownSecrets } from './known-secrets.js';

const MASK = '***';
/** A password may hold any character when it was not encoded, so everything up to the last `@` of the word goes. */
const REDIS_CREDENTIALS = /\b((?:rediss?|valkeys?|unix):\/{0,3})\S*@/gi;
const OTHER_CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/]*@/gi;
const SECRET_PARAMETER = /([?&](?:password|passwd|pass|auth|token|secret|username|user)=)[^&\s]*/gi;
/** A key that was given in the place of the path of its file. */
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----|[\s\S]*$)/g;
/** No chain of causes is nearly as long, unless it is a ring. */
const MAX_CAUSES = 10;

/** Returns `text` with known secrets, and the credentials of every URL in it, replaced by `***`. */
export function redactSecrets(text: string): string {
  return redactPatterns(maskKnownSecrets(text));
}

/** Returns `text` with what looks like a secret replaced by `***`; for names that a program looks for, such as paths of keys. */
export function redactPatterns(text: string): string {
  return text
    .replace(REDIS_CREDENTIALS, `$1${MASK}@`)
    .replace(OTHER_CREDENTIALS, `$1${MASK}@`)
    .replace(SECRET_PARAMETER, `$1${MASK}`)
    .replace(PRIVATE_KEY, MASK);
}

/**
 * Returns the cause of an error of ours in a form that may be shown. An error that holds a known secret, or the command of
 * ioredis it came from, is replaced by a copy with its name, message, code and stack only. Any other one is itself.
 */
export function redactCause(cause: unknown): unknown {
  return redactErrors(cause, MAX_CAUSES);
}

function redactErrors(error: unknown, depth: number): unknown {
  if (typeof error === 'string') return maskKnownSecrets(error);
  if (!types.isNativeError(error)) return error;
  const { message, stack = '', cause, command } = error as Error & { readonly command?: unknown };
  const shownCause = depth === 0 ? undefined : redactErrors(cause, depth - 1);
  const isFit = command === undefined && maskKnownSecrets(message) === message && maskKnownSecrets(stack) === stack;
  if (isFit && shownCause === cause) return error;
  const copy = new Error(redactSecrets(message), shownCause === undefined ? undefined : { cause: shownCause });
  const { code } = error as { readonly code?: unknown };
  Object.defineProperties(copy, {
    name: { value: error.name, configurable: true, writable: true },
    stack: { value: redactSecrets(stack), configurable: true, writable: true },
  });
  return typeof code === 'string' ? Object.assign(copy, { code }) : copy;
}
