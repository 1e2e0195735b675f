/** What is shown of a server's error: its reason, and nothing that it repeats (G11). */
import { afterEach, describe, expect, test } from '@jest/globals';
import { holdSecrets } from '../../../../lib/base/known-secrets.js';
import { argumentsOf, describeReply } from '../../../../lib/tiers/redis/server-text.js';
import { readPage } from '../../docs/read-page.js';

let release: (() => void) | undefined;
afterEach(() => release?.());

describe('a reason', () => {
  test.each([
    "READONLY You can't write against a read only replica",
    "OOM command not allowed when used memory > 'maxmemory'",
    "NOPERM User app has no permissions to run the 'client|setname' command",
    "ERR unknown subcommand 'SETNAME'. Try CLIENT HELP",
    'WRONGPASS invalid username-password pair or user is disabled',
    'ERR Unknown Redis command called from script script: 0123456789012345678901234567890123456789, on @user_script:2',
  ])('is shown as it is: %s', (text) => {
    expect(describeReply(`${text}.`, ['SETNAME', 'oxcache', '12', '0123456789012345678901234567890123456789'])).toBe(text);
  });

  test('of every command that the docs list is shown with its name', () => {
    const rights = /ACL SETUSER app on >secret (.*)/.exec(readPage('docs/operations.md'))?.[1] ?? '';
    const names = Array.from(rights.matchAll(/\+([a-z|]+)(?: |$)/g), ([, name]) => name ?? '');
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(describeReply(`NOPERM no right to run '${name}'`)).toBe(`NOPERM no right to run '${name}'`);
  });
});

describe('what a server repeats is not shown', () => {
  test.each([
    ["ERR unknown command 'GET', with args beginning with: 'a' 'b'", [], "ERR unknown command 'GET'"],
    ['ERR unknown command `theValue`, with args beginning with: ', [], 'ERR unknown command `***`'],
    ['ERR refused: SET oxcache:s:k OX1', ['oxcache:s:k'], 'ERR refused: SET'],
    ['ERR refused: EVALSHA 1 OX10123abcdv1', [], 'ERR refused: EVALSHA 1'],
    ['ERR bad input {"name":"x"}', [], 'ERR bad input'],
    ['ERR bad input [{\\"name\\":1}]', [], 'ERR bad input'],
    ['ERR bad byte \u0001 there', [], 'ERR bad byte'],
    ['ERR near "theVal', [], 'ERR near "***"'],
    ['ERR near "theValue" and \'theValue\'', [], 'ERR near "***" and \'***\''],
    ['ERR near theValue', [Buffer.from('theValue"more')], 'ERR near'],
  ])('%j', (text, sent, shown) => {
    expect(describeReply(text, sent)).toBe(shown);
  });

  test('however long it is', () => {
    expect(describeReply(`ERR ${'x '.repeat(5000)}`).length).toBeLessThanOrEqual(201);
  });

  test('a known secret is masked before the text is cut', () => {
    release = holdSecrets([`hunter2${'x'.repeat(300)}`, 'two\nlines']);
    expect(describeReply(`ERR no hunter2${'x'.repeat(300)} for two\nlines`)).toBe('ERR no *** for ***');
  });
});

test('the arguments of a command are those that ioredis hangs on its errors', () => {
  expect(argumentsOf(Object.assign(new Error('e'), { command: { name: 'get', args: ['k'] } }))).toEqual(['k']);
  expect(argumentsOf(new Error('e'))).toEqual([]);
});
