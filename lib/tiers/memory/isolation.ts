/**
 * What keeps a cached value apart from its users' hands: `shared` nothing, `copy` a clone on the way in and on the way out,
 * `frozen` one deeply frozen clone for everybody. All that can fail fails in `prepare`, before the cache changes.
 */
import { CacheError } from '../../base/errors.js';
import type { CacheErrorDetails } from '../../base/errors.js';
import type { ResolvedL1 } from '../../config/resolved-config.js';

type Isolation = ResolvedL1['isolation'];

/**
 * The form in which a caller's `value` is stored; the caller keeps the original and may change it. `about`: service and
 * key, for the error.
 *
 * @throws {CacheError} CACHE_ENCODE_FAILED when it can't be cloned (functions, and objects that hold one)
 */
export function isolate(value: unknown, isolation: Isolation, about?: CacheErrorDetails): unknown {
  if (isolation === 'shared' || isPrimitive(value)) return value;
  if (isolation === 'frozen' && isDeeplyFrozen(value)) return value;
  let clone: unknown;
  try {
    clone = cloneValue(value);
  } catch (cause) {
    throw new CacheError('CACHE_ENCODE_FAILED', `The value can't be cloned, which \`isolation = "${isolation}"\` needs`, {
      ...about,
      cause: withoutValue(cause),
    });
  }
  return isolation === 'frozen' ? deepFreeze(clone) : clone;
}

/** The algorithm's own error quotes what it cannot clone (G11); an error of a getter is the user's. */
function withoutValue(cause: unknown): unknown {
  return (cause as { readonly name?: unknown } | null)?.name === 'DataCloneError' ? new Error('DataCloneError') : cause;
}

/** A structured clone; of a `Buffer` a `Buffer`, where the plain algorithm yields a bare `Uint8Array`. */
export function cloneValue(value: unknown): unknown {
  if (isPrimitive(value)) return value;
  return Buffer.isBuffer(value) ? Buffer.from(value) : structuredClone(value);
}

/**
 * Freezes `value` and all it refers to, and returns it. Bytes can't be frozen, and freezing does not keep a `Map`, a `Set`
 * or a `Date` from being changed by its methods: those stay as they are.
 */
export function deepFreeze(value: unknown): unknown {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (isPrimitive(next) || Object.isFrozen(next) || ArrayBuffer.isView(next)) continue;
    Object.freeze(next);
    pushChildren(next, pending);
  }
  return value;
}

function isDeeplyFrozen(value: unknown): boolean {
  const seen = new Set<unknown>();
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (isPrimitive(next) || seen.has(next)) continue;
    if (!Object.isFrozen(next) || hasInnerState(next)) return false;
    seen.add(next);
    pushChildren(next, pending);
  }
  return true;
}

function isPrimitive(value: unknown): value is null | undefined | string | number | bigint | boolean | symbol {
  return value === null || (typeof value !== 'object' && typeof value !== 'function');
}

/** Whether it can be changed although it is frozen, so that the caller's own must not be kept. */
function hasInnerState(value: object): boolean {
  if (Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype !== Object.prototype && prototype !== null;
}

function pushChildren(value: object, pending: unknown[]): void {
  if (value instanceof Map) {
    for (const [key, item] of value) pending.push(key, item);
  } else if (value instanceof Set) {
    for (const item of value) pending.push(item);
  }
  for (const key of Reflect.ownKeys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, key);
    if (descriptor !== undefined && 'value' in descriptor) pending.push(descriptor.value);
  }
}
