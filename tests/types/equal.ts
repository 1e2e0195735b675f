/** The two tools of the type tests. They are compiled, never run. */

/** `true` when `X` and `Y` are the same type, else `false`; tells `any`, `unknown` and optional properties apart. */
export type Equal<X, Y> = (<T>() => T extends X ? 1 : 2) extends <T>() => T extends Y ? 1 : 2 ? true : false;

/** Compiles for `true` only. */
export function expectTrue<T extends true>(): T | undefined {
  return undefined;
}
