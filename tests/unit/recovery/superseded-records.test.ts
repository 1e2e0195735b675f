/** A record that was superseded is what a crash leaves of its key until the record of its successor is in a file (G7). */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { nodeDisk } from '../../../lib/recovery/node-disk.js';
import { FaultyDisk } from '../../support/faulty-disk.js';
import { until } from '../../support/until.js';
import { adopt, openBench, seal, takeOver, type Bench, type BenchOptions } from './log-bench.js';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'oxcache-superseded-'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** A log that has taken over one record of `k` from a process that is gone, over a disk that can hang. */
async function openHeir(options: BenchOptions = {}): Promise<{ bench: Bench; disk: FaultyDisk }> {
  const disk = new FaultyDisk(nodeDisk);
  const first = await openBench(join(root, 'first'), options);
  const version = first.version();
  expect(await first.log.put('k', seal(version, '"older"'), version)).toBe('logged');
  return { bench: await takeOver(first, disk), disk };
}

/** What a process finds in a log that is cut off in this moment. */
async function findAfterCrash({ folder, clock }: Bench, key: string): Promise<string | undefined> {
  const copies = join(root, 'crashed');
  const found = await openBench(join(root, 'after'), { clock, nodeId: 'node003' });
  cpSync(folder, copies, { recursive: true });
  cpSync(`${folder}.from-dead`, `${copies}.from-dead`, { recursive: true });
  await adopt(found, [copies, `${copies}.from-dead`]);
  const entry = found.log.find(key);
  return entry === undefined ? undefined : found.log.read(entry)?.toString('utf8').slice(-7);
}

describe('a superseded record', () => {
  test('is kept while the disk has not taken its successor, and goes then', async () => {
    const { bench, disk } = await openHeir();
    // A segment of its own, so that the one that was taken over could go.
    const other = bench.version();
    await bench.log.put('other', seal(other, '1'), other);
    disk.hang('write');
    const writes = disk.operations.length;
    const version = bench.version();
    const end = bench.log.put('k', seal(version, '"newer"'), version);
    await until(() => disk.operations.slice(writes).some(({ operation }) => operation === 'write'));
    expect(await findAfterCrash(bench, 'k')).toBe('"older"');
    disk.release();
    expect(await end).toBe('logged');
    await bench.log.settle();
    expect(await nodeDisk.list(`${bench.folder}.from-dead`)).toEqual([]);
    expect(bench.log.index.find('k')?.segment?.pins).toBe(0);
  });

  test('goes with its successor when that is confirmed before it was written', async () => {
    const { bench, disk } = await openHeir();
    disk.hang('create');
    const version = bench.version();
    const end = bench.log.put('k', seal(version, '"newer"'), version);
    bench.log.confirm('k', version);
    disk.release();
    await end;
    await bench.log.settle();
    expect([bench.log.isBlank, await nodeDisk.list(`${bench.folder}.from-dead`)]).toEqual([true, []]);
  });
});
