/** Chooses how a wrapped function's keys are made: by the user's function, by a template, or from its name and arguments. */
import { misuse } from '../base/describe-value.js';
import { encodeArguments } from './argument-key.js';
import type { CachedOptions } from './cached-options.js';
import { compileTemplate } from './key-template.js';
import { readParameterNames } from './parameter-names.js';
import { rememberKeys } from './recent-keys.js';
import { shortenKey } from './shorten-key.js';

/** Makes a key of an argument list. */
export type KeyMaker = (args: readonly unknown[]) => string;

/** Characters that mean something in a built key; escaped in function names, which may be any string. */
const MARKS = /[%:\p{Cc}\p{Cs}]/gu;

/**
 * Returns the key maker of `fn`.
 *
 * @throws {TypeError} when the template does not fit the function, or there is neither a key nor a name
 */
export function createKeyMaker(fn: (...args: never[]) => unknown, key: CachedOptions['key']): KeyMaker {
  if (typeof key === 'function') return (args) => requireKey(key(...args));
  if (key !== undefined) {
    const fill = compileTemplate(key, readParameterNames(fn));
    return rememberKeys((args) => shortenKey(fill(args)));
  }
  if (fn.name === '') {
    throw new TypeError(
      'Expected a named function or the option `key`: without either there is nothing to make keys of, e.g. { key: "user:{0}" }',
    );
  }
  const prefix = `${fn.name.replace(MARKS, (mark) => `%${mark.charCodeAt(0).toString(16).padStart(4, '0')}`)}:`;
  return rememberKeys((args) => shortenKey(prefix + encodeArguments(args)));
}

function requireKey(key: unknown): string {
  if (typeof key !== 'string' || key === '') throw misuse('key', 'a function that returns a non-empty string', key);
  return key;
}
