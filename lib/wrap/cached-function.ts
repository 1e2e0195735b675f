/** The type of a function wrapped by `cached`. */

/**
 * A function whose results are cached: the parameters of the wrapped one, and always a promise of its result. Overloads
 * collapse to the last one, and type parameters of a generic function to their constraint.
 */
export interface CachedFunction<A extends unknown[], R, This = unknown> {
  (this: This, ...args: A): Promise<R>;
  /**
   * The key of a call with these arguments.
   *
   * @throws {TypeError} when no key can be made of them
   */
  keyFor(...args: A): string;
  /** Removes the value of these arguments from all tiers, everywhere; resolves to whether one was known. Rejects when the cache fails. */
  invalidate(...args: A): Promise<boolean>;
  /**
   * Runs the function now and caches its result, whatever is cached. Rejects when the cache fails. A function that needs
   * a `this` gets it by `refresh.call(owner, ...args)`.
   */
  refresh(...args: A): Promise<R>;
}
