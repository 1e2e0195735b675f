/** How writes get to the disk: together, in order, and forced to it as configured (G7). */
import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';
import { FaultyDisk } from '../../support/faulty-disk.js';
import { useTemporaryFolder } from '../../support/temporary-folder.js';
import { openBench, seal, type Bench } from './log-bench.js';

const folder = useTemporaryFolder();

function put(bench: Bench, key: string, value = '"v"'): Promise<string> {
  const version = bench.version();
  return bench.log.put(key, seal(version, value), version);
}

function callsOf(disk: FaultyDisk, operation: string): number {
  return disk.operations.filter(({ operation: name, path }) => name === operation && path.endsWith('.wal')).length;
}

async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
}

describe('group commit', () => {
  test('writes of one turn are one write to the file, and those that come meanwhile the next one', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk });
    await put(bench, 'first');
    disk.operations.length = 0;
    disk.hang('write');
    const early = Promise.all(Array.from({ length: 500 }, (_, i) => put(bench, `early ${i}`)));
    await turns();
    const late = Promise.all(Array.from({ length: 500 }, (_, i) => put(bench, `late ${i}`)));
    await turns();
    expect(callsOf(disk, 'write')).toBe(1);
    disk.release();
    expect(new Set([...(await early), ...(await late)])).toEqual(new Set(['logged']));
    expect(callsOf(disk, 'write')).toBe(2);
    await bench.log.close();
  });

  test('a write that was superseded before its turn is not written', async () => {
    const bench = await openBench(join(folder.path, 'log'));
    await Promise.all([put(bench, 'k', '"superseded"'), put(bench, 'k', '"written"')]);
    const text = readdirSync(bench.folder)
      .map((name) => readFileSync(join(bench.folder, name), 'latin1'))
      .join('');
    expect(text).toContain('"written"');
    expect(text).not.toContain('"superseded"');
    await bench.log.close();
  });
});

describe('forcing to the disk', () => {
  test('`always`: a write is acknowledged only after that', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk, fsync: 'always' });
    disk.hang('sync');
    let outcome: string | undefined;
    const done = put(bench, 'k').then((told) => (outcome = told));
    while (callsOf(disk, 'sync') === 0) await turns();
    await turns();
    expect(outcome).toBeUndefined();
    disk.release();
    expect(await done).toBe('logged');
    await bench.log.close();
  });

  test('`interval`: acknowledged at once, forced when the time has come, once for all writes', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk, fsync: 'interval', fsyncIntervalMs: 100 });
    for (let i = 0; i < 5; i++) expect(await put(bench, `k${i}`)).toBe('logged');
    bench.clock.advance(99);
    expect(callsOf(disk, 'sync')).toBe(0);
    bench.clock.advance(1);
    await turns();
    expect(callsOf(disk, 'sync')).toBe(1);
    bench.clock.advance(1000);
    await turns();
    expect(callsOf(disk, 'sync')).toBe(1);
    await bench.log.close();
  });

  test('`never`: not even at the end', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk, fsync: 'never' });
    await put(bench, 'k');
    bench.clock.advance(10_000);
    await bench.log.close();
    expect(callsOf(disk, 'sync')).toBe(0);
  });
});

describe('a disk that refuses', () => {
  test('is asked again after a second, by itself too; what it refused is written then', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk });
    disk.failAll('create', 'EACCES');
    expect(await put(bench, 'a')).toBe('kept');
    const asked = callsOf(disk, 'create');
    expect(await put(bench, 'b')).toBe('kept');
    expect(callsOf(disk, 'create')).toBe(asked);
    expect(bench.log.diskError).toMatchObject({ code: 'EACCES' });
    expect(bench.troubles).toMatchObject([
      { kind: 'disk-failed', count: 1, isFirst: true },
      { kind: 'disk-failed', count: 1, isFirst: false },
    ]);
    disk.heal();
    bench.clock.advance(1000);
    while (bench.troubles.at(-1)?.kind !== 'disk-recovered') await turns();
    expect(['a', 'b'].map((key) => bench.log.find(key)?.segment)).not.toContain(undefined);
    expect(await put(bench, 'c')).toBe('logged');
    await bench.log.close();
  });

  test('and its control file too: the writes are lost to a crash, and it is said', async () => {
    const disk = new FaultyDisk(nodeDisk);
    const bench = await openBench(join(folder.path, 'log'), { disk });
    disk.failAll('create', 'EIO');
    disk.failAll('write', 'EIO');
    expect(await put(bench, 'a')).toBe('lost');
    expect(await bench.log.clear(bench.version())).toBe('lost');
    await bench.log.close();
  });
});
