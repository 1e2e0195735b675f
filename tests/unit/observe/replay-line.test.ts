import { describe, expect, test } from '@jest/globals';
import type { CacheEventMap } from '../../../lib/observe/events.js';
import { ReplayLine } from '../../../lib/observe/replay-line.js';

type Replay = CacheEventMap['replay'];

function draw(isTTY: boolean | undefined): { readonly line: ReplayLine; readonly written: string[] } {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text), ...(isTTY === undefined ? {} : { isTTY }) };
  return { line: new ReplayLine(stream), written };
}

const event = (phase: Replay['phase'], restored: number, pending: number, service = 'users'): Replay => ({
  service,
  phase,
  restored,
  invalidated: 1,
  superseded: 0,
  pending,
  durationMs: 5,
});

describe('the line that shows a replay', () => {
  test('is drawn over with every event and taken away in the end', () => {
    const { line, written } = draw(true);
    line.show(event('progress', 24, 75));
    line.show(event('finished', 99, 0));
    expect(written).toEqual(['\r\u001B[2Koxcache replays "users" 25 of 100 keys (25 %)', '\r\u001B[2K']);
  });

  test('names every service that is replayed', () => {
    const { line, written } = draw(true);
    line.show(event('progress', 24, 75));
    line.show(event('started', 0, 9, 'orders'));
    line.show(event('interrupted', 0, 9));
    expect(written[1]).toContain('"users" 25 of 100 keys (25 %), "orders" 1 of 10 keys (10 %)');
    expect(written[2]).toBe('\r\u001B[2Koxcache replays "orders" 1 of 10 keys (10 %)');
  });

  test.each([false, undefined])('is not drawn where nobody looks (isTTY %p)', (isTTY) => {
    const { line, written } = draw(isTTY);
    line.show(event('progress', 24, 75));
    expect(written).toEqual([]);
  });
});
