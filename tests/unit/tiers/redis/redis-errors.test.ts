/** What a refusal means and what to do about it, also where a script of an older Redis words it differently. */
import { describe, expect, test } from '@jest/globals';
import { adviceFor, classifyRefusal, failureOf, refusalIn, type FailureCode } from '../../../../lib/tiers/redis/redis-errors.js';
import { readPage, sectionOf, tableOf } from '../../docs/read-page.js';

/** As an object, because the compiler then insists on every code. */
const CLASSES: Record<FailureCode, 'outage' | 'permanent' | 'writes' | 'full'> = {
  READONLY: 'outage',
  LOADING: 'outage',
  MASTERDOWN: 'outage',
  CLUSTERDOWN: 'outage',
  MISCONF: 'writes',
  NOREPLICAS: 'writes',
  PAUSED: 'writes',
  TRYAGAIN: 'outage',
  BUSY: 'outage',
  NOAUTH: 'permanent',
  WRONGPASS: 'permanent',
  NOPERM: 'permanent',
  UNSUPPORTED: 'permanent',
  OOM: 'full',
  UNREACHABLE: 'outage',
  TLS: 'permanent',
  FAILING: 'outage',
  DATABASE: 'permanent',
  MAXCLIENTS: 'outage',
  OTHER: 'outage',
};
const CODES = Object.keys(CLASSES) as FailureCode[];

function replyError(message: string): Error {
  const error = new Error(message);
  error.name = 'ReplyError';
  return error;
}

test.each(CODES)('%s has a class and advice', (code) => {
  expect(classifyRefusal(code)).toBe(CLASSES[code]);
  expect(adviceFor(code)).toMatch(/^[A-Z].+\.$/);
});

test('docs/recovery.md lists every kind of failure with its class', () => {
  const rows = tableOf(sectionOf(readPage('docs/recovery.md'), '### Why Redis is not used'));
  expect(Object.fromEntries(rows.map(([code, meaning]) => [code, meaning]))).toEqual(CLASSES);
});

describe('a refusal', () => {
  test.each([
    ["READONLY You can't write against a read only replica.", 'READONLY'],
    ["@user_script: 12: -OOM command not allowed when used memory > 'maxmemory'.", 'OOM'],
    ['ERR Error running script (call to f_abc): @user_script:5: @user_script: 5: -MISCONF Redis is configured', 'MISCONF'],
    ["ERR ACL failure in script: User app has no permissions to run the 'getrange' command", 'NOPERM'],
    ["The user executing the script can't run this command or subcommand", 'NOPERM'],
    ['NOPERM User app has no permissions to access the key OOM now', 'NOPERM'],
    ["ERR unknown command 'EVALSHA', with args beginning with: '0123' '3' 'secret'", 'UNSUPPORTED'],
    ['ERR unknown command `xread`, with args beginning with: `COUNT`', 'UNSUPPORTED'],
    ["ERR unknown subcommand 'SETNAME'. Try CLIENT HELP.", 'UNSUPPORTED'],
    [
      'ERR Error running script (call to f_0): @user_script:2: @user_script: 2: Unknown Redis command called from Lua script',
      'UNSUPPORTED',
    ],
    ['@user_script: 9: Unknown Redis command called from Lua script', 'UNSUPPORTED'],
    [
      'ERR Unknown Redis command called from script script: 0123456789012345678901234567890123456789, on @user_script:2.',
      'UNSUPPORTED',
    ],
    ["ERR Command is not available: 'XADD'.", 'UNSUPPORTED'],
    ["ERR command 'EVAL' not support for your account", 'UNSUPPORTED'],
    ['ERR syntax error', 'UNSUPPORTED'],
  ])('is found in %j', (text, code) => {
    expect(refusalIn(text)?.code).toBe(code);
    expect(failureOf(replyError(text)).code).toBe(code);
  });

  test.each([
    'NOSCRIPT No matching script.',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    "ERR the value is odd, with args beginning with: 'a' -OOM NOAUTH ",
    'NOOMPH READONLYISH',
    '',
  ])('is not found in %j', (text) => {
    expect(refusalIn(text)).toBeUndefined();
    expect(failureOf(replyError(text)).code).toBe('OTHER');
  });

  test('is told without credentials and arguments', () => {
    expect(refusalIn('WRONGPASS no login at redis://user:secret@host, really ')?.reason).not.toContain('secret');
  });
});

describe('another failure', () => {
  test.each([
    ['ECONNREFUSED', 'UNREACHABLE'],
    ['ETIMEDOUT', 'UNREACHABLE'],
    ['ENOTFOUND', 'UNREACHABLE'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS'],
    ['CERT_HAS_EXPIRED', 'TLS'],
  ])('%s is %s', (code, kind) => {
    expect(failureOf(Object.assign(new Error('x'), { code })).code).toBe(kind);
  });

  test('that is no error at all is OTHER', () => {
    expect(failureOf('what').code).toBe('OTHER');
  });
});

describe('a look for the primary or the slots that failed', () => {
  const said = (text: string): Error => new Error(`All sentinels are unreachable and retry is disabled.${text}`);
  test.each([
    [said(' Last error: WRONGPASS invalid username-password pair'), 'WRONGPASS', /^no sentinel says .*: WRONGPASS/],
    [said(' Last error: connect ECONNREFUSED 127.0.0.1:1'), 'UNREACHABLE', /^no sentinel says .*: connect ECONNREFUSED/],
    [said(''), 'UNREACHABLE', /^no sentinel says where the primary is$/],
    [
      Object.assign(new Error('Failed to refresh slots cache.'), {
        lastNodeError: replyError('NOAUTH Authentication required.'),
      }),
      'NOAUTH',
      /^no node says who has which slots: NOAUTH/,
    ],
    [
      Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: new Error('timeout') }),
      'UNREACHABLE',
      /no answer in time$/,
    ],
  ])('has the kind and the words of what was said: %s', (error, code, reason) => {
    expect(failureOf(error).code).toBe(code);
    expect(failureOf(error).reason).toMatch(reason);
  });
});
