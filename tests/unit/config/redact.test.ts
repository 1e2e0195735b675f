import { describe, expect, test } from '@jest/globals';
import { redactSecrets } from '../../../lib/base/redact-secrets.js';
import { describeEndpoint } from '../../../lib/config/describe-endpoint.js';
import { errorOf, issuesOf, loadObject, loadToml } from './load-toml.js';

const SECRET = 'hunter2';

describe('redactSecrets', () => {
  test.each([
    [`redis://:${SECRET}@h:6379/0`, 'redis://***@h:6379/0'],
    [`connect to rediss://u:${SECRET}@h failed`, 'connect to rediss://***@h failed'],
    [`REDIS://u:${SECRET}@h`, 'REDIS://***@h'],
    [`redis://u:a/${SECRET}@b#${SECRET}@h`, 'redis://***@h'],
    [`redis://u:a"${SECRET}@h`, 'redis://***@h'],
    [`unix://u:${SECRET}@/run/redis.sock`, 'unix://***@/run/redis.sock'],
    [`redis://h:1 and redis://u:${SECRET}@h:2`, 'redis://h:1 and redis://***@h:2'],
    [`https://u:${SECRET}@proxy/path@x`, 'https://***@proxy/path@x'],
    [`redis://h?password=${SECRET}&db=1`, 'redis://h?password=***&db=1'],
  ])('masks %p', (text, expected) => {
    expect(redactSecrets(text)).toBe(expected);
  });

  test.each(['redis://h:6379/0', 'mail me@example.org', 'unix:/run/redis.sock', ''])('leaves %p as it is', (text) => {
    expect(redactSecrets(text)).toBe(text);
  });
});

describe('describeEndpoint', () => {
  test.each([
    ['redis://cache.internal:6379/2', 'redis://cache.internal:6379/2'],
    [`redis://u:${SECRET}@cache.internal`, 'redis://cache.internal:6379'],
    [`rediss://:${SECRET}@[::1]:7000/0`, 'rediss://[::1]:7000'],
    ['unix:///run/redis.sock', 'unix:/run/redis.sock'],
  ])('G11: %p is shown as %p', async (connectionString, expected) => {
    const config = await loadObject({ services: { a: { cache_type: 'l2', l2: { connection_string: connectionString } } } });
    const l2 = config.services[0]?.l2;
    expect(l2 && describeEndpoint(l2)).toBe(expected);
  });

  test('shows the database and TLS that the keys ask for', async () => {
    const config = await loadObject({
      services: { a: { cache_type: 'l2', l2: { connection_string: 'redis://h', db: 4, tls: {} } } },
    });
    const l2 = config.services[0]?.l2;
    expect(l2 && describeEndpoint(l2)).toBe('rediss://h:6379/4');
  });

  test('a connection of the application has no address to show', async () => {
    const config = await loadObject({ services: { a: { cache_type: 'l2' } } }, { connectedMode: () => 'standalone' });
    const l2 = config.services[0]?.l2;
    expect(l2 && describeEndpoint(l2)).toBe('a connection of the application');
  });
});

describe('G11: no error shows a secret', () => {
  const L2 = '[services.a]\ncache_type = "l2"\n[services.a.l2]\n';

  test.each([
    ['an address with a wrong scheme', `connection_string = "http://u:${SECRET}@h"`],
    ['an address without a scheme', `connection_string = ":${SECRET}@h"`],
    ['an address with a bad port', `connection_string = "redis://u:${SECRET}@h:99999"`],
    ['an address with a bad encoding', `connection_string = "redis://u:%zz${SECRET}@h"`],
    ['an address with options', `connection_string = "redis://h?password=${SECRET}"`],
    ['an address of the wrong type', `connection_string = ["redis://u:${SECRET}@h"]`],
    ['a placeholder that is malformed', `connection_string = "redis://u:${SECRET}@\${"`],
    ['a placeholder that is missing', `connection_string = "redis://u:${SECRET}@\${HOST}"`],
    ['a password of the wrong type', `connection_string = "redis://h"\npassword = ["${SECRET}"]`],
    ['a password that differs', `connection_string = "redis://u:${SECRET}@h"\npassword = "${SECRET}-too"`],
    ['a user without a password', `connection_string = "redis://h"\nusername = "${SECRET}"`],
    ['a misspelt key', `connection_string = "redis://h"\npasword = "${SECRET}"`],
    ['an address in the wrong place', `connection_string = "redis://h"\nmode = "redis://u:${SECRET}@h"`],
    ['an address as a key', `connection_string = "redis://h"\n"redis://u:${SECRET}@h" = 1`],
    ['the sentinels', `sentinel = { password = "${SECRET}" }`],
  ])('%s', async (_name, lines) => {
    const error = await errorOf(loadToml(L2 + lines));
    expect(error.code).toBe('CACHE_CONFIG_INVALID');
    expect(`${error.message}${JSON.stringify(error.issues)}${String(error.stack)}`).not.toContain(SECRET);
    expect(error.cause).toBeUndefined();
  });

  test('a number as a password', async () => {
    const issues = await issuesOf(`${L2}connection_string = "redis://h"\npassword = 12345678`);
    expect(issues[0]?.message).toMatch(/got a number that is not shown/);
    expect(JSON.stringify(issues)).not.toContain('12345678');
  });

  test.each([
    ['an unquoted password', `password = ${SECRET}`],
    ['an unquoted address', `connection_string = redis://u:${SECRET}@h`],
    ['an unfinished password', `password = "${SECRET}`],
    ['a password in an inline table', `x = { password = "${SECRET}" db = 1 }`],
    ['a key without a sign', `password "${SECRET}"`],
    ['a later line of a password', `password = """\n${SECRET}\n\\q"""`],
    ['a later line of a password that looks like a key', `password = """\n${SECRET} =\\q"""`],
    ['a later line of a list of addresses', `connection_string = [\n"${SECRET}" "x"]`],
    ['an address after something else', `x = 1 "redis://u:${SECRET}@h"`],
    ['a line next to the password', `password = "${SECRET}"\noops\nurl = "${SECRET}"`],
    ['an unfinished text before the password', `x = """\npassword = "${SECRET}"\n`],
    ['an unquoted password in a list', `password = [${SECRET}]`],
    ['an unquoted password in a later line of a list', `password = [\n  "a=b",\n  ${SECRET}\n]`],
    ['a quoted password in a later line of a list', `password = [\n"x = 1",\n"${SECRET}" oops]`],
    ['a password under a misspelt key', `psw = ${SECRET}`],
    ['a password under a key in another language', `kennwort = "${SECRET}" oops`],
    ['a misspelt key in an inline table', `l2 = { db = 1, kennwort = ${SECRET} }`],
    ['a password that follows a setting', `db = 1, kennwort = ${SECRET}`],
    ['a quoted key', `"kennwort" = ${SECRET}`],
    ['a dotted key', `services.b.l2.kennwort = ${SECRET}`],
    ['a node with a login', `nodes = [ app:${SECRET}@h:1 ]`],
    ['a private key in the place of its path', `key_file = -----BEGIN PRIVATE KEY----- ${SECRET}`],
    ['a private key in the place of its path, in several lines', `tls = { key_file = '''\n${SECRET}\n''' oops }`],
    ['a text with other quotes of several lines inside it', `password = """\n'''\nttl = ${SECRET}\\q"""`],
    ['a value without a key', SECRET],
    ['a header that goes on', `[services.b.l2] kennwort = "${SECRET}"`],
    ['an unfinished header', `[services.b.l2\nkennwort = "${SECRET}"`],
    ['a password that is no number', `password = 12345${SECRET}`],
  ])('a syntax error at %s', async (_name, lines) => {
    const error = await errorOf(loadToml(L2 + lines));
    expect(error.code).toBe('CACHE_CONFIG_SYNTAX');
    expect(`${error.message}${String(error.stack)}`).not.toContain(SECRET);
    expect(error.cause).toBeUndefined();
  });

  test('a password further up does not hide the line of a syntax error', async () => {
    const error = await errorOf(loadToml(`${L2}password = "${SECRET}"\nttl = 5 minutes\n`));
    expect(error.message).toContain('ttl = 5 minutes');
    expect(error.message).not.toContain(SECRET);
  });

  test.each([
    ['[services.a', '[services.a'],
    ['l1 = { max_capacity = 5 ttl = 3 }', 'max_capacity = 5 ttl = 3'],
    ['services.b.ttl = 5 minutes', 'services.b.ttl = 5 minutes'],
  ])('the line of a syntax error is shown where it holds settings only: %s', async (line, shown) => {
    const error = await errorOf(loadToml(`${line}\n`));
    expect(error.code).toBe('CACHE_CONFIG_SYNTAX');
    expect(error.message).toContain(shown);
  });

  test('an address in the place of a table, also when it is too long to be shown as a whole', async () => {
    const long = `${SECRET}${'x'.repeat(60)}`;
    const issues = await issuesOf(`[services.a]\ncache_type = "l2"\nl2 = "redis://app:${long}@h"`);
    expect(JSON.stringify(issues)).toContain('redis://***@h');
    expect(JSON.stringify(issues)).not.toContain(SECRET);
  });

  test('an address passed as the path of the file', async () => {
    const error = await errorOf(loadObject(`redis://u:${SECRET}@h:6379`));
    expect(error.code).toBe('CACHE_CONFIG_NOT_FOUND');
    expect(`${error.message}${String(error.stack)}`).not.toContain(SECRET);
    expect(error.cause).toBeUndefined();
  });
});
