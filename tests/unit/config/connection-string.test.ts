import { describe, expect, test } from '@jest/globals';
import { parseConnectionString } from '../../../lib/config/connection-string.js';

describe('parseConnectionString', () => {
  test.each([
    ['redis://localhost', { kind: 'tcp', host: 'localhost', port: 6379, isTls: false }],
    ['redis://localhost:6380/', { kind: 'tcp', host: 'localhost', port: 6380, isTls: false }],
    ['rediss://cache.internal:6379/2', { kind: 'tcp', host: 'cache.internal', port: 6379, isTls: true, db: 2 }],
    ['redis://[::1]:6379', { kind: 'tcp', host: '[::1]', port: 6379, isTls: false }],
    ['redis://:p%40ss@h', { kind: 'tcp', host: 'h', port: 6379, isTls: false, password: 'p@ss' }],
    ['redis://u:p@h/0', { kind: 'tcp', host: 'h', port: 6379, isTls: false, username: 'u', password: 'p', db: 0 }],
    ['unix:/run/redis.sock', { kind: 'unix', path: '/run/redis.sock' }],
    ['unix:///run/redis.sock', { kind: 'unix', path: '/run/redis.sock' }],
  ])('takes %p apart', (text, expected) => {
    expect(parseConnectionString(text)).toEqual(expected);
  });

  test.each([
    ['', /must start with/],
    ['localhost:6379', /must start with/],
    ['http://localhost', /must start with/],
    ['redis:localhost', /must start with/],
    ['redis://', /host is missing|not a valid URL/],
    ['redis://:6379', /host is missing|not a valid URL/],
    ['redis://h:0', /port 0/],
    ['redis://h:99999', /not a valid URL/],
    ['redis://h:6379\n', /white space/],
    ['redis://h/two', /database number/],
    ['redis://h/1/2', /database number/],
    ['redis://h?db=1', /options after/],
    ['redis://h/1#x', /options after/],
    ['redis://u@h', /no password/],
    ['redis://:%zz@h', /percent|hexadecimal/],
    ['unix:run/redis.sock', /absolute/],
    ['unix://run/redis.sock', /absolute/],
    ['unix:/', /absolute/],
    ['unix:/run/redis.sock?db=1', /options after/],
    ['unix://u:p@/run/redis.sock', /username/],
  ])('says what is wrong with %p', (text, problem) => {
    const endpoint = parseConnectionString(text);
    expect(endpoint).toEqual({ kind: 'unusable', problem: expect.stringMatching(problem) });
  });
});
