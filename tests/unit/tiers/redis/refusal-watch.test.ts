/** What is said of commands that are refused for good, and of their return. */
import { describe, expect, test } from '@jest/globals';
import type { ConnectionEvent } from '../../../../lib/tiers/redis/connection-monitor.js';
import { RefusalWatch } from '../../../../lib/tiers/redis/refusal-watch.js';
import { noteScript } from '../../../../lib/tiers/redis/script-commands.js';

const SEEN_OFTEN = 'sha of a script that runs often';
const SEEN_SELDOM = 'sha of a script that runs seldom';
noteScript(SEEN_OFTEN, "redis.call('GET', KEYS[1])");
noteScript(SEEN_SELDOM, "redis.call('DEL', KEYS[1])");

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

function watch(): { readonly watch: RefusalWatch; readonly events: ConnectionEvent[] } {
  const events: ConnectionEvent[] = [];
  return { watch: new RefusalWatch((event) => void events.push(event)), events };
}

describe('a refusal of the command that runs scripts', () => {
  test.each(["NOPERM this user has no permissions to run the 'evalsha' command", "ERR unknown command 'EVALSHA'"])(
    'ends with any script that is run: %s',
    (message) => {
      const { watch: refusals, events } = watch();
      refusals.failed(replyError(message), 'evalsha', SEEN_SELDOM);
      refusals.failed(replyError(message), 'evalsha', SEEN_OFTEN);
      refusals.answered('get', 'k');
      expect(events.map(({ type }) => type)).toEqual(['refused', 'refused']);
      refusals.answered('evalsha', SEEN_OFTEN);
      expect(events.at(-1)).toEqual({ type: 'allowed', subject: 'evalsha' });
      expect(refusals.isAlert).toBe(false);
    },
  );
});

describe('a refusal inside a script', () => {
  test('ends with that script, and with no other one', () => {
    const { watch: refusals, events } = watch();
    refusals.failed(replyError("ERR The user executing the script can't run this command"), 'evalsha', SEEN_SELDOM);
    refusals.answered('evalsha', SEEN_OFTEN);
    expect(events.map(({ type }) => type)).toEqual(['refused']);
    refusals.answered('evalsha', SEEN_SELDOM);
    expect(events.map(({ type }) => type)).toEqual(['refused', 'allowed']);
    expect(refusals.isAlert).toBe(false);
  });
});
