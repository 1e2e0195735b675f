/** How a service gets what it does not say itself: first from the `[global.*]` table, key by key, then from the schema's defaults. */

function isTable(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the keys of `own`, and those of `inherited` that `own` does not have; tables inside are merged the same way. */
export function inheritTable<T extends object>(inherited: T | undefined, own: T | undefined): Partial<T> {
  const merged = new Map<string, unknown>(Object.entries(inherited ?? {}));
  for (const [key, value] of Object.entries<unknown>(own ?? {})) {
    const base = merged.get(key);
    merged.set(key, isTable(base) && isTable(value) ? inheritTable(base, value) : value);
  }
  return Object.fromEntries(merged) as Partial<T>;
}

/** The keys of `T` without those that are `undefined`. */
export type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Returns a copy of `record` without the keys whose value is `undefined`. */
export function omitUndefined<T extends object>(record: T): Defined<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<T>;
}
