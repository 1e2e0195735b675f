/** Where a value is in the configuration: its keys from the root down, and how people read them. */

/** Keys, and indexes of arrays, from the root to a value. */
export type ConfigPath = readonly (string | number)[];

const BARE_KEY = /^[A-Za-z0-9_-]+$/;

/** Returns e.g. `services.user_cache.l1.ttl`, `services."api.v1".ttl`, `nodes[0]`; empty for the root. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += `${text === '' ? '' : '.'}${BARE_KEY.test(part) ? part : JSON.stringify(part)}`;
  }
  return text;
}
