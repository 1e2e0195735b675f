/** Files that are removed, moved or replaced under a log in use: `logged` is said only of what a crash would leave (G7, G17). */
import { describe, expect, test } from '@jest/globals';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';
import { OpenFiles } from '../../../lib/recovery/open-files.js';
import { FaultyDisk } from '../../support/faulty-disk.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { until } from '../../support/until.js';
import { openBench, seal, takeOver, type Bench, type BenchOptions } from './log-bench.js';

const folder = useTemporaryFolder();

function put(bench: Bench, key: string, value = '"v"'): Promise<string> {
  const version = bench.version();
  return bench.log.put(key, seal(version, value), version);
}

function remove(bench: Bench, key: string): Promise<string> {
  const version = bench.version();
  return bench.log.put(key, seal(version, undefined), version);
}

/** What the next process finds, as `key: value`. */
async function foundAfterCrash(bench: Bench): Promise<string[]> {
  const heir = await takeOver(bench);
  const found = [...heir.log.index.entries()].map((entry) => {
    const value = entry.kind === 'value' ? heir.log.read(entry)?.toString().slice(80) : entry.kind;
    return `${entry.key}: ${value}`;
  });
  await heir.log.close();
  return found.sort();
}

/** A log below two folders, as it is used: `<dir>/<process>/<log>`. */
function openBelow(options: BenchOptions = {}): Promise<Bench> {
  return openBench(join(folder.path, 'wal', 'process', 'log'), options);
}

const segmentsIn = (path: string): string[] => readdirSync(path).filter((name) => name.endsWith('.wal'));

const WAYS: readonly (readonly [string, (log: string) => void])[] = [
  ['the folder of all processes is removed', (log) => rmSync(dirname(dirname(log)), { recursive: true })],
  ['the folder of the process is removed', (log) => rmSync(dirname(log), { recursive: true })],
  ['the folder of the log is removed', (log) => rmSync(log, { recursive: true })],
  ['the folder of the process is moved', (log) => renameSync(dirname(log), join(folder.path, 'moved'))],
  [
    'the folder is replaced by an empty one',
    (log) => {
      renameSync(log, join(folder.path, 'moved'));
      mkdirSync(log);
    },
  ],
  ['the file is removed', (log) => rmSync(join(log, segmentsIn(log).at(-1) ?? ''))],
  [
    'the file is replaced by another',
    (log) => {
      const path = join(log, segmentsIn(log).at(-1) ?? '');
      renameSync(path, join(folder.path, 'moved'));
      writeFileSync(path, 'another');
    },
  ],
];

describe.each(['always', 'interval', 'never'] as const)('with fsync = %s', (fsync) => {
  test.each(WAYS)('when %s, the next write is logged where it is found, with all that was logged before', async (_, damage) => {
    const bench = await openBelow({ fsync });
    expect(await put(bench, 'before', '"1"')).toBe('logged');
    expect(await remove(bench, 'deleted before')).toBe('logged');
    damage(bench.folder);
    expect(await put(bench, 'after', '"2"')).toBe('logged');
    expect(await remove(bench, 'deleted after')).toBe('logged');
    expect(bench.troubles).toEqual([{ kind: 'files-gone', files: 1, givenUp: 0 }]);
    expect(await foundAfterCrash(bench)).toEqual([
      'after: "2"',
      'before: "1"',
      'deleted after: deletion',
      'deleted before: deletion',
    ]);
  });
});

describe('files that are gone', () => {
  test.each(WAYS)('are noticed within a second while nothing is written: %s', async (_, damage) => {
    const bench = await openBelow();
    await put(bench, 'k', '"1"');
    damage(bench.folder);
    bench.clock.advance(1000);
    await until(() => bench.troubles.length > 0);
    await bench.log.settle();
    expect(await foundAfterCrash(bench)).toEqual(['k: "1"']);
  });

  test('nobody looks for them while nothing is owed', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBelow({ disk });
    const version = bench.version();
    await bench.log.put('k', seal(version, '"1"'), version);
    bench.log.confirm('k', version);
    await bench.log.settle();
    bench.clock.advance(1000);
    await bench.log.settle();
    disk.operations.length = 0;
    bench.clock.advance(10_000);
    await bench.log.settle();
    expect(disk.operations).toEqual([]);
    await bench.log.close();
  });

  test('are noticed while several files are written, whichever is gone', async () => {
    const bench = await openBelow({ maxBytes: 65_536 });
    for (let i = 0; i < 8; i++) await put(bench, `k${i}`, JSON.stringify(String(i).padEnd(2000, '.')));
    const names = segmentsIn(bench.folder);
    expect(names.length).toBeGreaterThan(3);
    rmSync(join(bench.folder, names[1] ?? ''));
    bench.clock.advance(1000);
    await until(() => bench.troubles.length > 0);
    await bench.log.settle();
    expect(bench.troubles).toEqual([{ kind: 'files-gone', files: 1, givenUp: 0 }]);
    expect((await foundAfterCrash(bench)).map((line) => line.slice(0, 6))).toEqual(
      Array.from({ length: 8 }, (_, i) => `k${i}: "${i}`.slice(0, 6)),
    );
  });

  test('whose values nobody holds open cost the values, never the keys', async () => {
    const openFiles = new OpenFiles(1);
    const bench = await openBelow({ maxBytes: 65_536, openFiles });
    for (let i = 0; i < 6; i++) await put(bench, `k${i}`, JSON.stringify(String(i).padEnd(3000, '.')));
    expect(openFiles.size).toBe(1);
    rmSync(bench.folder, { recursive: true });
    expect(await put(bench, 'after')).toBe('logged');
    const [trouble] = bench.troubles;
    expect(trouble).toMatchObject({ kind: 'files-gone' });
    const found = await foundAfterCrash(bench);
    expect(found).toHaveLength(7);
    const givenUp = found.filter((line) => line.endsWith(': dropped')).length;
    expect(givenUp).toBeGreaterThan(0);
    expect(trouble).toMatchObject({ givenUp });
  });

  test('a clear is logged, and what was logged after it too', async () => {
    const bench = await openBelow();
    await put(bench, 'cleared', '"1"');
    expect(await bench.log.clear(bench.version())).toBe('logged');
    await put(bench, 'kept', '"2"');
    rmSync(dirname(bench.folder), { recursive: true });
    const clear = bench.version();
    expect(await put(bench, 'after', '"3"')).toBe('logged');
    const heir = await takeOver(bench);
    expect([...heir.log.index.entries()].map(({ key }) => key).sort()).toEqual(['after', 'kept']);
    const { version } = heir.log.index.facts.invalidateBefore;
    expect(version !== '' && version < clear).toBe(true);
    await heir.log.close();
  });

  test('with the folder gone a clear is logged where it is found', async () => {
    const bench = await openBelow();
    rmSync(dirname(bench.folder), { recursive: true });
    const version = bench.version();
    expect(await bench.log.clear(version)).toBe('logged');
    const heir = await takeOver(bench);
    expect(heir.log.index.facts.invalidateBefore.version).toBe(version);
    await heir.log.close();
  });

  test('the control file alone is made again while it says something', async () => {
    const bench = await openBelow();
    const version = bench.version();
    await bench.log.clear(version);
    rmSync(join(bench.folder, 'control'));
    bench.clock.advance(1000);
    await until(() => readdirSync(bench.folder).includes('control'));
    await bench.log.settle();
    const heir = await takeOver(bench);
    expect(heir.log.index.facts.invalidateBefore.version).toBe(version);
    await heir.log.close();
  });

  test('where no folder can be made, nothing is said to be logged', async () => {
    const bench = await openBelow();
    await put(bench, 'before');
    rmSync(dirname(bench.folder), { recursive: true });
    writeFileSync(dirname(bench.folder), 'a file where the folder should be');
    expect(await put(bench, 'k')).toBe('lost');
    expect(await remove(bench, 'gone')).toBe('lost');
    expect(await bench.log.clear(bench.version())).toBe('lost');
    rmSync(dirname(bench.folder));
    bench.clock.advance(1000);
    await until(() => bench.troubles.at(-1)?.kind === 'disk-recovered');
    expect(await put(bench, 'after', '"3"')).toBe('logged');
    expect(await foundAfterCrash(bench)).toEqual(['after: "3"']);
  });

  test.each(['EACCES', 'EROFS', 'EIO'])('where the name cannot be looked up (%s), nothing is said to be logged', async (code) => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBelow({ disk });
    await put(bench, 'before');
    disk.failAll('identify', code);
    disk.failAll('open', code);
    disk.failAll('create', code);
    expect(await put(bench, 'k')).toBe('lost');
    disk.heal();
    bench.clock.advance(1000);
    await until(() => bench.troubles.at(-1)?.kind === 'disk-recovered');
    expect(await put(bench, 'after')).toBe('logged');
    await bench.log.close();
  });

  test('a read-only disk is one that fails', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBelow({ disk });
    await put(bench, 'before');
    for (const operation of ['write', 'create', 'open', 'remove', 'makeFolder'] as const) disk.failAll(operation, 'EROFS');
    expect(await put(bench, 'k')).toBe('lost');
    expect(bench.troubles).toMatchObject([{ kind: 'disk-failed', error: { code: 'EROFS' } }]);
    disk.heal();
    bench.clock.advance(1000);
    await bench.log.close();
  });

  test('one look a commit, however many writes it has', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBelow({ disk });
    await put(bench, 'first');
    disk.operations.length = 0;
    await Promise.all(Array.from({ length: 500 }, (_, i) => put(bench, `k${i}`)));
    expect(disk.operations.map(({ operation }) => operation).sort()).toEqual(['identify', 'write']);
    await bench.log.close();
  });

  test('files stay within their bound while they are gone and made again and again', async () => {
    const bench = await openBelow({ maxBytes: 65_536 });
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 5; i++) expect(await put(bench, `k${i}`, JSON.stringify('x'.repeat(1000)))).toBe('logged');
      rmSync(bench.folder, { recursive: true });
    }
    expect(await put(bench, 'last')).toBe('logged');
    const bytes = readdirSync(bench.folder).reduce((sum, name) => sum + statSync(join(bench.folder, name)).size, 0);
    expect(bytes).toBeLessThanOrEqual(65_536);
    expect(await foundAfterCrash(bench)).toHaveLength(6);
  });
});
