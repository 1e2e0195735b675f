/** When a lost link is worth a line in the log, and when its return is. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { LinkReport } from '../../../lib/sync/link-report.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

let clock: FakeClock;
let lines: string[];
let isUsable: boolean;
let report: LinkReport;

beforeEach(() => {
  clock = new FakeClock();
  lines = [];
  isUsable = true;
  const take = (level: string) => (message: string) => {
    lines.push(`${level}: ${message}`);
  };
  const logger = { error: take('error'), warn: take('warn'), info: take('info'), debug: take('debug') };
  report = new LinkReport({ clock, logger, endpoint: 'redis://h:1', isRedisUsable: () => isUsable });
});

describe('a lost link', () => {
  test('is one line after two seconds, with the reason, and its return is one', () => {
    report.lost('connection lost');
    clock.advance(1999);
    expect(lines).toEqual([]);
    clock.advance(1);
    report.lost('still lost');
    clock.advance(60_000);
    expect(lines).toEqual([expect.stringMatching(/^warn: .*redis:\/\/h:1 is lost \(connection lost\)\./)]);
    report.restored();
    expect(lines.slice(1)).toEqual([expect.stringMatching(/^info: .*is back\.$/)]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('is an error with advice where a person has to do something', () => {
    report.lost("ERR unknown command 'xread'");
    clock.advance(2000);
    expect(lines).toEqual([expect.stringMatching(/^error: .*'xread'.*sync\.transport = "pubsub"/)]);
  });

  test('that is restored soon is none', () => {
    report.lost('connection lost');
    clock.advance(1000);
    report.restored();
    clock.advance(60_000);
    expect(lines).toEqual([]);
  });

  test('is none while Redis can not be used at all, and one if it is lost still afterwards', () => {
    isUsable = false;
    report.lost('connection lost');
    clock.advance(60_000);
    expect(lines).toEqual([]);
    isUsable = true;
    clock.advance(2000);
    expect(lines).toHaveLength(1);
  });

  test('that keeps being lost for moments is one line, and one when it has been there for half a minute', () => {
    for (let i = 0; i < 10; i++) {
      report.lost('NOPERM ping');
      clock.advance(100);
      report.restored();
      clock.advance(1000);
    }
    expect(lines).toHaveLength(1);
    clock.advance(30_000);
    expect(lines).toHaveLength(2);
  });

  test('leaves no timer when it is closed', () => {
    report.lost('connection lost');
    report.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
