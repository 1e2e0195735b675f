/** Whether a server says that it is the primary: in its words, not in what happens to stand beside them. */
import { describe, expect, test } from '@jest/globals';
import { provePrimary } from '../../../../lib/tiers/redis/server-role.js';

const answer =
  (reply: unknown): (() => Promise<unknown>) =>
  () =>
    Promise.resolve(reply);

describe('the reply to HELLO', () => {
  test.each([
    ['a list', ['server', 'redis', 'role', 'master', 'modules', []]],
    ['a map', new Map([['role', 'master']])],
    ['an object', { role: 'master' }],
  ])('that says "master", as %s, proves a primary', async (_form, reply) => {
    expect(await provePrimary(answer(reply))).toBe(true);
  });

  test.each([
    ['a list', ['server', 'redis', 'role', 'replica']],
    ['a map', new Map([['role', 'slave']])],
    ['an object', { role: 'slave' }],
  ])('that says "replica" or "slave", as %s, is a refusal', async (_form, reply) => {
    await expect(provePrimary(answer(reply))).rejects.toMatchObject({ failure: { code: 'READONLY' } });
  });

  test.each([
    ['a list without a role', ['server', 'redis', 'version', '7.0.15', 'proto', 2]],
    ['a list in which a value reads "role"', ['server', 'role', 'version', '7.0.15']],
    ['a list whose role is missing', ['server', 'redis', 'role']],
    ['a role that is no text', ['role', null]],
    ['an empty list', []],
    ['a map without a role', new Map([['server', 'redis']])],
    ['an object without a role', {}],
    ['a text', 'OK'],
    ['nothing', null],
  ])('that is %s proves nothing', async (_what, reply) => {
    expect(await provePrimary(answer(reply))).toBe(false);
  });

  test('that is a refusal proves nothing; what is no reply is passed on', async () => {
    expect(
      await provePrimary(() => Promise.reject(Object.assign(new Error("ERR unknown command 'HELLO'"), { name: 'ReplyError' }))),
    ).toBe(false);
    await expect(provePrimary(() => Promise.reject(new Error('the connection is lost')))).rejects.toThrow('lost');
  });
});
