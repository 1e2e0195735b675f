/** Secrets that are known are masked by their value, in every form, for as long as somebody holds them (G11). */
import { afterEach, describe, expect, test } from '@jest/globals';
import { describeValue } from '../../../lib/base/describe-value.js';
import { CacheError } from '../../../lib/base/errors.js';
import { holdSecrets, holdSecretsOf, maskKnownSecrets } from '../../../lib/base/known-secrets.js';
import { redactSecrets } from '../../../lib/base/redact-secrets.js';
import { createLogger } from '../../../lib/observe/logger.js';

const releases: (() => void)[] = [];
function hold(...secrets: string[]): () => void {
  const release = holdSecrets(secrets);
  releases.push(release);
  return release;
}
afterEach(() => {
  for (const release of releases.splice(0)) release();
});

const ODD = 'p@ss/w:rd#é"q%1';

describe('a known secret', () => {
  test.each([
    ['as it is', ODD],
    ['in a URL', encodeURIComponent(ODD)],
    ['in a URL, in small letters', encodeURIComponent(ODD).toLowerCase()],
    ['as URL writes it', Object.assign(new URL('redis://h'), { password: ODD }).password],
    ['as JSON', JSON.stringify(ODD).slice(1, -1)],
    ['as Redis writes arguments', 'p@ss/w:rd#\\xc3\\xa9\\"q%1'],
  ])('is masked %s', (_name, form) => {
    hold(ODD);
    expect(maskKnownSecrets(`before ${form}after`)).toBe('before ***after');
  });

  test('that is known in its encoded form is masked in its plain form', () => {
    hold(encodeURIComponent(ODD));
    expect(maskKnownSecrets(`<${ODD}>`)).toBe('<***>');
  });

  test('is masked as a whole where another one is a part of it, or overlaps it', () => {
    hold('abcd', 'abcdefgh', 'bcdefghij', 'ghijkl');
    expect(maskKnownSecrets('abcd abcdefgh abcdefghij abcdefghijkl')).toBe('*** *** *** ***');
  });

  test('of less than four characters is masked where it stands alone, and one character never', () => {
    hold('pw', 'x');
    expect(maskKnownSecrets("AUTH pw 'pw' x pwned spw")).toBe("AUTH *** '***' x pwned spw");
  });

  test('is masked until all that hold it have let go, however often one of them does', () => {
    const first = hold('hunter2');
    const second = hold('hunter2');
    first();
    first();
    expect(maskKnownSecrets('hunter2')).toBe('***');
    second();
    expect(maskKnownSecrets('hunter2')).toBe('hunter2');
  });

  test('that changes is masked as it is at the time', () => {
    let password = 'hunter2';
    releases.push(holdSecretsOf(() => [password]));
    password = 'hunter3';
    expect(maskKnownSecrets('hunter2 hunter3')).toBe('hunter2 ***');
  });

  test('that is half a surrogate pair is no error', () => {
    hold('ab\ud800c%zz');
    expect(maskKnownSecrets('ab\ud800c%zz')).toBe('***');
  });
});

test('a private key is masked, also when its end is missing', () => {
  expect(redactSecrets('a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b')).toBe('a *** b');
  expect(redactSecrets('a -----BEGIN PRIVATE KEY-----\nMII')).toBe('a ***');
});

describe('an error of ours', () => {
  test('has no known secret in its message, stack and causes', () => {
    hold('hunter2');
    const inner = Object.assign(new Error('inner hunter2'), { code: 'E_INNER' });
    const outer = new TypeError('outer', { cause: inner });
    const error = new CacheError('CACHE_INTERNAL', 'message hunter2', { cause: outer });
    const cause = error.cause as Error & { cause: Error };
    expect([error.message, cause.name, cause.message]).toEqual(['message ***', 'TypeError', 'outer']);
    expect(cause.cause).toMatchObject({ message: 'inner ***', code: 'E_INNER' });
    expect(`${String(error.stack)}${String(cause.stack)}${String(cause.cause.stack)}`).not.toContain('hunter2');
  });

  test('has no command of ioredis in its cause', () => {
    const reply = Object.assign(new Error('ERR no'), { name: 'ReplyError', command: { name: 'set', args: ['k', 'value'] } });
    const { cause } = new CacheError('CACHE_INTERNAL', 'm', { cause: reply });
    expect(cause).toMatchObject({ name: 'ReplyError', message: 'ERR no' });
    expect(cause).not.toHaveProperty('command');
  });

  test('has its cause itself where nothing has to be hidden, and ends on causes in a ring', () => {
    hold('hunter2');
    const cause = new RangeError('of the loader');
    expect(new CacheError('CACHE_LOAD_FAILED', 'm', { cause }).cause).toBe(cause);
    const ring = new Error('hunter2');
    ring.cause = ring;
    expect((new CacheError('CACHE_INTERNAL', 'm', { cause: ring }).cause as Error).message).toBe('***');
  });
});

test('a logger receives no known secret, in the message and in the fields; the name of the service stays', () => {
  hold('hunter2');
  const lines: unknown[] = [];
  const write = (...line: unknown[]): void => {
    lines.push(line);
  };
  createLogger('debug', { error: write, warn: write, info: write, debug: write }).warn('m hunter2', {
    service: 'hunter2',
    key: 'redis://u:p@h',
    count: 1,
  });
  expect(lines).toEqual([['m ***', { service: 'hunter2', key: 'redis://***@h', count: 1 }]]);
});

test('a value that is too long to be shown is masked before it is cut', () => {
  hold(`hunter2${'x'.repeat(100)}`);
  expect(describeValue(`hunter2${'x'.repeat(100)} and more`)).toBe('"*** and more" (string)');
});
