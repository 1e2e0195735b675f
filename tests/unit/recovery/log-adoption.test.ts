/** Taking over the logs of dead processes while this one goes on: what counts at once, what later, and what never comes back (G4, G7). */
import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TimeSlices } from '../../../lib/base/time-slices.js';
import type { LogDisk } from '../../../lib/recovery/log-disk.js';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';
import { MAX_OPEN_FILES, OpenFiles } from '../../../lib/recovery/open-files.js';
import { FakeClock } from '../../../lib/testing/fake-clock.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { adopt, openBench, seal, type Bench, type BenchOptions } from './log-bench.js';

const folder = useTemporaryFolder();

const SMALL_BYTES = 65_536;

function put(bench: Bench, key: string, value = '"v"', ttlMs?: number): Promise<string> {
  const version = bench.version();
  return bench.log.put(key, seal(version, value, ttlMs), version);
}

function keysOf({ log }: Bench): string[] {
  return [...log.index.entries()].map(({ key }) => key).sort();
}

function valueOf({ log }: Bench, key: string): string | undefined {
  const entry = log.find(key);
  return entry === undefined ? undefined : log.read(entry)?.toString().slice(80);
}

/** A disk on which reading any but the last segment of a log waits until it is let go. */
function slowDisk(): { readonly disk: LogDisk; readonly release: () => void } {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const read = async (path: string, maxBytes: number): Promise<Buffer> => {
    if (!path.endsWith('control') && basename(path) !== readdirSync(dirname(path)).sort().at(-2)) await released;
    return nodeDisk.read(path, maxBytes);
  };
  return { disk: { ...nodeDisk, read }, release };
}

/** A log of a process that is gone, of several files, with the keys `old 0` to `old 5`; and a process that is to take it over. */
async function leaveLog(prepare: (dead: Bench) => unknown = () => undefined): Promise<{
  readonly dead: Bench;
  readonly openHeir: (options?: BenchOptions) => Promise<Bench>;
}> {
  const dead = await openBench(join(folder.path, 'dead'), { maxBytes: SMALL_BYTES });
  for (let i = 0; i < 6; i++) await put(dead, `old ${i}`, JSON.stringify(String(i).padEnd(2000, '.')));
  await prepare(dead);
  expect(readdirSync(dead.folder).length).toBeGreaterThan(3);
  dead.clock.advance(10);
  const openHeir = (options: BenchOptions = {}): Promise<Bench> =>
    openBench(join(folder.path, 'heir'), { clock: dead.clock, nodeId: 'node002', maxBytes: SMALL_BYTES, ...options });
  return { dead, openHeir };
}

describe('before the records of an adopted log are read', () => {
  test('what was cleared is hidden, and what this process writes is newer, though its clock is behind', async () => {
    let clear = '';
    let newest = '';
    const { dead, openHeir } = await leaveLog(async (bench) => {
      clear = bench.version();
      await bench.log.clear(clear);
      // Its clock was ahead.
      bench.clock.advance(20_000);
      for (let i = 0; i < 4; i++) await put(bench, `late ${i}`, JSON.stringify('x'.repeat(2000)));
      newest = bench.version();
    });
    const { disk, release } = slowDisk();
    const heir = await openHeir({ disk, clock: new FakeClock() });
    const { end } = await heir.log.adopt([dead.folder]);
    expect(heir.log.adopting).toMatchObject({ logs: 1 });
    expect(keysOf(heir)).toEqual([]);
    expect(heir.log.isBlank).toBe(false);
    expect(heir.log.index.hides(clear.replace(/.$/, '!'))).toBe(true);
    expect(heir.version() >= newest.slice(0, 13)).toBe(true);
    expect(await put(heir, 'late 1', '"own"')).toBe('logged');
    release();
    await end;
    expect(keysOf(heir)).toEqual(['late 0', 'late 1', 'late 2', 'late 3']);
    expect(valueOf(heir, 'late 1')).toBe('"own"');
    await heir.log.close();
  });

  test('a write that Redis confirms meanwhile keeps the older record from coming back, after a crash too', async () => {
    const { dead, openHeir } = await leaveLog();
    const { disk, release } = slowDisk();
    const heir = await openHeir({ disk });
    const { end } = await heir.log.adopt([dead.folder]);
    const version = heir.version();
    // It never was in the log: Redis took it at once.
    expect(heir.log.confirm('old 2', version)).toBe(false);
    release();
    await end;
    expect(keysOf(heir)).toEqual(['old 0', 'old 1', 'old 3', 'old 4', 'old 5']);
    const next = await openBench(join(folder.path, 'next'), { clock: dead.clock, nodeId: 'node003' });
    await adopt(next, [heir.folder, dead.folder]);
    expect(keysOf(next)).not.toContain('old 2');
    await next.log.close();
  });

  test.each([true, false])('a clear ends everything in it; Redis was heard of: %s', async (isAnchored) => {
    const { dead, openHeir } = await leaveLog();
    const { disk, release } = slowDisk();
    const heir = await openHeir({ disk, isUnanchored: !isAnchored });
    const { end } = await heir.log.adopt([dead.folder]);
    await heir.log.clear(heir.version());
    await put(heir, 'after', '"own"');
    release();
    await end;
    expect(keysOf(heir)).toEqual(['after']);
    await heir.log.close();
  });

  test('a clear by this process is newer than the last one there, though its clock is behind', async () => {
    const { dead, openHeir } = await leaveLog(async (bench) => {
      // Its clock was ahead, and nothing was written after the clear.
      bench.clock.advance(20_000);
      await bench.log.clear(bench.version());
    });
    const clear = dead.log.index.facts.invalidateBefore.version;
    const heir = await openHeir({ clock: new FakeClock() });
    await adopt(heir, [dead.folder]);
    expect(await put(heir, 'own', '"own"')).toBe('logged');
    expect(keysOf(heir)).toEqual(['own']);
    await heir.log.clear(heir.version());
    expect(heir.log.index.facts.invalidateBefore.version > clear).toBe(true);
    expect(keysOf(heir)).toEqual([]);
    await heir.log.close();
  });

  test('what was cleared there stays so, though this process has cleared by a clock that cannot be compared', async () => {
    const { dead, openHeir } = await leaveLog(async (bench) => {
      const point = bench.version();
      await put(bench, 'after');
      // Killed before its files were tidied.
      await bench.log.clear(point);
    });
    // Not compared with Redis's, and ahead of it: its numbers are larger.
    const clock = new FakeClock();
    clock.advance(3_600_000);
    const heir = await openHeir({ clock, isUnanchored: true });
    await heir.log.clear(heir.version());
    await adopt(heir, [dead.folder]);
    expect(keysOf(heir)).toEqual(['after']);
    await heir.log.close();
  });

  test('no file is removed, so a crash brings nothing back', async () => {
    const { dead, openHeir } = await leaveLog();
    const { disk, release } = slowDisk();
    const heir = await openHeir({ disk });
    const { end } = await heir.log.adopt([dead.folder]);
    const version = heir.version();
    await heir.log.put('old 2', seal(version, '"own"', 1000), version);
    heir.log.confirm('old 2', version);
    await heir.log.settle();
    // A crash at this moment.
    const copies = ['heir', 'dead'].map((name) => join(folder.path, `${name}-crashed`));
    cpSync(heir.folder, copies[0] ?? '', { recursive: true });
    cpSync(dead.folder, copies[1] ?? '', { recursive: true });
    const next = await openBench(join(folder.path, 'next'), { clock: dead.clock, nodeId: 'node003' });
    await adopt(next, copies);
    expect(keysOf(next)).toEqual(['old 0', 'old 1', 'old 3', 'old 4', 'old 5']);
    release();
    await end;
    await heir.log.close();
    await next.log.close();
  });

  test('closing leaves it to the next process, as it was', async () => {
    const { dead, openHeir } = await leaveLog();
    const names = readdirSync(dead.folder);
    const { disk, release } = slowDisk();
    const heir = await openHeir({ disk });
    const { end } = await heir.log.adopt([dead.folder]);
    const closing = heir.log.close();
    release();
    await Promise.all([closing, end]);
    expect(readdirSync(dead.folder)).toEqual(names);
    const next = await openBench(join(folder.path, 'next'), { clock: dead.clock, nodeId: 'node003' });
    await adopt(next, [dead.folder]);
    expect(keysOf(next)).toHaveLength(6);
    await next.log.close();
  });

  test('a full log waits for it before it gives anything up', async () => {
    const { dead, openHeir } = await leaveLog();
    const { disk, release } = slowDisk();
    const heir = await openHeir({ disk });
    const { end } = await heir.log.adopt([dead.folder]);
    const puts = Array.from({ length: 40 }, (_, i) => put(heir, `own ${i}`, JSON.stringify('x'.repeat(2000))));
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(heir.troubles).toEqual([]);
    release();
    await Promise.all([...puts, end]);
    for (let i = 0; i < 6; i++) expect(heir.log.find(`old ${i}`)).toBeDefined();
    expect(heir.log.find('own 39')?.kind).toBe('value');
    await heir.log.close();
  });
});

describe('an adopted log', () => {
  test('is read in slices: everything else has its turn in between', async () => {
    const { dead, openHeir } = await leaveLog(async (bench) => {
      await Promise.all(
        Array.from({ length: 300 }, (_, i) => bench.log.put(`k${i}`, seal(bench.version(), undefined), bench.version())),
      );
    });
    // On which every look takes a while.
    const clock = new FakeClock(dead.clock.nowMs());
    const nowMs = clock.nowMs.bind(clock);
    let looks = 0;
    clock.nowMs = () => nowMs() + 10 * looks++;
    const heir = await openHeir({ clock });
    const { end } = await heir.log.adopt([dead.folder]);
    let turns = 0;
    const progress = { isDone: false };
    void end.then(() => (progress.isDone = true));
    const seen = new Set<number>();
    while (!progress.isDone) {
      await new Promise(setImmediate);
      turns++;
      seen.add(heir.log.adopting.keys);
    }
    expect(heir.log.index.size).toBe(306);
    expect(turns).toBeGreaterThan(5);
    expect(seen.size).toBeGreaterThan(2);
    await heir.log.close();
  });

  test('says of every key that was taken over, and of no other, that a copy may be old', async () => {
    const { dead, openHeir } = await leaveLog();
    const told: string[] = [];
    const heir = await openHeir({ onAdopted: (key) => told.push(key) });
    await put(heir, 'old 3', '"own"');
    await adopt(heir, [dead.folder]);
    expect(told).toEqual(['old 0', 'old 1', 'old 2', 'old 4', 'old 5']);
    await heir.log.close();
  });

  test('a value is served only if its bytes are still what was written (G13)', async () => {
    const { dead, openHeir } = await leaveLog();
    const heir = await openHeir();
    await adopt(heir, [dead.folder]);
    const { path = '', bytes = 0 } = heir.log.find('old 0')?.segment ?? {};
    writeFileSync(path, Buffer.alloc(bytes, 'x'));
    expect(valueOf(heir, 'old 0')).toBeUndefined();
    expect(valueOf(heir, 'old 5')?.slice(0, 2)).toBe('"5');
    await heir.log.close();
  });

  test('what has the name of a segment and is none is left alone and named once, and the rest is read', async () => {
    const { dead, openHeir } = await leaveLog();
    const at = (sequence: number): string => join(dead.folder, `000000009${sequence}-00000001.wal`);
    spawnSync('mkfifo', [at(1)]);
    mkdirSync(at(2));
    symlinkSync(join(dead.folder, 'control'), at(3));
    writeFileSync(at(4), '');
    truncateSync(at(4), 100 * 1024 * 1024);
    const planted = [1, 2, 3, 4].map(at).filter((path) => existsSync(path));
    const heir = await openHeir();
    await adopt(heir, [dead.folder]);
    expect(keysOf(heir)).toHaveLength(6);
    expect(heir.log.index.facts.invalidateBefore.version).toBe('');
    expect(heir.troubles).toEqual([{ kind: 'foreign-files', paths: planted }]);
    for (const key of keysOf(heir)) heir.log.confirm(key, heir.version());
    await heir.log.settle();
    await heir.log.close();
    expect(readdirSync(dead.folder).filter((name) => name.endsWith('.wal'))).toHaveLength(planted.length);
    expect(heir.troubles).toHaveLength(1);
  });
});

describe('versions from beyond all time, in a log that is taken over (G13)', () => {
  const YEARS_MS = 20 * 365 * 24 * 3_600_000;

  /** A log whose process believed that it was twenty years later. */
  async function leaveFarLog(way: 'values' | 'a clear'): Promise<Bench> {
    const dead = await openBench(join(folder.path, 'dead'), { maxBytes: SMALL_BYTES });
    dead.clock.advance(YEARS_MS);
    if (way === 'values') await put(dead, 'k', '"far"');
    else await dead.log.clear(dead.version());
    return dead;
  }

  test('values are given up: their keys are invalidated as of now, and later writes count', async () => {
    const dead = await leaveFarLog('values');
    const heir = await openBench(join(folder.path, 'heir'), { clock: new FakeClock(), nodeId: 'node002' });
    await adopt(heir, [dead.folder]);
    const entry = heir.log.find('k');
    expect(entry?.kind).toBe('dropped');
    expect(entry !== undefined && entry.version < heir.version()).toBe(true);
    expect(await put(heir, 'k', '"own"')).toBe('logged');
    expect(valueOf(heir, 'k')).toBe('"own"');
    await heir.log.close();
  });

  test.each([true, false])(
    'a clear counts as one of now, so this process can go on writing; Redis was heard of: %s',
    async (isAnchored) => {
      const dead = await leaveFarLog('a clear');
      const heir = await openBench(join(folder.path, 'heir'), {
        clock: new FakeClock(),
        nodeId: 'node002',
        isUnanchored: !isAnchored,
      });
      await adopt(heir, [dead.folder]);
      if (!isAnchored) {
        const nowMs = heir.clock.nowMs();
        heir.hybridClock.anchor(nowMs, nowMs, nowMs);
        heir.log.rebase();
      }
      expect(heir.log.index.facts.invalidateBefore.version < heir.version()).toBe(true);
      expect(await put(heir, 'k', '"own"')).toBe('logged');
      expect(keysOf(heir)).toEqual(['k']);
      await heir.log.close();
    },
  );
});

describe('many logs of one outage', () => {
  test('have few files and fewer open ones, however often a process was started again', async () => {
    const clock = new FakeClock();
    let adopted: string[] = [];
    const count = 120;
    for (let i = 0; i < count; i++) {
      clock.advance(10);
      const openFiles = new OpenFiles();
      const path = join(folder.path, String(i));
      const bench = await openBench(path, { clock, nodeId: `node${String(i).padStart(3, '0')}`, openFiles });
      await adopt(bench, adopted);
      await put(bench, `k${i}`, `"${i}"`);
      for (const key of keysOf(bench)) expect(valueOf(bench, key)).toBe(`"${key.slice(1)}"`);
      expect(openFiles.size).toBeLessThanOrEqual(MAX_OPEN_FILES);
      await bench.log.settle();
      // It is killed: its folder and those that it had taken over are what the next one finds.
      adopted = [...adopted, path].filter((each) => existsSync(each));
      expect(adopted.length).toBeLessThanOrEqual(34);
      expect(keysOf(bench)).toHaveLength(i + 1);
    }
  });
});

describe('slices', () => {
  test('end by the clock, which is not read at every step', () => {
    const clock = new FakeClock();
    const nowMs = clock.nowMs.bind(clock);
    let reads = 0;
    clock.nowMs = () => (reads++, nowMs());
    const slices = new TimeSlices(clock);
    for (let i = 0; i < 1000; i++) expect(slices.isOver()).toBe(false);
    expect(reads).toBeLessThan(20);
    clock.advance(8);
    expect(Array.from({ length: 64 }, () => slices.isOver())).toContain(true);
  });
});
