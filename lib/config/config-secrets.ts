/**
 * The secrets in a configuration, before anything about it has been checked: its errors must not show them either (G11). Keys are
 * told by their names, known or not, because a misspelt key holds a secret as well.
 */
import type { ConfigTable, ConfigValue } from './plain-tree.js';

const SECRET_KEY = /pas|pwd|pw$|secret|token|cred|auth/i;
/** The keys whose texts are addresses, also when they do not look like one. */
const ADDRESS_KEY = /conn|ur[il]|addr|nodes|host/i;
/** What stands before the last `@`, in any address that names its scheme; a password that was not encoded may hold any character. */
const WITH_SCHEME = /[a-z][a-z0-9+.-]*:\/{1,3}(\S*)@/i;
const WITHOUT_SCHEME = /^(\S*)@/;
const PARAMETER = /[?&](?:password|passwd|pass|auth|token|secret)=([^&\s#]*)/gi;

/** Returns every secret below `table`, each as it is written there. */
export function secretsIn(table: ConfigTable): ReadonlySet<string> {
  const found = new Set<string>();
  visit(table, [], false, found);
  found.delete('');
  return found;
}

function visit(value: ConfigValue, path: readonly string[], isSecret: boolean, found: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, path, isSecret, found);
  } else if (typeof value === 'object') {
    for (const [key, child] of Object.entries(value)) {
      const childPath = [...path, key];
      visit(child, childPath, isSecret || (SECRET_KEY.test(key) && !isNamedByUser(childPath)), found);
    }
  } else if (isSecret) {
    // A table of the user's may have such a name and hold switches.
    if (typeof value !== 'boolean') found.add(String(value));
  } else if (typeof value === 'string') {
    addAddress(value, ADDRESS_KEY.test(path.at(-1) ?? ''), found);
  }
}

/** Services and strategies may be named for tokens or logins. */
function isNamedByUser([first, second, third, ...more]: readonly string[]): boolean {
  if (first === 'services') return third === undefined;
  return first === 'global' && second === 'strategies' && third !== undefined && more.length === 0;
}

function addAddress(text: string, isAddress: boolean, found: Set<string>): void {
  const login = WITH_SCHEME.exec(text)?.[1] ?? (isAddress ? WITHOUT_SCHEME.exec(text)?.[1] : undefined);
  // Without a colon it is a user, or a password in the wrong place.
  if (login !== undefined) found.add(login.slice(login.indexOf(':') + 1));
  for (const [, parameter = ''] of text.matchAll(PARAMETER)) found.add(parameter);
}
