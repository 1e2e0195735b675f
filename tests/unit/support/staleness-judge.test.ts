/** The judge of the staleness runs: that it notices what it is there for, and nothing else. */
import { describe, expect, test } from '@jest/globals';
import { parseStalenessJournal, readerOf } from '../../chaos/support/staleness-journal.js';
import {
  goBack,
  judgeStaleness,
  mergeSpans,
  type ReaderRecord,
  type Span,
  type WriteRecord,
} from '../../chaos/support/staleness-judge.js';

const ALLOWANCE_MS = 100;

const value = (id: string, startedMs: number, ackedMs: number, more: Partial<WriteRecord> = {}): WriteRecord => ({
  kind: 'value',
  key: 'k',
  id,
  startedMs,
  effectiveMs: ackedMs,
  bindingMs: ackedMs,
  ...more,
});
const removal = (kind: 'removal' | 'tags' | 'clear', startedMs: number, ackedMs: number, tags?: string[]): WriteRecord => ({
  kind,
  ...(kind === 'removal' ? { key: 'k' } : {}),
  ...(tags === undefined ? {} : { tags }),
  startedMs,
  effectiveMs: ackedMs,
  bindingMs: ackedMs,
});

/** What is said of a read of `id` at `atMs`. */
function verdict(
  writes: WriteRecord[],
  id: string,
  atMs: number,
  reader: Partial<ReaderRecord> = {},
  lossTimes: Span[] = [],
): string {
  const reads = [{ key: 'k', id, startedMs: atMs, how: 'get' }];
  const readers = [{ name: 'r', reads, stalls: [], linkLosses: [], restoredMs: [], unconfirmedUntilMs: new Map(), ...reader }];
  const [found] = judgeStaleness({ writes, readers, lossTimes, allowanceMs: ALLOWANCE_MS });
  return found === undefined ? 'fine' : `${found.kind} ${found.newer?.kind ?? ''}`.trim();
}

describe('a value', () => {
  const writes = [value('a', 0, 10), value('b', 20, 30)];

  test('may be read until its successor has been acknowledged for the allowance, and no longer', () => {
    expect(verdict(writes, 'a', 129)).toBe('fine');
    expect(verdict(writes, 'a', 130)).toBe('STALE value');
    expect(verdict(writes, 'b', 5000)).toBe('fine');
  });

  test('may be read for ever beside one that overlapped it', () => {
    const overlapping = [value('a', 0, 20), value('b', 10, 30)];
    expect(verdict(overlapping, 'a', 5000)).toBe('fine');
    expect(verdict(overlapping, 'b', 5000)).toBe('fine');
    expect(verdict([...overlapping, value('c', 31, 40)], 'a', 5000)).toBe('STALE value');
  });

  test('is stale also when the write that ends it is followed by one that began before it', () => {
    const writes = [value('a', 0, 10), value('b', 20, 30), value('c', 5, 40)];
    expect(verdict(writes, 'a', 5000)).toBe('STALE value');
    expect(verdict(writes, 'c', 5000)).toBe('fine');
  });

  test('nobody wrote, or that belongs to another key, is not taken for one', () => {
    expect(verdict(writes, 'x', 50)).toBe('UNKNOWN');
    expect(verdict([value('a', 0, 10, { key: 'other' })], 'a', 50)).toBe('UNKNOWN');
  });

  test.each([
    ['a deletion', removal('removal', 20, 30)],
    ['a clear', removal('clear', 20, 30)],
    ['an invalidation of one of its tags', removal('tags', 20, 30, ['t', 'u'])],
  ])('is ended by %s', (_, end) => {
    const tagged = [value('a', 0, 10, { tags: ['s', 't'] }), end];
    expect(verdict(tagged, 'a', 129)).toBe('fine');
    expect(verdict(tagged, 'a', 130)).toBe(`STALE ${end.kind}`);
    expect(verdict([...tagged, value('b', 40, 50, { tags: ['t'] })], 'b', 5000)).toBe('fine');
  });

  test('is not ended by the invalidation of a tag it does not have, nor by the deletion of another key', () => {
    const writes = [value('a', 0, 10, { tags: ['s'] }), removal('tags', 20, 30, ['t']), value('x', 20, 30, { key: 'l' })];
    expect(verdict(writes, 'a', 5000)).toBe('fine');
  });

  test('that was loaded is older than a write that began after its loader was called, whenever it lands (G4)', () => {
    const loaded = value('a', 0, 10, { bindingMs: Infinity });
    expect(verdict([loaded, value('b', 9, 30)], 'a', 5000)).toBe('fine');
    expect(verdict([loaded, value('b', 11, 30)], 'a', 5000)).toBe('STALE value');
    expect(verdict([value('b', -20, -10), loaded], 'b', 5000)).toBe('fine');
  });
});

describe('the bound', () => {
  const writes = [value('a', 0, 10), value('b', 20, 1000)];
  const at = (atMs: number, reader: Partial<ReaderRecord>, lossTimes?: Span[]): string =>
    verdict(writes, 'a', atMs, reader, lossTimes);

  test('time in which the reader did not run or had no link does not count', () => {
    const stalls: Span[] = [[1020, 3000]];
    const linkLosses: Span[] = [
      [2000, 4000],
      [4030, 5000],
    ];
    expect(at(5049, { stalls, linkLosses })).toBe('fine');
    expect(at(5050, { stalls, linkLosses })).toBe('STALE value');
    expect(at(2500, { linkLosses: [[900, Infinity]] })).toBe('fine');
  });

  test('when the link is back, everything from before counts', () => {
    const reader: Partial<ReaderRecord> = { linkLosses: [[900, 3000]], restoredMs: [3000] };
    expect(at(2999, reader)).toBe('fine');
    expect(at(3000, reader)).toBe('STALE value');
    expect(at(3000, { linkLosses: [[900, 3000]], restoredMs: [1099] })).toBe('fine');
    // What it read while it came back may have waited for it to run again.
    expect(at(3000, { ...reader, stalls: [[1099, 3000]] })).toBe('fine');
    expect(at(3000, { ...reader, stalls: [[1100, 3000]] })).toBe('STALE value');
  });

  test('with bypass, 2 s are enough in whichever state', () => {
    const reader: Partial<ReaderRecord> = { linkLosses: [[900, 9000]], bypassMs: 2000 };
    expect(at(3099, reader)).toBe('fine');
    expect(at(3100, reader)).toBe('STALE value');
  });

  test('a failover stops all clocks: Redis itself may be behind', () => {
    const lossTimes: Span[] = [[1050, 5000]];
    const reader: Partial<ReaderRecord> = { restoredMs: [2000], bypassMs: 2000 };
    expect(at(5049, reader, lossTimes)).toBe('fine');
    expect(at(5050, reader, lossTimes)).toBe('STALE value');
  });

  test('a value of its own that Redis was not told of is called so, and for that long only', () => {
    const unconfirmedUntilMs = new Map([['a', 2000]]);
    expect(at(1099, { unconfirmedUntilMs })).toBe('fine');
    expect(at(2000, { unconfirmedUntilMs })).toBe('OWN value');
    expect(at(2001, { unconfirmedUntilMs })).toBe('STALE value');
  });

  test('goes back over spans that touch and nest', () => {
    expect(
      mergeSpans([
        [5, 9],
        [1, 2],
        [6, 7],
        [9, 12],
      ]),
    ).toEqual([
      [1, 2],
      [5, 12],
    ]);
    expect(
      goBack(20, 5, [
        [1, 2],
        [5, 12],
      ]),
    ).toBe(15);
    expect(
      goBack(20, 10, [
        [1, 2],
        [5, 12],
      ]),
    ).toBe(3);
    expect(
      goBack(20, 12, [
        [1, 2],
        [5, 12],
      ]),
    ).toBe(0);
    expect(goBack(8, 1, [[5, 12]])).toBe(4);
  });
});

describe('a journal', () => {
  const parse = (...lines: unknown[]): ReturnType<typeof parseStalenessJournal> =>
    parseStalenessJournal(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));

  test('what is logged counts from when Redis was told, what failed never', () => {
    const { writes, settledMs } = parse(
      ['w', 'a', 'k', [], 1, 2, true],
      ['w', 'b', 'k', [], 3, 4, false],
      ['d', 'removal', 'k', 5, 6, false],
      ['o', 50],
      ['w', 'c', 'k', [], 51, 52, null],
      ['w', 'd', 'k', [], 53, 54, false],
    );
    expect(writes.map(({ id, effectiveMs, bindingMs }) => [id, effectiveMs, bindingMs])).toEqual([
      ['a', 2, 2],
      ['b', 50, 50],
      [undefined, 50, 50],
      ['c', Infinity, Infinity],
      ['d', Infinity, Infinity],
    ]);
    expect(settledMs).toEqual([50]);
  });

  test('a load takes effect when its loader is called and ends nothing', () => {
    const { writes, unconfirmedUntilMs } = parse(['l', 'a', 'k', ['t'], 1, 2], ['o', 9], ['l', 'b', 'k', [], 10, 11]);
    expect([...unconfirmedUntilMs]).toEqual([
      ['a', 9],
      ['b', Infinity],
    ]);
    expect(writes.slice(0, 1)).toEqual([
      { kind: 'value', id: 'a', key: 'k', tags: ['t'], startedMs: 1, effectiveMs: 2, bindingMs: Infinity },
    ]);
  });

  test('reads, stalls and losses of the link make the reader', () => {
    const journal = parse(
      ['k', 10, 5, false],
      ['k', 30, 25, true],
      ['s', 40, 60],
      ['r', 'peek', 'k', 'a', 70],
      ['r', 'get', 'k', null, 71],
      ['k', 90, 85, false],
    );
    expect(readerOf('r', journal, { stalls: [[3, 4]], disturbed: [[1, 2]] }, 2000)).toEqual({
      name: 'r',
      reads: [{ how: 'peek', key: 'k', id: 'a', startedMs: 70 }],
      stalls: [
        [40, 60],
        [3, 4],
      ],
      linkLosses: [
        [5, 30],
        [85, Infinity],
        [1, 2],
      ],
      restoredMs: [30],
      unconfirmedUntilMs: new Map(),
      bypassMs: 2000,
    });
    expect([journal.readCount, journal.memoryHits]).toEqual([2, 1]);
  });
});
