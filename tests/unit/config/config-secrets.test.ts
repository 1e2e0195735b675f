/** Which values of a configuration are secrets, whatever is wrong with it (G11). */
import { expect, test } from '@jest/globals';
import type { ConfigTable } from '../../../lib/config/plain-tree.js';
import { secretsIn } from '../../../lib/config/config-secrets.js';
import { errorOf, loadObject } from './load-toml.js';

const l2 = (table: ConfigTable): ConfigTable => ({ services: { a: { cache_type: 'l2', l2: table } } });

test.each<[string, ConfigTable, string[]]>([
  ['a password', l2({ password: 'hunter2', username: 'app' }), ['hunter2']],
  ['a password that all services inherit', { global: { l2: { password: 'hunter2' } } }, ['hunter2']],
  ['the password of sentinels', l2({ sentinel: { password: 'hunter2' } }), ['hunter2']],
  ['a password of another type', l2({ password: ['hunter2', 12_345] }), ['hunter2', '12345']],
  ['a password in a table', l2({ password: { value: 'hunter2' } }), ['hunter2']],
  ['a misspelt key', l2({ pasword: 'hunter2', auth_token: 'hunter3' }), ['hunter2', 'hunter3']],
  ['an address', l2({ connection_string: 'redis://app:hunter%402@h:1/0' }), ['hunter%402']],
  ['an address that was not encoded', l2({ connection_string: 'redis://:a@b/c#d@h' }), ['a@b/c#d']],
  ['an address without a scheme', l2({ connection_string: 'app:hunter2@h' }), ['hunter2']],
  ['an address without a user', l2({ connection_string: 'redis://hunter2@h' }), ['hunter2']],
  ['an address with options', l2({ connection_string: 'redis://h?password=hunter2&db=1' }), ['hunter2']],
  ['an address in the place of a table', { services: { a: { l2: 'redis://:hunter2@h' } } }, ['hunter2']],
  ['an address among nodes', l2({ cluster: { nodes: ['h:1', 'app:hunter2@h:2'] } }), ['hunter2']],
  ['no secret', l2({ connection_string: 'redis://h', password: '' }), []],
  ['names of services and strategies', { global: { strategies: { token: '5m' } }, services: { auth: { ttl: 5 } } }, []],
])('%s', (_name, table, expected) => {
  expect([...secretsIn(table)]).toEqual(expected);
});

test('they are known before anything is said about the configuration', async () => {
  const known: string[] = [];
  const options = { env: { PW: 'hunter2' }, onSecrets: (secrets: ReadonlySet<string>) => known.push(...secrets) };
  await errorOf(loadObject({ services: { a: { cache_type: 'l2', ttl: -1, l2: { password: '${PW}' } } } }, options));
  expect(known).toEqual(['hunter2']);
});
