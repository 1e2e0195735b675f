/** What still matters after a clear, where writes and the clear are on different clocks (G4, G7). */
import { describe, expect, test } from '@jest/globals';
import { TimeSlices } from '../../../lib/base/time-slices.js';
import { LogEntry } from '../../../lib/recovery/log-entry.js';
import { LogIndex } from '../../../lib/recovery/log-index.js';
import { LogSegment } from '../../../lib/recovery/log-segment.js';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';
import { OpenFiles } from '../../../lib/recovery/open-files.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';

const PLACE = { disk: nodeDisk, openFiles: new OpenFiles() };

const version = (ms: number): string => `${String(ms).padStart(13, '0')}0000testpid`;
const entry = (key: string, ms: number, isLocalTime: boolean): LogEntry =>
  new LogEntry(key, 'value', version(ms), isLocalTime, 10_000, 'sealed');
const ORDERS = [
  [1000, 2000],
  [2000, 1000],
] as const;

/** As it is found in the log of a dead process. */
function adopt(index: LogIndex, found: LogEntry, folder: string): void {
  const segment = new LogSegment(PLACE, `${folder}/1.wal`, 1, 100);
  segment.isSealed = true;
  found.adoptedFrom = folder;
  if (index.adopt(found)) index.place(found, segment, 0, 10, 5);
}

const KEYS = 2000;

/** A second passes from look to look. */
class HurriedClock extends FakeClock {
  override nowMs(): number {
    this.advance(1000);
    return super.nowMs();
  }
}

/** An index with so many keys, and slices that are over whenever that is looked at. */
function large(isLocalTime: boolean): { index: LogIndex; slices: TimeSlices } {
  const index = new LogIndex();
  for (let i = 0; i < KEYS; i++) index.put(entry(`key ${i}`, 1000, isLocalTime));
  return { index, slices: new TimeSlices(new HurriedClock()) };
}

describe('a log index with many keys', () => {
  test('a clear counts at once, and what it ends is removed in slices, beside new writes', async () => {
    const { index, slices } = large(false);
    index.clear({ version: version(2000), isLocalTime: false });
    const sweep = index.sweep(slices);
    expect(index.size).toBeGreaterThan(KEYS / 2);
    expect(index.find(`key ${KEYS - 1}`)).toBeUndefined();
    expect(index.put(entry(`key ${KEYS - 2}`, 3000, false))).toBe(true);
    expect([...index.entries()].map(({ key }) => key)).toEqual([`key ${KEYS - 2}`]);
    await sweep;
    expect(index.size).toBe(1);
    expect(index.values).toBe(1);
  });

  test('the first contact counts at once, and entries nobody looks at are put on the clock in slices', async () => {
    const { index, slices } = large(true);
    const untouched = index.find('key 1999') as LogEntry;
    index.rebase(5);
    const sweep = index.sweep(slices);
    expect(untouched.version).toBe(version(1000));
    expect(index.find('key 1998')?.version).toBe(version(1005));
    await sweep;
    expect(untouched).toMatchObject({ version: version(1005), isLocalTime: false, shiftMs: 5, expiresAtMs: 10_005 });
    expect(index.size).toBe(KEYS);
  });

  test('a clear during the sweep of another change ends what that sweep has passed already', async () => {
    const { index, slices } = large(true);
    index.rebase(5);
    const first = index.sweep(slices);
    index.clear({ version: version(2000), isLocalTime: false });
    await first;
    expect(index.find('key 0')).toBeUndefined();
    await index.sweep(slices);
    expect(index.size).toBe(0);
  });

  test('what was found on another clock after a clear outlives its sweep', async () => {
    const { index, slices } = large(true);
    index.clear({ version: version(2000), isLocalTime: true });
    const sweep = index.sweep(slices);
    expect(index.adopt(entry('found later', 1000, false))).toBe(true);
    await sweep;
    expect([...index.entries()].map(({ key }) => key)).toEqual(['found later']);
    expect(index.size).toBe(1);
  });
});

describe('a log index', () => {
  test('a clear before the first contact with Redis also ends what was taken over from a process that had had contact', () => {
    const index = new LogIndex();
    index.adopt(entry('theirs', 1000, false));
    index.put(entry('own', 1500, true));
    index.clear({ version: version(2000), isLocalTime: true });
    expect([...index.entries()]).toEqual([]);
  });

  test('a later write of the same process outlives the clear', () => {
    const index = new LogIndex();
    index.clear({ version: version(2000), isLocalTime: true });
    index.put(entry('own', 2500, true));
    index.rebase(5);
    expect(index.find('own')?.version).toBe(version(2505));
  });

  test('of the writes of two dead processes the later one counts, whichever log is found first', () => {
    for (const [first, second] of ORDERS) {
      for (const isFirstLocal of [true, false]) {
        const index = new LogIndex();
        adopt(index, entry('k', first, isFirstLocal), 'one');
        adopt(index, entry('k', second, !isFirstLocal), 'other');
        expect(index.find('k')?.version).toBe(version(2000));
      }
    }
  });

  test('of their clears, too', () => {
    for (const [first, second] of ORDERS) {
      const index = new LogIndex();
      for (const point of [
        { version: version(first), isLocalTime: true },
        { version: version(second), isLocalTime: false },
      ]) {
        index.adoptFacts({ deadBefore: point, invalidateBefore: point });
      }
      expect(index.facts.invalidateBefore.version).toBe(version(2000));
    }
  });

  test('a clear and a write on different clocks are compared at the first contact, whichever was on which', () => {
    const localClear = new LogIndex();
    localClear.adoptFacts({
      deadBefore: { version: version(2000), isLocalTime: true },
      invalidateBefore: { version: version(2000), isLocalTime: true },
    });
    localClear.adopt(entry('older', 1000, false));
    localClear.adopt(entry('newer', 3000, false));
    localClear.rebase(5);
    expect([...localClear.entries()].map(({ key }) => key)).toEqual(['newer']);

    const localWrites = new LogIndex();
    localWrites.adoptFacts({
      deadBefore: { version: version(2000), isLocalTime: false },
      invalidateBefore: { version: version(2000), isLocalTime: false },
    });
    localWrites.adopt(entry('older', 1000, true));
    localWrites.adopt(entry('newer', 3000, true));
    localWrites.rebase(5);
    expect([...localWrites.entries()].map(({ key }) => key)).toEqual(['newer']);
  });
});
